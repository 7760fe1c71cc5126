//! Every interleaving of a few threads, by loom; see `sync.rs` for how to run it.

use loom::thread;

use super::*;

fn config(model: CircuitModel) -> CircuitBreakerConfig {
    CircuitBreakerConfig { model, minimum_calls: 10, ..Default::default() }
}

const WINDOWS: [CircuitModel; 2] =
    [CircuitModel::CountWindow { size: 10 }, CircuitModel::TimeWindow { duration: SECOND, buckets: 1 }];

fn model(config: CircuitBreakerConfig, check: impl Fn(&CircuitBreaker<VirtualClock>) + Sync + Send + 'static) {
    loom::model(move || {
        let breaker = CircuitBreaker::create("erp".into(), config, VirtualClock::default(), Observers::none());
        check(&breaker);
    });
}

/// Does all of it at once, the last in the present thread, and waits for the end.
fn together(breaker: &CircuitBreaker<VirtualClock>, acts: &[fn(&CircuitBreaker<VirtualClock>)]) {
    let (last, others) = acts.split_last().expect("something to do");
    let threads: Vec<_> = others
        .iter()
        .map(|act| {
            let (act, breaker) = (*act, breaker.clone());
            thread::spawn(move || act(&breaker))
        })
        .collect();
    last(breaker);
    threads.into_iter().for_each(|thread| thread.join().expect("no panic"));
}

/// The linearizable meaning of a window: when nothing is under way, it holds exactly what ended.
#[test]
fn loom_no_result_is_lost_or_counted_twice() {
    for window in WINDOWS {
        model(config(window), |breaker| {
            together(breaker, &[CircuitBreaker::succeed, CircuitBreaker::fail, CircuitBreaker::succeed]);
            let snapshot = breaker.snapshot();
            assert_eq!((snapshot.calls, snapshot.failures), (3, 1));
        });
    }
}

#[test]
fn loom_a_result_counts_in_its_own_epoch_or_nowhere() {
    for window in WINDOWS {
        model(config(window), |breaker| {
            let late = breaker.try_acquire().expect("closed");
            let other = breaker.clone();
            let thread = thread::spawn(move || late.record(Outcome::Success));
            other.reset();
            other.succeed();
            thread.join().expect("no panic");
            assert_eq!(breaker.snapshot().calls, 1);
        });
    }
}

#[test]
fn loom_whoever_completes_a_rate_opens_it() {
    for window in WINDOWS {
        let config = CircuitBreakerConfig { minimum_calls: 2, ..config(window) };
        model(config, |breaker| {
            together(breaker, &[CircuitBreaker::fail, CircuitBreaker::succeed]);
            assert_eq!(breaker.state(), CircuitState::Open, "one of two failed, whichever came last");
        });
    }
}

/// Of somebody who looks and a success, both in a new bucket, one lets the old successes go; the other must notice.
#[test]
fn loom_a_success_is_judged_though_another_moves_the_window() {
    let window = CircuitModel::TimeWindow { duration: SECOND, buckets: 2 };
    loom::model(move || {
        let clock = VirtualClock::default();
        let config = CircuitBreakerConfig { minimum_calls: 1, ..config(window) };
        let breaker = CircuitBreaker::create("erp".into(), config, clock.clone(), Observers::none());
        (0..2).for_each(|_| breaker.succeed());
        clock.advance(SECOND / 2);
        breaker.fail();
        clock.advance(SECOND / 2);
        together(&breaker, &[|breaker| drop(breaker.snapshot()), CircuitBreaker::succeed]);
        assert_eq!(breaker.state(), CircuitState::Open, "one of two failed, whoever came first");
    });
}

#[test]
fn loom_a_window_goes_on_under_other_settings() {
    model(config(WINDOWS[0]), |breaker| {
        together(
            breaker,
            &[CircuitBreaker::succeed, |breaker| {
                breaker.reconfigure(config(CircuitModel::CountWindow { size: 5 }));
            }],
        );
        assert_eq!(breaker.snapshot().calls, 1);
    });
}

#[test]
fn loom_one_probe_is_admitted_of_two_that_ask() {
    let config = CircuitBreakerConfig { failure_threshold: 1, reset_timeout: Duration::ZERO, ..Default::default() };
    model(config, |breaker| {
        breaker.fail();
        let other = breaker.clone();
        let thread = thread::spawn(move || other.try_acquire());
        let (one, two) = (breaker.try_acquire(), thread.join().expect("no panic"));
        assert!(one.is_ok() != two.is_ok());
    });
}

#[test]
fn loom_the_last_that_is_told_is_what_it_is() {
    model(CircuitBreakerConfig::default(), |breaker| {
        let told = Told::default();
        let breaker = breaker.clone().with_observers(told.observers());
        together(&breaker, &[CircuitBreaker::force_open, CircuitBreaker::reset]);
        let changes: Vec<_> = told
            .take()
            .into_iter()
            .filter_map(|(_, observation)| match observation {
                Observation::CircuitChanged { to, sequence, .. } => Some((sequence, to)),
                _ => None,
            })
            .collect();
        assert!(changes.is_sorted_by_key(|(sequence, _)| *sequence));
        assert_eq!(changes.last().map(|(_, to)| *to), Some(breaker.state()));
    });
}
