//! The handle and the layer.

use std::{panic::AssertUnwindSafe, sync::Arc, time::Duration};

use futures_util::FutureExt;
use http::{Response, StatusCode};
use tower::{Layer, Service, ServiceExt, service_fn};

use crate::{
    error::{BulkheadFull, OnError, OnStatus, RateLimited, TimedOut},
    layers::adaptive_concurrency::{
        AdaptiveConcurrency, AdaptiveConcurrencyConfig, AdaptiveConcurrencyLayer, AimdConfig, LimitAlgorithm, Outcome,
    },
    observe::{Observation, Told},
    testing::{
        MockService, VirtualClock,
        probe::{self, Failure, Probe},
    },
};

fn config(initial: usize) -> AdaptiveConcurrencyConfig {
    let algorithm = LimitAlgorithm::Aimd(AimdConfig { backoff_ratio: 0.5, ..Default::default() });
    AdaptiveConcurrencyConfig { initial, algorithm, ..Default::default() }
}

#[tokio::test]
async fn the_layer_passes_the_probe() {
    for max_queued in [0, 1] {
        let settings = AdaptiveConcurrencyConfig { max_queued, ..config(1) };
        let concurrency = AdaptiveConcurrency::new(settings);
        let layer = AdaptiveConcurrencyLayer::new(concurrency.clone());
        let probe = Probe { held: &|| concurrency.in_flight() + concurrency.queued(), ..Probe::default() };
        probe.layer(|inner| layer.layer(inner)).await;
        probe::layer_boxed(|inner| layer.layer(inner)).await;
    }
}

#[tokio::test]
async fn overload_lowers_the_limit_and_both_it_and_refusals_are_told() {
    let told = Told::default();
    let clock = VirtualClock::default();
    let concurrency =
        AdaptiveConcurrency::with_clock(config(2), clock).with_observers(told.observers()).with_name("erp");
    let overloaded = concurrency.call(async { Err::<(), _>(Failure::Transient) }).await;
    assert_eq!(overloaded, Err(Failure::Transient));
    assert_eq!(concurrency.limit(), 1);
    let held = concurrency.acquire().await.expect("free");
    let refused = concurrency.call(async { Ok::<_, Failure>(()) }).await;
    assert_eq!(refused, Err(Failure::BulkheadFull(BulkheadFull { limit: 1 })));
    held.end(Outcome::Answered);
    let expected = [
        Observation::ConcurrencyLimitChanged { limit: 1 },
        Observation::BulkheadRefused { limit: 1 },
        Observation::ConcurrencyLimitChanged { limit: 2 },
    ];
    assert_eq!(told.take(), expected.map(|observation| ("erp".to_owned(), observation)));
}

#[tokio::test]
async fn a_call_means_what_its_errors_class_says() {
    let of = |failure| Outcome::of(&Err::<(), _>(failure));
    let limited = |retry_after| Failure::RateLimited(RateLimited { retry_after });
    let timed_out = Failure::TimedOut(TimedOut { after: Duration::ZERO });
    for failure in [Failure::Transient, limited(Some(Duration::ZERO)), timed_out] {
        assert_eq!(of(failure), Outcome::Overloaded);
    }
    for failure in [Failure::Planted, limited(None)] {
        assert_eq!(of(failure), Outcome::Ignored);
    }
    assert_eq!(Outcome::of(&Ok::<_, Failure>(())), Outcome::Answered);
}

