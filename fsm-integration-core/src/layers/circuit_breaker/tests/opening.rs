//! How long it stays open, and how it closes again.

use super::*;
use crate::error::{Error, ErrorKind};

#[test]
fn the_wait_grows_while_it_opens_again_and_again() {
    let config = CircuitBreakerConfig {
        reset_multiplier: 2.0,
        max_reset_timeout: 200 * SECOND,
        success_threshold: 1,
        stable_after: 30 * SECOND,
        ..quick()
    };
    let (breaker, clock) = breaker(config);
    for wait in [60, 120, 200, 200] {
        breaker.fail();
        assert_eq!(breaker.refusal(), open(wait * SECOND));
        clock.advance(wait * SECOND);
    }
    breaker.succeed();
    clock.advance(29 * SECOND);
    breaker.fail();
    assert_eq!(breaker.refusal(), open(200 * SECOND), "it was not closed for long");
    clock.advance(200 * SECOND);
    breaker.succeed();
    clock.advance(30 * SECOND);
    breaker.fail();
    assert_eq!(breaker.refusal(), open(60 * SECOND), "it was closed for long enough");
}

#[test]
fn an_operators_reset_begins_with_the_first_wait() {
    let (breaker, clock) = breaker(CircuitBreakerConfig { reset_multiplier: 2.0, ..quick() });
    breaker.fail();
    clock.advance(60 * SECOND);
    breaker.fail();
    assert_eq!(breaker.refusal(), open(120 * SECOND));
    breaker.reset();
    breaker.fail();
    assert_eq!(breaker.refusal(), open(60 * SECOND));
}

#[tokio::test]
async fn the_partners_own_hint_lengthens_the_wait() {
    let (breaker, _) = breaker(quick());
    let unavailable = Error::new(ErrorKind::Unavailable, "503").with_retry_after(Some(90 * SECOND));
    assert!(breaker.call(async { Err::<(), _>(unavailable) }).await.is_err());
    assert_eq!(breaker.refusal(), open(90 * SECOND));

    breaker.reset();
    let greedy = Error::new(ErrorKind::Unavailable, "503").with_retry_after(Some(3600 * SECOND));
    assert!(breaker.try_acquire().expect("closed").record_result(Err::<(), _>(greedy)).is_err());
    assert_eq!(breaker.refusal(), open(300 * SECOND), "not beyond its cap");
}

#[test]
fn a_ratio_of_the_probes_can_decide() {
    let config = CircuitBreakerConfig {
        success_threshold: 4,
        half_open_max_calls: 4,
        half_open_failure_rate: Some(0.5),
        ..quick()
    };
    for (results, expected) in [
        ("+-+", CircuitState::HalfOpen),
        ("+-++", CircuitState::Closed),
        ("--", CircuitState::Open),
        ("+-+-", CircuitState::Open),
    ] {
        let (breaker, clock) = breaker(config);
        breaker.fail();
        clock.advance(60 * SECOND);
        for result in results.chars() {
            if result == '+' { breaker.succeed() } else { breaker.fail() }
        }
        assert_eq!(breaker.state(), expected, "{results}");
    }
}

#[test]
fn probes_that_are_all_slow_open_it_again() {
    let config = CircuitBreakerConfig {
        model: CircuitModel::CountWindow { size: 1 },
        slow_call_duration: Some(SECOND),
        ..CircuitBreakerConfig::default()
    };
    for (slow, expected) in [([true, true], CircuitState::Open), ([true, false], CircuitState::Closed)] {
        let (breaker, clock) = breaker(config);
        breaker.fail();
        clock.advance(60 * SECOND);
        for slow in slow {
            let probe = breaker.try_acquire().expect("half-open");
            clock.advance(if slow { SECOND } else { Duration::ZERO });
            probe.record(Outcome::Success);
        }
        assert_eq!(breaker.state(), expected);
    }
}

#[test]
fn other_settings_keep_the_state_and_what_was_counted() {
    let (breaker, clock) = breaker(CircuitBreakerConfig::default());
    (0..3).for_each(|_| breaker.fail());
    breaker.reconfigure(CircuitBreakerConfig { failure_threshold: 4, reset_timeout: SECOND, ..Default::default() });
    assert_eq!((breaker.snapshot().failures, breaker.config().failure_threshold), (3, 4));
    breaker.fail();
    assert_eq!(breaker.refusal(), open(SECOND));
    breaker.reconfigure(CircuitBreakerConfig::default());
    assert_eq!(breaker.refusal(), open(SECOND), "a wait under way stays");
    clock.advance(SECOND);
    let probe = breaker.try_acquire().expect("half-open");
    breaker.reconfigure(CircuitBreakerConfig { model: CircuitModel::CountWindow { size: 9 }, ..Default::default() });
    probe.record(Outcome::Success);
    assert_eq!((breaker.snapshot().calls, breaker.state()), (1, CircuitState::HalfOpen), "a probe under way counts");
}

/// A rejection must not sleep: it is there at the first poll, and needs no timer.
#[test]
fn a_refusal_is_ready_at_once_and_needs_no_runtime() {
    use futures_util::FutureExt;
    let (breaker, _) = breaker(quick());
    breaker.fail();
    let refused = breaker.call(async { Ok::<(), Failure>(()) }).now_or_never();
    assert_eq!(refused, Some(Err(Failure::CircuitOpen(open(60 * SECOND)))));
}
