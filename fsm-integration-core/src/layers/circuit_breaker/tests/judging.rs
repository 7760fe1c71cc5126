//! Answers that are failures.

use http::{Response, StatusCode, header::RETRY_AFTER};
use tower::{Layer, ServiceExt, service_fn};

use super::*;
use crate::{
    error::{ErrorClass, Failure as Judged, OnStatus},
    testing::probe,
};

type Answer = Response<()>;

fn answer(status: StatusCode, retry_after: Option<u32>) -> Answer {
    let mut answer = Response::new(());
    *answer.status_mut() = status;
    if let Some(seconds) = retry_after {
        answer.headers_mut().insert(RETRY_AFTER, seconds.into());
    }
    answer
}

/// What a service before which the breaker stands answers to one call.
async fn ask(breaker: &CircuitBreaker<VirtualClock>, result: Result<Answer, Failure>) -> Result<StatusCode, Failure> {
    let partner = service_fn(async |()| match &result {
        Ok(asked) => Ok(answer(asked.status(), asked.headers().get(RETRY_AFTER).map(|_| 120))),
        Err(error) => Err(*error),
    });
    let service = CircuitBreakerLayer::new(breaker.clone()).judge_by(OnStatus).layer(partner);
    service.oneshot(()).await.map(|answer| answer.status())
}

/// Flaw of peers whose breakers see errors only: over a client that answers a 503 as `Ok` they never open.
#[tokio::test]
async fn an_answer_that_says_that_the_partner_is_unwell_opens_it_and_is_answered() {
    for status in [StatusCode::SERVICE_UNAVAILABLE, StatusCode::INTERNAL_SERVER_ERROR, StatusCode::REQUEST_TIMEOUT] {
        let (breaker, _) = breaker(quick());
        assert_eq!(ask(&breaker, Ok(answer(status, None))).await, Ok(status));
        assert_eq!(breaker.state(), CircuitState::Open, "{status}");
    }
}

#[tokio::test]
async fn an_answer_that_says_nothing_of_the_partners_health_does_not_count() {
    let (breaker, _) = breaker(CircuitBreakerConfig { failure_threshold: 2, ..quick() });
    breaker.fail();
    for status in [StatusCode::NOT_FOUND, StatusCode::TOO_MANY_REQUESTS, StatusCode::FOUND] {
        assert_eq!(ask(&breaker, Ok(answer(status, None))).await, Ok(status));
        assert_eq!(breaker.snapshot().failures, 1, "{status} is neither a success nor a failure");
    }
    assert_eq!(ask(&breaker, Ok(answer(StatusCode::OK, None))).await, Ok(StatusCode::OK));
    assert_eq!(breaker.snapshot().failures, 0);
    assert_eq!(ask(&breaker, Err(Failure::Transient)).await, Err(Failure::Transient));
    assert_eq!(breaker.snapshot().failures, 1, "an error says of itself what it is");
}

#[tokio::test]
async fn it_stays_open_for_as_long_as_the_answer_asks() {
    let (breaker, _) = breaker(quick());
    let unavailable = answer(StatusCode::SERVICE_UNAVAILABLE, Some(120));
    assert_eq!(ask(&breaker, Ok(unavailable)).await, Ok(StatusCode::SERVICE_UNAVAILABLE));
    assert_eq!(breaker.refusal(), open(120 * SECOND));
}

#[tokio::test]
async fn a_probe_that_is_answered_with_a_failure_opens_it_again() {
    let (breaker, clock) = breaker(quick());
    breaker.fail();
    clock.advance(60 * SECOND);
    assert!(ask(&breaker, Ok(answer(StatusCode::BAD_GATEWAY, None))).await.is_ok());
    assert_eq!((breaker.state(), breaker.snapshot().opened), (CircuitState::Open, 2));
}

#[tokio::test]
async fn a_call_and_a_permit_are_judged_too() {
    let unfinished = |outcome: &Result<u32, Failure>| match outcome {
        Ok(0) => Some(Judged { class: ErrorClass::Transient, retry_after: Some(90 * SECOND) }),
        Ok(_) | Err(Failure::Planted) => None,
        Err(error) => Some(Judged::of(error)),
    };
    let (breaker, _) = breaker(CircuitBreakerConfig { failure_threshold: 2, ..quick() });
    assert_eq!(breaker.call_judged(unfinished, async { Ok(0) }).await, Ok(0));
    assert_eq!(breaker.call_judged(unfinished, async { Err(Failure::Planted) }).await, Err(Failure::Planted));
    assert_eq!(breaker.snapshot().failures, 0, "an error can be the answer");
    let judged = |result| breaker.try_acquire().expect("closed").record_judged(&unfinished, result);
    assert_eq!(judged(Ok(7)), Ok(7));
    assert_eq!([judged(Ok(0)), judged(Ok(0))], [Ok(0), Ok(0)]);
    assert_eq!(breaker.refusal(), open(90 * SECOND));
}

#[tokio::test]
async fn a_layer_with_a_judge_passes_the_probe() {
    let breaker = CircuitBreaker::new("erp", CircuitBreakerConfig::default());
    let layer = CircuitBreakerLayer::new(breaker).judge_by(OnError);
    probe::layer(|inner| layer.layer(inner)).await;
    let layer = layer.leak();
    probe::layer(|inner| layer.layer(inner)).await;
}