#[tokio::test]
async fn who_waits_is_served_in_order_when_a_call_ends_or_the_limit_rises() {
    let concurrency = AdaptiveConcurrency::new(AdaptiveConcurrencyConfig { max_queued: 9, ..config(1) });
    let (inner, mut partner) = MockService::<_, _, Failure>::new();
    let service = AdaptiveConcurrencyLayer::new(concurrency.clone()).layer(inner);
    let calls = [1, 2, 3].map(|n| tokio::spawn(service.clone().oneshot(n)));
    let first = partner.asked().await;
    assert!(partner.try_asked().is_none() && concurrency.queued() == 2);
    first.answer(());
    let (second, third) = (partner.asked().await, partner.asked().await);
    assert_eq!((second.request, third.request, concurrency.limit()), (2, 3, 2));
    second.answer(());
    third.answer(());
    for call in calls {
        assert_eq!(call.await.expect("ends"), Ok(()));
    }
    assert_eq!((concurrency.in_flight(), concurrency.queued()), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_call_that_hangs_until_its_caller_goes_lowers_the_limit() {
    let concurrency = AdaptiveConcurrency::new(config(10));
    let hangs = concurrency.call(std::future::pending::<Result<(), Failure>>());
    assert!(tokio::time::timeout(Duration::from_secs(6), hangs).await.is_err());
    assert_eq!((concurrency.limit(), concurrency.in_flight()), (5, 0));
}

/// A bug on this side says nothing about the other's load; the time that it took all the same does.
#[tokio::test]
async fn a_call_that_panics_lowers_the_limit_only_if_it_took_too_long() {
    // From 1 a single answer raises the limit.
    for (initial, seconds, expected) in [(1, 0, 1), (1, 5, 1), (10, 0, 10), (10, 5, 10), (10, 6, 5)] {
        let took = Duration::from_secs(seconds);
        let clock = VirtualClock::default();
        let concurrency = AdaptiveConcurrency::with_clock(config(initial), clock.clone());
        let panics = async {
            clock.advance(took);
            if true { panic!("planted") } else { Ok::<(), Failure>(()) }
        };
        assert!(AssertUnwindSafe(concurrency.call(panics)).catch_unwind().await.is_err());
        assert_eq!((concurrency.limit(), concurrency.in_flight()), (expected, 0), "in a future, after {took:?}");

        let concurrency = AdaptiveConcurrency::with_clock(config(initial), clock.clone());
        let in_call = service_fn(|()| -> std::future::Ready<Result<(), Failure>> {
            clock.advance(took);
            panic!("planted")
        });
        let service = AdaptiveConcurrencyLayer::new(concurrency.clone()).layer(in_call);
        assert!(AssertUnwindSafe(service.oneshot(())).catch_unwind().await.is_err());
        assert_eq!((concurrency.limit(), concurrency.in_flight()), (expected, 0), "in `call`, after {took:?}");
    }
}

/// A future that is kept in a collection would keep the request, and the place its service may hold elsewhere.
#[tokio::test(start_paused = true)]
async fn a_refused_call_holds_nothing_even_if_its_future_is_kept() {
    let max_wait = Some(Duration::from_secs(1));
    let settings = AdaptiveConcurrencyConfig { max_queued: 1, max_wait, ..config(1) };
    let concurrency = AdaptiveConcurrency::new(settings);
    let _held = concurrency.acquire().await.expect("free");
    let request = Arc::new(());
    let inner = service_fn(|_: Arc<()>| std::future::ready(Ok::<_, Failure>(())));
    let mut service = AdaptiveConcurrencyLayer::new(concurrency.clone()).layer(inner);
    let mut refused = Box::pin(service.ready().await.expect("ready").call(Arc::clone(&request)));
    (&mut refused).await.expect_err("waited too long");
    assert_eq!(Arc::strong_count(&request), 1);
}

async fn answer(status: StatusCode) -> Result<Response<()>, Failure> {
    let mut answer = Response::new(());
    *answer.status_mut() = status;
    Ok(answer)
}

#[tokio::test]
async fn an_answer_that_says_so_is_a_sign_of_overload() {
    for (status, limit) in [
        (StatusCode::SERVICE_UNAVAILABLE, 2),
        (StatusCode::TOO_MANY_REQUESTS, 2),
        (StatusCode::NOT_FOUND, 4),
        (StatusCode::OK, 4),
    ] {
        let concurrency = AdaptiveConcurrency::with_clock(config(4), VirtualClock::default());
        let layer = AdaptiveConcurrencyLayer::new(concurrency.clone()).judge_by(OnStatus);
        let answered = layer.layer(service_fn(answer)).oneshot(status).await.expect("an answer");
        assert_eq!((answered.status(), concurrency.limit()), (status, limit));

        let concurrency = AdaptiveConcurrency::with_clock(config(4), VirtualClock::default());
        let answered = concurrency.call_judged(OnStatus, answer(status)).await.expect("an answer");
        assert_eq!((answered.status(), concurrency.limit()), (status, limit));
    }
}

#[tokio::test]
async fn a_layer_with_a_judge_passes_the_probe() {
    let layer = AdaptiveConcurrencyLayer::new(AdaptiveConcurrency::new(config(1))).judge_by(OnError);
    probe::layer(|inner| layer.layer(inner)).await;
}
