use std::{
    cell::Cell,
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use parking_lot::Mutex;

use super::{Acquire, Decision, Limit, TokenBucket, WaitConfig, lease::Lease};
use crate::{
    clock::{Clock, SystemClock, nanos},
    error::RateLimited,
    observe::Observers,
};

/// How a [`LeasedBucket`] shares a bucket among threads.
///
/// Default: 32 tokens a lease, a lease for each processor, given back after 100 ms without a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LeaseConfig {
    /// Most tokens that a worker holds.
    pub tokens: u32,
    /// How many leases there are, rounded up to a power of two; more threads than that share them.
    pub workers: usize,
    /// A lease that nobody used for so long is given back when others find no token.
    #[serde(with = "jiff::fmt::serde::unsigned_duration::friendly::compact::required")]
    pub idle: Duration,
}

impl Default for LeaseConfig {
    fn default() -> Self {
        let workers = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        Self { tokens: 32, workers, idle: Duration::from_millis(100) }
    }
}

/// A bucket from which each thread takes tokens by the handful, and spends them without meeting the others.
///
/// For limits that several threads ask millions of times a second; below that a [`TokenBucket`] is exact for a few
/// nanoseconds more. Tokens are taken early, never made: in any span of time at most `workers * tokens` more calls are
/// let through than by the bucket alone (`workers` as the next power of two), those that were in hand when it began. The other way round, a call may be
/// refused while other threads hold up to as many; what they do not use comes back after [`LeaseConfig::idle`], as soon
/// as somebody is refused, and with the last handle.
///
/// ```
/// use std::num::NonZeroU32;
/// use fsm_integration_core::{
///     clock::CoarseClock,
///     layers::rate_limit::{LeaseConfig, LeasedBucket, Quota, TokenBucket},
/// };
///
/// let million = NonZeroU32::new(1_000_000).unwrap();
/// let bucket = TokenBucket::with_clock("ingest", Quota::per_second(million, million), CoarseClock::new());
/// let leased = LeasedBucket::new(bucket.clone(), LeaseConfig { workers: 2, ..LeaseConfig::default() });
/// assert!(leased.try_acquire(1).is_ok());
/// assert_eq!(bucket.peek().remaining, 1_000_000 - 32);
/// ```
pub struct LeasedBucket<C: Clock = SystemClock>(Arc<Shared<C>>);

/// A lease alone on its cache lines (two, since processors fetch them in pairs), so that threads do not disturb each
/// other.
#[repr(align(128))]
struct Own(Lease);

struct Shared<C: Clock> {
    bucket: TokenBucket<C>,
    leases: Box<[Own]>,
    tokens: u32,
    idle: u64,
    /// When to look for idle leases again.
    look_at: AtomicU64,
    /// What the leases looked like, and since when.
    seen: Mutex<Box<[(u64, u64)]>>,
    /// Nothing is put in hand before.
    paused_until: AtomicU64,
}

impl<C: Clock> LeasedBucket<C> {
    /// Shares the bucket; who uses it without leases, or waits in its line, goes on doing so.
    #[must_use]
    pub fn new(bucket: TokenBucket<C>, config: LeaseConfig) -> Self {
        // A power of two, so that choosing one is a mask.
        let workers = config.workers.next_power_of_two();
        Self(Arc::new(Shared {
            bucket,
            leases: std::iter::repeat_with(|| Own(Lease::new())).take(workers).collect(),
            tokens: config.tokens,
            idle: nanos(config.idle),
            look_at: AtomicU64::new(0),
            seen: Mutex::new(vec![(0, 0); workers].into_boxed_slice()),
            paused_until: AtomicU64::new(0),
        }))
    }

    /// The bucket that it shares; pausing that alone leaves to the threads what they have in hand.
    #[must_use]
    pub fn bucket(&self) -> &TokenBucket<C> {
        &self.0.bucket
    }

    /// Tokens that were taken from the bucket and not spent yet.
    #[must_use]
    pub fn held(&self) -> u32 {
        self.0.leases.iter().map(|own| own.0.tokens()).fold(0, u32::saturating_add)
    }

    /// Takes `cost` tokens if they are in hand or in the bucket.
    ///
    /// # Errors
    /// [`RateLimited`] when they are neither; its hint is the bucket's. A cost of 0 only looks at the bucket.
    #[inline]
    pub fn try_acquire(&self, cost: u32) -> Result<(), RateLimited> {
        let leases = &self.0.leases;
        let Own(lease) = &leases[worker() & (leases.len() - 1)];
        // What costs nothing is a look, at the bucket.
        if cost > 0 && lease.spend(cost) { Ok(()) } else { self.0.refill(lease, cost) }
    }

    /// Gives out nothing for a while, what is in hand included.
    pub fn pause(&self, duration: Duration) {
        let Shared { bucket, leases, paused_until, .. } = &*self.0;
        paused_until.fetch_max(bucket.nanos().saturating_add(nanos(duration)), Ordering::Relaxed);
        // Before the leases are emptied, or others would go on taking handfuls.
        bucket.pause(duration);
        let held = leases.iter().map(|own| own.0.empty()).fold(0, u32::saturating_add);
        self.0.give_back(held);
    }
}

impl<C: Clock> Shared<C> {
    #[cold]
    #[inline(never)]
    fn refill(&self, lease: &Lease, cost: u32) -> Result<(), RateLimited> {
        if cost == 0 {
            return self.bucket.attempt(cost).into_result();
        }
        self.take(lease, cost).or_else(
            |refusal| {
                if self.take_back_idle() { self.take(lease, cost) } else { Err(refusal) }
            },
        )
    }

