use std::{fmt, hash::Hash, time::Duration};

use super::{Decision, KeyedTokenBucket, TokenBucket};
use crate::clock::{Clock, SystemClock};

/// What the layer asks about each request; [`TokenBucket`] and [`Keyed`] answer.
pub trait Limit<Req>: Clone {
    /// What tells one caller's bucket from another's.
    type Key;

    /// The name for metrics.
    fn name(&self) -> &str;

    /// The request's key.
    fn key(&self, request: &Req) -> Self::Key;

    /// Takes one token of the key's bucket if it is there.
    fn try_acquire(&self, key: &Self::Key) -> Decision;

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

    fn name(&self) -> &str {
        Self::name(self)
    }

    fn key(&self, _: &Req) {}

    fn try_acquire(&self, (): &()) -> Decision {
        Self::try_acquire(self, 1)
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
    K: Hash + Eq + Clone,
    F: KeyOf<Req, Key = K> + Clone,
    C: Clock,
{
    type Key = K;

    fn name(&self) -> &str {
        self.buckets.name()
    }

    fn key(&self, request: &Req) -> K {
        self.key_of.key_of(request)
    }

    fn try_acquire(&self, key: &K) -> Decision {
        self.buckets.try_acquire(key, 1)
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
