//! The two windows, through the handle and by themselves.

use super::{
    super::{count_window::CountWindow, figures::Counted, time_window::TimeWindow},
    *,
};

fn counted(size: u32) -> CircuitBreakerConfig {
    CircuitBreakerConfig { model: CircuitModel::CountWindow { size }, minimum_calls: 4, ..Default::default() }
}

fn timed() -> CircuitBreakerConfig {
    let model = CircuitModel::TimeWindow { duration: 10 * SECOND, buckets: 10 };
    CircuitBreakerConfig { model, minimum_calls: 4, ..Default::default() }
}

fn figures<C: Clock>(breaker: &CircuitBreaker<C>) -> (u64, u64, u64) {
    let CircuitSnapshot { calls, failures, slow, .. } = breaker.snapshot();
    (calls, failures, slow)
}

/// A peer's window of calls keeps a failure until it is reset.
#[test]
fn a_count_window_slides() {
    let (breaker, _) = breaker(counted(10));
    (0..6).for_each(|_| breaker.succeed());
    (0..4).for_each(|_| breaker.fail());
    assert_eq!(figures(&breaker), (10, 4, 0));
    (0..6).for_each(|_| breaker.succeed());
    assert_eq!(figures(&breaker), (10, 4, 0), "six successes left");
    (0..3).for_each(|_| breaker.succeed());
    assert_eq!(figures(&breaker), (10, 1, 0));
    (0..3).for_each(|_| breaker.fail());
    assert_eq!((figures(&breaker), breaker.state()), ((10, 3, 0), CircuitState::Closed));
    assert_eq!(breaker.snapshot().failure_rate(), 0.3);
}

#[test]
fn a_window_opens_at_its_rate_and_not_before_the_minimum() {
    for config in [counted(100), timed()] {
        let (breaker, _) = breaker(config);
        (0..3).for_each(|_| breaker.fail());
        assert_eq!(breaker.state(), CircuitState::Closed, "three calls are too few");
        breaker.fail();
        assert_eq!(breaker.state(), CircuitState::Open);

        breaker.reset();
        (0..99).for_each(|_| breaker.succeed());
        (0..49).for_each(|_| breaker.fail());
        assert_eq!(breaker.state(), CircuitState::Closed);
    }
}

/// resilience4j judges with every result, so that a success can be the one that completes the minimum.
#[test]
fn the_success_that_completes_the_minimum_opens_it() {
    for config in [counted(100), timed()] {
        let (breaker, _) = breaker(config);
        breaker.succeed();
        (0..2).for_each(|_| breaker.fail());
        assert_eq!(breaker.state(), CircuitState::Closed);
        breaker.succeed();
        assert_eq!(breaker.state(), CircuitState::Open);
    }
}

#[test]
fn a_minimum_above_the_size_is_the_size() {
    let (breaker, _) = breaker(CircuitBreakerConfig { minimum_calls: 100, ..counted(2) });
    breaker.fail();
    breaker.fail();
    assert_eq!(breaker.state(), CircuitState::Open);
}

#[test]
fn slow_calls_open_a_window_though_they_succeed() {
    for config in [counted(10), timed()] {
        let (breaker, clock) =
            breaker(CircuitBreakerConfig { slow_call_duration: Some(SECOND), slow_call_rate: 0.5, ..config });
        for took in [0, 999, 1000, 1000] {
            let call = breaker.try_acquire().expect("closed");
            clock.advance(Duration::from_millis(took));
            call.record(Outcome::Success);
        }
        assert_eq!((breaker.state(), breaker.snapshot().opened), (CircuitState::Open, 1), "two of four were slow");
    }
}

#[test]
fn a_slow_failure_is_both() {
    let (breaker, clock) = breaker(CircuitBreakerConfig { slow_call_duration: Some(SECOND), ..counted(10) });
    let call = breaker.try_acquire().expect("closed");
    clock.advance(SECOND);
    call.record(Outcome::Failure);
    assert_eq!(figures(&breaker), (1, 1, 1));
    assert_eq!((breaker.snapshot().failure_rate(), breaker.snapshot().slow_rate()), (1.0, 1.0));
}

#[test]
fn a_slow_call_leaves_a_count_window() {
    let (breaker, clock) = breaker(CircuitBreakerConfig { slow_call_duration: Some(SECOND), ..counted(4) });
    let call = breaker.try_acquire().expect("closed");
    clock.advance(SECOND);
    call.record(Outcome::Success);
    (0..3).for_each(|_| breaker.succeed());
    assert_eq!(figures(&breaker), (4, 0, 1));
    breaker.succeed();
    assert_eq!(figures(&breaker), (4, 0, 0));
}

#[test]
fn a_time_window_forgets_what_is_old() {
    let (breaker, clock) = breaker(timed());
    (0..6).for_each(|_| breaker.succeed());
    (0..3).for_each(|_| breaker.fail());
    clock.advance(9 * SECOND);
    assert_eq!(figures(&breaker), (9, 3, 0));
    clock.advance(SECOND);
    assert_eq!(figures(&breaker), (0, 0, 0));
    (0..3).for_each(|_| breaker.fail());
    assert_eq!(breaker.state(), CircuitState::Closed, "three calls are too few");
}

/// What leaves a window of time may raise its rate: the next call is judged.
#[test]
fn a_rate_that_rises_because_successes_grow_old_opens_it() {
    let (breaker, clock) = breaker(timed());
    (0..100).for_each(|_| breaker.succeed());
    clock.advance(5 * SECOND);
    (0..9).for_each(|_| breaker.fail());
    clock.advance(5 * SECOND);
    assert_eq!(breaker.state(), CircuitState::Closed);
    breaker.succeed();
    assert_eq!(breaker.state(), CircuitState::Open);
}

