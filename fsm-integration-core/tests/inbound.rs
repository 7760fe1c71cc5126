//! Layers before a service that cannot fail: each answers its refusal (spec 3).

use std::{
    convert::Infallible,
    future::{Future, pending},
    num::NonZeroU32,
    pin::Pin,
    task::{Context, Poll, Waker},
    time::Duration,
};

use fsm_integration_core::{
    clock::{Clock, SystemClock},
    error::{BulkheadFull, CircuitOpen, Error, Overloaded, RateLimited, TimedOut},
    layers::{
        RespondLayer,
        adaptive_concurrency::{AdaptiveConcurrency, AdaptiveConcurrencyConfig, AdaptiveConcurrencyLayer},
        bulkhead::{Bulkhead, BulkheadLayer},
        circuit_breaker::{CircuitBreaker, CircuitBreakerConfig, CircuitBreakerLayer},
        load_shed::LoadShedLayer,
        rate_limit::{Quota, RateLimitLayer, TokenBucket},
        timeout::{Deadline, DeadlineLayer, TimeoutLayer},
    },
};
use tower::{Layer, Service, ServiceBuilder, ServiceExt, service_fn};

const SECOND: Duration = Duration::from_secs(1);

type Request = http::Request<&'static str>;
type Handled = Pin<Box<dyn Future<Output = Result<u16, Infallible>> + Send>>;

/// Answers 200, or hangs if it is asked to.
fn handler() -> impl Service<Request, Response = u16, Error = Infallible, Future = Handled> + Clone {
    service_fn(|request: Request| -> Handled {
        if *request.body() == "hangs" { Box::pin(pending()) } else { Box::pin(async { Ok(200) }) }
    })
}

fn one_a_second() -> TokenBucket {
    TokenBucket::new(Quota::per_second(NonZeroU32::MIN, NonZeroU32::MIN))
}

/// Begins a call that stays under way.
fn begun<S: Service<Request> + Clone>(service: &S) -> Pin<Box<S::Future>> {
    let mut service = service.clone();
    let mut cx = Context::from_waker(Waker::noop());
    assert!(matches!(service.poll_ready(&mut cx), Poll::Ready(Ok(()))));
    let mut call = Box::pin(service.call(Request::new("hangs")));
    assert!(call.as_mut().poll(&mut cx).is_pending());
    call
}

#[tokio::test(start_paused = true)]
async fn a_rate_limit_answers_with_its_hint() {
    let layer = RateLimitLayer::new(one_a_second()).respond_with(|refusal: RateLimited| {
        assert_eq!(refusal.retry_after, Some(SECOND));
        429
    });
    let service = layer.layer(handler());
    assert_eq!(service.clone().oneshot(Request::new("")).await, Ok(200));
    assert_eq!(service.clone().oneshot(Request::new("")).await, Ok(429));
    let waiting = RateLimitLayer::new(one_a_second()).wait(SECOND, 1).respond_with(|_| 429).layer(handler());
    let ask = || waiting.clone().oneshot(Request::new(""));
    assert_eq!(tokio::join!(ask(), ask(), ask()), (Ok(200), Ok(200), Ok(429)));
}

#[tokio::test]
async fn a_bulkhead_answers() {
    let layer = BulkheadLayer::new(Bulkhead::new(1, 0)).respond_with(|refusal: BulkheadFull| {
        assert_eq!(refusal.limit, 1);
        503
    });
    let service = layer.layer(handler());
    let under_way = begun(&service);
    assert_eq!(service.clone().oneshot(Request::new("")).await, Ok(503));
    drop(under_way);
    assert_eq!(service.oneshot(Request::new("")).await, Ok(200));
}

#[tokio::test]
async fn an_adaptive_limit_answers() {
    let config = AdaptiveConcurrencyConfig { initial: 1, min: 1, max: 1, max_queued: 0, ..Default::default() };
    let layer = AdaptiveConcurrencyLayer::new(AdaptiveConcurrency::new(config)).respond_with(|_: BulkheadFull| 503);
    let service = layer.layer(handler());
    let under_way = begun(&service);
    assert_eq!(service.clone().oneshot(Request::new("")).await, Ok(503));
    drop(under_way);
    assert_eq!(service.oneshot(Request::new("")).await, Ok(200));
}

