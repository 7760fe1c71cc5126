mod calls;
mod changes;
mod half_open;
#[cfg(fsm_loom)]
mod interleavings;
mod judging;
mod keyed;
mod looks;
mod machine;
mod naive;
mod opening;
mod registry;
mod threads;
mod windows;

use std::time::Duration;

use super::*;
use crate::{
    observe::{Observation, Told},
    testing::{VirtualClock, probe::Failure},
};

const SECOND: Duration = Duration::from_secs(1);

fn breaker(config: CircuitBreakerConfig) -> (CircuitBreaker<VirtualClock>, VirtualClock) {
    let clock = VirtualClock::default();
    (CircuitBreaker::with_clock("erp", config, clock.clone()), clock)
}

/// Opens after one failure, stays so for 60 s.
fn quick() -> CircuitBreakerConfig {
    CircuitBreakerConfig { failure_threshold: 1, ..Default::default() }
}

impl<C: Clock> CircuitBreaker<C> {
    fn fail(&self) {
        self.try_acquire().expect("admitted").record(Outcome::Failure);
    }

    fn succeed(&self) {
        self.try_acquire().expect("admitted").record(Outcome::Success);
    }

    fn refusal(&self) -> CircuitOpen {
        self.try_acquire().expect_err("refused")
    }
}

fn open(retry_after: Duration) -> CircuitOpen {
    CircuitOpen { retry_after: Some(retry_after) }
}

