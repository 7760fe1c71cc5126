//! How often a call looks at the clock: what most calls cost, and a sign of who takes the lock, which never goes without.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering::Relaxed},
    },
    time::Instant,
};

use super::*;

/// Stands still and counts who looks.
#[derive(Clone)]
struct Watched(Instant, Arc<AtomicU32>);

impl Clock for Watched {
    fn now(&self) -> Instant {
        self.1.fetch_add(1, Relaxed);
        self.0
    }
}

/// How often the breaker looks while it does something, once it has taken its first success.
fn looks(config: CircuitBreakerConfig, act: impl Fn(&CircuitBreaker<Watched>)) -> u32 {
    let looked = Arc::new(AtomicU32::new(0));
    let clock = Watched(VirtualClock::default().now(), Arc::clone(&looked));
    let breaker = CircuitBreaker::with_clock("erp", config, clock);
    breaker.succeed();
    let before = looked.load(Relaxed);
    act(&breaker);
    looked.load(Relaxed) - before
}

#[test]
fn a_success_looks_only_for_a_window_of_time_and_once_more_to_find_slow_calls() {
    let count = CircuitModel::CountWindow { size: 10 };
    let time = CircuitModel::TimeWindow { duration: SECOND, buckets: 2 };
    let cases = [
        (CircuitModel::Consecutive, None, 0),
        (count, None, 0),
        (time, None, 1),
        (count, Some(SECOND), 2),
        (time, Some(SECOND), 2),
    ];
    for (model, slow_call_duration, expected) in cases {
        let config = CircuitBreakerConfig { model, slow_call_duration, minimum_calls: 1_000, ..Default::default() };
        let looks = looks(config, |breaker| (0..100).for_each(|_| breaker.succeed()));
        assert_eq!(looks, 100 * expected, "{model:?} {slow_call_duration:?}");
    }
}

#[test]
fn a_refusal_looks_once_and_one_that_an_operator_forced_not_at_all() {
    let open = |breaker: &CircuitBreaker<Watched>| {
        breaker.fail();
        (0..100).for_each(|_| {
            breaker.refusal();
        });
    };
    let failing = looks(quick(), CircuitBreaker::fail);
    assert_eq!(looks(quick(), open), failing + 100);
    let forcing = looks(quick(), CircuitBreaker::force_open);
    let forced = |breaker: &CircuitBreaker<Watched>| {
        breaker.force_open();
        (0..100).for_each(|_| {
            breaker.refusal();
        });
    };
    assert_eq!(looks(quick(), forced), forcing);
}

/// What says nothing about the other side changes nothing while it is closed.
#[test]
fn a_neutral_result_takes_no_lock_while_it_is_closed() {
    let neutral = |breaker: &CircuitBreaker<Watched>| {
        (0..100).for_each(|_| breaker.try_acquire().expect("closed").record(Outcome::Neutral));
    };
    assert_eq!(looks(quick(), neutral), 0);
}
