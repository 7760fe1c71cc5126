use std::{
    future::{Ready, ready},
    task::{Context, Poll},
    time::Duration,
};

use tower::{Layer, Service, ServiceExt, service_fn};

use super::*;
use crate::error::{
    BodyTooLarge, BulkheadFull, CircuitOpen, Classify, Error, ErrorClass, ErrorKind, IdempotencyConflict,
    InvalidSignature, Overloaded, RateLimited, TimedOut,
};

/// Refuses while it is made ready, every second time.
#[derive(Debug, Clone)]
struct Moody<S> {
    inner: S,
    refuses: bool,
}

impl<S> Service<u32> for Moody<S>
where
    S: Service<u32, Error: From<Overloaded>>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.refuses = !self.refuses;
        if self.refuses { Poll::Ready(Err(Overloaded.into())) } else { self.inner.poll_ready(cx) }
    }

    fn call(&mut self, request: u32) -> S::Future {
        assert!(!self.refuses, "called although it was not ready");
        self.inner.call(request)
    }
}

fn halves(number: u32) -> Ready<Result<u32, &'static str>> {
    ready(if number.is_multiple_of(2) { Ok(number / 2) } else { Err("odd") })
}

#[tokio::test]
async fn a_refusal_while_it_is_made_ready_answers_the_next_call_of_that_instance_alone() {
    let moody = tower::layer::layer_fn(|inner| Moody { inner, refuses: false });
    let mut service = RespondLayer::new(moody, |_: Overloaded| 503).layer(service_fn(halves));
    assert_eq!(service.ready().await.map(drop), Ok(()));
    let mut other = service.clone();
    assert_eq!(service.call(8).await, Ok(503));
    assert_eq!(service.ready().await.expect("ready").call(8).await, Ok(4));
    assert_eq!(other.ready().await.expect("ready").call(8).await, Ok(4), "a clone has yet to be made ready");
    assert_eq!(other.ready().await.map(drop), Ok(()));
    assert_eq!(other.ready().await.expect("polled again").call(8).await, Ok(4), "only the last word counts");
}

#[tokio::test]
async fn the_services_own_error_passes() {
    let layer = RespondLayer::new(tower::layer::util::Identity::new(), |_: Overloaded| 503);
    let service = layer.layer(service_fn(halves));
    assert_eq!(service.clone().oneshot(8).await, Ok(4));
    assert_eq!(service.oneshot(7).await, Err("odd"));
}

#[test]
fn it_takes_and_tells_every_refusal_as_the_error_would() {
    fn told<R>(refusal: R) -> (ErrorClass, Option<Duration>)
    where
        R: Classify + Copy,
        Error: From<R>,
        OrRefusal<std::convert::Infallible, Error>: From<R>,
    {
        let error = Error::from(refusal);
        assert_eq!((refusal.class(), refusal.retry_after()), (error.class(), error.retry_after()));
        let taken = OrRefusal::<_, Error>::from(refusal);
        assert!(matches!(&taken, OrRefusal::Refusal(taken) if taken.kind() == error.kind()));
        (taken.class(), taken.retry_after())
    }
    let second = Some(Duration::from_secs(1));
    assert_eq!(told(CircuitOpen { retry_after: second }), (ErrorClass::Open, second));
    assert_eq!(told(RateLimited { retry_after: second }), (ErrorClass::Throttled, second));
    assert_eq!(told(TimedOut { after: Duration::ZERO }), (ErrorClass::Timeout, None));
    assert_eq!(told(BulkheadFull { limit: 1 }), (ErrorClass::Throttled, None));
    assert_eq!(told(BodyTooLarge { bytes: 2, limit: 1 }), (ErrorClass::Permanent, None));
    assert_eq!(told(Overloaded), (ErrorClass::Throttled, None));
    let in_progress = IdempotencyConflict::InProgress { retry_after: Duration::from_secs(1) };
    assert_eq!(told(in_progress).1, second);
    assert_eq!(told(IdempotencyConflict::Mismatch), (ErrorClass::Permanent, None));
    assert_eq!(told(InvalidSignature::TooOld), (ErrorClass::Permanent, None));
    let own = OrRefusal::<Error, Error>::Error(ErrorKind::Unavailable.into());
    assert_eq!(
        (own.class(), own.to_string()),
        (ErrorClass::Transient, Error::from(ErrorKind::Unavailable).to_string())
    );
}
