//! How long half-open may last.

use super::*;

/// Half-open since now.
fn half_open(config: CircuitBreakerConfig) -> (CircuitBreaker<VirtualClock>, VirtualClock) {
    let (breaker, clock) = breaker(config);
    breaker.fail();
    clock.advance(60 * SECOND);
    (breaker, clock)
}

fn patient(half_open_timeout: Duration) -> CircuitBreakerConfig {
    CircuitBreakerConfig { half_open_timeout, ..quick() }
}

#[test]
fn a_probe_that_hangs_opens_it_again() {
    let (breaker, clock) = half_open(patient(30 * SECOND));
    let hung = breaker.try_acquire().expect("half-open");
    clock.advance(30 * SECOND);
    assert_eq!((breaker.refusal(), breaker.state()), (open(60 * SECOND), CircuitState::Open));
    clock.advance(60 * SECOND);
    let probe = breaker.try_acquire().expect("half-open again");
    hung.record(Outcome::Failure);
    assert_eq!(breaker.state(), CircuitState::HalfOpen, "the hung probe's result comes too late");
    probe.record(Outcome::Success);
}

/// Peers leave half-open by a result that counts alone, so that refused requests keep it for ever.
#[test]
fn probes_that_all_end_without_telling_anything_open_it_again() {
    for outcome in [Outcome::Neutral, Outcome::Cancelled] {
        let (breaker, clock) = half_open(patient(30 * SECOND));
        for _ in 0..30 {
            breaker.try_acquire().expect("half-open").record(outcome);
            clock.advance(SECOND);
        }
        assert_eq!((breaker.refusal(), breaker.state()), (open(60 * SECOND), CircuitState::Open), "{outcome:?}");
        assert_eq!(breaker.snapshot().opened, 2);
    }
}

#[test]
fn what_a_probe_tells_after_the_time_changes_nothing() {
    for outcome in [Outcome::Success, Outcome::Failure, Outcome::Neutral, Outcome::Cancelled] {
        let config = CircuitBreakerConfig { success_threshold: 1, ..patient(30 * SECOND) };
        let (breaker, clock) = half_open(config);
        let late = breaker.try_acquire().expect("half-open");
        clock.advance(30 * SECOND);
        breaker.refusal();
        late.record(outcome);
        assert_eq!((breaker.refusal(), breaker.snapshot().opened), (open(60 * SECOND), 2), "{outcome:?}");
    }
}

#[test]
fn the_time_counts_from_the_first_probe_that_told_nothing() {
    let (breaker, clock) = half_open(quick());
    let first = breaker.try_acquire().expect("half-open");
    clock.advance(10 * SECOND);
    drop(first);
    clock.advance(49 * SECOND);
    let _probe = breaker.try_acquire().expect("half-open");
    assert_eq!(breaker.refusal(), open(SECOND));
    clock.advance(SECOND);
    assert_eq!((breaker.refusal(), breaker.state()), (open(60 * SECOND), CircuitState::Open));
}

/// With a limit on the stay as a whole a partner that needs most of it for an answer would never close it.
#[test]
fn a_partner_that_answers_slowly_closes_it() {
    let (breaker, clock) = half_open(CircuitBreakerConfig { success_threshold: 4, ..patient(30 * SECOND) });
    for _ in 0..4 {
        let probe = breaker.try_acquire().expect("half-open");
        clock.advance(29 * SECOND);
        probe.record(Outcome::Success);
    }
    assert_eq!(breaker.state(), CircuitState::Closed);
}

#[test]
fn a_partner_that_is_seldom_asked_closes_it() {
    let (breaker, clock) = half_open(patient(30 * SECOND));
    for _ in 0..2 {
        clock.advance(3600 * SECOND);
        breaker.succeed();
    }
    assert_eq!(breaker.state(), CircuitState::Closed);
}

/// A success beside it says that the partner is well, and not that this call will end.
#[test]
fn a_probe_that_hangs_beside_one_that_succeeded_opens_it_again() {
    let config = CircuitBreakerConfig { half_open_max_calls: 2, ..patient(30 * SECOND) };
    let (breaker, clock) = half_open(config);
    let _hung = breaker.try_acquire().expect("half-open");
    clock.advance(20 * SECOND);
    breaker.succeed();
    clock.advance(29 * SECOND);
    assert_eq!(breaker.refusal(), open(SECOND), "the others have the time anew");
    clock.advance(SECOND);
    assert_eq!((breaker.refusal(), breaker.state()), (open(60 * SECOND), CircuitState::Open));
}

#[test]
fn it_is_open_from_when_the_time_was_over_though_nobody_asked_then() {
    let (breaker, clock) = half_open(patient(30 * SECOND));
    drop(breaker.try_acquire().expect("half-open"));
    clock.advance(70 * SECOND);
    assert_eq!(breaker.refusal(), open(20 * SECOND));

    let (breaker, clock) = half_open(patient(30 * SECOND));
    let hung = breaker.try_acquire().expect("half-open");
    clock.advance(90 * SECOND);
    breaker.succeed();
    hung.record(Outcome::Failure);
    assert_eq!(
        (breaker.state(), breaker.snapshot().opened),
        (CircuitState::HalfOpen, 2),
        "open for its wait meanwhile"
    );
}

#[test]
fn a_result_that_nobody_asked_before_counts_however_late() {
    let (breaker, clock) = half_open(CircuitBreakerConfig { success_threshold: 1, ..patient(30 * SECOND) });
    let slow = breaker.try_acquire().expect("half-open");
    clock.advance(31 * SECOND);
    slow.record(Outcome::Success);
    assert_eq!(breaker.state(), CircuitState::Closed);
}