    /// Takes a handful, spends the cost of it and keeps the rest; or what is in hand and the few that lack.
    fn take(&self, lease: &Lease, cost: u32) -> Result<(), RateLimited> {
        if let Ok(taken) = self.bucket.take_up_to(cost, self.tokens.max(cost)) {
            self.keep(lease, taken - cost);
            return Ok(());
        }
        let in_hand = lease.empty();
        let spent = in_hand.min(cost);
        let result = self.bucket.attempt(cost - spent).into_result();
        let left = if result.is_ok() { in_hand - spent } else { in_hand };
        self.keep(lease, left);
        result
    }

    /// Puts tokens in hand, unless a pause has begun since they were taken.
    fn keep(&self, lease: &Lease, tokens: u32) {
        let too_many = lease.put(tokens, self.tokens);
        // If whoever pauses emptied the lease before, what he wrote before that is seen here.
        let paused_until = self.paused_until.load(Ordering::Relaxed);
        let is_paused = paused_until > 0 && self.bucket.nanos() < paused_until;
        self.give_back(if is_paused { lease.empty().saturating_add(too_many) } else { too_many });
    }

    /// Gives back what nobody used for a while; whether there was any.
    fn take_back_idle(&self) -> bool {
        let now = self.bucket.nanos();
        if now < self.look_at.load(Ordering::Relaxed) {
            return false;
        }
        let Some(mut seen) = self.seen.try_lock() else {
            return false;
        };
        self.look_at.store(now.saturating_add(self.idle / 4), Ordering::Relaxed);
        let mut back = 0_u32;
        for (Own(lease), (looked, since)) in self.leases.iter().zip(&mut *seen) {
            let present = lease.seen();
            if present != *looked {
                (*looked, *since) = (present, now);
            } else if now.saturating_sub(*since) >= self.idle {
                // Another task, which looked at the clock later, may have been here before.
                back = back.saturating_add(lease.empty_if_still(present).unwrap_or(0));
            }
        }
        drop(seen);
        self.give_back(back);
        back > 0
    }

    fn give_back(&self, tokens: u32) {
        if tokens > 0 {
            self.bucket.refund(tokens);
        }
    }
}

impl<C: Clock> Drop for Shared<C> {
    fn drop(&mut self) {
        let held = self.leases.iter().map(|own| own.0.empty()).fold(0, u32::saturating_add);
        self.give_back(held);
    }
}

/// A number for each thread, from 0 on.
#[inline]
fn worker() -> usize {
    static THREADS: AtomicUsize = AtomicUsize::new(0);
    thread_local! {
        static WORKER: Cell<usize> = const { Cell::new(usize::MAX) };
    }
    #[cold]
    fn first() -> usize {
        let worker = THREADS.fetch_add(1, Ordering::Relaxed);
        WORKER.set(worker);
        worker
    }
    match WORKER.get() {
        usize::MAX => first(),
        worker => worker,
    }
}

/// As the bucket's, by leases; who waits does so in the bucket's line.
impl<Req, C: Clock> Limit<Req> for LeasedBucket<C> {
    type Key = ();
    type Waiting = Acquire<TokenBucket<C>>;

    fn name(&self) -> &str {
        self.0.bucket.name()
    }

    fn observers(&self) -> Observers {
        self.0.bucket.observers()
    }

    #[inline]
    fn key(&self, _: &Req) {}

    #[inline]
    fn try_acquire(&self, (): &(), cost: u32) -> Option<Result<(), RateLimited>> {
        Some(self.try_acquire(cost))
    }

    /// What the threads have in hand is not told.
    fn decide(&self, (): &(), cost: u32) -> Option<Decision> {
        let result = self.try_acquire(cost);
        Some(self.0.bucket.peek().of(result))
    }

    fn decided(&self, (): &(), _: &Acquire<TokenBucket<C>>, end: Result<(), RateLimited>) -> Decision {
        self.0.bucket.peek().of(end)
    }

    fn acquire(&self, (): &(), cost: u32, config: WaitConfig) -> Acquire<TokenBucket<C>> {
        self.0.bucket.acquire_within(cost, config)
    }

    fn pause(&self, (): &(), duration: Duration) {
        Self::pause(self, duration);
    }
}

impl<C: Clock> Clone for LeasedBucket<C> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<C: Clock> fmt::Debug for LeasedBucket<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LeasedBucket").field("bucket", &self.0.bucket).field("held", &self.held()).finish()
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use super::{super::Quota, *};

    // A thread that had taken its handful when the pause began.
    #[test]
    fn a_handful_that_comes_late_is_not_kept_in_a_pause() {
        let hundred = NonZeroU32::new(100).expect("not zero");
        let bucket = TokenBucket::new(Quota::new(hundred, NonZeroU32::MIN, Duration::from_secs(3_600)));
        let leased = LeasedBucket::new(bucket, LeaseConfig { tokens: 8, workers: 1, ..LeaseConfig::default() });
        let shared = &*leased.0;
        let taken = shared.bucket.take_up_to(1, 8).expect("tokens");
        leased.pause(Duration::from_secs(60));
        shared.keep(&shared.leases[0].0, taken - 1);
        assert_eq!(leased.held(), 0);
        assert!(leased.try_acquire(1).is_err());
    }
}
