use std::{future::pending, panic::AssertUnwindSafe};

use futures_util::FutureExt;
use tower::{Layer, Service, ServiceExt};

use super::*;
use crate::{
    error::{BoxError, BulkheadFull, Error, ErrorKind, RateLimited, TimedOut},
    testing::{MockService, probe::Probe},
};

#[tokio::test]
async fn the_layer_passes_the_probe() {
    let breaker = CircuitBreaker::new("erp", CircuitBreakerConfig::default());
    let panics = || breaker.snapshot().failures as usize;
    let probe = Probe { panics: Some(&panics), ..Probe::default() };
    let layer = CircuitBreakerLayer::new(breaker.clone());
    probe.layer(|inner| layer.layer(inner)).await;
    probe.layer_boxed(|inner| layer.layer(inner)).await;
    let layer = layer.leak();
    probe.layer(|inner| layer.layer(inner)).await;
    probe.layer_boxed(|inner| layer.layer(inner)).await;
}

/// In half-open a call holds one of few places.
#[tokio::test]
async fn the_layer_of_a_half_open_breaker_passes_the_probe() {
    // More probes than are made, and none that fails opens it.
    let config = CircuitBreakerConfig { success_threshold: 100, half_open_failure_rate: Some(2.0), ..quick() };
    let (breaker, clock) = breaker(config);
    breaker.fail();
    clock.advance(60 * SECOND);
    breaker.succeed();
    let held = || breaker.snapshot().probes as usize;
    let panics = || breaker.snapshot().failures as usize;
    let probe = Probe { held: &held, panics: Some(&panics), ..Probe::default() };
    let layer = CircuitBreakerLayer::new(breaker.clone());
    let leaked = layer.clone().leak();
    probe.layer(|inner| layer.layer(inner)).await;
    probe.layer_boxed(|inner| layer.layer(inner)).await;
    probe.layer(|inner| leaked.layer(inner)).await;
    probe.layer_boxed(|inner| leaked.layer(inner)).await;
    assert_eq!(breaker.state(), CircuitState::HalfOpen, "all of it was half-open");
}

#[tokio::test]
async fn a_leaked_layer_and_its_handle_are_one_breaker() {
    let config = CircuitBreakerConfig { failure_threshold: 1, ..CircuitBreakerConfig::default() };
    let breaker = CircuitBreaker::new("erp", config);
    let layer = CircuitBreakerLayer::new(breaker.clone()).leak();
    let broken = || tower::service_fn(async |()| Err::<(), _>(Failure::Transient));
    let (first, second) = (layer.layer(broken()), layer.clone().layer(broken()));
    assert_eq!(first.clone().oneshot(()).await, Err(Failure::Transient));
    assert_eq!(breaker.state(), CircuitState::Open);
    assert!(matches!(second.oneshot(()).await, Err(Failure::CircuitOpen(_))));
    breaker.reset();
    assert_eq!(first.oneshot(()).await, Err(Failure::Transient), "it asks again");
}

#[test]
fn open_breaker_rejects_without_calling() {
    let (breaker, _) = breaker(quick());
    breaker.fail();
    let (inner, mut partner) = MockService::<_, (), Failure>::new();
    let service = CircuitBreakerLayer::new(breaker).layer(inner);
    let refused = service.oneshot("ask").now_or_never();
    assert_eq!(refused, Some(Err(Failure::CircuitOpen(open(60 * SECOND)))));
    assert!(partner.try_asked().is_none());
}

