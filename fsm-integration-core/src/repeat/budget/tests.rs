#[cfg(fsm_loom)]
mod loom;

use std::time::Duration;

use proptest::prelude::*;

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
fn it_shows_what_is_saved_and_a_full_purse_takes_nothing() {
    let config = RetryBudgetConfig { ratio: 1.0, min_per_second: 0, max_saved: 2, ..RetryBudgetConfig::default() };
    let budget = RetryBudget::with_clock(config, VirtualClock::default());
    let shown = [(); 3].map(|()| {
        budget.deposit();
        format!("{budget:?}")
    });
    assert_eq!(shown, [1, 2, 2].map(|saved| format!("RetryBudget {{ saved: {saved}, .. }}")));
}

#[test]
fn absurd_settings_do_no_harm() {
    let costs = RetryCosts { transient: f64::INFINITY, throttled: f64::NAN, timeout: -1.0 };
    let config = RetryBudgetConfig { ratio: f64::INFINITY, min_per_second: u32::MAX, max_saved: 3, costs };
    let budget = RetryBudget::with_clock(config, VirtualClock::default());
    (0..10).for_each(|_| budget.deposit());
    assert!(budget.0.withdraw_saved(RETRY));
    assert!(!budget.0.withdraw_saved(budget.0.costs.transient), "as dear as can be");
    assert!(budget.0.withdraw_saved(budget.0.costs.throttled), "for nothing");
    assert!(budget.0.withdraw_saved(budget.0.costs.timeout), "for nothing");
    let config = RetryBudgetConfig { ratio: f64::NAN, min_per_second: 0, max_saved: u32::MAX, costs };
    let budget = RetryBudget::with_clock(config, VirtualClock::default());
    (0..10).for_each(|_| budget.deposit());
    assert!(!budget.try_withdraw());
}

#[test]
fn a_retry_after_a_timeout_may_cost_more_than_one_after_a_refusal() {
    let costs = RetryCosts { transient: 1.0, throttled: 0.5, timeout: 2.0 };
    let config = RetryBudgetConfig { costs, ..RetryBudgetConfig::default() };
    let drained = |class| {
        let budget = RetryBudget::with_clock(config, VirtualClock::default());
        (0..100).for_each(|_| budget.deposit());
        std::iter::repeat_with(|| budget.try_withdraw_after(class)).take_while(|&taken| taken).count()
    };
    // Ten free ones and ten earned ones.
    assert_eq!(drained(ErrorClass::Transient), 20);
    assert_eq!(drained(ErrorClass::Throttled), 40);
    assert_eq!(drained(ErrorClass::Timeout), 10);
}

#[derive(Debug, Clone, Copy)]
enum Step {
    Deposit,
    Withdraw(ErrorClass),
    Advance(Duration),
}

fn step() -> impl Strategy<Value = Step> {
    const CLASSES: [ErrorClass; 3] = [ErrorClass::Transient, ErrorClass::Throttled, ErrorClass::Timeout];
    prop_oneof![
        4 => Just(Step::Deposit),
        4 => prop::sample::select(&CLASSES[..]).prop_map(Step::Withdraw),
        1 => (0..1_500_u64).prop_map(|millis| Step::Advance(Duration::from_millis(millis))),
    ]
}

#[test]
fn a_retry_that_costs_more_than_a_second_s_allowance_is_free_once_that_is_paid_back() {
    let costs = RetryCosts { timeout: 2.0, ..RetryCosts::EQUAL };
    let config = RetryBudgetConfig { min_per_second: 1, costs, ..RetryBudgetConfig::default() };
    let clock = VirtualClock::default();
    let budget = RetryBudget::with_clock(config, clock.clone());
    let free = [0, 0, 1_999, 1, 500].map(|millis| {
        clock.advance(Duration::from_millis(millis));
        budget.try_withdraw_after(ErrorClass::Timeout)
    });
    assert_eq!(free, [true, false, false, true, false]);
    assert!(!budget.try_withdraw());
    clock.advance(Duration::from_millis(1_500));
    assert!(budget.try_withdraw());
}

/// A bucket of time that fills as time passes and may get into debt for a dear retry, and a purse; both counted one by
/// one.
struct Model {
    free: i64,
    saved: u64,
}

impl Model {
    fn withdraw(&mut self, config: &RetryBudgetConfig, cost: u64) -> bool {
        let time = match config.min_per_second {
            0 => i64::MAX,
            rate => (SECOND / u64::from(rate) * cost / RETRY) as i64,
        };
        if config.min_per_second > 0 && (time <= self.free || self.free == SECOND as i64) {
            self.free -= time;
            return true;
        }
        let left = self.saved.checked_sub(cost);
        self.saved = left.unwrap_or(self.saved);
        left.is_some()
    }
}

proptest! {
    #[test]
    fn it_gives_out_what_a_naive_budget_gives_out(
        (min_per_second, max_saved, ratio) in (0..5_u32, 0..5_u32, prop::sample::select(&[0.0, 0.1, 0.5, 1.0, 7.0][..])),
        steps in prop::collection::vec(step(), 0..200),
    ) {
        let costs = RetryCosts { transient: 1.0, throttled: 0.25, timeout: 2.0 };
        let config = RetryBudgetConfig { ratio, min_per_second, max_saved, costs };
        let clock = VirtualClock::default();
        let budget = RetryBudget::with_clock(config, clock.clone());
        let most = u64::from(max_saved) * RETRY;
        let mut model = Model { free: SECOND as i64, saved: 0 };
        for step in steps {
            match step {
                Step::Deposit => {
                    budget.deposit();
                    model.saved = most.min(model.saved + (ratio * 1_000.0) as u64);
                }
                Step::Withdraw(class) => {
                    let cost = match class {
                        ErrorClass::Throttled => 250,
                        ErrorClass::Timeout => 2_000,
                        _ => 1_000,
                    };
                    prop_assert_eq!(budget.try_withdraw_after(class), model.withdraw(&config, cost));
                }
                Step::Advance(by) => {
                    clock.advance(by);
                    model.free = (SECOND as i64).min(model.free + crate::clock::nanos(by) as i64);
                }
            }
        }
    }
}
