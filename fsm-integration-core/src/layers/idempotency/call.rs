//! A call from its first question to the store to its answer.

use std::{
    future::{Future, poll_fn},
    pin::pin,
    sync::Arc,
    task::Poll,
};

use super::{
    Begin, Executed, Execution, Fingerprint, IdempotencyKey, IdempotencyManager, IdempotencyStore, Owner,
    RecoveryPoints, StoreFuture, StoreOutcome,
    acquire::{Acquired, Held},
};
use crate::error::IdempotencyConflict;

impl<S> IdempotencyManager<S> {
    /// As [`execute_if`](Self::execute_if), with the store asked for the first time by `ask`.
    ///
    /// One future as far as the work, and a block in place of an `async fn`: what moves from one future to another, or from arguments to
    /// variables, is read again while it is still being written, and each time costs as much as to look the key up.
    #[inline]
    #[expect(clippy::manual_async_fn, reason = "an async fn moves its arguments once more")]
    pub(super) fn execute_asking<'a, T, E, W, F>(
        &'a self,
        key: &'a IdempotencyKey,
        fingerprint: Fingerprint,
        owner: Owner,
        ask: impl FnOnce(&'a Self, &'a IdempotencyKey, Fingerprint, Owner) -> StoreFuture<'a, Begin<T>>,
        keep: impl FnOnce(&T) -> bool,
        work: W,
    ) -> impl Future<Output = Result<Executed<T>, E>>
    where
        S: IdempotencyStore<T>,
        E: From<IdempotencyConflict>,
        W: FnOnce(Execution) -> F,
        F: Future<Output = Result<T, E>>,
    {
        async move {
            // A block, so that the answer is not kept over what is waited for below.
            let won = {
                let begun = ask(self, key, fingerprint, owner);
                if let Some(&Begin::Won(lease)) = begun.peek() {
                    Ok(lease)
                } else {
                    match begun.now() {
                        Ok(Ok(Begin::Done(value))) => return Ok(self.replay(value)),
                        begun => Err(self.acquire_held(key, fingerprint, owner, StoreFuture::anew(begun))),
                    }
                }
            };
            let (lease, resumed) = match won {
                Ok(lease) => (lease, None),
                Err(acquiring) => match acquiring.await? {
                    Acquired::Won(lease, resumed) => (lease, resumed),
                    Acquired::Done(value) => return Ok(self.replay(value)),
                    Acquired::Unprotected => {
                        // The store may have given us the key all the same: nobody else is to begin before the end.
                        let _held = Held::new(&*self.shared.store, key, owner);
                        return self.unprotected(key, work).await;
                    }
                },
            };
            let (owner, mut lost) = (lease.owner, false);
            let held = Held::new(&*self.shared.store, key, owner);
            let mut work = pin!(work(Execution::new(self.points(), key.clone(), lease, resumed)));
            let result = match poll_fn(|cx| Poll::Ready(work.as_mut().poll(cx))).await {
                Poll::Ready(result) => result,
                Poll::Pending => self.keep_alive(key, owner, work, &mut lost).await,
            };
            // From here on the work is over: what is not written down runs out with the lease, it is not given back.
            held.keep();
            self.settle(key, owner, result, keep, lost).await
        }
    }

    /// Writes down an outcome that is to be kept, or gives the key back.
    #[inline(always)]
    async fn settle<T, E>(
        &self,
        key: &IdempotencyKey,
        owner: Owner,
        result: Result<T, E>,
        keep: impl FnOnce(&T) -> bool,
        lost: bool,
    ) -> Result<Executed<T>, E>
    where
        S: IdempotencyStore<T>,
        E: From<IdempotencyConflict>,
    {
        let value = match result {
            Ok(value) if keep(&value) => value,
            result => {
                self.release(key, owner).await;
                return result.map(|value| Executed { value, replayed: false });
            }
        };
        let stored = self.shared.store.complete(key, owner, &value);
        if !matches!(stored.peek(), Some(StoreOutcome::Stored)) {
            self.complete(key, owner, &value, stored, lost).await?;
        }
        Ok(Executed { value, replayed: false })
    }

    /// Does the work although the store cannot be asked.
    async fn unprotected<T, E, W, F>(&self, key: &IdempotencyKey, work: W) -> Result<Executed<T>, E>
    where
        S: IdempotencyStore<T>,
        W: FnOnce(Execution) -> F,
        F: Future<Output = Result<T, E>>,
    {
        let value = work(Execution::unprotected(self.points(), key.clone())).await?;
        Ok(Executed { value, replayed: false })
    }

    #[inline]
    fn points(&self) -> Arc<dyn RecoveryPoints>
    where
        S: RecoveryPoints,
    {
        Arc::clone(&self.shared.store) as _
    }

    async fn release<T>(&self, key: &IdempotencyKey, owner: Owner)
    where
        S: IdempotencyStore<T>,
    {
        if let Err(error) = self.shared.store.release(key, owner).await {
            tracing::warn!(%key, %error, "idempotency.release_failed");
        }
    }
}