/// Flaws F-C6 and F-S9: every error counted, so that one tenant's bad requests opened it for all.
#[tokio::test]
async fn only_an_unwell_other_side_counts() {
    let neutral = [
        Failure::Planted,
        Failure::RateLimited(RateLimited { retry_after: None }),
        Failure::RateLimited(RateLimited { retry_after: Some(SECOND) }),
        Failure::BulkheadFull(BulkheadFull { limit: 1 }),
        Failure::CircuitOpen(open(SECOND)),
    ];
    let (breaker, _) = breaker(quick());
    for error in neutral {
        assert_eq!(breaker.call(async { Err::<(), _>(error) }).await, Err(error));
        assert_eq!(breaker.state(), CircuitState::Closed, "{error:?}");
    }
    for error in [Failure::Transient, Failure::TimedOut(TimedOut { after: SECOND })] {
        breaker.reset();
        assert_eq!(breaker.call(async { Err::<(), _>(error) }).await, Err(error));
        assert_eq!(breaker.state(), CircuitState::Open, "{error:?}");
    }
}

#[tokio::test]
async fn a_boxed_error_counts_by_what_is_inside() {
    let (breaker, _) = breaker(quick());
    let unknown: BoxError = "something else".into();
    assert!(breaker.call(async { Err::<(), _>(unknown) }).await.is_err());
    assert_eq!(breaker.state(), CircuitState::Closed);
    let reset: BoxError = std::io::Error::from(std::io::ErrorKind::ConnectionReset).into();
    assert!(breaker.call(async { Err::<(), _>(reset) }).await.is_err());
    assert_eq!(breaker.state(), CircuitState::Open);
}

/// By choice only, and not before it was begun.
#[tokio::test]
async fn a_dropped_call_is_a_failure_if_cancelled_calls_are_to_count() {
    for (count_cancelled, expected) in [(false, CircuitState::Closed), (true, CircuitState::Open)] {
        let (breaker, _) = breaker(CircuitBreakerConfig { count_cancelled, ..quick() });
        let mut call = Box::pin(breaker.call(pending::<Result<(), Failure>>()));
        assert!((&mut call).now_or_never().is_none());
        drop(call);
        assert_eq!(breaker.state(), expected, "a plain future");

        breaker.reset();
        drop(breaker.call(pending::<Result<(), Failure>>()));
        assert_eq!(breaker.state(), CircuitState::Closed, "it asks at the first poll");

        let never = tower::service_fn(|()| pending::<Result<(), Failure>>());
        let mut service = CircuitBreakerLayer::new(breaker.clone()).layer(never);
        drop(service.call(()));
        assert_eq!(breaker.state(), expected, "a layer's");

        breaker.reset();
        let mut leaked = CircuitBreakerLayer::new(breaker.clone()).leak().layer(never);
        assert!(leaked.call(()).now_or_never().is_none());
        assert_eq!(breaker.state(), expected, "a leaked layer's");
    }
}

#[tokio::test]
async fn an_error_that_says_that_the_caller_went_away_is_a_cancelled_call() {
    for (count_cancelled, expected) in [(false, CircuitState::Closed), (true, CircuitState::Open)] {
        let (breaker, _) = breaker(CircuitBreakerConfig { count_cancelled, ..quick() });
        let cancelled = async { Err::<(), _>(Error::from(ErrorKind::Cancelled)) };
        assert!(breaker.call(cancelled).await.is_err());
        assert_eq!(breaker.state(), expected);
    }
}

#[tokio::test]
async fn a_dropped_call_returns_its_probe() {
    let (breaker, clock) = breaker(quick());
    breaker.fail();
    clock.advance(60 * SECOND);
    let mut call = Box::pin(breaker.call(pending::<Result<(), Failure>>()));
    assert!((&mut call).now_or_never().is_none());
    assert_eq!(breaker.snapshot().probes, 1);
    drop(call);
    assert_eq!((breaker.snapshot().probes, breaker.state()), (0, CircuitState::HalfOpen));
}

/// A breaker that only tells gives leave of no epoch, which is leave all the same.
#[test]
fn a_call_that_would_be_refused_asks_once_however_often_it_is_polled() {
    let told = Told::default();
    let (breaker, _) = breaker(quick());
    let breaker = breaker.with_observers(told.observers());
    breaker.metrics_only();
    breaker.fail();
    told.take();
    let mut call = Box::pin(breaker.call(pending::<Result<(), Failure>>()));
    (0..2).for_each(|_| assert!((&mut call).now_or_never().is_none()));
    assert_eq!(told.take(), [("erp".to_owned(), Observation::CircuitWouldRefuse)]);
}

