//! The rules by themselves.

use std::time::Duration;

use proptest::prelude::*;

use crate::layers::adaptive_concurrency::{
    AdaptiveConcurrencyConfig, AimdConfig, GradientConfig, LimitAlgorithm, Outcome,
    limit::{Limit, Sample},
};

const MILLI: u64 = 1_000_000;

fn aimd() -> AdaptiveConcurrencyConfig {
    let aimd = AimdConfig { backoff_ratio: 0.5, latency_threshold: Duration::from_millis(100) };
    AdaptiveConcurrencyConfig { initial: 10, algorithm: LimitAlgorithm::Aimd(aimd), ..Default::default() }
}

fn sample(began: u64, latency: u64, in_flight: usize, outcome: Outcome) -> Sample {
    Sample { began: began * MILLI, ended: (began + latency) * MILLI, in_flight, outcome }
}

fn record_all(limit: &mut Limit, samples: impl IntoIterator<Item = Sample>) -> usize {
    for sample in samples {
        limit.record(&sample);
    }
    limit.get()
}

#[test]
fn aimd_rises_by_one_with_a_limits_worth_of_good_calls() {
    let mut limit = Limit::new(&aimd());
    let good = (0..11).map(|n| sample(n, 10, 10, Outcome::Answered));
    assert_eq!(record_all(&mut limit, good), 11);
}

#[test]
fn a_limit_that_is_not_used_does_not_rise() {
    for algorithm in [aimd().algorithm, LimitAlgorithm::Gradient(GradientConfig::default())] {
        let mut limit = Limit::new(&AdaptiveConcurrencyConfig { algorithm, ..aimd() });
        let idle = (0..10_000).map(|n| sample(n, 10, 4, Outcome::Answered));
        assert_eq!(record_all(&mut limit, idle), 10);
    }
}

/// Peers take a share for each failed call.
#[test]
fn a_burst_of_failures_is_one_overload() {
    let mut limit = Limit::new(&aimd());
    let burst = (0..50).map(|n| sample(n, 200, 10, Outcome::Overloaded));
    assert_eq!(record_all(&mut limit, burst), 5);
    assert_eq!(record_all(&mut limit, [sample(199, 1, 5, Outcome::Overloaded)]), 5);
    assert_eq!(record_all(&mut limit, [sample(200, 1, 5, Outcome::Overloaded)]), 2, "begun once it was lowered");
}

#[test]
fn a_slow_answer_and_a_long_call_that_was_given_up_lower_aimd() {
    for outcome in [Outcome::Answered, Outcome::Cancelled] {
        assert_eq!(Limit::new(&aimd()).record(&sample(0, 101, 10, outcome)), Some(5));
    }
    assert_eq!(Limit::new(&aimd()).record(&sample(0, 100, 10, Outcome::Cancelled)), None, "not beyond what is slow");
    assert_eq!(Limit::new(&aimd()).record(&sample(0, 999, 10, Outcome::Ignored)), None);
}

#[test]
fn the_gradient_falls_while_calls_are_slower_than_usual_and_rises_when_they_are_not() {
    let mut limit = Limit::new(&AdaptiveConcurrencyConfig { initial: 50, ..Default::default() });
    let calls =
        |from: u64, latency| (from..from + 20_000).step_by(10).map(move |n| sample(n, latency, 50, Outcome::Answered));
    let high = record_all(&mut limit, calls(0, 10));
    assert!(high > 60, "{high}");
    let low = record_all(&mut limit, calls(20_000, 100));
    assert!(low < high / 2, "{low} after {high}");
    let recovered = record_all(&mut limit, calls(40_000, 10));
    assert!(recovered > low, "{recovered} after {low}");
}

#[test]
fn the_gradient_judges_a_window_with_just_enough_calls() {
    let window = GradientConfig { window: Duration::from_millis(100), min_samples: 10, ..Default::default() };
    let algorithm = LimitAlgorithm::Gradient(window);
    let mut limit = Limit::new(&AdaptiveConcurrencyConfig { initial: 50, algorithm, ..Default::default() });
    let moved: Vec<_> = (0..10).map(|n| limit.record(&sample(20 * n, 10, 50, Outcome::Answered)).is_some()).collect();
    assert_eq!(moved.iter().position(|moved| *moved), Some(9));
}

