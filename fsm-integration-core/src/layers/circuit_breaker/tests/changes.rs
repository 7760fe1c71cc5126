//! What is told, to whom, in which order.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Barrier, OnceLock},
    thread,
};

use futures_util::FutureExt;
use parking_lot::Mutex;

use super::{
    CircuitState::{Closed, HalfOpen, Open},
    *,
};
use crate::observe::{Observer, recorder::Seen};

fn changed(from: CircuitState, to: CircuitState, sequence: u64) -> (String, Observation) {
    ("erp".to_owned(), Observation::CircuitChanged { from, to, sequence })
}

#[test]
fn every_change_is_told_once_and_in_order() {
    let told = Told::default();
    let (breaker, clock) = breaker(CircuitBreakerConfig { success_threshold: 1, ..quick() });
    let breaker = breaker.with_observers(told.observers());
    breaker.succeed();
    breaker.fail();
    clock.advance(60 * SECOND);
    breaker.succeed();
    let expected = [(Closed, Closed, 0), (Closed, Open, 1), (Open, HalfOpen, 2), (HalfOpen, Closed, 3)];
    assert_eq!(told.take(), expected.map(|(from, to, sequence)| changed(from, to, sequence)));
    breaker.force_open();
    let controlled = ("erp".to_owned(), Observation::CircuitControlled { control: "forced_open" });
    assert_eq!(told.take(), [changed(Closed, Open, 4), controlled]);
}

/// Whether refusals are told stands in the word that calls look at, which was stored when it opened.
#[test]
fn who_begins_to_listen_to_an_open_breaker_is_told_of_refusals() {
    let told = Told::default();
    let (breaker, _) = breaker(quick());
    let breaker = breaker.with_observers(Observers::none());
    breaker.fail();
    breaker.refusal();
    let breaker = breaker.with_observers(told.observers());
    told.take();
    breaker.refusal();
    let refused = Observation::CircuitRefused { retry_after: Some(60 * SECOND) };
    assert_eq!(told.take(), [("erp".to_owned(), refused)]);
}

#[test]
fn refusals_are_told_to_those_who_listen() {
    let told = Told::default();
    let (breaker, _) = breaker(quick());
    let breaker = breaker.with_observers(told.observers());
    breaker.fail();
    told.take();
    breaker.refusal();
    let refused = |retry_after| ("erp".to_owned(), Observation::CircuitRefused { retry_after });
    assert_eq!(told.take(), [refused(Some(60 * SECOND))]);
    breaker.force_open();
    told.take();
    breaker.refusal();
    assert_eq!(told.take(), [refused(None)]);
    let breaker = breaker.with_observers(Observers::none());
    breaker.refusal();
    assert_eq!(told.take(), []);
}

/// Flaw F-C8: the call that set the gauge threw, and half-open and reset were never recorded.
#[test]
fn the_gauge_is_there_from_the_beginning_and_follows_every_change() {
    let seen = Seen::default();
    let gauge = |seen: &Seen| seen.take().into_iter().find(|(name, _)| name.contains("circuit_breaker_state"));
    let expect = |value: f64| Some(("integration_circuit_breaker_state erp".to_owned(), value));
    metrics::with_local_recorder(&seen, || {
        let (breaker, clock) = breaker(quick());
        assert_eq!(seen.take(), [expect(0.0).expect("it is there")]);
        breaker.fail();
        assert_eq!(gauge(&seen), expect(2.0));
        clock.advance(60 * SECOND);
        breaker.succeed();
        assert_eq!(gauge(&seen), expect(1.0));
        breaker.reset();
        assert_eq!(gauge(&seen), expect(0.0));
    });
}

