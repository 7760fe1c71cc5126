mod frugality;

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    task::{Context, Poll},
    time::{Duration, Instant},
};

use http::{Method, Request, Response};
use tokio::time::Instant as TokioInstant;
use tower::{Layer, Service, ServiceExt, service_fn};

use super::*;
use crate::{
    adapter::{Call, CorrelationId, IntegrationContext, TenantId},
    clock::{Clock, SystemClock},
    error::{CircuitOpen, Classify, Error, ErrorClass, ErrorKind},
    observe::{Observation, Told, recorder::Seen},
    testing::{MockService, probe},
};

const NO_JITTER: RetryConfig = RetryConfig {
    max_retries: 3,
    initial_delay: Duration::from_secs(1),
    max_delay: Duration::from_secs(30),
    multiplier: 2.0,
    jitter_factor: 0.0,
    jitter: Jitter::None,
    max_retry_after: Duration::from_secs(30),
    total: None,
    per_class: PerClass::NONE,
};

fn unavailable() -> Error {
    Error::from(ErrorKind::Unavailable)
}

async fn attempts_against(error: impl Fn() -> Error, strategy: &RetryStrategy) -> (u32, Duration) {
    let began = TokioInstant::now();
    let mut attempts = 0;
    let operation = |_| {
        attempts += 1;
        std::future::ready(Err::<(), _>(error()))
    };
    strategy.execute(operation).await.expect_err("every attempt fails");
    (attempts, began.elapsed())
}

#[tokio::test(start_paused = true)]
async fn every_retry_is_used_and_the_last_error_comes_out() {
    let strategy = RetryStrategy::new(NO_JITTER);
    assert_eq!(attempts_against(unavailable, &strategy).await, (4, Duration::from_secs(1 + 2 + 4)));
}

// F-R1: a 400, a 410 and an open breaker are not retried.
#[tokio::test(start_paused = true)]
async fn what_fails_for_good_is_called_once() {
    let strategy = RetryStrategy::new(NO_JITTER);
    for kind in [ErrorKind::PartnerRejected, ErrorKind::PartnerGone, ErrorKind::CircuitOpen] {
        assert_eq!(attempts_against(|| Error::from(kind), &strategy).await, (1, Duration::ZERO), "{kind:?}");
    }
    let refused = || Error::from(CircuitOpen { retry_after: Some(Duration::from_secs(1)) });
    assert_eq!(attempts_against(refused, &strategy).await, (1, Duration::ZERO));
}

/// A list of failures, one for each attempt.
fn failing(kinds: &[ErrorKind]) -> impl Fn(u32) -> std::future::Ready<Result<(), Error>> + Clone {
    move |attempt| {
        let kind = kinds[attempt as usize];
        let hint = Duration::from_secs(u64::from(attempt) + 1);
        std::future::ready(Err(Error::from(kind).with_retry_after(Some(hint))))
    }
}

// A partner that was asked and failed is never told of as one that was not asked.
#[tokio::test(start_paused = true)]
async fn a_breaker_that_refuses_a_retry_leaves_the_partners_failure_and_its_hint() {
    let strategy = RetryStrategy::new(NO_JITTER);
    let kinds = [ErrorKind::Timeout, ErrorKind::Unavailable, ErrorKind::CircuitOpen];
    let error = strategy.execute(failing(&kinds)).await.expect_err("every attempt fails");
    assert_eq!((error.kind(), error.retry_after()), (ErrorKind::Unavailable, Some(Duration::from_secs(2))));
}

#[tokio::test(start_paused = true)]
async fn a_breaker_that_refuses_the_first_attempt_is_the_answer_with_its_hint() {
    let strategy = RetryStrategy::new(NO_JITTER);
    let error = strategy.execute(failing(&[ErrorKind::CircuitOpen])).await.expect_err("refused");
    assert_eq!((error.kind(), error.retry_after()), (ErrorKind::CircuitOpen, Some(Duration::from_secs(1))));
}

#[tokio::test(start_paused = true)]
async fn the_layer_leaves_the_partners_failure_too() {
    let fails = |kinds: &'static [ErrorKind]| {
        let failing = failing(kinds);
        let inner = service_fn(move |request: Request<()>| {
            failing(request.extensions().get::<Attempt>().map_or(0, |attempt| attempt.0))
        });
        let service = RetryLayer::new(RetryStrategy::new(NO_JITTER)).layer(inner);
        async move { service.oneshot(Request::new(())).await.expect_err("every attempt fails").kind() }
    };
    assert_eq!(fails(&[ErrorKind::Unavailable, ErrorKind::CircuitOpen]).await, ErrorKind::Unavailable);
    assert_eq!(fails(&[ErrorKind::CircuitOpen]).await, ErrorKind::CircuitOpen);
    assert_eq!(fails(&[ErrorKind::Unavailable, ErrorKind::PartnerGone]).await, ErrorKind::PartnerGone);
}

