use ::loom::thread;

use super::*;

fn taken_by_two(config: RetryBudgetConfig, deposits: u32) -> usize {
    let budget = RetryBudget::with_clock(config, VirtualClock::default());
    (0..deposits).for_each(|_| budget.deposit());
    let withdraws: Vec<_> = (0..2)
        .map(|_| {
            let budget = budget.clone();
            thread::spawn(move || {
                budget.deposit();
                budget.try_withdraw()
            })
        })
        .collect();
    withdraws.into_iter().filter_map(|taken| taken.join().expect("no panic").then_some(())).count()
}

#[test]
fn loom_two_threads_never_take_the_same_saved_retry() {
    ::loom::model(|| {
        let config = RetryBudgetConfig { ratio: 0.5, min_per_second: 0, max_saved: 1, ..Default::default() };
        // One is saved, and what the two earn on the way fills the purse once more at most.
        assert!((1..=2).contains(&taken_by_two(config, 2)));
    });
}

#[test]
fn loom_earned_together_is_taken_once() {
    ::loom::model(|| {
        let config = RetryBudgetConfig { ratio: 0.5, min_per_second: 0, max_saved: 9, ..Default::default() };
        assert!(taken_by_two(config, 0) <= 1);
    });
}

#[test]
fn loom_two_threads_never_take_the_same_free_retry() {
    ::loom::model(|| {
        let config = RetryBudgetConfig { ratio: 0.0, min_per_second: 1, ..Default::default() };
        assert_eq!(taken_by_two(config, 0), 1);
    });
}
