use std::sync::atomic::{AtomicU64, Ordering};

use metrics::{
    Counter, Gauge, GaugeFn, Histogram, Key, KeyName, Metadata, Recorder, SharedString, Unit, with_local_recorder,
};
use parking_lot::Mutex;

use super::*;

/// Keeps every value that a gauge was set to.
#[derive(Debug, Default, Clone)]
struct Recorded(Arc<Mutex<Vec<(String, f64)>>>);

struct OneGauge(Recorded, String);

impl GaugeFn for OneGauge {
    fn increment(&self, _: f64) {}
    fn decrement(&self, _: f64) {}
    fn set(&self, value: f64) {
        self.0.0.lock().push((self.1.clone(), value));
    }
}

impl Recorder for Recorded {
    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn register_counter(&self, _: &Key, _: &Metadata<'_>) -> Counter {
        Counter::noop()
    }
    fn register_gauge(&self, key: &Key, _: &Metadata<'_>) -> Gauge {
        Gauge::from_arc(Arc::new(OneGauge(self.clone(), key.to_string())))
    }
    fn register_histogram(&self, _: &Key, _: &Metadata<'_>) -> Histogram {
        Histogram::noop()
    }
}

/// Flaw F-C8: the call that set the gauge threw, and half-open and reset were never recorded.
#[test]
fn every_transition_sets_the_gauge_once() {
    let recorded = Recorded::default();
    with_local_recorder(&recorded, || {
        let (breaker, clock) = breaker(CircuitBreakerConfig { success_threshold: 1, ..quick() });
        breaker.succeed();
        breaker.fail();
        breaker.refusal();
        breaker.refusal();
        clock.advance(60 * SECOND);
        breaker.succeed();
        breaker.force_open();
        breaker.reset();
    });
    let recorded = recorded.0.lock();
    assert!(recorded.iter().all(|(key, _)| key.contains("integration_circuit_breaker_state") && key.contains("erp")));
    let values: Vec<_> = recorded.iter().map(|(_, value)| *value).collect();
    assert_eq!(values, [0.0, 2.0, 1.0, 0.0, 2.0, 0.0]);
}

/// Counts events and spans nothing else.
struct Events(Arc<AtomicU64>);

impl tracing::Subscriber for Events {
    fn enabled(&self, metadata: &tracing::Metadata<'_>) -> bool {
        metadata.target().contains("circuit_breaker")
    }
    fn new_span(&self, _: &tracing::span::Attributes<'_>) -> tracing::span::Id {
        tracing::span::Id::from_u64(1)
    }
    fn record(&self, _: &tracing::span::Id, _: &tracing::span::Record<'_>) {}
    fn record_follows_from(&self, _: &tracing::span::Id, _: &tracing::span::Id) {}
    fn event(&self, _: &tracing::Event<'_>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
    fn enter(&self, _: &tracing::span::Id) {}
    fn exit(&self, _: &tracing::span::Id) {}
}

#[test]
fn every_transition_is_logged_once_and_refusals_are_not() {
    let open_probe_and_close = || {
        let (breaker, clock) = breaker(CircuitBreakerConfig { success_threshold: 1, ..quick() });
        breaker.fail();
        for _ in 0..100 {
            breaker.refusal();
        }
        clock.advance(60 * SECOND);
        breaker.succeed();
    };
    let lines = Arc::new(AtomicU64::new(0));
    tracing::subscriber::with_default(Events(Arc::clone(&lines)), || {
        // A line that another test's thread reaches first is cached as unwanted, since that thread has no
        // subscriber: reach every line once, then ask anew.
        open_probe_and_close();
        tracing::callsite::rebuild_interest_cache();
        lines.store(0, Ordering::Relaxed);
        open_probe_and_close();
    });
    assert_eq!(lines.load(Ordering::Relaxed), 3, "open, half-open, closed");
}

/// A recorder that calls the breaker must not deadlock.
#[test]
fn observers_run_outside_the_lock() {
    struct Nosy(CircuitBreaker<VirtualClock>);
    impl tracing::Subscriber for Nosy {
        fn enabled(&self, _: &tracing::Metadata<'_>) -> bool {
            true
        }
        fn new_span(&self, _: &tracing::span::Attributes<'_>) -> tracing::span::Id {
            tracing::span::Id::from_u64(1)
        }
        fn record(&self, _: &tracing::span::Id, _: &tracing::span::Record<'_>) {}
        fn record_follows_from(&self, _: &tracing::span::Id, _: &tracing::span::Id) {}
        fn event(&self, _: &tracing::Event<'_>) {
            let _ = self.0.snapshot();
        }
        fn enter(&self, _: &tracing::span::Id) {}
        fn exit(&self, _: &tracing::span::Id) {}
    }
    let (breaker, _) = breaker(quick());
    tracing::subscriber::with_default(Nosy(breaker.clone()), || breaker.fail());
    assert_eq!(breaker.state(), CircuitState::Open);
}