/// Fails its first call, and from then on refuses already when asked whether it is ready.
#[derive(Clone, Default)]
struct OpensAtOnce(Arc<AtomicU32>);

impl Service<Request<()>> for OpensAtOnce {
    type Response = ();
    type Error = Error;
    type Future = std::future::Ready<Result<(), Error>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Error>> {
        let open = self.0.load(Ordering::Relaxed) > 0;
        Poll::Ready(if open { Err(CircuitOpen { retry_after: None }.into()) } else { Ok(()) })
    }

    fn call(&mut self, _: Request<()>) -> Self::Future {
        self.0.fetch_add(1, Ordering::Relaxed);
        std::future::ready(Err(unavailable()))
    }
}

#[tokio::test(start_paused = true)]
async fn a_refusal_of_readiness_leaves_the_partners_failure_too() {
    let service = RetryLayer::new(RetryStrategy::new(NO_JITTER)).layer(OpensAtOnce::default());
    let error = service.oneshot(Request::new(())).await.expect_err("every attempt fails");
    assert_eq!(error.kind(), ErrorKind::Unavailable);
}

// F-R4: text decides nothing.
#[tokio::test(start_paused = true)]
async fn words_in_a_message_change_nothing() {
    let strategy = RetryStrategy::new(NO_JITTER);
    let rejected = || Error::new(ErrorKind::PartnerRejected, "customer note: ETIMEDOUT");
    assert_eq!(attempts_against(rejected, &strategy).await.0, 1);
    let reset = || Error::from(crate::error::BoxError::from(std::io::Error::from(std::io::ErrorKind::BrokenPipe)));
    assert_eq!(attempts_against(reset, &strategy).await.0, 4);
}

// F-R3, F-R8.
#[tokio::test(start_paused = true)]
async fn a_hint_beats_the_schedule_and_a_long_one_ends_the_call() {
    let strategy = RetryStrategy::new(RetryConfig { max_retries: 1, ..NO_JITTER });
    let limited =
        |seconds| move || Error::from(ErrorKind::RateLimited).with_retry_after(Some(Duration::from_secs(seconds)));
    assert_eq!(attempts_against(limited(9), &strategy).await, (2, Duration::from_secs(9)));
    assert_eq!(attempts_against(limited(31), &strategy).await, (1, Duration::ZERO));
}

// F-R3.
#[tokio::test(start_paused = true)]
async fn an_exhausted_budget_returns_the_last_error() {
    let budget = RetryBudget::new(RetryBudgetConfig { ratio: 0.0, min_per_second: 2, ..Default::default() });
    let slow = RetryConfig { initial_delay: Duration::from_millis(1), ..NO_JITTER };
    let (one, other) = (RetryStrategy::new(slow), RetryStrategy::new(slow).with_budget(budget.clone()));
    assert_eq!(attempts_against(unavailable, &one).await.0, 4);
    assert_eq!(attempts_against(unavailable, &other).await.0, 3);
    assert_eq!(attempts_against(unavailable, &RetryStrategy::new(slow).with_budget(budget)).await.0, 1);
}

#[tokio::test(start_paused = true)]
async fn a_wait_that_the_other_side_asked_for_takes_nothing_from_the_budget() {
    let empty = RetryBudget::new(RetryBudgetConfig { ratio: 0.0, min_per_second: 0, ..Default::default() });
    let strategy = RetryStrategy::new(NO_JITTER).with_budget(empty);
    let limited = |hint| move || Error::from(ErrorKind::RateLimited).with_retry_after(hint);
    assert_eq!(attempts_against(limited(Some(Duration::from_secs(1))), &strategy).await.0, 4);
    assert_eq!(attempts_against(limited(None), &strategy).await.0, 1);
}

// F-R7.
#[tokio::test(start_paused = true)]
async fn retries_are_counted_under_the_adapters_name() {
    let seen = Seen::default();
    let _guard = metrics::set_default_local_recorder(&seen);
    attempts_against(unavailable, &RetryStrategy::new(NO_JITTER).with_name("erp")).await;
    let expected = [("integration_retries_total erp", 3.0), ("retries_stopped_total erp no_retry_left", 1.0)];
    assert_eq!(seen.take(), expected.map(|(name, value)| (name.to_owned(), value)));
}

