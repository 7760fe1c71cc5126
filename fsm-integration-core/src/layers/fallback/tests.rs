use std::{
    sync::atomic::{AtomicU32, Ordering},
    task::Poll,
    time::Duration,
};

use tower::{Layer, ServiceExt, service_fn};

use super::*;
use crate::{
    error::{self, BoxError, CircuitOpen, Error, ErrorClass, ErrorKind},
    observe::Told,
    testing::probe::{self, Failure},
};

async fn outcome(kind: ErrorKind, config: FallbackConfig) -> Result<&'static str, ErrorKind> {
    let broken = service_fn(move |(): ()| async move { Err(Error::from(kind)) });
    let layer = FallbackLayer::new(|_: Error| Ok("fallback")).with_config(config);
    layer.layer(broken).oneshot(()).await.map_err(|error| error.kind())
}

#[tokio::test]
async fn it_answers_for_what_is_not_the_callers_fault() {
    let config = FallbackConfig::default();
    for kind in [ErrorKind::Unavailable, ErrorKind::RateLimited, ErrorKind::Timeout, ErrorKind::CircuitOpen] {
        assert_eq!(outcome(kind, config).await, Ok("fallback"), "{kind:?}");
    }
    for kind in [ErrorKind::InvalidOrder, ErrorKind::NotFound, ErrorKind::Cancelled] {
        assert_eq!(outcome(kind, config).await, Err(kind));
    }
}

