mod entries;
mod shard;
#[cfg(test)]
mod tests;
mod text;
mod waiting;

use std::{fmt, ops::DerefMut, sync::Arc, time::Duration};

use tokio::sync::Notify;

use self::shard::{Bid, Shard};
use super::{
    Begin, Fingerprint, IdempotencyKey, IdempotencyStore, Owner, RecoveryPoint, RecoveryPoints, StoreFuture,
    StoreOutcome, acquire::Held,
};
use crate::{
    clock::{Clock, SystemClock, Ticks, nanos},
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};

/// Into how many parts a store is divided, each with a lock of its own.
const MOST_SHARDS: usize = 16;
/// A store of fewer records than this has one part.
const SMALLEST_SHARD: usize = 1_024;

/// Keeps records in this process, up to a capacity.
///
/// Answers at once. At capacity the oldest outcome is dropped before its time, with a warning: choose the
/// capacity by rate times time to live. When no outcome is left, recovery points that were given back make room, then
/// work whose lease ran out; work under a lease is never dropped: when nothing else is left, new work is refused.
///
/// Keys are spread over up to 16 parts by their hash, each with its share of the capacity and a lock of its own. A replay
/// clones the outcome under that lock, for the first call allocates nothing to share it: put a large outcome into an
/// [`Arc`], and never ask the store from its `Clone`. Outcomes are dropped outside of the lock.
///
/// Times may be as coarse as a [`CoarseClock`](crate::clock::CoarseClock) counts them: an outcome lives for hours.
///
/// ```
/// use std::time::Duration;
/// use fsm_integration_core::{error::Error, layers::idempotency::*};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// // Ten orders a second, each remembered for an hour.
/// let store = MemoryIdempotencyStore::new(36_000, Duration::from_secs(3_600));
/// let orders = IdempotencyManager::new(store);
/// let key = IdempotencyKey::new("demo", "order.create", "1")?;
/// for _ in 0..3 {
///     let order = orders.execute(&key, Fingerprint::NONE, |_| async { Ok::<_, Error>("order 17") }).await?;
///     assert_eq!(order.value, "order 17");
/// }
/// assert_eq!(orders.store().len(), 1);
/// # Ok(())
/// # }
/// ```
pub struct MemoryIdempotencyStore<T, C = SystemClock> {
    shards: Box<[Mutex<Shard<T>>]>,
    last_fence: AtomicU64,
    ttl: i64,
    ticks: Ticks<C>,
}

impl<T> Default for MemoryIdempotencyStore<T> {
    /// A store of 100 000 outcomes, each for 24 h (requirement I12).
    fn default() -> Self {
        Self::new(100_000, Duration::from_secs(24 * 60 * 60))
    }
}

impl<T> MemoryIdempotencyStore<T> {
    /// Creates a store of so many records, whose outcomes live for `ttl` from their completion.
    #[must_use]
    pub fn new(capacity: usize, ttl: Duration) -> Self {
        Self::with_clock(capacity, ttl, SystemClock)
    }
}

impl<T, C: Clock> MemoryIdempotencyStore<T, C> {
    /// Creates a store that tells the time by `clock`.
    #[must_use]
    pub fn with_clock(capacity: usize, ttl: Duration, clock: C) -> Self {
        let capacity = capacity.max(1);
        let shards = (capacity / SMALLEST_SHARD).clamp(1, MOST_SHARDS);
        let shards = if shards.is_power_of_two() { shards } else { shards.next_power_of_two() / 2 };
        let share = capacity.div_ceil(shards);
        Self {
            shards: (0..shards).map(|_| Mutex::new(Shard::new(share, signed(ttl)))).collect(),
            last_fence: AtomicU64::new(0),
            ttl: signed(ttl),
            ticks: Ticks::new(clock),
        }
    }