#[tokio::test(start_paused = true)]
async fn observers_are_told_what_was_decided_and_nothing_of_a_success() {
    let told = Told::default();
    let config = RetryConfig { max_retries: 1, ..NO_JITTER };
    let strategy = RetryStrategy::new(config).with_name("erp").with_observers(told.observers());
    strategy.execute(|_| async { Ok::<_, Error>(()) }).await.expect("a success");
    assert_eq!(told.take(), []);
    let class = ErrorClass::Transient;
    let scheduled = Observation::RetryScheduled { attempt: 0, delay: Duration::from_secs(1), class };
    let stopped = Observation::RetryStopped { attempt: 1, class, reason: "no_retry_left" };
    let expected = [scheduled, stopped].map(|observation| ("erp".to_owned(), observation));
    attempts_against(unavailable, &strategy).await;
    assert_eq!(told.take(), expected);
    let broken = service_fn(|_: Request<()>| async { Err::<(), _>(unavailable()) });
    let service = RetryLayer::new(strategy).layer(broken);
    service.oneshot(Request::new(())).await.expect_err("every attempt fails");
    assert_eq!(told.take(), expected);
}

#[tokio::test(start_paused = true)]
async fn all_attempts_and_waits_fit_into_the_total() {
    let config = RetryConfig { total: Some(Duration::from_secs(4)), ..NO_JITTER };
    let strategy = RetryStrategy::new(config);
    assert_eq!(attempts_against(unavailable, &strategy).await, (3, Duration::from_secs(3)));
    let began = TokioInstant::now();
    let broken = service_fn(|_: Request<()>| async { Err::<(), _>(unavailable()) });
    let service = RetryLayer::new(strategy).layer(broken);
    service.oneshot(Request::new(())).await.expect_err("every attempt fails");
    assert_eq!(began.elapsed(), Duration::from_secs(3));
}

