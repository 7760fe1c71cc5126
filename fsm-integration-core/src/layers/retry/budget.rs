use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Instant,
};

use serde::{Deserialize, Serialize};

use crate::clock::{Clock, SystemClock};

/// How many retries calls may cause together (requirement E5).
///
/// Default: one retry for ten calls, saved up to 100, and 10 retries a second beside them.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RetryBudgetConfig {
    /// Retries that one call earns, in parts of a retry.
    pub ratio: f64,
    /// Retries a second that need not be earned, so that a quiet client can retry at all.
    pub min_per_second: u32,
    /// Most earned retries that are saved up.
    pub max_saved: u32,
}

impl Default for RetryBudgetConfig {
    fn default() -> Self {
        Self { ratio: 0.1, min_per_second: 10, max_saved: 100 }
    }
}

/// A shared allowance for retries, so that an outage is not answered with a storm.
///
/// Clones share it: give one to every strategy that calls the same partner. A call costs one relaxed load
/// while the savings are full; the clock is read only when a retry asks.
///
/// ```
/// use fsm_integration_core::layers::retry::{RetryBudget, RetryBudgetConfig};
///
/// let budget = RetryBudget::new(RetryBudgetConfig { ratio: 0.5, min_per_second: 0, max_saved: 10 });
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
    /// Nanoseconds after `began` at which the allowance that need not be earned is full again.
    full_at: AtomicU64,
    interval: Option<u64>,
    began: Instant,
    clock: C,
}

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
        Self(Arc::new(Shared {
            saved: AtomicU64::new(0),
            // Casts from a float saturate, and not a number earns nothing.
            earned_by_call: (config.ratio * RETRY as f64) as u64,
            max_saved: u64::from(config.max_saved) * RETRY,
            full_at: AtomicU64::new(0),
            interval: SECOND.checked_div(config.min_per_second.into()),
            began: clock.now(),
            clock,
        }))
    }

    /// Counts a call, which earns a part of a retry.
    pub fn deposit(&self) {
        let shared = &*self.0;
        // Racing deposits may overshoot by one each; `try_withdraw` cuts that off.
        if shared.saved.load(Relaxed) < shared.max_saved {
            shared.saved.fetch_add(shared.earned_by_call.min(shared.max_saved), Relaxed);
        }
    }

    /// Takes a retry out, if there is one: first a free one, which would lapse, then an earned one.
    #[must_use = "without a withdrawal there must be no retry"]
    pub fn try_withdraw(&self) -> bool {
        self.0.withdraw_free() || self.0.withdraw_saved()
    }
}

impl<C: Clock> Shared<C> {
    fn withdraw_free(&self) -> bool {
        let Some(interval) = self.interval else { return false };
        let elapsed = self.clock.now().saturating_duration_since(self.began);
        let now = u64::try_from(elapsed.as_nanos()).unwrap_or(u64::MAX);
        let take = |full_at: u64| {
            let after = full_at.max(now).saturating_add(interval);
            (after - now <= SECOND).then_some(after)
        };
        self.full_at.fetch_update(Relaxed, Relaxed, take).is_ok()
    }

    fn withdraw_saved(&self) -> bool {
        self.saved.fetch_update(Relaxed, Relaxed, |saved| saved.min(self.max_saved).checked_sub(RETRY)).is_ok()
    }
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
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::testing::VirtualClock;

    fn drain(budget: &RetryBudget<VirtualClock>) -> usize {
        std::iter::repeat_with(|| budget.try_withdraw()).take_while(|&taken| taken).count()
    }

    #[test]
    fn a_quiet_client_has_ten_retries_a_second() {
        let clock = VirtualClock::default();
        let budget = RetryBudget::with_clock(RetryBudgetConfig::default(), clock.clone());
        assert_eq!(drain(&budget), 10);
        clock.advance(Duration::from_millis(500));
        assert_eq!(drain(&budget), 5);
        clock.advance(Duration::from_secs(3_600));
        assert_eq!(drain(&budget), 10);
    }

    #[test]
    fn a_busy_client_has_a_tenth_of_its_calls() {
        let config = RetryBudgetConfig { min_per_second: 0, ..RetryBudgetConfig::default() };
        let budget = RetryBudget::with_clock(config, VirtualClock::default());
        (0..500).for_each(|_| budget.deposit());
        assert_eq!(drain(&budget), 50);
    }

    #[test]
    fn a_long_good_time_saves_no_storm() {
        let config = RetryBudgetConfig { min_per_second: 0, ..RetryBudgetConfig::default() };
        let budget = RetryBudget::with_clock(config, VirtualClock::default());
        (0..1_000_000).for_each(|_| budget.deposit());
        assert_eq!(drain(&budget), 100);
    }

    #[test]
    fn absurd_settings_do_no_harm() {
        let config = RetryBudgetConfig { ratio: f64::INFINITY, min_per_second: u32::MAX, max_saved: 3 };
        let budget = RetryBudget::with_clock(config, VirtualClock::default());
        (0..10).for_each(|_| budget.deposit());
        assert!(budget.0.withdraw_saved());
        let config = RetryBudgetConfig { ratio: f64::NAN, min_per_second: 0, max_saved: u32::MAX };
        let budget = RetryBudget::with_clock(config, VirtualClock::default());
        (0..10).for_each(|_| budget.deposit());
        assert!(!budget.try_withdraw());
    }
}
