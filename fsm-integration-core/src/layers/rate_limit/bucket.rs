use std::{fmt, sync::Arc, time::Duration};

use super::{Decision, Quota, cell::Cell, gcra::Gcra};
use crate::clock::{Clock, SystemClock, Ticks, nanos};

/// A token bucket in this process: exact, lock-free.
///
/// Clones share it.
///
/// ```
/// use std::num::NonZeroU32;
/// use fsm_integration_core::layers::rate_limit::{Quota, TokenBucket};
///
/// let quota = Quota::per_second(NonZeroU32::new(2).unwrap(), NonZeroU32::MIN);
/// let bucket = TokenBucket::new(quota);
/// assert!(bucket.try_acquire(2).allowed);
/// assert!(bucket.try_acquire(1).retry_after.is_some());
/// ```
pub struct TokenBucket<C = SystemClock>(Arc<Shared<C>>);

struct Shared<C> {
    name: Box<str>,
    gcra: Gcra,
    cell: Cell,
    ticks: Ticks<C>,
}

impl TokenBucket {
    /// Creates a full bucket.
    #[must_use]
    pub fn new(quota: Quota) -> Self {
        Self::with_clock("default", quota, SystemClock)
    }
}

impl<C: Clock> TokenBucket<C> {
    /// Creates a full bucket with this clock, and a name for its metrics.
    pub fn with_clock(name: &str, quota: Quota, clock: C) -> Self {
        let (gcra, ticks) = (Gcra::new(&quota), Ticks::new(clock));
        Self(Arc::new(Shared { name: name.into(), gcra, cell: Cell::default(), ticks }))
    }

    /// The name for its metrics.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// Takes `cost` tokens if they are there; a cost above the capacity is refused for ever.
    #[inline]
    pub fn try_acquire(&self, cost: u32) -> Decision {
        self.0.cell.decide(&self.0.gcra, self.0.ticks.nanos(), cost).decision
    }

    /// Looks without taking.
    pub fn peek(&self) -> Decision {
        self.try_acquire(0)
    }

    /// Gives `cost` tokens back, for a call that was allowed but not made.
    pub fn refund(&self, cost: u32) {
        self.0.cell.update(|full_at| self.0.gcra.refund(full_at, cost));
    }

    /// Gives out nothing for a while, as the other side asked (requirement R11); then starts with one token.
    pub fn pause(&self, duration: Duration) {
        let until = self.0.ticks.nanos().saturating_add(nanos(duration));
        self.0.cell.update(|full_at| self.0.gcra.pause(full_at, until));
    }
}

impl<C> Clone for TokenBucket<C> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<C> fmt::Debug for TokenBucket<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenBucket").field("name", &self.0.name).field("gcra", &self.0.gcra).finish_non_exhaustive()
    }
}