#[tokio::test(start_paused = true)]
async fn a_class_may_have_its_own_schedule_or_none() {
    let throttled = ClassConfig { initial_delay: Some(Duration::from_secs(5)), max_retries: Some(2) };
    let timeout = ClassConfig { max_retries: Some(0), ..ClassConfig::NONE };
    let per_class = PerClass { throttled, timeout, ..PerClass::NONE };
    let strategy = RetryStrategy::new(RetryConfig { per_class, ..NO_JITTER });
    let attempts = async |kind| attempts_against(|| Error::from(kind), &strategy).await;
    assert_eq!(attempts(ErrorKind::Unavailable).await, (4, Duration::from_secs(7)));
    assert_eq!(attempts(ErrorKind::RateLimited).await, (3, Duration::from_secs(15)));
    assert_eq!(attempts(ErrorKind::Timeout).await, (1, Duration::ZERO));
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_says_unavailable_is_retried_and_at_last_returned_as_an_answer() {
    let inner = service_fn(|request: Request<()>| async move {
        let attempt = request.extensions().get::<Attempt>().map_or(0, |attempt| attempt.0);
        let answer = Response::builder().status(if attempt < 2 { 503 } else { 200 });
        Ok::<_, Error>(answer.body(attempt).expect("an answer"))
    });
    let layer = |max_retries| RetryLayer::new(RetryStrategy::new(RetryConfig { max_retries, ..NO_JITTER }));
    let answer = async |max_retries| {
        let service = layer(max_retries).judge_by(OnStatus).layer(inner);
        let answer = service.oneshot(Request::new(())).await.expect("an answer");
        (answer.status().as_u16(), answer.into_body())
    };
    assert_eq!(answer(3).await, (200, 2));
    assert_eq!(answer(1).await, (503, 1));
    let by_error = layer(3).layer(inner).oneshot(Request::new(())).await.expect("an answer");
    assert_eq!(by_error.into_body(), 0, "an answer is an answer unless told otherwise");
}

#[tokio::test(start_paused = true)]
async fn a_closure_decides_which_answers_are_retried() {
    let unfinished = |outcome: &Result<u32, Error>| match outcome {
        Ok(progress) if *progress < 2 => Some(ErrorClass::Transient.into()),
        Ok(_) => None,
        Err(error) => Some(Failure::of(error)),
    };
    let strategy = RetryStrategy::new(NO_JITTER);
    let polled = strategy.execute_judged(unfinished, None, |attempt| async move { Ok::<_, Error>(attempt) });
    assert_eq!(polled.await.expect("an answer"), 2);
    // A breaker that opens meanwhile leaves the answer before it.
    let opens =
        |attempt| async move { if attempt == 0 { Ok(0) } else { Err(CircuitOpen { retry_after: None }.into()) } };
    assert_eq!(strategy.execute_judged(unfinished, None, opens).await.expect("the earlier answer"), 0);
}

// F-R3.
#[tokio::test(start_paused = true)]
async fn no_wait_begins_that_ends_after_the_deadline() {
    let strategy = RetryStrategy::new(NO_JITTER);
    let calls = AtomicU32::new(0);
    let began = TokioInstant::now();
    let deadline = SystemClock.now() + Duration::from_secs(4);
    let operation = |_| {
        calls.fetch_add(1, Ordering::Relaxed);
        std::future::ready(Err::<(), _>(unavailable()))
    };
    strategy.execute_until(Some(deadline), operation).await.expect_err("every attempt fails");
    assert_eq!((calls.into_inner(), began.elapsed()), (3, Duration::from_secs(3)));
}

// F-R7: the attempt's number reaches the inner service.
#[tokio::test(start_paused = true)]
async fn an_http_request_carries_its_attempt() {
    let inner = service_fn(|request: Request<()>| async move {
        match request.extensions().get::<Attempt>() {
            Some(Attempt(2)) => Ok(()),
            _ => Err(unavailable()),
        }
    });
    let service = RetryLayer::new(RetryStrategy::new(NO_JITTER)).layer(inner);
    service.oneshot(Request::new(())).await.expect("the third attempt");
}

// F-R7.
#[tokio::test(start_paused = true)]
async fn a_call_counts_on_from_earlier_attempts() {
    let timestamp = "2025-01-15T10:00:00Z".parse().expect("a timestamp");
    let tenant = TenantId::new("demo").expect("an id");
    let mut context = IntegrationContext::system(tenant, CorrelationId::random(), timestamp);
    context.retry_count = 5;
    let inner =
        service_fn(
            |call: Call<()>| async move { if call.context.retry_count == 7 { Ok(()) } else { Err(unavailable()) } },
        );
    let service = RetryLayer::new(RetryStrategy::new(NO_JITTER)).layer(inner);
    service.oneshot(Call { request: (), context }).await.expect("the attempt after two more");
}

#[tokio::test(start_paused = true)]
async fn a_call_stops_at_its_own_deadline() {
    struct Urgent(Instant);
    impl Replay for Urgent {
        fn replay(&self) -> Option<Self> {
            Some(Self(self.0))
        }
        fn deadline(&self) -> Option<Instant> {
            Some(self.0)
        }
    }
    let began = TokioInstant::now();
    let inner = service_fn(|_: Urgent| async { Err::<(), _>(unavailable()) });
    let service = RetryLayer::new(RetryStrategy::new(NO_JITTER)).layer(inner);
    service.oneshot(Urgent(SystemClock.now() + Duration::from_secs(2))).await.expect_err("every attempt fails");
    assert_eq!(began.elapsed(), Duration::from_secs(1));
}

// F-X1.
#[tokio::test(start_paused = true)]
async fn a_post_without_key_is_sent_once() {
    let (service, mut partner) = MockService::<Request<()>, (), Error>::new();
    let service = RetryLayer::new(RetryStrategy::new(NO_JITTER)).layer(service);
    let mut request = Request::new(());
    *request.method_mut() = Method::POST;
    let answer = tokio::spawn(service.oneshot(request));
    partner.asked().await.refuse(unavailable());
    assert_eq!(answer.await.expect("no panic").expect_err("one attempt").kind(), ErrorKind::Unavailable);
    assert!(partner.try_asked().is_none());
}

#[tokio::test(start_paused = true)]
async fn each_attempt_waits_until_the_inner_service_is_ready() {
    let (service, mut partner) = MockService::<Request<()>, &str, Error>::new();
    let service = RetryLayer::new(RetryStrategy::new(NO_JITTER)).layer(service);
    let answer = tokio::spawn(service.oneshot(Request::new(())));
    let first = partner.asked().await;
    partner.set_ready(false);
    first.refuse(unavailable());
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert!(partner.try_asked().is_none());
    partner.set_ready(true);
    partner.asked().await.answer("done");
    assert_eq!(answer.await.expect("no panic").expect("the second attempt"), "done");
}

#[tokio::test(start_paused = true)]
async fn a_service_that_stays_unready_holds_the_call_no_longer_than_its_time() {
    let told = Told::default();
    let (service, mut partner) = MockService::<Request<()>, (), Error>::new();
    let config = RetryConfig { total: Some(Duration::from_secs(5)), ..NO_JITTER };
    let strategy = RetryStrategy::new(config).with_observers(told.observers());
    let (began, service) = (TokioInstant::now(), RetryLayer::new(strategy).layer(service));
    let answer = tokio::spawn(service.oneshot(Request::new(())));
    let first = partner.asked().await;
    partner.set_ready(false);
    first.refuse(unavailable());
    let answer = tokio::time::timeout(Duration::from_secs(60), answer).await.expect("in time").expect("no panic");
    assert_eq!(answer.expect_err("the first attempt failed").kind(), ErrorKind::Unavailable);
    assert_eq!(began.elapsed(), Duration::from_secs(5));
    let class = ErrorClass::Transient;
    let stopped = Observation::RetryStopped { attempt: 0, class, reason: "past_deadline" };
    assert_eq!(told.take().pop().map(|(_, last)| last), Some(stopped));
}

#[tokio::test(start_paused = true)]
async fn nothing_is_sent_after_the_deadline_however_late_the_call_is_polled() {
    let attempts = AtomicU32::new(0);
    let inner = service_fn(|_: Request<()>| {
        attempts.fetch_add(1, Ordering::Relaxed);
        std::future::ready(Err::<(), _>(unavailable()))
    });
    let config = RetryConfig { total: Some(Duration::from_secs(5)), ..NO_JITTER };
    let mut call = Box::pin(RetryLayer::new(RetryStrategy::new(config)).layer(inner).oneshot(Request::new(())));
    assert!(futures_util::poll!(call.as_mut()).is_pending());
    tokio::time::advance(Duration::from_secs(6)).await;
    assert_eq!(call.await.expect_err("the first attempt failed").kind(), ErrorKind::Unavailable);
    assert_eq!(attempts.load(Ordering::Relaxed), 1);
}

#[tokio::test(start_paused = true)]
async fn without_the_layer_nothing_is_sent_after_the_deadline_either() {
    let told = Told::default();
    let config = RetryConfig { total: Some(Duration::from_secs(5)), ..NO_JITTER };
    let strategy = RetryStrategy::new(config).with_observers(told.observers());
    let mut attempts = 0;
    let mut call = Box::pin(strategy.execute(|_| {
        attempts += 1;
        std::future::ready(Err::<(), _>(unavailable()))
    }));
    assert!(futures_util::poll!(call.as_mut()).is_pending());
    tokio::time::advance(Duration::from_secs(6)).await;
    assert_eq!(call.as_mut().await.expect_err("the first attempt failed").kind(), ErrorKind::Unavailable);
    drop(call);
    assert_eq!(attempts, 1);
    let stopped = Observation::RetryStopped { attempt: 0, class: ErrorClass::Transient, reason: "past_deadline" };
    assert_eq!(told.take().pop().map(|(_, last)| last), Some(stopped));
}

#[tokio::test(start_paused = true)]
async fn a_dropped_wait_makes_no_further_attempt() {
    let (service, mut partner) = MockService::<Request<()>, (), Error>::new();
    let mut service = RetryLayer::new(RetryStrategy::new(NO_JITTER)).layer(service);
    let call = service.ready().await.expect("ready").call(Request::new(()));
    let call = tokio::spawn(call);
    partner.asked().await.refuse(unavailable());
    tokio::task::yield_now().await;
    call.abort();
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert!(partner.try_asked().is_none());
}

#[tokio::test(start_paused = true)]
async fn a_plain_box_error_works_too() {
    let strategy = RetryStrategy::new(RetryConfig { max_retries: 1, ..NO_JITTER });
    let answer: Result<(), crate::error::BoxError> =
        strategy.execute(|_| async { Err(std::io::Error::from(std::io::ErrorKind::ConnectionReset).into()) }).await;
    assert!(answer.expect_err("both attempts fail").class().is_retryable());
}

#[tokio::test(start_paused = true)]
async fn the_layer_passes_the_probe() {
    let budget = RetryBudget::new(RetryBudgetConfig::default());
    let layer = RetryLayer::new(RetryStrategy::new(NO_JITTER).with_budget(budget).with_name("probe"));
    probe::layer(|inner| layer.layer(inner)).await;
    probe::layer_boxed(|inner| layer.layer(inner)).await;
    let layer = layer.leak();
    probe::layer(|inner| layer.layer(inner)).await;
    probe::layer_boxed(|inner| layer.layer(inner)).await;
}