#[tokio::test]
async fn a_shed_call_is_answered() {
    let busy = ServiceBuilder::new().concurrency_limit(1).service(handler());
    let service = LoadShedLayer::new().respond_with(|_: Overloaded| 503).layer(busy);
    let under_way = begun(&service);
    assert_eq!(service.clone().oneshot(Request::new("")).await, Ok(503));
    drop(under_way);
    assert_eq!(service.oneshot(Request::new("")).await, Ok(200));
}

#[tokio::test(start_paused = true)]
async fn what_takes_too_long_is_answered() {
    let late = |refusal: TimedOut| {
        assert_eq!(refusal.after, SECOND);
        504
    };
    let attempt = TimeoutLayer::new(SECOND).respond_with(late).layer(handler());
    assert_eq!(attempt.clone().oneshot(Request::new("hangs")).await, Ok(504));
    assert_eq!(attempt.oneshot(Request::new("")).await, Ok(200));

    let call = DeadlineLayer::new(SECOND).respond_with(late).layer(handler());
    assert_eq!(call.oneshot(Request::new("hangs")).await, Ok(504));
    let call = DeadlineLayer::new(SECOND).respond_with(|_| 504).layer(handler());
    let mut past = Request::new("");
    past.extensions_mut().insert(Deadline(SystemClock.now()));
    assert_eq!(call.clone().oneshot(past).await, Ok(504));
    assert_eq!(call.oneshot(Request::new("")).await, Ok(200));
}

/// One answer for all of them, whichever refuses.
#[tokio::test(start_paused = true)]
async fn a_whole_stack_answers_in_one_place() {
    let breaker = CircuitBreaker::new("orders", CircuitBreakerConfig::default());
    let (bucket, bulkhead) = (one_a_second(), Bulkhead::new(1, 0));
    let layers = ServiceBuilder::new()
        .layer(CircuitBreakerLayer::new(breaker.clone()))
        .layer(RateLimitLayer::new(bucket.clone()))
        .layer(BulkheadLayer::new(bulkhead.clone()))
        .layer(TimeoutLayer::new(SECOND));
    let service = RespondLayer::new(layers, |refusal: Error| refusal.kind().status()).layer(handler());
    let ask = |body| service.clone().oneshot(Request::new(body));
    assert_eq!(ask("").await, Ok(200));
    assert_eq!(ask("").await, Ok(429));
    tokio::time::advance(SECOND).await;
    let place = bulkhead.try_acquire().expect("a free place");
    assert_eq!(ask("").await, Ok(503));
    drop(place);
    tokio::time::advance(SECOND).await;
    assert_eq!(ask("hangs").await, Ok(504));
    breaker.force_open();
    assert_eq!(ask("").await, Ok(503));
}

#[tokio::test]
async fn a_type_of_your_own_takes_what_your_layers_refuse() {
    #[derive(Debug, PartialEq)]
    enum Refused {
        Busy,
        Broken,
    }
    impl From<BulkheadFull> for Refused {
        fn from(_: BulkheadFull) -> Self {
            Self::Busy
        }
    }
    impl From<CircuitOpen> for Refused {
        fn from(_: CircuitOpen) -> Self {
            Self::Broken
        }
    }
    impl fsm_integration_core::error::Classify for Refused {
        fn class(&self) -> fsm_integration_core::error::ErrorClass {
            fsm_integration_core::error::ErrorClass::Throttled
        }
    }
    let breaker = CircuitBreaker::new("orders", CircuitBreakerConfig::default());
    breaker.force_open();
    let layers =
        ServiceBuilder::new().layer(BulkheadLayer::new(Bulkhead::new(1, 0))).layer(CircuitBreakerLayer::new(breaker));
    let service = RespondLayer::new(layers, |refusal: Refused| if refusal == Refused::Busy { 503 } else { 502 });
    assert_eq!(service.layer(handler()).oneshot(Request::new("")).await, Ok(502));
}