#[test]
fn calls_that_hang_until_their_caller_goes_lower_the_gradient() {
    let mut limit = Limit::new(&AdaptiveConcurrencyConfig { initial: 50, ..Default::default() });
    let calls =
        |from: u64, latency, outcome| (from..from + 20_000).step_by(10).map(move |n| sample(n, latency, 50, outcome));
    let high = record_all(&mut limit, calls(0, 10, Outcome::Answered));
    assert_eq!(record_all(&mut limit, calls(20_000, 5, Outcome::Cancelled)), high, "says nothing");
    assert!(record_all(&mut limit, calls(40_000, 500, Outcome::Cancelled)) < high / 2);
}

#[test]
fn calls_given_up_before_anything_is_usual_do_not_count_as_usual() {
    let config = AdaptiveConcurrencyConfig { initial: 50, ..Default::default() };
    let calls =
        |from: u64, latency, outcome| (from..from + 5_000).step_by(10).map(move |n| sample(n, latency, 50, outcome));
    let (mut limit, mut undisturbed) = (Limit::new(&config), Limit::new(&config));
    assert_eq!(record_all(&mut limit, calls(0, 1, Outcome::Cancelled)), 50);
    let answered = || calls(5_000, 100, Outcome::Answered);
    assert_eq!(record_all(&mut limit, answered()), record_all(&mut undisturbed, answered()));
}

#[test]
fn settings_are_read_and_unknown_ones_refused() {
    let text = r#"{"max":50,"algorithm":{"aimd":{"latency_threshold":"2s"}}}"#;
    let read: AdaptiveConcurrencyConfig = serde_json::from_str(text).expect("settings");
    let aimd = AimdConfig { latency_threshold: Duration::from_secs(2), ..Default::default() };
    let expected = AdaptiveConcurrencyConfig { max: 50, algorithm: LimitAlgorithm::Aimd(aimd), ..Default::default() };
    assert_eq!(read, expected);
    let written = serde_json::to_string(&expected).expect("text");
    assert_eq!(serde_json::from_str::<AdaptiveConcurrencyConfig>(&written).expect("settings"), expected);
    for unknown in [r#"{"limit":1}"#, r#"{"algorithm":{"aimd":{"step":1}}}"#, r#"{"algorithm":{"vegas":{}}}"#] {
        assert!(serde_json::from_str::<AdaptiveConcurrencyConfig>(unknown).is_err(), "{unknown}");
    }
}

fn outcome() -> impl Strategy<Value = Outcome> {
    prop_oneof![
        3 => Just(Outcome::Answered),
        1 => Just(Outcome::Overloaded),
        1 => Just(Outcome::Ignored),
        1 => Just(Outcome::Cancelled),
    ]
}

fn number() -> impl Strategy<Value = f64> {
    prop_oneof![any::<f64>(), 0.0..2.0, Just(f64::NAN), Just(f64::INFINITY)]
}

fn algorithm() -> impl Strategy<Value = LimitAlgorithm> {
    let aimd = (number(), any::<Duration>()).prop_map(|(backoff_ratio, latency_threshold)| {
        LimitAlgorithm::Aimd(AimdConfig { backoff_ratio, latency_threshold })
    });
    let gradient = (any::<u32>(), 0..5_u32, number(), number(), number(), 0..3_u64);
    let gradient = gradient.prop_map(|(long_window, min_samples, tolerance, smoothing, backoff_ratio, window)| {
        let window = Duration::from_nanos(window);
        LimitAlgorithm::Gradient(GradientConfig {
            window,
            min_samples,
            long_window,
            tolerance,
            smoothing,
            backoff_ratio,
        })
    });
    prop_oneof![aimd, gradient]
}

proptest! {
    /// Whatever is configured and whatever comes, times that go backwards included.
    #[test]
    fn the_limit_stays_between_its_bounds(
        algorithm in algorithm(),
        (initial, min, max) in (any::<usize>(), any::<usize>(), any::<usize>()),
        small in any::<bool>(),
        samples in prop::collection::vec((any::<u64>(), any::<u64>(), any::<usize>(), outcome()), 0..200),
    ) {
        let scale = |n: usize| if small { n % 100 } else { n };
        let [initial, min, max] = [initial, min, max].map(scale);
        let config = AdaptiveConcurrencyConfig { initial, min, max, algorithm, ..Default::default() };
        let mut limit = Limit::new(&config);
        let most = (1 << 31) - 1;
        let min = min.clamp(1, most);
        let max = max.clamp(min, most);
        for (began, ended, in_flight, outcome) in samples {
            let before = limit.get();
            let changed = limit.record(&Sample { began, ended, in_flight, outcome });
            prop_assert!((min..=max).contains(&limit.get()), "{}", limit.get());
            prop_assert_eq!(changed, (limit.get() != before).then_some(limit.get()));
            if outcome == Outcome::Overloaded {
                prop_assert!(limit.get() <= before);
            }
        }
    }
}