    /// How many records there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.shards.iter().map(|shard| shard.lock().len()).sum()
    }

    /// Whether there is no record.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// For how many records there is room without asking for more memory.
    #[cfg(test)]
    pub(super) fn slots(&self) -> usize {
        self.shards.iter().map(|shard| shard.lock().slots()).sum()
    }

    #[inline]
    fn now(&self) -> i64 {
        i64::try_from(self.ticks.nanos()).unwrap_or(i64::MAX)
    }

    /// The part of a key; the table inside uses the hash's other bits.
    #[inline]
    fn shard(&self, key: &IdempotencyKey) -> &Mutex<Shard<T>> {
        &self.shards[(key.hash() >> 40) as usize & (self.shards.len() - 1)]
    }

    /// The part of a key, after a few records went whose time is over.
    #[inline]
    fn lock(&self, key: &IdempotencyKey, now: i64) -> impl DerefMut<Target = Shard<T>> {
        let shard = self.shard(key);
        let locked = shard.lock();
        if !locked.has_expired(now) {
            return locked;
        }
        drop_expired(locked, now);
        shard.lock()
    }

    /// A finished outcome of the same payload.
    #[inline]
    pub(super) fn recall(&self, key: &IdempotencyKey, fingerprint: Fingerprint) -> Option<T>
    where
        T: Clone,
    {
        let now = self.now();
        self.lock(key, now).recall(key, fingerprint, now).cloned()
    }

    /// Keeps a finished outcome that was made elsewhere.
    pub(super) fn remember(&self, key: &IdempotencyKey, fingerprint: Fingerprint, outcome: T) {
        let until = self.now().saturating_add(self.ttl);
        let gone = self.shard(key).lock().remember(key, fingerprint, outcome, until);
        drop(gone);
    }

    fn give_back(&self, key: &IdempotencyKey, owner: Owner) -> StoreOutcome {
        let now = self.now();
        let (outcome, wake) = self.shard(key).lock().release(key, owner, now);
        wake.wake();
        outcome
    }
}

/// Unlocks before what goes is dropped: the `Drop` of an outcome is the user's, and may take its time, panic or ask the
/// same store.
#[cold]
#[inline(never)]
fn drop_expired<T>(mut locked: impl DerefMut<Target = Shard<T>>, now: i64) {
    let gone = locked.take_expired(now);
    drop(locked);
    drop(gone);
}

fn signed(duration: Duration) -> i64 {
    i64::try_from(nanos(duration)).unwrap_or(i64::MAX)
}

impl<T: Send + 'static, C: Clock> RecoveryPoints for MemoryIdempotencyStore<T, C> {
    fn record_point<'a>(
        &'a self,
        key: &'a IdempotencyKey,
        owner: Owner,
        point: RecoveryPoint,
    ) -> StoreFuture<'a, StoreOutcome> {
        StoreFuture::ready(Ok(self.shard(key).lock().record_point(key, owner, point)))
    }
}

impl<T: Clone + Send + 'static, C: Clock> IdempotencyStore<T> for MemoryIdempotencyStore<T, C> {
    #[inline]
    fn begin<'a>(
        &'a self,
        key: &'a IdempotencyKey,
        fingerprint: Fingerprint,
        owner: Owner,
        lease: Duration,
    ) -> StoreFuture<'a, Begin<T>> {
        let now = self.now();
        let bid = Bid { fingerprint, owner, until: now.saturating_add(signed(lease)), now };
        // Under the lock, so that a key's fences grow in the order of its leases.
        let fence = || self.last_fence.fetch_add(1, Relaxed) + 1;
        let mut gone = Gone { outcome: None, store: self, key, owner };
        StoreFuture::ready(self.lock(key, now).begin(key, &bid, fence, &mut gone.outcome))
    }

    fn renew<'a>(&'a self, key: &'a IdempotencyKey, owner: Owner, lease: Duration) -> StoreFuture<'a, StoreOutcome> {
        let until = self.now().saturating_add(signed(lease));
        StoreFuture::ready(Ok(self.shard(key).lock().renew(key, owner, until)))
    }

    #[inline]
    fn complete<'a>(&'a self, key: &'a IdempotencyKey, owner: Owner, outcome: &T) -> StoreFuture<'a, StoreOutcome> {
        let (outcome, now) = (outcome.clone(), self.now());
        let completed = self.shard(key).lock().complete(key, owner, outcome, now);
        let stored = match completed {
            Ok(wake) => {
                wake.wake();
                StoreOutcome::Stored
            }
            Err(_not_kept) => StoreOutcome::LostLease,
        };
        StoreFuture::ready(Ok(stored))
    }

    fn release<'a>(&'a self, key: &'a IdempotencyKey, owner: Owner) -> StoreFuture<'a, StoreOutcome> {
        StoreFuture::ready(Ok(self.give_back(key, owner)))
    }

    fn abandon(&self, key: &IdempotencyKey, owner: Owner) {
        self.give_back(key, owner);
    }

    fn changed<'a>(&'a self, key: &'a IdempotencyKey) -> StoreFuture<'a, ()> {
        let mut shard = self.shard(key).lock();
        let Some(change) = shard.join(key) else { return StoreFuture::ready(Ok(())) };
        // Made under the lock: a change after it cannot be missed, one before it was seen above.
        let changed = Arc::clone(&change).notified_owned();
        drop(shard);
        let place = Place { store: self, key, change };
        StoreFuture::boxed(async move {
            let _place = place;
            changed.await;
            Ok(())
        })
    }
}

