use std::{fmt, time::Duration};

use super::{
    Begin, Fingerprint, IdempotencyKey, IdempotencyStore, MemoryIdempotencyStore, Owner, RecoveryPoint, RecoveryPoints,
    StoreFuture, StoreOutcome,
};
use crate::clock::{Clock, SystemClock};

/// Remembers in this process what a shared store said is done, so that its replays cost no round trip (requirement I13).
///
/// Only outcomes that the store itself replayed are remembered, with their fingerprint, up to a capacity; all else is
/// asked of the store. An outcome may so be replayed for `ttl` longer than the store keeps it.
///
/// ```
/// use std::time::Duration;
/// use fsm_integration_core::{error::Error, layers::idempotency::*};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let shared = MemoryIdempotencyStore::default();
/// let store = CachedIdempotencyStore::new(shared, 10_000, Duration::from_secs(60));
/// let manager = IdempotencyManager::new(store);
/// let key = IdempotencyKey::new("demo", "payment.create", "PAY-1")?;
/// manager.execute(&key, Fingerprint::NONE, |_| async { Ok::<_, Error>(42) }).await?;
/// # Ok(())
/// # }
/// ```
pub struct CachedIdempotencyStore<S, T, C: Clock = SystemClock> {
    shared: S,
    done: MemoryIdempotencyStore<T, C>,
}

impl<S, T> CachedIdempotencyStore<S, T> {
    /// Remembers up to `capacity` outcomes of the store, each for `ttl`.
    #[must_use]
    pub fn new(shared: S, capacity: usize, ttl: Duration) -> Self {
        Self::with_clock(shared, capacity, ttl, SystemClock)
    }
}

impl<S, T, C: Clock> CachedIdempotencyStore<S, T, C> {
    /// As [`new`](CachedIdempotencyStore::new), with the time told by `clock`.
    #[must_use]
    pub fn with_clock(shared: S, capacity: usize, ttl: Duration, clock: C) -> Self {
        Self { shared, done: MemoryIdempotencyStore::with_clock(capacity, ttl, clock) }
    }

    /// The store behind.
    #[must_use]
    pub const fn shared(&self) -> &S {
        &self.shared
    }

    /// How many outcomes it remembers.
    #[must_use]
    pub fn len(&self) -> usize {
        self.done.len()
    }

    /// Whether it remembers nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl<S: RecoveryPoints, T: Send + 'static, C: Clock> RecoveryPoints for CachedIdempotencyStore<S, T, C> {
    fn record_point<'a>(
        &'a self,
        key: &'a IdempotencyKey,
        owner: Owner,
        point: RecoveryPoint,
    ) -> StoreFuture<'a, StoreOutcome> {
        self.shared.record_point(key, owner, point)
    }
}

impl<S, T, C> IdempotencyStore<T> for CachedIdempotencyStore<S, T, C>
where
    S: IdempotencyStore<T>,
    T: Clone + Send + 'static,
    C: Clock,
{
    #[inline]
    fn begin<'a>(
        &'a self,
        key: &'a IdempotencyKey,
        fingerprint: Fingerprint,
        owner: Owner,
        lease: Duration,
    ) -> StoreFuture<'a, Begin<T>> {
        // Another payload is asked of the store, which may have forgotten the first one.
        if let Some(outcome) = self.done.recall(key, fingerprint) {
            return StoreFuture::ready(Ok(Begin::Done(outcome)));
        }
        StoreFuture::boxed(async move {
            let begun = self.shared.begin(key, fingerprint, owner, lease).await?;
            if let Begin::Done(outcome) = &begun {
                self.done.remember(key, fingerprint, outcome.clone());
            }
            Ok(begun)
        })
    }

    fn renew<'a>(&'a self, key: &'a IdempotencyKey, owner: Owner, lease: Duration) -> StoreFuture<'a, StoreOutcome> {
        self.shared.renew(key, owner, lease)
    }

    fn complete<'a>(&'a self, key: &'a IdempotencyKey, owner: Owner, outcome: &T) -> StoreFuture<'a, StoreOutcome> {
        self.shared.complete(key, owner, outcome)
    }

    fn release<'a>(&'a self, key: &'a IdempotencyKey, owner: Owner) -> StoreFuture<'a, StoreOutcome> {
        self.shared.release(key, owner)
    }

    fn abandon(&self, key: &IdempotencyKey, owner: Owner) {
        self.shared.abandon(key, owner);
    }

    fn changed<'a>(&'a self, key: &'a IdempotencyKey) -> StoreFuture<'a, ()> {
        self.shared.changed(key)
    }
}

impl<S: fmt::Debug, T, C: Clock> fmt::Debug for CachedIdempotencyStore<S, T, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CachedIdempotencyStore").field("shared", &self.shared).field("len", &self.len()).finish()
    }
}
