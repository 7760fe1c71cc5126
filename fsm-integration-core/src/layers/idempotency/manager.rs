use std::{
    future::{Future, poll_fn},
    marker::PhantomData,
    pin::{Pin, pin},
    sync::Arc,
    task::Poll,
    time::Duration,
};

use super::{
    Begin, Fingerprint, IdempotencyConfig, IdempotencyKey, IdempotencyStore, Lease, Owner, StoreOutcome, lease::Owners,
};
use crate::{
    clock::{Clock, SystemClock},
    error::IdempotencyConflict,
};

/// Waited between the tries to write an outcome down; well within a lease.
const COMPLETION_PAUSES: [Duration; 3] = [Duration::from_millis(50), Duration::from_millis(250), Duration::ZERO];

/// The outcome of work that is done once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Executed<T> {
    /// What the work returned, now or the first time.
    pub value: T,
    /// Whether it is the first call's.
    pub replayed: bool,
}

/// Does work once per key; clones share the store.
#[derive(Debug)]
pub struct IdempotencyManager<S> {
    shared: Arc<Shared<S>>,
}

#[derive(Debug)]
struct Shared<S> {
    store: S,
    config: IdempotencyConfig,
    owners: Owners,
}

impl<S> IdempotencyManager<S> {
    /// Creates a manager with the default settings.
    #[must_use]
    pub fn new(store: S) -> Self {
        Self::with_config(store, IdempotencyConfig::default())
    }

    /// Creates a manager.
    #[must_use]
    pub fn with_config(store: S, config: IdempotencyConfig) -> Self {
        Self { shared: Arc::new(Shared { store, config, owners: Owners::new() }) }
    }

    /// The store.
    #[must_use]
    pub fn store(&self) -> &S {
        &self.shared.store
    }

    /// Does the work, or returns what it returned before; only successes are kept.
    ///
    /// # Errors
    /// The work's own, after which the next call does it again; otherwise an [`IdempotencyConflict`].
    ///
    /// # Cancel safety
    /// Dropping the future drops the work and gives the key back, so that somebody who waits takes over.
    pub async fn execute<T, E, W, F>(
        &self,
        key: &IdempotencyKey,
        fingerprint: Fingerprint,
        work: W,
    ) -> Result<Executed<T>, E>
    where
        S: IdempotencyStore<T>,
        E: From<IdempotencyConflict>,
        W: FnOnce(Lease) -> F,
        F: Future<Output = Result<T, E>>,
    {
        self.execute_if(key, fingerprint, |_| true, work).await
    }

    /// As [`execute`](Self::execute), but keeps a success only if `keep` says so (requirement I6).
    ///
    /// # Errors
    /// As [`execute`](Self::execute).
    ///
    /// # Cancel safety
    /// As [`execute`](Self::execute).
    pub async fn execute_if<T, E, W, F>(
        &self,
        key: &IdempotencyKey,
        fingerprint: Fingerprint,
        keep: impl FnOnce(&T) -> bool,
        work: W,
    ) -> Result<Executed<T>, E>
    where
        S: IdempotencyStore<T>,
        E: From<IdempotencyConflict>,
        W: FnOnce(Lease) -> F,
        F: Future<Output = Result<T, E>>,
    {
        let owner = self.shared.owners.next();
        // Held from before the store is asked: a call that is dropped while it answers may have won.
        let held = Held { store: self.store(), key, owner, outcome: PhantomData };
        let lease = match self.acquire(key, fingerprint, owner).await {
            Ok(Acquired::Won(lease)) => lease,
            Ok(Acquired::Done(value)) => {
                held.keep();
                return Ok(Executed { value, replayed: true });
            }
            Err(conflict) => {
                held.keep();
                return Err(conflict.into());
            }
        };
        let result = self.keep_alive::<T, _>(key, owner, pin!(work(lease))).await;
        // From here on the work is over: what is not written down runs out with the lease, it is not given back.
        held.keep();
        match result {
            Ok(value) if keep(&value) => {
                self.complete(key, owner, &value).await?;
                Ok(Executed { value, replayed: false })
            }
            result => {
                if let Err(error) = self.store().release(key, owner).await {
                    tracing::warn!(%key, %error, "idempotency.release_failed");
                }
                result.map(|value| Executed { value, replayed: false })
            }
        }
    }

