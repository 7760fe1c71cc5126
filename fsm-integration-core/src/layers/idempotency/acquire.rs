//! What surrounds the work: taking the key, keeping it, writing the outcome down, giving it back.

use std::{
    future::{Future, poll_fn},
    marker::PhantomData,
    pin::{Pin, pin},
    sync::Arc,
    time::{Duration, Instant},
};

use super::{
    Begin, Fingerprint, IdempotencyKey, IdempotencyManager, IdempotencyStore, Lease, Owner, RecoveryPoint,
    StoreFailure, StoreFuture, StoreOutcome,
};
use crate::{
    clock::{Clock, SystemClock},
    error::{Error, ErrorKind, IdempotencyConflict},
    observe::Observation,
};

/// Waited between the tries to write an outcome down; well within a lease.
const COMPLETION_PAUSES: [Duration; 2] = [Duration::from_millis(50), Duration::from_millis(250)];

/// Waited when a wait is longer than instants reach; nobody sees its end.
const FOR_EVER: Duration = Duration::from_secs(30 * 365 * 24 * 60 * 60);

fn after(now: Instant, wait: Duration) -> Instant {
    now.checked_add(wait).unwrap_or_else(|| now + FOR_EVER)
}

/// What came of asking for a key.
pub(super) enum Acquired<T> {
    Won(Lease, Option<Arc<RecoveryPoint>>),
    Done(T),
    /// The store cannot be asked, and the work is to be done all the same.
    Unprotected,
}

