use std::{
    borrow::Borrow,
    fmt,
    hash::{BuildHasher, Hash},
    sync::Arc,
    time::Duration,
};

use hashbrown::DefaultHashBuilder;
use parking_lot::Mutex;

use super::{
    Decision, Quota,
    cell::Cell,
    gcra::Gcra,
    shard::{Lookup, Shard},
};
use crate::clock::{Clock, SystemClock, Ticks, nanos};

/// A token bucket for each key, as for each tenant; exact, capped, and it forgets who is idle.
///
/// Clones share it. A key is forgotten once its bucket is full again, which changes no decision. When
/// `max_keys` are busy at once, keys beyond them share one more bucket: memory stays bounded, nobody is
/// unlimited, and who is known is not disturbed. Take keys from authentication, never from what a caller
/// may invent.
///
/// ```
/// use std::num::NonZeroU32;
/// use fsm_integration_core::layers::rate_limit::{KeyedTokenBucket, Quota};
///
/// let quota = Quota::per_second(NonZeroU32::MIN, NonZeroU32::MIN);
/// let buckets = KeyedTokenBucket::new(quota, 10_000);
/// assert!(buckets.try_acquire(&"acme", 1).allowed);
/// assert!(!buckets.try_acquire(&"acme", 1).allowed);
/// assert!(buckets.try_acquire(&"globex", 1).allowed);
/// ```
pub struct KeyedTokenBucket<K, C = SystemClock>(Arc<Shared<K, C>>);

struct Shared<K, C> {
    name: Box<str>,
    gcra: Gcra,
    shards: Box<[Mutex<Shard<K>>]>,
    overflow: Cell,
    hasher: DefaultHashBuilder,
    ticks: Ticks<C>,
}

/// Enough that threads rarely meet, few enough that each shard is worth its cap.
const MAX_SHARDS: usize = 64;
const MIN_KEYS_PER_SHARD: usize = 64;

impl<K: Hash + Eq + Clone> KeyedTokenBucket<K> {
    /// Creates a full bucket for each key that may come, at most `max_keys` of them at once.
    #[must_use]
    pub fn new(quota: Quota, max_keys: usize) -> Self {
        Self::with_clock("default", quota, max_keys, SystemClock)
    }
}

impl<K: Hash + Eq + Clone, C: Clock> KeyedTokenBucket<K, C> {
    /// Creates the buckets with this clock, and a name for their metrics.
    pub fn with_clock(name: &str, quota: Quota, max_keys: usize, clock: C) -> Self {
        let shards = (max_keys / MIN_KEYS_PER_SHARD).clamp(1, MAX_SHARDS);
        // A power of two, so that choosing one is a mask.
        let shards = 1 << shards.ilog2();
        let shard = || Mutex::new(Shard::new(max_keys / shards));
        Self(Arc::new(Shared {
            name: name.into(),
            gcra: Gcra::new(&quota),
            shards: std::iter::repeat_with(shard).take(shards).collect(),
            overflow: Cell::default(),
            hasher: DefaultHashBuilder::default(),
            ticks: Ticks::new(clock),
        }))
    }

    /// The name for their metrics.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// Takes `cost` tokens of the key's bucket if they are there.
    #[inline]
    pub fn try_acquire(&self, key: &K, cost: u32) -> Decision {
        self.acquire(key, cost, K::clone)
    }

    /// As [`try_acquire`](Self::try_acquire), making the owned key only when it is new.
    #[inline]
    pub fn try_acquire_ref<Q>(&self, key: &Q, cost: u32) -> Decision
    where
        K: Borrow<Q> + for<'a> From<&'a Q>,
        Q: Hash + Eq + ?Sized,
    {
        self.acquire(key, cost, |key| K::from(key))
    }

    /// Looks at the key's bucket without taking.
    pub fn peek(&self, key: &K) -> Decision {
        self.try_acquire(key, 0)
    }

    /// Gives `cost` tokens back, for a call that was allowed but not made.
    pub fn refund(&self, key: &K, cost: u32) {
        self.update(key, |gcra, full_at| gcra.refund(full_at, cost));
    }

    /// Gives the key nothing for a while, as the other side asked; only if it is known.
    pub fn pause(&self, key: &K, duration: Duration) {
        let until = self.0.ticks.nanos().saturating_add(nanos(duration));
        self.update(key, |gcra, full_at| gcra.pause(full_at, until));
    }

    /// How many keys are remembered.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.shards.iter().map(|shard| shard.lock().len()).sum()
    }

    /// Whether no key is remembered.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    #[inline]
    fn acquire<Q>(&self, key: &Q, cost: u32, make: impl FnOnce(&Q) -> K) -> Decision
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        let Shared { gcra, hasher, overflow, ticks, .. } = &*self.0;
        let (now, hash) = (ticks.nanos(), hasher.hash_one(key));
        let lookup = Lookup { hash, key, make, hasher };
        let verdict = self.shard(hash).lock().decide(lookup, gcra, now, cost);
        verdict.unwrap_or_else(|| overflow.decide(gcra, now, cost)).decision
    }

    fn update(&self, key: &K, change: impl Fn(&Gcra, u64) -> u64) {
        let hash = self.0.hasher.hash_one(key);
        self.shard(hash).lock().update(hash, key, |full_at| change(&self.0.gcra, full_at));
    }

    /// From the middle of the hash: the map uses both ends.
    fn shard(&self, hash: u64) -> &Mutex<Shard<K>> {
        let shards = &self.0.shards;
        &shards[(hash >> 32) as usize & (shards.len() - 1)]
    }
}

impl<K, C> Clone for KeyedTokenBucket<K, C> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<K, C> fmt::Debug for KeyedTokenBucket<K, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shared = &*self.0;
        f.debug_struct("KeyedTokenBucket")
            .field("name", &shared.name)
            .field("gcra", &shared.gcra)
            .finish_non_exhaustive()
    }
}
