use std::{
    fmt,
    sync::{Arc, atomic::Ordering::Relaxed},
};

use serde::{Deserialize, Serialize};

use crate::{
    clock::{Clock, SystemClock, Ticks},
    error::ErrorClass,
    sync::atomic::AtomicU64,
};

/// How many retries calls may cause together (requirement E5).
///
/// Default: one retry for ten calls, saved up to 100, and 10 retries a second beside them, at most 10 at once.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RetryBudgetConfig {
    /// Retries that one call earns, in parts of a retry.
    pub ratio: f64,
    /// Retries a second that need not be earned, so that a quiet client can retry at all; one that costs more than all
    /// of a second is let through when none was for long enough.
    pub min_per_second: u32,
    /// Most earned retries that are saved up.
    pub max_saved: u32,
    /// What a retry after a failure of each class costs.
    pub costs: RetryCosts,
}

impl Default for RetryBudgetConfig {
    fn default() -> Self {
        Self { ratio: 0.1, min_per_second: 10, max_saved: 100, costs: RetryCosts::default() }
    }
}

/// What a retry costs a [`RetryBudget`], by what went wrong before it; in retries, counted to a thousandth.
///
/// Default: 1 each. The AWS SDKs' figures are `transient` 1, `throttled` 0.36 (a refusal is cheap for who refuses: 5
/// tokens against 14, retry mode 2.1) and `timeout` 2 (the work may have been done: 10 against 5, retry mode standard).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RetryCosts {
    /// After a failure that may pass.
    pub transient: f64,
    /// After a refusal that named no time to come back.
    pub throttled: f64,
    /// After no answer in time.
    pub timeout: f64,
}

impl RetryCosts {
    /// One retry each.
    pub const EQUAL: Self = Self { transient: 1.0, throttled: 1.0, timeout: 1.0 };
}

impl Default for RetryCosts {
    fn default() -> Self {
        Self::EQUAL
    }
}

/// A shared allowance for requests that are sent more than once, so that an outage is not answered with a storm.
///
/// Clones share it: give one to every strategy and every hedge that calls the same partner. A call costs one relaxed
/// load while the savings are full, which they are while all is well, and an addition while they are not; the clock is
/// read only when a retry asks.
///
/// ```
/// use fsm_integration_core::layers::retry::{RetryBudget, RetryBudgetConfig};
///
/// let budget = RetryBudget::new(RetryBudgetConfig { ratio: 0.5, min_per_second: 0, ..Default::default() });
/// budget.deposit();
/// budget.deposit();
/// assert!(budget.try_withdraw());
/// assert!(!budget.try_withdraw());
/// ```
pub struct RetryBudget<C = SystemClock>(Arc<Shared<C>>);

struct Shared<C> {
    /// In thousandths of a retry.
    saved: AtomicU64,
    earned_by_call: u64,
    max_saved: u64,
    costs: Costs,
    /// The tick at which the allowance that need not be earned is full again.
    full_at: AtomicU64,
    /// Nanoseconds in which one retry that need not be earned comes back.
    interval: Option<u64>,
    ticks: Ticks<C>,
}

/// [`RetryCosts`] in thousandths.
struct Costs {
    transient: u64,
    throttled: u64,
    timeout: u64,
}

/// A retry, in thousandths.
const RETRY: u64 = 1_000;
const SECOND: u64 = 1_000_000_000;

impl RetryBudget {
    /// Creates a budget with nothing saved and one second's free retries.
    #[must_use]
    pub fn new(config: RetryBudgetConfig) -> Self {
        Self::with_clock(config, SystemClock)
    }
}

impl<C: Clock> RetryBudget<C> {
    /// Creates a budget that reads this clock.
    pub fn with_clock(config: RetryBudgetConfig, clock: C) -> Self {
        // Casts from a float saturate, and not a number becomes nothing.
        let thousandths = |retries: f64| (retries * RETRY as f64) as u64;
        let max_saved = u64::from(config.max_saved) * RETRY;
        let RetryCosts { transient, throttled, timeout } = config.costs;
        Self(Arc::new(Shared {
            saved: AtomicU64::new(0),
            earned_by_call: thousandths(config.ratio).min(max_saved),
            max_saved,
            costs: Costs {
                transient: thousandths(transient),
                throttled: thousandths(throttled),
                timeout: thousandths(timeout),
            },
            full_at: AtomicU64::new(0),
            interval: SECOND.checked_div(config.min_per_second.into()),
            ticks: Ticks::new(clock),
        }))
    }

    /// Counts a call, which earns a part of a retry.
    #[inline]
    pub fn deposit(&self) {
        let shared = &*self.0;
        // Racing deposits may overshoot by one each; a withdrawal cuts that off.
        if shared.saved.load(Relaxed) < shared.max_saved {
            shared.saved.fetch_add(shared.earned_by_call, Relaxed);
        }
    }

    /// Takes a retry out, if there is one: first a free one, which would lapse, then an earned one.
    #[must_use = "without a withdrawal there must be no retry"]
    pub fn try_withdraw(&self) -> bool {
        self.0.withdraw(RETRY)
    }

    /// As [`try_withdraw`](Self::try_withdraw), at the cost of a retry after a failure of this class.
    #[must_use = "without a withdrawal there must be no retry"]
    pub fn try_withdraw_after(&self, class: ErrorClass) -> bool {
        let costs = &self.0.costs;
        self.0.withdraw(match class {
            ErrorClass::Throttled => costs.throttled,
            ErrorClass::Timeout => costs.timeout,
            _ => costs.transient,
        })
    }
}

impl<C: Clock> Shared<C> {
    fn withdraw(&self, cost: u64) -> bool {
        self.withdraw_free(cost) || self.withdraw_saved(cost)
    }

    fn withdraw_free(&self, cost: u64) -> bool {
        let Some(interval) = self.interval else { return false };
        let now = self.ticks.nanos();
        let take = |full_at: u64| free_after(full_at, now, interval, cost);
        self.full_at.fetch_update(Relaxed, Relaxed, take).is_ok()
    }

    fn withdraw_saved(&self, cost: u64) -> bool {
        self.saved.fetch_update(Relaxed, Relaxed, |saved| saved.min(self.max_saved).checked_sub(cost)).is_ok()
    }
}

/// When the free allowance is full again after `cost` more, unless that is over a second from now; what costs more than
/// a second's allowance takes a full one and is paid back for longer.
fn free_after(full_at: u64, now: u64, interval: u64, cost: u64) -> Option<u64> {
    let time = u64::try_from(u128::from(interval) * u128::from(cost) / u128::from(RETRY)).unwrap_or(u64::MAX);
    let after = full_at.max(now).saturating_add(time);
    (after - now <= SECOND.max(time)).then_some(after)
}

impl<C> Clone for RetryBudget<C> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<C> fmt::Debug for RetryBudget<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RetryBudget").field("saved", &(self.0.saved.load(Relaxed) / RETRY)).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