/// Whatever lets time pass for the window without a result that counts leaves the judgement to the next that does.
#[test]
fn a_rate_that_rose_while_nothing_was_judged_is_judged_by_the_next_success() {
    type Idle = fn(&CircuitBreaker<VirtualClock>, Permit<VirtualClock>);
    let idle: [Idle; 4] = [
        |breaker, _| drop(breaker.snapshot()),
        |_, late| late.record(Outcome::Failure),
        |breaker, _| drop(breaker.try_acquire()),
        |breaker, _| breaker.reconfigure(timed()),
    ];
    for idle in idle {
        let (breaker, clock) = breaker(timed());
        let late = breaker.try_acquire().expect("closed");
        breaker.reset();
        (0..100).for_each(|_| breaker.succeed());
        clock.advance(5 * SECOND);
        (0..9).for_each(|_| breaker.fail());
        clock.advance(5 * SECOND);
        idle(&breaker, late);
        assert_eq!(breaker.state(), CircuitState::Closed, "no result, no judgement");
        breaker.succeed();
        assert_eq!(breaker.state(), CircuitState::Open);
    }
}

#[test]
fn under_stricter_settings_the_next_result_is_judged_even_a_success() {
    for config in [counted(10), timed()] {
        let (breaker, _) = breaker(config);
        (0..6).for_each(|_| breaker.succeed());
        (0..3).for_each(|_| breaker.fail());
        breaker.reconfigure(CircuitBreakerConfig { failure_rate: 0.3, ..config });
        assert_eq!(breaker.state(), CircuitState::Closed, "no result, no judgement");
        breaker.succeed();
        assert_eq!(breaker.state(), CircuitState::Open, "three of ten");
    }
}

#[test]
fn neutral_and_cancelled_calls_are_in_no_window() {
    for config in [counted(10), timed()] {
        let (breaker, _) = breaker(config);
        for _ in 0..5 {
            breaker.try_acquire().expect("closed").record(Outcome::Neutral);
            drop(breaker.try_acquire());
        }
        assert_eq!(figures(&breaker), (0, 0, 0));
    }
}

#[test]
fn a_late_result_is_in_no_window() {
    for config in [counted(10), timed()] {
        let (breaker, _) = breaker(config);
        let [late_success, late_failure] = [(); 2].map(|()| breaker.try_acquire().expect("closed"));
        breaker.reset();
        late_success.record(Outcome::Success);
        late_failure.record(Outcome::Failure);
        assert_eq!(figures(&breaker), (0, 0, 0));
    }
}

#[test]
fn other_settings_keep_the_window() {
    let (breaker, _) = breaker(counted(10));
    (0..20).for_each(|_| breaker.succeed());
    (0..2).for_each(|_| breaker.fail());
    (0..5).for_each(|_| breaker.succeed());
    breaker.reconfigure(counted(6));
    assert_eq!(figures(&breaker), (6, 1, 0));
    breaker.reconfigure(counted(8));
    assert_eq!(figures(&breaker), (6, 1, 0), "what had left does not come back");
    breaker.fail();
    (0..3).for_each(|_| breaker.succeed());
    assert_eq!(figures(&breaker), (8, 1, 0), "and the larger window slides");

    let (breaker, clock) = self::breaker(timed());
    (0..5).for_each(|_| breaker.succeed());
    clock.advance(5 * SECOND);
    breaker.fail();
    let model = CircuitModel::TimeWindow { duration: 4 * SECOND, buckets: 2 };
    breaker.reconfigure(CircuitBreakerConfig { model, ..timed() });
    assert_eq!(figures(&breaker), (1, 1, 0));
    breaker.reconfigure(counted(10));
    assert_eq!(figures(&breaker), (0, 0, 0), "another kind of window begins anew");
}

/// A call that was admitted under another kind of window is in neither.
#[test]
fn a_call_under_way_while_the_kind_changes_counts_nowhere() {
    let (breaker, _) = breaker(counted(10));
    let call = breaker.try_acquire().expect("closed");
    breaker.reconfigure(timed());
    call.record(Outcome::Success);
    assert_eq!(figures(&breaker), (0, 0, 0));
    breaker.succeed();
    assert_eq!(figures(&breaker), (1, 0, 0));
}

#[test]
fn a_time_window_with_fewer_buckets_keeps_fewer() {
    let mut window = TimeWindow::new(10 * SECOND, 10, 0);
    for second in 0..10 {
        window.advance(second * 1_000_000_000);
        window.record(Counted { failed: true, slow: false });
    }
    window.resize(10 * SECOND, 2, 9_000_000_000);
    assert_eq!((window.figures().failures, window.kept()), (10, 2));
}

/// A peer's window of time looks at each call in it with every call: 6.6 µs at ten thousand.
#[test]
fn what_a_window_keeps_does_not_grow_with_its_calls() {
    let success = Counted { failed: false, slow: false };
    let failure = Counted { failed: true, slow: false };
    let mut time = TimeWindow::new(10 * SECOND, 10, 0);
    let mut count = CountWindow::new(1000);
    let mut kept = Vec::new();
    for calls in [10, 1_000_000] {
        for call in 0..calls {
            time.advance(call * 1000);
            time.record(if call % 2 == 0 { success } else { failure });
            count.record(success);
        }
        kept.push((time.kept(), count.kept()));
    }
    assert_eq!(kept, [(1, 0), (1, 0)]);
    (0..5000).for_each(|_| count.record(failure));
    assert_eq!(count.kept(), 1000, "failures in the window, and no more");
}
