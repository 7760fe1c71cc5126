use std::{future::pending, panic::AssertUnwindSafe};

use futures_util::FutureExt;
use tower::{Layer, Service, ServiceExt};

use super::*;
use crate::{
    error::{BoxError, BulkheadFull, RateLimited, TimedOut},
    testing::{MockService, probe},
};

#[tokio::test]
async fn the_layer_passes_the_probe() {
    let layer = CircuitBreakerLayer::new(CircuitBreaker::new("erp", CircuitBreakerConfig::default()));
    probe::layer(|inner| layer.layer(inner)).await;
    probe::layer_boxed(|inner| layer.layer(inner)).await;
    let layer = layer.leak();
    probe::layer(|inner| layer.layer(inner)).await;
    probe::layer_boxed(|inner| layer.layer(inner)).await;
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