/// An observer that looks at the breaker, and changes it, must neither deadlock nor be told out of order.
#[test]
fn observers_run_outside_the_lock() {
    type Seen = Mutex<Vec<CircuitState>>;
    #[derive(Debug, Clone, Default)]
    struct Nosy(Arc<(OnceLock<CircuitBreaker<VirtualClock>>, Seen)>);
    impl Observer for Nosy {
        fn observe(&self, _: &str, observation: &Observation) {
            let Observation::CircuitChanged { to, .. } = *observation else { return };
            let (breaker, seen) = &*self.0;
            let breaker = breaker.get_or_init(|| panic!("set before anything changes"));
            assert_eq!(breaker.snapshot().state, breaker.state());
            if to == Open {
                breaker.reset();
            }
            seen.lock().push(to);
        }
    }
    let nosy = Nosy::default();
    let (breaker, _) = breaker(quick());
    assert!(nosy.0.0.set(breaker.clone()).is_ok());
    breaker.with_observers(Observers::none().with(nosy.clone())).fail();
    assert_eq!(*nosy.0.1.lock(), [Closed, Open, Closed]);
}

#[test]
fn after_an_observer_that_panics_the_next_change_is_told() {
    #[derive(Debug)]
    struct Explosive;
    impl Observer for Explosive {
        fn observe(&self, _: &str, observation: &Observation) {
            assert!(!matches!(observation, Observation::CircuitChanged { to: Open, .. }), "planted");
        }
    }
    let told = Told::default();
    let (breaker, _) = breaker(quick());
    let breaker = breaker.with_observers(told.observers().with(Explosive));
    assert!(catch_unwind(AssertUnwindSafe(|| breaker.fail())).is_err());
    told.take();
    breaker.reset();
    assert_eq!(told.take()[0], changed(Open, Closed, 2));
}

/// Two threads that change it at once: the last that is told is what it is.
#[test]
fn changes_of_many_threads_are_told_in_order() {
    let told = Told::default();
    let breaker = CircuitBreaker::new("erp", quick()).with_observers(told.observers());
    let start = Barrier::new(4);
    thread::scope(|scope| {
        for number in 0..4 {
            let (breaker, start) = (&breaker, &start);
            scope.spawn(move || {
                start.wait();
                for _ in 0..200 {
                    if number % 2 == 0 { breaker.force_open() } else { breaker.reset() }
                }
            });
        }
    });
    let sequences: Vec<_> = told
        .take()
        .into_iter()
        .filter_map(|(_, observation)| match observation {
            Observation::CircuitChanged { from, to, sequence } => Some((from, to, sequence)),
            _ => None,
        })
        .collect();
    for (before, after) in sequences.iter().zip(&sequences[1..]) {
        assert_eq!((before.1, before.2 + 1), (after.0, after.2));
    }
    assert_eq!(sequences.last().map(|last| last.1), Some(breaker.state()));
}

#[test]
fn a_subscriber_gets_the_changes_in_their_order_until_the_breaker_is_gone() {
    let (breaker, clock) = breaker(quick());
    breaker.force_open();
    breaker.reset();
    let mut changes = breaker.subscribe();
    breaker.fail();
    clock.advance(60 * SECOND);
    drop(breaker.try_acquire());
    let expected = [(Closed, Open, 3), (Open, HalfOpen, 4)];
    for (from, to, sequence) in expected {
        let change = CircuitChange { from, to, sequence, missed: 0 };
        assert_eq!(changes.next().now_or_never(), Some(Some(change)));
    }
    assert_eq!(changes.next().now_or_never(), None);
    drop(breaker);
    assert_eq!(changes.next().now_or_never(), Some(None));
}

#[test]
fn a_subscriber_that_is_slow_learns_how_many_it_missed() {
    let (breaker, _) = breaker(quick());
    let mut changes = breaker.subscribe();
    for _ in 0..50 {
        breaker.force_open();
        breaker.reset();
    }
    let mut next = || changes.next().now_or_never().flatten().map(|next| (next.missed, next.sequence));
    assert_eq!([next(), next()], [Some((36, 37)), Some((0, 38))], "the last 64 are kept");
}