/// Asked again, it would take a probe's place for a call that has had its answer.
#[test]
fn a_call_that_has_had_its_answer_is_over_and_asks_no_more() {
    let (breaker, clock) = breaker(quick());
    breaker.fail();
    let mut refused = Box::pin(breaker.call(async { Ok::<_, Failure>(()) }));
    assert_eq!((&mut refused).now_or_never(), Some(Err(Failure::CircuitOpen(open(60 * SECOND)))));
    clock.advance(60 * SECOND);
    assert!(std::panic::catch_unwind(AssertUnwindSafe(|| (&mut refused).now_or_never())).is_err());
    assert_eq!((breaker.state(), breaker.snapshot().probes), (CircuitState::Open, 0));

    let mut probe = Box::pin(breaker.call(std::future::ready(Ok::<_, Failure>(()))));
    assert_eq!((&mut probe).now_or_never(), Some(Ok(())));
    assert!(std::panic::catch_unwind(AssertUnwindSafe(|| (&mut probe).now_or_never())).is_err());
    assert_eq!(breaker.state(), CircuitState::HalfOpen, "one probe of two has succeeded, once");
}

/// As with `catch_unwind`, whose future is dropped after the unwinding is over.
#[tokio::test]
async fn a_panic_in_the_call_is_a_failure_at_once() {
    let (breaker, _) = breaker(quick());
    let call = breaker.call(async { panic!("in the call") as Result<(), Failure> });
    let mut caught = Box::pin(AssertUnwindSafe(call).catch_unwind());
    assert!((&mut caught).await.is_err());
    assert_eq!(breaker.state(), CircuitState::Open);
}

#[tokio::test]
async fn a_panic_before_there_is_a_future_is_a_failure() {
    let (breaker, _) = breaker(quick());
    let (inner, partner) = MockService::<_, (), Failure>::new();
    let mut service = CircuitBreakerLayer::new(breaker.clone()).layer(inner);
    service.ready().await.expect("ready");
    partner.panic_in_next_call();
    assert!(std::panic::catch_unwind(AssertUnwindSafe(|| drop(service.call(())))).is_err());
    assert_eq!(breaker.state(), CircuitState::Open);
}

/// A caller's own panic drops its pending calls; they say nothing about the partner.
#[tokio::test]
async fn a_pending_call_dropped_by_somebody_elses_panic_is_cancelled() {
    let (breaker, _) = breaker(quick());
    let inside = breaker.clone();
    let task = tokio::spawn(async move {
        let mut call = Box::pin(inside.call(pending::<Result<(), Failure>>()));
        assert!((&mut call).now_or_never().is_none());
        panic!("in the caller");
    });
    assert!(task.await.is_err());
    assert_eq!(breaker.state(), CircuitState::Closed);
}

#[tokio::test(start_paused = true)]
async fn paused_tokio_time_moves_it() {
    let breaker = CircuitBreaker::new("erp", quick());
    breaker.fail();
    assert_eq!(breaker.refusal(), open(60 * SECOND));
    tokio::time::advance(60 * SECOND).await;
    assert!(breaker.try_acquire().is_ok());
}

#[tokio::test]
async fn two_layers_of_one_breakers_clones_share_its_state() {
    let (breaker, _) = breaker(quick());
    let failing =
        CircuitBreakerLayer::new(breaker.clone()).layer(tower::service_fn(async |()| Err(Failure::Transient)));
    let other = CircuitBreakerLayer::new(breaker).layer(tower::service_fn(async |()| Ok::<_, Failure>(())));
    assert_eq!(failing.oneshot(()).await, Err::<(), _>(Failure::Transient));
    assert!(matches!(other.oneshot(()).await, Err(Failure::CircuitOpen(_))));
}
