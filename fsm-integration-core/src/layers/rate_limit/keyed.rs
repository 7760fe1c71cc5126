use std::{
    borrow::Borrow,
    fmt,
    hash::{BuildHasher, Hash},
    sync::Arc,
    task::Waker,
    time::Duration,
};

use hashbrown::DefaultHashBuilder;
use parking_lot::{Mutex, MutexGuard};

use super::{
    Decision, Quota,
    cell::Cell,
    gcra::{Attempt, Gcra},
    shard::{Lookup, Shard},
    visit::Visit,
};
use crate::{
    clock::{Clock, SystemClock, Ticks},
    observe::{Listening, Observers},
};

/// A token bucket for each key, as for each tenant; exact, capped, and it forgets who is idle.
///
/// Clones share it. A key is forgotten once its bucket is full again, which changes no decision. When
/// `max_keys` are busy at once, keys beyond them share one more bucket: memory stays bounded, nobody is
/// unlimited, and who is known is not disturbed. From about 95 % of `max_keys` on a few do so already, because the keys
/// are kept in parts, which do not fill evenly: allow for a tenth more than you expect. Who is idle makes room within a
/// second. Take keys from authentication, never from what a caller may invent. A `u64` key takes at most 48 bytes.
///
/// [`set_quota`](Self::set_quota) gives a key a quota of its own, at any time.
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
pub struct KeyedTokenBucket<K, C = SystemClock> {
    shared: Arc<Shared<K, C>>,
    listening: Arc<Listening>,
}