    /// Takes the key, waiting for whoever has it, but not longer than the bound.
    async fn acquire<T>(
        &self,
        key: &IdempotencyKey,
        fingerprint: Fingerprint,
        owner: Owner,
    ) -> Result<Acquired<T>, IdempotencyConflict>
    where
        S: IdempotencyStore<T>,
    {
        let in_progress = IdempotencyConflict::InProgress { retry_after: self.shared.config.retry_after };
        let mut deadline = None;
        loop {
            let left = match self.store().begin(key, fingerprint, owner, self.shared.config.lease).await {
                Ok(Begin::Won(lease)) => return Ok(Acquired::Won(lease)),
                Ok(Begin::Done(value)) => return Ok(Acquired::Done(value)),
                Ok(Begin::Mismatch) => return Err(IdempotencyConflict::Mismatch),
                Ok(Begin::InProgress { left }) => left,
                Err(error) => {
                    tracing::warn!(%key, %error, "idempotency.store_unavailable");
                    return Err(IdempotencyConflict::StoreUnavailable);
                }
            };
            let now = SystemClock.now();
            let deadline = *deadline.get_or_insert(now + self.shared.config.wait_timeout);
            if now >= deadline {
                return Err(in_progress);
            }
            // The owner may have died in silence: look again when its lease runs out.
            let until = deadline.min(now + left);
            match tokio::time::timeout_at(until.into(), self.store().changed(key)).await {
                Ok(Ok(())) | Err(_) => {}
                Ok(Err(error)) => {
                    tracing::warn!(%key, %error, "idempotency.store_unavailable");
                    return Err(IdempotencyConflict::StoreUnavailable);
                }
            }
        }
    }

    /// Drives the work and renews its lease; the timer is made when the work first waits.
    async fn keep_alive<T, F>(&self, key: &IdempotencyKey, owner: Owner, mut work: Pin<&mut F>) -> F::Output
    where
        S: IdempotencyStore<T>,
        F: Future,
    {
        if let Poll::Ready(output) = poll_fn(|cx| Poll::Ready(work.as_mut().poll(cx))).await {
            return output;
        }
        let (mut renewing, mut leased) = (pin!(self.renew::<T>(key, owner)), true);
        poll_fn(|cx| {
            let output = work.as_mut().poll(cx);
            if output.is_pending() && leased {
                leased = renewing.as_mut().poll(cx).is_pending();
            }
            output
        })
        .await
    }

    /// Renews for as long as it is polled; ends when the lease is lost.
    async fn renew<T>(&self, key: &IdempotencyKey, owner: Owner)
    where
        S: IdempotencyStore<T>,
    {
        loop {
            tokio::time::sleep(self.shared.config.renew_every).await;
            match self.store().renew(key, owner, self.shared.config.lease).await {
                Ok(StoreOutcome::Stored) => {}
                Ok(StoreOutcome::LostLease) => {
                    tracing::error!(%key, "idempotency.lease_lost: another owner may do the same work");
                    return;
                }
                Err(error) => tracing::warn!(%key, %error, "idempotency.renewal_failed"),
            }
        }
    }

    /// Writes the outcome down, trying a few times; a failure means that the next caller does not know of it, and
    /// is told as such, never as a plain failure (requirement I14).
    async fn complete<T>(&self, key: &IdempotencyKey, owner: Owner, value: &T) -> Result<(), IdempotencyConflict>
    where
        S: IdempotencyStore<T>,
    {
        for pause in COMPLETION_PAUSES {
            match self.store().complete(key, owner, value).await {
                Ok(StoreOutcome::Stored) => return Ok(()),
                Ok(StoreOutcome::LostLease) => {
                    tracing::error!(%key, "idempotency.completion_refused: the lease was lost");
                    break;
                }
                Err(error) => tracing::error!(%key, %error, "idempotency.completion_failed: the work is done"),
            }
            tokio::time::sleep(pause).await;
        }
        Err(IdempotencyConflict::LostLease)
    }
}

impl<S> Clone for IdempotencyManager<S> {
    fn clone(&self) -> Self {
        Self { shared: Arc::clone(&self.shared) }
    }
}

enum Acquired<T> {
    Won(Lease),
    Done(T),
}

/// Gives the key back when the work's future is dropped or panics.
struct Held<'a, S: IdempotencyStore<T>, T> {
    store: &'a S,
    key: &'a IdempotencyKey,
    owner: Owner,
    outcome: PhantomData<fn() -> T>,
}

impl<S: IdempotencyStore<T>, T> Held<'_, S, T> {
    /// Ends the watch without giving anything back.
    fn keep(self) {
        std::mem::forget(self);
    }
}

impl<S: IdempotencyStore<T>, T> Drop for Held<'_, S, T> {
    fn drop(&mut self) {
        self.store.abandon(self.key, self.owner);
    }
}
