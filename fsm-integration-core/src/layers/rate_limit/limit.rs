use std::{fmt, future::Future, hash::Hash, time::Duration};

use super::{Acquire, Decision, KeyLine, KeyedTokenBucket, TokenBucket, WaitConfig};
use crate::{
    clock::{Clock, SystemClock},
    error::RateLimited,
    observe::Observers,
};

/// What the layer asks about each request; [`TokenBucket`] and [`Keyed`] answer.
///
/// A clone shares its buckets with what it was made of, as a handle does: each service has one, and so has each call that
/// waits or may pause them. A limit that is copied limits nothing.
pub trait Limit<Req>: Clone {
    /// What tells one caller's bucket from another's.
    type Key;

    /// Waits for tokens.
    type Waiting: Future<Output = Result<(), RateLimited>> + Unpin;

    /// The name for metrics.
    fn name(&self) -> &str;

    /// Who is told of refusals.
    fn observers(&self) -> Observers;

    /// The request's key.
    fn key(&self, request: &Req) -> Self::Key;

    /// How many tokens the request costs.
    fn cost(&self, request: &Req) -> u32 {
        let _ = request;
        1
    }

    /// Takes tokens of the key's bucket if they are there; `None` when only [`acquire`](Self::acquire) can tell.
    fn try_acquire(&self, key: &Self::Key, cost: u32) -> Option<Result<(), RateLimited>> {
        self.decide(key, cost).map(Decision::into_result)
    }

    /// As [`try_acquire`](Self::try_acquire), and tells how the bucket stands.
    fn decide(&self, key: &Self::Key, cost: u32) -> Option<Decision>;

    /// How the bucket stands for one who has waited, to this end.
    fn decided(&self, key: &Self::Key, waited: &Self::Waiting, end: Result<(), RateLimited>) -> Decision;

    /// Takes tokens of the key's bucket when they are there.
    fn acquire(&self, key: &Self::Key, cost: u32, config: WaitConfig) -> Self::Waiting;

    /// Gives the key nothing for a while.
    fn pause(&self, key: &Self::Key, duration: Duration);
}

/// Finds a request's key; any `Fn(&Req) -> K` does.
pub trait KeyOf<Req> {
    /// What tells one caller from another, as the tenant; from authentication (requirement R9).
    type Key;

    /// The request's key.
    fn key_of(&self, request: &Req) -> Self::Key;
}

impl<Req, K, F: Fn(&Req) -> K> KeyOf<Req> for F {
    type Key = K;

    fn key_of(&self, request: &Req) -> K {
        self(request)
    }
}

/// One bucket for every request.
impl<Req, C: Clock> Limit<Req> for TokenBucket<C> {
    type Key = ();
    type Waiting = Acquire<Self>;

    fn name(&self) -> &str {
        Self::name(self)
    }

    fn observers(&self) -> Observers {
        Self::observers(self)
    }

    #[inline]
    fn key(&self, _: &Req) {}

    #[inline]
    fn try_acquire(&self, (): &(), cost: u32) -> Option<Result<(), RateLimited>> {
        Some(self.attempt(cost).into_result())
    }

    fn decide(&self, (): &(), cost: u32) -> Option<Decision> {
        Some(Self::try_acquire(self, cost))
    }

    fn decided(&self, (): &(), _: &Acquire<Self>, end: Result<(), RateLimited>) -> Decision {
        self.peek().of(end)
    }

    fn acquire(&self, (): &(), cost: u32, config: WaitConfig) -> Acquire<Self> {
        self.acquire_within(cost, config)
    }

    fn pause(&self, (): &(), duration: Duration) {
        Self::pause(self, duration);
    }
}

/// A bucket for each key, and how to find a request's key.
#[derive(Clone)]
pub struct Keyed<K, F, C = SystemClock> {
    buckets: KeyedTokenBucket<K, C>,
    key_of: F,
}

impl<K, F, C> Keyed<K, F, C> {
    /// Puts the two together.
    pub const fn new(buckets: KeyedTokenBucket<K, C>, key_of: F) -> Self {
        Self { buckets, key_of }
    }
}

impl<Req, K, F, C> Limit<Req> for Keyed<K, F, C>
where
    K: Hash + Eq + Clone + Unpin,
    F: KeyOf<Req, Key = K> + Clone,
    C: Clock,
{
    type Key = K;
    type Waiting = Acquire<KeyLine<K, C>>;

    fn name(&self) -> &str {
        self.buckets.name()
    }

    fn observers(&self) -> Observers {
        self.buckets.observers()
    }

    #[inline]
    fn key(&self, request: &Req) -> K {
        self.key_of.key_of(request)
    }

    #[inline]
    fn try_acquire(&self, key: &K, cost: u32) -> Option<Result<(), RateLimited>> {
        Some(self.buckets.attempt(key, cost).into_result())
    }

    fn decide(&self, key: &K, cost: u32) -> Option<Decision> {
        Some(self.buckets.try_acquire(key, cost))
    }

    fn decided(&self, key: &K, _: &Self::Waiting, end: Result<(), RateLimited>) -> Decision {
        self.buckets.peek(key).of(end)
    }

    fn acquire(&self, key: &K, cost: u32, config: WaitConfig) -> Self::Waiting {
        self.buckets.acquire_within(key, cost, config)
    }

    fn pause(&self, key: &K, duration: Duration) {
        self.buckets.pause(key, duration);
    }
}

impl<K, F, C> fmt::Debug for Keyed<K, F, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keyed").field("buckets", &self.buckets).finish_non_exhaustive()
    }
}