#[tokio::test]
async fn the_classes_are_a_matter_of_configuration() {
    let config: FallbackConfig =
        serde_json::from_str(r#"{"timeout":false,"permanent":true,"cancelled":true}"#).expect("settings");
    assert_eq!(outcome(ErrorKind::Timeout, config).await, Err(ErrorKind::Timeout));
    for kind in [ErrorKind::NotFound, ErrorKind::Cancelled, ErrorKind::Unavailable] {
        assert_eq!(outcome(kind, config).await, Ok("fallback"), "{kind:?}");
    }
}

#[tokio::test]
async fn a_success_is_left_alone_and_a_fallback_is_told_of() {
    let told = Told::default();
    let fallback = Fallback::new(|_: Error| Ok(0)).with_name("slots").with_observers(told.observers());
    assert_eq!(fallback.execute(async { Ok(7) }).await.expect("the answer"), 7);
    fallback.execute(async { Err(Error::from(ErrorKind::NotFound)) }).await.expect_err("the caller's fault");
    assert_eq!(told.take(), []);
    fallback.execute(async { Err(Error::from(ErrorKind::Timeout)) }).await.expect("the fallback");
    assert_eq!(told.take(), [("slots".to_owned(), Observation::FellBack { class: ErrorClass::Timeout })]);
}

#[tokio::test]
async fn a_fallback_may_fail_too() {
    let fallback = Fallback::new(|error: Error| Err::<(), _>(Error::from(ErrorKind::NotFound).with_source(error)));
    let error = fallback.execute(async { Err(Error::from(ErrorKind::Unavailable)) }).await.expect_err("its error");
    assert_eq!(error.kind(), ErrorKind::NotFound);
}

#[tokio::test]
async fn it_may_keep_something_of_the_request() {
    let broken =
        service_fn(|_: (u32, String)| async { Err::<u32, BoxError>(CircuitOpen { retry_after: None }.into()) });
    let layer = FallbackLayer::keeping(|request: &(u32, String)| request.0, |id, _: BoxError| Ok(id + 1));
    assert_eq!(layer.layer(broken).oneshot((41, "order".to_owned())).await.expect("the fallback"), 42);
}

#[tokio::test(start_paused = true)]
async fn a_fallback_may_ask_somebody_else_and_wait() {
    let told = Told::default();
    let asked = Arc::new(AtomicU32::new(0));
    let counter = Arc::clone(&asked);
    let layer = FallbackLayer::keeping_to_ask(
        |request: &u32| *request,
        move |request, error: Error| {
            counter.fetch_add(1, Ordering::Relaxed);
            async move {
                tokio::time::sleep(Duration::from_secs(request.into())).await;
                if request == 3 { Err(Error::from(ErrorKind::NotFound)) } else { Ok((request, error.kind())) }
            }
        },
    );
    let layer = layer.with_name("slots").with_observers(told.observers());
    let partner = service_fn(|request: u32| async move {
        let kinds = [ErrorKind::InvalidOrder, ErrorKind::Timeout, ErrorKind::Unavailable, ErrorKind::Unavailable];
        kinds.get(request as usize).map_or(Ok((request, ErrorKind::Internal)), |kind| Err(Error::from(*kind)))
    });
    let mut outcomes = Vec::new();
    let began = tokio::time::Instant::now();
    for request in 0..5 {
        outcomes.push(layer.layer(partner).oneshot(request).await.map_err(|error| error.kind()));
    }
    let expected = [
        Err(ErrorKind::InvalidOrder),
        Ok((1, ErrorKind::Timeout)),
        Ok((2, ErrorKind::Unavailable)),
        Err(ErrorKind::NotFound),
        Ok((4, ErrorKind::Internal)),
    ];
    assert_eq!((outcomes.as_slice(), began.elapsed()), (expected.as_slice(), Duration::from_secs(1 + 2 + 3)));
    assert_eq!(asked.load(Ordering::Relaxed), 3);
    let fell_back = |class| ("slots".to_owned(), Observation::FellBack { class });
    assert_eq!(told.take(), [ErrorClass::Timeout, ErrorClass::Transient, ErrorClass::Transient].map(fell_back));
}

#[tokio::test]
async fn the_call_is_dropped_before_the_fallback_and_the_fallback_with_the_future() {
    let (by_call, by_fallback) = (Arc::new(()), Arc::new(()));
    let held = Arc::clone(&by_call);
    let broken = service_fn(move |(): ()| {
        let held = Arc::clone(&held);
        // Ends without letting go.
        std::future::poll_fn(move |_| {
            let _ = &held;
            Poll::Ready(Err::<(), _>(Error::from(ErrorKind::Unavailable)))
        })
    });
    let (held, call) = (Arc::clone(&by_fallback), Arc::downgrade(&by_call));
    let layer = FallbackLayer::asking(move |_: Error| {
        assert_eq!(call.strong_count(), 1, "what the call held is free when the fallback is asked");
        let held = Arc::clone(&held);
        async move {
            let _held = held;
            std::future::pending().await
        }
    });
    let mut call = Box::pin(layer.layer(broken).oneshot(()));
    assert!(futures_util::poll!(&mut call).is_pending());
    assert_eq!((Arc::strong_count(&by_call), Arc::strong_count(&by_fallback)), (1, 3));
    drop(call);
    assert_eq!(Arc::strong_count(&by_fallback), 2, "the layer alone");
}

#[test]
fn a_fallback_that_keeps_something_names_itself_and_shows_nothing_of_it() {
    assert_eq!(format!("{:?}", Keeping::<_, _, u32>::new(|| "key", || "answer")), "Keeping { .. }");
}

#[tokio::test]
async fn the_layer_passes_the_probe() {
    let cold = FallbackConfig { transient: false, throttled: false, timeout: false, open: false, ..Default::default() };
    let layer = FallbackLayer::new(|error: Failure| Err(error)).with_config(cold);
    probe::layer(|inner| layer.layer(inner)).await;
    let layer = FallbackLayer::new(|error: BoxError| Err(error));
    probe::layer_boxed(|inner| layer.layer(inner)).await;
    let layer = FallbackLayer::asking(|error: Failure| async move { Err(error) }).with_config(cold);
    probe::layer(|inner| layer.layer(inner)).await;
}

#[test]
fn what_holds_a_closure_can_be_shown() {
    let layer = FallbackLayer::new(|_: Error| Ok::<_, Error>(()));
    let shown = format!("{:?}", Fallback::new(|_: Error| Ok::<_, Error>(())));
    assert_eq!(format!("{layer:?}"), format!("FallbackLayer {{ fallback: {shown} }}"));
    let service = format!("FallbackService {{ inner: \"inner\", fallback: {shown} }}");
    assert_eq!(format!("{:?}", layer.layer("inner")), service);
}

/// An answer of 0 is a failure.
fn nothing_is_transient(outcome: &Result<u32, Failure>) -> Option<error::Failure> {
    match outcome {
        Ok(0) => Some(ErrorClass::Transient.into()),
        Ok(_) => None,
        Err(error) => Some(error::Failure::of(error)),
    }
}

#[tokio::test]
async fn a_judged_answer_is_replaced_and_the_fallback_is_told_what_it_was() {
    let told = Told::default();
    let fallback = Fallback::new(|outcome: Result<u32, Failure>| outcome.map(|nothing| nothing + 9))
        .with_name("slots")
        .with_observers(told.observers())
        .judge_by(nothing_is_transient);
    assert_eq!(fallback.execute(async { Ok(7) }).await, Ok(7));
    assert_eq!(fallback.execute(async { Err(Failure::Planted) }).await, Err(Failure::Planted), "the caller's fault");
    assert_eq!(told.take(), []);
    assert_eq!(fallback.execute(async { Ok(0) }).await, Ok(9));
    assert_eq!(fallback.execute(async { Err(Failure::Transient) }).await, Err(Failure::Transient));
    let fell_back = ("slots".to_owned(), Observation::FellBack { class: ErrorClass::Transient });
    assert_eq!(told.take(), [fell_back.clone(), fell_back]);
}

#[tokio::test]
async fn a_judged_answer_that_is_not_answered_for_is_the_answer() {
    let config = FallbackConfig { transient: false, ..FallbackConfig::default() };
    let layer = FallbackLayer::new(|_: Result<u32, Failure>| Ok(9)).with_config(config).judge_by(nothing_is_transient);
    let service = layer.layer(service_fn(async |answer| Ok(answer)));
    assert_eq!(service.oneshot(0).await, Ok(0));
}

#[tokio::test]
async fn whatever_answers_can_be_told_of_a_judged_answer() {
    let partner = || service_fn(async |_: u32| Ok::<_, Failure>(0));
    let asking = FallbackLayer::asking(async |_: Result<u32, Failure>| Ok(1)).judge_by(nothing_is_transient);
    assert_eq!(asking.layer(partner()).oneshot(7).await, Ok(1));
    let keeping = FallbackLayer::keeping(|id: &u32| *id, |id, _: Result<u32, Failure>| Ok(id));
    assert_eq!(keeping.judge_by(nothing_is_transient).layer(partner()).oneshot(7).await, Ok(7));
    let both = FallbackLayer::keeping_to_ask(|id: &u32| *id, async |id, _: Result<u32, Failure>| Ok(id + 1));
    assert_eq!(both.judge_by(nothing_is_transient).layer(partner()).oneshot(7).await, Ok(8));
}

#[tokio::test]
async fn a_layer_with_a_judge_passes_the_probe() {
    let layer = FallbackLayer::new(|outcome: Result<_, Failure>| outcome).judge_by(OnError);
    probe::layer(|inner| layer.layer(inner)).await;
}