/// What made room for a key, dropped when the lock is open again.
struct Gone<'a, T: Clone + Send + 'static, C: Clock> {
    outcome: Option<T>,
    store: &'a MemoryIdempotencyStore<T, C>,
    key: &'a IdempotencyKey,
    owner: Owner,
}

impl<T: Clone + Send + 'static, C: Clock> Drop for Gone<'_, T, C> {
    #[inline]
    fn drop(&mut self) {
        if self.outcome.is_some() {
            // An outcome that panics keeps nobody from the key that took its place.
            let held = Held::new(self.store, self.key, self.owner);
            self.outcome = None;
            held.keep();
        }
    }
}

/// A place among those who wait, given up on drop.
struct Place<'a, T, C: Clock> {
    store: &'a MemoryIdempotencyStore<T, C>,
    key: &'a IdempotencyKey,
    change: Arc<Notify>,
}

impl<T, C: Clock> Drop for Place<'_, T, C> {
    fn drop(&mut self) {
        self.store.shard(self.key).lock().leave(self.key, &self.change);
    }
}

impl<T, C: Clock> fmt::Debug for MemoryIdempotencyStore<T, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryIdempotencyStore")
            .field("len", &self.len())
            .field("shards", &self.shards.len())
            .field("ttl", &Duration::from_nanos(self.ttl.unsigned_abs()))
            .finish_non_exhaustive()
    }
}

#[cfg(all(test, fsm_loom))]
mod model {
    use loom::{sync::Arc, thread};

    use super::*;

    const LEASE: Duration = Duration::from_secs(30);

    fn begin(store: &MemoryIdempotencyStore<u32>, key: &IdempotencyKey, owner: Owner) -> Begin<u32> {
        let begun = store.begin(key, Fingerprint::NONE, owner, LEASE).now();
        begun.ok().expect("at once").expect("there is room")
    }

    /// Two that race for a key: one works at a time, the second replays or takes over with a higher fence.
    #[test]
    fn loom_a_key_has_one_owner_at_a_time() {
        loom::model(|| {
            let store = Arc::new(MemoryIdempotencyStore::<u32>::new(8, LEASE));
            let key = IdempotencyKey::new("a", "b", "1").expect("a key");
            let race = |number: u8, completes: bool| {
                let (store, key, owner) = (Arc::clone(&store), key.clone(), Owner::from_bytes([number; 16]));
                thread::spawn(move || {
                    let begun = begin(&store, &key, owner);
                    if matches!(begun, Begin::Won(_)) {
                        let ended =
                            if completes { store.complete(&key, owner, &7) } else { store.release(&key, owner) };
                        assert_eq!(ended.now().ok().expect("at once").expect("asked"), StoreOutcome::Stored);
                    }
                    begun
                })
            };
            let (one, other) = (race(1, true), race(2, false));
            let (one, other) = (one.join().expect("no panic"), other.join().expect("no panic"));
            match (one, other) {
                (Begin::Won(one), Begin::Won(other)) => assert!(other.fence < one.fence, "done is done"),
                (Begin::Won(_), Begin::InProgress { .. } | Begin::Done(7))
                | (Begin::InProgress { .. }, Begin::Won(_)) => {}
                seen => panic!("{seen:?}"),
            }
        });
    }
}