impl<S> IdempotencyManager<S> {
    /// Everything after the store was first asked and did not say at once what is to be done.
    ///
    /// In a box, so that those who need not wait do not carry it along.
    #[cold]
    #[inline(never)]
    pub(super) fn acquire_held<'a, T>(
        &'a self,
        key: &'a IdempotencyKey,
        fingerprint: Fingerprint,
        owner: Owner,
        begun: StoreFuture<'a, Begin<T>>,
    ) -> Pin<Box<impl Future<Output = Result<Acquired<T>, IdempotencyConflict>>>>
    where
        S: IdempotencyStore<T>,
    {
        Box::pin(async move {
            // Held from before the store answers: a call that is dropped while it waits may have won.
            let held = Held::new(&*self.shared.store, key, owner);
            let acquired = self.acquire(key, fingerprint, owner, begun).await;
            // A store whose answer was lost may have given us the key: it is given back by dropping. Not before work
            // that is done without the store, whose caller holds on to it.
            if !matches!(acquired, Err(IdempotencyConflict::StoreUnavailable)) {
                held.keep();
            }
            acquired.map_err(|conflict| self.refuse(conflict))
        })
    }

    /// Takes the key, waiting for whoever has it, but not longer than the bound.
    async fn acquire<T>(
        &self,
        key: &IdempotencyKey,
        fingerprint: Fingerprint,
        owner: Owner,
        mut begun: StoreFuture<'_, Begin<T>>,
    ) -> Result<Acquired<T>, IdempotencyConflict>
    where
        S: IdempotencyStore<T>,
    {
        let config = &self.shared.config;
        let mut deadline = None;
        loop {
            let left = match begun.await {
                Ok(Begin::Won(lease)) => return Ok(Acquired::Won(lease, None)),
                Ok(Begin::Resumed(lease, point)) => return Ok(Acquired::Won(lease, Some(point))),
                Ok(Begin::Done(value)) => return Ok(Acquired::Done(value)),
                Ok(Begin::Mismatch) => return Err(IdempotencyConflict::Mismatch),
                Ok(Begin::InProgress { left }) => left,
                Err(error) => return self.without_store(key, &error),
            };
            let now = SystemClock.now();
            let deadline = *deadline.get_or_insert_with(|| after(now, config.wait_timeout));
            if now >= deadline {
                return Err(IdempotencyConflict::InProgress { retry_after: config.retry_after });
            }
            // The owner may have died in silence: look again when its lease runs out.
            let until = deadline.min(after(now, left));
            if let Ok(Err(error)) = tokio::time::timeout_at(until.into(), self.shared.store.changed(key)).await {
                return self.without_store(key, &error);
            }
            begun = self.begin(key, fingerprint, owner);
        }
    }

    #[cold]
    fn without_store<T>(&self, key: &IdempotencyKey, error: &Error) -> Result<Acquired<T>, IdempotencyConflict> {
        if error.kind() == ErrorKind::OutcomeUnknown {
            tracing::error!(%key, %error, "idempotency.outcome_unreadable: the work is done");
            return Err(IdempotencyConflict::OutcomeUnreadable);
        }
        tracing::warn!(%key, %error, "idempotency.store_unavailable");
        match self.shared.config.on_store_failure {
            StoreFailure::Refuse => Err(IdempotencyConflict::StoreUnavailable),
            StoreFailure::Proceed => {
                self.tell(Observation::IdempotencyUnprotected { step: "begin" });
                Ok(Acquired::Unprotected)
            }
        }
    }

    /// Drives work that waits, and renews its lease; says if that is lost meanwhile.
    pub(super) async fn keep_alive<T, F>(
        &self,
        key: &IdempotencyKey,
        owner: Owner,
        mut work: Pin<&mut F>,
        lost: &mut bool,
    ) -> F::Output
    where
        S: IdempotencyStore<T>,
        F: Future,
    {
        let mut renewing = pin!(self.renew::<T>(key, owner));
        poll_fn(|cx| {
            let output = work.as_mut().poll(cx);
            if output.is_pending() && !*lost {
                *lost = renewing.as_mut().poll(cx).is_ready();
            }
            output
        })
        .await
    }

    /// Renews for as long as it is polled; ends when the lease is lost.
    ///
    /// A renewal that fails or hangs is tried again after half of the usual distance: as the distance is at most half of
    /// a lease, once more at least before the lease runs out.
    async fn renew<T>(&self, key: &IdempotencyKey, owner: Owner)
    where
        S: IdempotencyStore<T>,
    {
        let config = &self.shared.config;
        let (usual, soon) = (config.renewal(), config.renewal() / 2);
        let mut wait = usual;
        loop {
            tokio::time::sleep(wait).await;
            let renewed = self.shared.store.renew(key, owner, config.leased_for());
            wait = match tokio::time::timeout(soon, renewed).await {
                Ok(Ok(StoreOutcome::Stored)) => usual,
                Ok(Ok(StoreOutcome::LostLease)) => return self.tell(Observation::IdempotencyLeaseLost),
                Ok(Err(error)) => {
                    tracing::warn!(%key, %error, "idempotency.renewal_failed");
                    soon
                }
                Err(_) => {
                    tracing::warn!(%key, "idempotency.renewal_failed: the store does not answer");
                    Duration::ZERO
                }
            };
        }
    }

    /// Waits for the outcome to be written down; that the lease is lost is told once.
    pub(super) async fn complete<T>(
        &self,
        key: &IdempotencyKey,
        owner: Owner,
        value: &T,
        stored: StoreFuture<'_, StoreOutcome>,
        lost: bool,
    ) -> Result<(), IdempotencyConflict>
    where
        S: IdempotencyStore<T>,
    {
        match self.write_down(key, owner, value, stored).await {
            Err(conflict) if !lost || conflict != IdempotencyConflict::LostLease => Err(self.refuse(conflict)),
            written => written,
        }
    }

    /// Writes the outcome down, trying a few times; a failure means that the next caller does not know of it, and is told
    /// as such, never as a plain failure (requirement I14).
    async fn write_down<T>(
        &self,
        key: &IdempotencyKey,
        owner: Owner,
        value: &T,
        mut stored: StoreFuture<'_, StoreOutcome>,
    ) -> Result<(), IdempotencyConflict>
    where
        S: IdempotencyStore<T>,
    {
        let (mut pauses, mut failed) = (COMPLETION_PAUSES.into_iter(), false);
        loop {
            match stored.await {
                Ok(StoreOutcome::Stored) => return Ok(()),
                // Not ours any more, perhaps because the try that failed was written down all the same.
                Ok(StoreOutcome::LostLease) if failed => break,
                Ok(StoreOutcome::LostLease) => return Err(IdempotencyConflict::LostLease),
                Err(error) => tracing::error!(%key, %error, "idempotency.completion_failed: the work is done"),
            }
            failed = true;
            let Some(pause) = pauses.next() else { break };
            tokio::time::sleep(pause).await;
            stored = self.shared.store.complete(key, owner, value);
        }
        match self.shared.config.on_store_failure {
            StoreFailure::Refuse => Err(IdempotencyConflict::OutcomeUnknown),
            StoreFailure::Proceed => {
                self.tell(Observation::IdempotencyUnprotected { step: "complete" });
                Ok(())
            }
        }
    }
}

/// Gives the key back when the work's future is dropped or panics.
pub(super) struct Held<'a, S: IdempotencyStore<T>, T> {
    store: &'a S,
    key: &'a IdempotencyKey,
    owner: Owner,
    outcome: PhantomData<fn() -> T>,
}

impl<'a, S: IdempotencyStore<T>, T> Held<'a, S, T> {
    pub(super) fn new(store: &'a S, key: &'a IdempotencyKey, owner: Owner) -> Self {
        Self { store, key, owner, outcome: PhantomData }
    }

    /// Ends the watch without giving anything back.
    pub(super) fn keep(self) {
        std::mem::forget(self);
    }
}

impl<S: IdempotencyStore<T>, T> Drop for Held<'_, S, T> {
    fn drop(&mut self) {
        self.store.abandon(self.key, self.owner);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_beyond_all_instants_is_one_of_decades() {
        let (now, year) = (SystemClock.now(), Duration::from_secs(365 * 24 * 60 * 60));
        assert_eq!(after(now, year), now + year);
        assert!((20 * year..40 * year).contains(&(after(now, Duration::MAX) - now)));
    }
}