struct Shared<K, C> {
    shards: Box<[Mutex<Shard<K>>]>,
    overflow: Cell,
    /// One change of the common quota at a time, or each would reach a part of the shards.
    changing: Mutex<()>,
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
        let gcra = Gcra::new(&quota);
        let shard = || Mutex::new(Shard::new(gcra, max_keys / shards));
        let shared = Shared {
            shards: std::iter::repeat_with(shard).take(shards).collect(),
            overflow: Cell::default(),
            changing: Mutex::default(),
            hasher: DefaultHashBuilder::default(),
            ticks: Ticks::new(clock),
        };
        Self { shared: Arc::new(shared), listening: Arc::new(Listening::new(name)) }
    }

    /// Names this handle, and the clones made of it, for metrics.
    #[must_use]
    pub fn with_name(mut self, name: &str) -> Self {
        Arc::make_mut(&mut self.listening).name = name.into();
        self
    }

    /// Chooses who is told of refusals by the layers that this handle, and the clones made of it, are given to.
    #[must_use]
    pub fn with_observers(mut self, observers: Observers) -> Self {
        Arc::make_mut(&mut self.listening).observers = observers;
        self
    }

    /// The name for their metrics.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.listening.name
    }

    /// Who is told of refusals; for callers that ask without a layer.
    #[must_use]
    pub fn observers(&self) -> Observers {
        self.listening.observers.clone()
    }

    /// Takes `cost` tokens of the key's bucket if they are there.
    #[inline]
    pub fn try_acquire(&self, key: &K, cost: u32) -> Decision {
        let (attempt, gcra) = self.decide(key, cost, K::clone);
        gcra.tell(&attempt)
    }

    /// As [`try_acquire`](Self::try_acquire), making the owned key only when it is new.
    #[inline]
    pub fn try_acquire_ref<Q>(&self, key: &Q, cost: u32) -> Decision
    where
        K: Borrow<Q> + for<'a> From<&'a Q>,
        Q: Hash + Eq + ?Sized,
    {
        let (attempt, gcra) = self.decide(key, cost, |key| K::from(key));
        gcra.tell(&attempt)
    }

    /// How many wait for the key's tokens.
    #[must_use]
    pub fn waiting(&self, key: &K) -> usize {
        let lookup = self.lookup(key);
        self.shard(lookup.hash).lock().waiting(lookup.hash, key)
    }

    /// Looks at the key's bucket without taking.
    pub fn peek(&self, key: &K) -> Decision {
        self.try_acquire(key, 0)
    }

    /// Gives `cost` tokens back, for a call that was allowed but not made; whoever waits moves up.
    ///
    /// To the bucket that keys beyond `max_keys` share, if the key is not known and there is no room for it. Nobody
    /// remembers where a token came from: one that was taken before the key became known, or before it was forgotten,
    /// changes its bucket. It was taken all the same, and no bucket gets more than it holds, so that none is made; and one
    /// of the shared bucket is lost if there is room again by then.
    pub fn refund(&self, key: &K, cost: u32) {
        let lookup = self.lookup(key);
        let mut shard = self.shard(lookup.hash).lock();
        if shard.knows(lookup.hash, key) {
            let woken = shard.visit(&lookup, self.now(), |visit| visit.give_back(cost));
            drop(shard);
            woken.flatten().into_iter().for_each(Waker::wake);
        } else if shard.is_full() {
            drop(shard);
            self.change_overflow(|gcra, full_at| gcra.refund(full_at, cost));
        }
        // Else it was forgotten: its bucket is full.
    }

    /// Takes `cost` tokens whether they are there or not, for what a call turned out to cost.
    ///
    /// The key's bucket may get into debt. For a key beyond `max_keys` the bucket that those share is charged, where its
    /// call's tokens came from, and may get into debt for all of them: what a call cost is never given away.
    pub fn charge(&self, key: &K, cost: u32) {
        match self.visit(key, |visit| visit.charge(cost)) {
            Some(woken) => woken.into_iter().for_each(Waker::wake),
            None => self.change_overflow(|gcra, full_at| gcra.charge(full_at, self.now(), cost)),
        }
    }

    /// Gives the key nothing for a while, as the other side asked.
    ///
    /// A key beyond `max_keys` is not paused: nothing is remembered of it alone, and the bucket that those share is not
    /// paused for the sake of one, or one key that is told to wait would stop all the others. It goes on with what that
    /// bucket gives.
    pub fn pause(&self, key: &K, duration: Duration) {
        let woken = self.visit(key, |visit| visit.pause(duration));
        woken.into_iter().flatten().for_each(Waker::wake);
    }

    /// Gives the key a quota of its own, or with `None` the common one again, from now on.
    ///
    /// What the key used stays used: half a bucket stays half a bucket of tokens, as far as the new one holds them; a
    /// pause or a debt stays as long as it was. Who waits in line does so by the new quota, or is told that it holds no
    /// such cost. Such quotas are kept until they are taken back, beside `max_keys`: they
    /// are for whom you know, as tenants with a plan.
    pub fn set_quota(&self, key: &K, quota: Option<Quota>) {
        let (lookup, gcra) = (self.lookup(key), quota.as_ref().map(Gcra::new));
        let woken = self.shard(lookup.hash).lock().set_quota(&lookup, gcra, self.now());
        woken.into_iter().for_each(Waker::wake);
    }

    /// Changes the quota of all keys without one of their own, from now on; as [`set_quota`](Self::set_quota), a part
    /// of the keys after the other.
    pub fn set_default_quota(&self, quota: Quota) {
        let Shared { shards, overflow, changing, hasher, .. } = &*self.shared;
        let gcra = Gcra::new(&quota);
        let one_at_a_time = changing.lock();
        let (before, now) = (shards[0].lock().gcra(), self.now());
        overflow.change(|full_at| gcra.convert(&before, full_at, now, 0));
        let change = |shard: &Mutex<Shard<K>>| shard.lock().set_default(gcra, hasher, self.now());
        let woken: Vec<Waker> = shards.iter().flat_map(change).collect();
        drop(one_at_a_time);
        woken.into_iter().for_each(Waker::wake);
    }

    /// How many keys are remembered.
    #[must_use]
    pub fn len(&self) -> usize {
        self.shared.shards.iter().map(|shard| shard.lock().len()).sum()
    }

    /// Whether no key is remembered.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Decides, without what only some callers want to be told.
    #[inline]
    pub(super) fn attempt(&self, key: &K, cost: u32) -> Attempt {
        self.decide(key, cost, K::clone).0
    }

    #[inline]
    fn decide<Q>(&self, key: &Q, cost: u32, make: impl FnOnce(&Q) -> K) -> (Attempt, Gcra)
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        let (hash, now) = (self.shared.hasher.hash_one(key), self.now());
        let mut shard = self.shard(hash).lock();
        let Some((full_at, gcra)) = shard.find(hash, key) else {
            return self.decide_new(shard, (hash, key), make, now, cost);
        };
        let attempt = gcra.attempt(*full_at, now, cost);
        if attempt.takes(cost) {
            *full_at = attempt.full_at;
        } else if cost == 0 || attempt.is_held() {
            return Self::decide_in_line(shard, (hash, key), now, cost, (attempt, gcra));
        }
        (attempt, gcra)
    }

    /// Apart, as [`decide_new`](Self::decide_new) is.
    #[cold]
    #[inline(never)]
    fn decide_in_line<Q>(
        mut shard: MutexGuard<'_, Shard<K>>,
        (hash, key): (u64, &Q),
        now: u64,
        cost: u32,
        (attempt, gcra): (Attempt, Gcra),
    ) -> (Attempt, Gcra)
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        (shard.ask_line(hash, key, now, cost, attempt), gcra)
    }

    /// Apart, and its answer returned as it is: where the two ways meet again, the attempt is copied on both.
    #[cold]
    #[inline(never)]
    fn decide_new<Q>(
        &self,
        mut shard: MutexGuard<'_, Shard<K>>,
        (hash, key): (u64, &Q),
        make: impl FnOnce(&Q) -> K,
        now: u64,
        cost: u32,
    ) -> (Attempt, Gcra)
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        let lookup = Lookup { hash, key, hasher: &self.shared.hasher };
        let (attempt, gcra) = shard.attempt_new(&lookup, make, now, cost);
        drop(shard);
        (attempt.unwrap_or_else(|| self.shared.overflow.attempt(&gcra, now, cost)), gcra)
    }

    /// Changes the bucket that keys beyond `max_keys` share.
    fn change_overflow(&self, change: impl Fn(&Gcra, u64) -> u64) {
        let gcra = self.shared.shards[0].lock().gcra();
        self.shared.overflow.change(|full_at| change(&gcra, full_at));
    }

    #[inline]
    fn now(&self) -> u64 {
        self.shared.ticks.nanos()
    }

    pub(super) fn visit<T>(&self, key: &K, visit: impl FnOnce(&mut Visit<'_>) -> T) -> Option<T> {
        let lookup = self.lookup(key);
        self.shard(lookup.hash).lock().visit(&lookup, self.now(), visit)
    }

    #[inline]
    fn lookup<'a, Q: Hash + ?Sized>(&'a self, key: &'a Q) -> Lookup<'a, Q> {
        let hasher = &self.shared.hasher;
        Lookup { hash: hasher.hash_one(key), key, hasher }
    }

    /// From the middle of the hash: the map uses both ends.
    #[inline]
    fn shard(&self, hash: u64) -> &Mutex<Shard<K>> {
        let shards = &self.shared.shards;
        &shards[(hash >> 32) as usize & (shards.len() - 1)]
    }
}

impl<K, C> Clone for KeyedTokenBucket<K, C> {
    fn clone(&self) -> Self {
        Self { shared: Arc::clone(&self.shared), listening: Arc::clone(&self.listening) }
    }
}

impl<K, C> fmt::Debug for KeyedTokenBucket<K, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyedTokenBucket").field("name", &self.listening.name).finish_non_exhaustive()
    }
}
