use std::thread;

use super::*;

/// Threads that succeed, fail and drop at random; never more probes than allowed, and it ends well.
#[test]
fn under_many_threads_probes_stay_bounded_and_nothing_is_lost() {
    let config = CircuitBreakerConfig {
        failure_threshold: 2,
        success_threshold: 3,
        half_open_max_calls: 2,
        reset_timeout: Duration::ZERO,
        ..Default::default()
    };
    let breaker = CircuitBreaker::new("erp", config);
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| (0..20_000).for_each(|_| one_call(&breaker)));
        }
    });
    assert_eq!(breaker.snapshot().probes, 0, "every permit came back");
    (0..3).for_each(|_| breaker.succeed());
    assert_eq!(breaker.state(), CircuitState::Closed);
}

fn one_call(breaker: &CircuitBreaker) {
    let Ok(permit) = breaker.try_acquire() else { return };
    let snapshot = breaker.snapshot();
    assert!(snapshot.probes <= 2, "{snapshot:?}");
    match fastrand::u8(..8) {
        0..2 => permit.record(Outcome::Failure),
        2 => drop(permit),
        3 => permit.record(Outcome::Neutral),
        _ => permit.record(Outcome::Success),
    }
}