#[test]
fn the_defaults_are_the_source_documents() {
    let config = CircuitBreakerConfig::default();
    assert_eq!((config.failure_threshold, config.success_threshold), (5, 2));
    assert_eq!((config.reset_timeout, config.half_open_max_calls), (60 * SECOND, 1));
    let text = serde_json::to_string(&config).expect("it serializes");
    assert!(text.contains(r#""reset_timeout":"1m""#) || text.contains(r#""reset_timeout":"60s""#), "{text}");
    assert_eq!(serde_json::from_str::<CircuitBreakerConfig>(&text).expect("it parses"), config);
    assert!(serde_json::from_str::<CircuitBreakerConfig>(r#"{"reset_timout":"1s"}"#).is_err());
}

#[test]
fn it_opens_at_the_threshold_and_not_before() {
    let (breaker, _) = breaker(CircuitBreakerConfig::default());
    for _ in 0..4 {
        breaker.fail();
    }
    assert_eq!((breaker.state(), breaker.snapshot().failures), (CircuitState::Closed, 4));
    breaker.fail();
    assert_eq!((breaker.state(), breaker.snapshot().opened), (CircuitState::Open, 1));
}

#[test]
fn a_success_in_between_starts_the_count_again() {
    let (breaker, _) = breaker(CircuitBreakerConfig::default());
    for _ in 0..10 {
        breaker.fail();
        breaker.succeed();
    }
    assert_eq!(breaker.state(), CircuitState::Closed);
}

/// A call that was admitted before the failures and succeeds after them counts too.
#[test]
fn a_success_admitted_before_the_failures_starts_the_count_again() {
    let (breaker, _) = breaker(CircuitBreakerConfig::default());
    let early = breaker.try_acquire().expect("closed");
    for _ in 0..4 {
        breaker.fail();
    }
    early.record(Outcome::Success);
    assert_eq!(breaker.snapshot().failures, 0);
}

/// Flaw F-C1: half-open admitted 1000 of 1000.
#[test]
fn half_open_admits_one_probe() {
    let (breaker, clock) = breaker(quick());
    breaker.fail();
    clock.advance(60 * SECOND);
    let admitted: Vec<_> = (0..1000).filter_map(|_| breaker.try_acquire().ok()).collect();
    assert_eq!((admitted.len(), breaker.state()), (1, CircuitState::HalfOpen));
}

/// Requirement E10: no more probes than still have to succeed.
#[test]
fn half_open_never_admits_more_probes_than_it_needs() {
    let config = CircuitBreakerConfig { half_open_max_calls: 10, success_threshold: 3, ..quick() };
    let (breaker, clock) = breaker(config);
    breaker.fail();
    clock.advance(60 * SECOND);
    let mut probes: Vec<_> = (0..10).filter_map(|_| breaker.try_acquire().ok()).collect();
    assert_eq!(probes.len(), 3);
    probes.pop().expect("a probe").record(Outcome::Success);
    breaker.refusal();
}

/// Flaw F-C2: after one success five more failures were needed.
#[test]
fn a_failing_probe_reopens_at_once_even_after_a_success() {
    let config = CircuitBreakerConfig { failure_threshold: 5, success_threshold: 2, ..Default::default() };
    let (breaker, clock) = breaker(config);
    (0..5).for_each(|_| breaker.fail());
    clock.advance(60 * SECOND);
    breaker.succeed();
    assert_eq!(breaker.state(), CircuitState::HalfOpen);
    breaker.fail();
    assert_eq!((breaker.state(), breaker.refusal()), (CircuitState::Open, open(60 * SECOND)));
}

#[test]
fn successful_probes_close_it_and_the_count_begins_at_nothing() {
    let (breaker, clock) = breaker(CircuitBreakerConfig::default());
    (0..5).for_each(|_| breaker.fail());
    clock.advance(60 * SECOND);
    breaker.succeed();
    breaker.succeed();
    assert_eq!((breaker.state(), breaker.snapshot().failures), (CircuitState::Closed, 0));
    (0..4).for_each(|_| breaker.fail());
    assert_eq!(breaker.state(), CircuitState::Closed);
}

/// Flaw F-C4: late failures moved the end of the open period from 60 s to 119 s, late successes helped to close.
#[test]
fn a_late_result_of_an_earlier_period_changes_nothing() {
    let (breaker, clock) = breaker(quick());
    let [late_failure, late_success, later_success] = [(); 3].map(|()| breaker.try_acquire().expect("closed"));
    breaker.fail();
    clock.advance(59 * SECOND);
    late_failure.record(Outcome::Failure);
    assert_eq!(breaker.refusal(), open(SECOND));
    clock.advance(SECOND);
    let probe = breaker.try_acquire().expect("half-open");
    late_success.record(Outcome::Success);
    later_success.record(Outcome::Success);
    assert_eq!(breaker.state(), CircuitState::HalfOpen);
    drop(probe);
}

/// Flaw F-C5: the wall clock decided.
#[test]
fn the_monotonic_clock_alone_moves_it() {
    let (breaker, clock) = breaker(quick());
    breaker.fail();
    clock.advance(60 * SECOND - Duration::from_nanos(1));
    assert_eq!(breaker.refusal(), open(Duration::from_nanos(1)));
    clock.advance(Duration::from_nanos(1));
    assert!(breaker.try_acquire().is_ok());
}

/// Flaw F-C9: the refusal carried no hint.
#[test]
fn a_refusal_says_when_to_come_back() {
    let (breaker, clock) = breaker(quick());
    breaker.fail();
    clock.advance(18 * SECOND);
    assert_eq!(breaker.refusal(), open(42 * SECOND));
    clock.advance(42 * SECOND);
    let _probe = breaker.try_acquire().expect("half-open");
    assert_eq!(breaker.refusal(), open(SECOND), "while a probe is under way");
    breaker.force_open();
    assert_eq!(breaker.refusal(), CircuitOpen { retry_after: None });
}

#[test]
fn a_dropped_probe_gives_its_place_back() {
    let (breaker, clock) = breaker(quick());
    breaker.fail();
    clock.advance(60 * SECOND);
    for _ in 0..100 {
        drop(breaker.try_acquire().expect("the place is free again"));
    }
    assert_eq!(breaker.snapshot().probes, 0);
}

#[test]
fn cancelled_calls_count_by_choice_only() {
    for (count_cancelled, expected) in [(false, CircuitState::Closed), (true, CircuitState::Open)] {
        let (breaker, _) = breaker(CircuitBreakerConfig { count_cancelled, ..quick() });
        drop(breaker.try_acquire().expect("closed"));
        assert_eq!(breaker.state(), expected);
    }
}

#[test]
fn a_permit_dropped_by_a_panic_is_a_failure() {
    let (breaker, _) = breaker(quick());
    let inside = breaker.clone();
    let panicked = std::thread::spawn(move || {
        let _permit = inside.try_acquire().expect("closed");
        panic!("in the call");
    });
    assert!(panicked.join().is_err());
    assert_eq!(breaker.state(), CircuitState::Open);
}

#[test]
fn an_operator_decides_until_reset() {
    let (breaker, clock) = breaker(quick());
    breaker.force_open();
    clock.advance(3600 * SECOND);
    breaker.refusal();
    assert_eq!((breaker.state(), breaker.snapshot().control), (CircuitState::Open, Control::ForcedOpen));

    breaker.disable();
    (0..10).for_each(|_| breaker.fail());
    assert_eq!((breaker.state(), breaker.snapshot().control), (CircuitState::Closed, Control::Disabled));

    breaker.reset();
    assert_eq!((breaker.snapshot().control, breaker.snapshot().failures), (Control::Automatic, 0));
    breaker.fail();
    assert_eq!(breaker.state(), CircuitState::Open);
    breaker.reset();
    breaker.succeed();
}

/// Requirement: shadow mode measures what a breaker would do before it does it.
#[test]
fn metrics_only_makes_every_call_and_tells_which_it_would_have_refused() {
    let (breaker, clock) = breaker(quick());
    let told = Told::default();
    let breaker = breaker.with_observers(told.observers());
    breaker.metrics_only();
    breaker.fail();
    let snapshot = breaker.snapshot();
    assert_eq!((snapshot.state, snapshot.verdict), (CircuitState::Closed, CircuitState::Open));
    assert_eq!((snapshot.control, snapshot.opened), (Control::MetricsOnly, 1));
    told.take();
    (0..3).for_each(|_| breaker.fail());
    let would_refuse = ("erp".to_owned(), Observation::CircuitWouldRefuse);
    assert_eq!(told.take(), vec![would_refuse; 3]);

    clock.advance(60 * SECOND);
    breaker.succeed();
    breaker.succeed();
    assert_eq!(
        (breaker.snapshot().verdict, told.take()),
        (CircuitState::Closed, vec![]),
        "it probes and closes as ever"
    );
    breaker.fail();
    breaker.reset();
    breaker.fail();
    breaker.refusal();
}

#[test]
fn settings_without_sense_do_no_harm() {
    let config = CircuitBreakerConfig {
        failure_threshold: 0,
        success_threshold: 0,
        half_open_max_calls: 0,
        reset_timeout: Duration::MAX,
        half_open_timeout: Duration::MAX,
        max_reset_timeout: Duration::ZERO,
        reset_multiplier: -1.0,
        reset_jitter: f64::NAN,
        ..Default::default()
    };
    let (breaker, clock) = breaker(config);
    breaker.fail();
    assert!(breaker.refusal().retry_after.is_some_and(|left| left > Duration::from_secs(365 * 24 * 3600)));
    clock.advance(Duration::from_secs(40 * 365 * 24 * 3600));
    breaker.succeed();
    assert_eq!(breaker.state(), CircuitState::Closed);
}
