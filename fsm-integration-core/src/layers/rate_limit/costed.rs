use std::{fmt, time::Duration};

use super::{Decision, Limit, WaitConfig};
use crate::{error::RateLimited, observe::Observers};

/// A limit of which each request takes as much as a function says.
#[derive(Clone)]
pub struct Costed<L, F> {
    limit: L,
    cost_of: F,
}

impl<L, F> Costed<L, F> {
    /// Puts the two together; `cost_of` is any `Fn(&Request) -> u32`.
    pub const fn new(limit: L, cost_of: F) -> Self {
        Self { limit, cost_of }
    }
}

impl<Req, L, F> Limit<Req> for Costed<L, F>
where
    L: Limit<Req>,
    F: Fn(&Req) -> u32 + Clone,
{
    type Key = L::Key;
    type Waiting = L::Waiting;

    fn name(&self) -> &str {
        self.limit.name()
    }

    fn observers(&self) -> Observers {
        self.limit.observers()
    }

    fn key(&self, request: &Req) -> L::Key {
        self.limit.key(request)
    }

    fn cost(&self, request: &Req) -> u32 {
        (self.cost_of)(request)
    }

    fn try_acquire(&self, key: &L::Key, cost: u32) -> Option<Result<(), RateLimited>> {
        self.limit.try_acquire(key, cost)
    }

    fn decide(&self, key: &L::Key, cost: u32) -> Option<Decision> {
        self.limit.decide(key, cost)
    }

    fn decided(&self, key: &L::Key, waited: &L::Waiting, end: Result<(), RateLimited>) -> Decision {
        self.limit.decided(key, waited, end)
    }

    fn acquire(&self, key: &L::Key, cost: u32, config: WaitConfig) -> L::Waiting {
        self.limit.acquire(key, cost, config)
    }

    fn pause(&self, key: &L::Key, duration: Duration) {
        self.limit.pause(key, duration);
    }
}

impl<L: fmt::Debug, F> fmt::Debug for Costed<L, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Costed").field("limit", &self.limit).finish_non_exhaustive()
    }
}
