use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use http::{Method, Request};
use tokio::time::{Instant as TokioInstant, sleep};
use tower::{Layer, Service, ServiceExt};

use super::*;
use crate::{
    adapter::{Call, CorrelationId, IntegrationContext, TenantId},
    error::{Error, ErrorClass, ErrorKind, Failure},
    observe::Told,
    repeat::Attempt,
    testing::{MockPartner, MockService, probe},
};

const MS: Duration = Duration::from_millis(1);
/// A hedge after 100 ms that measures nothing.
const FIXED: HedgeConfig =
    HedgeConfig { max_hedges: 1, delay: Duration::from_millis(100), quantile: 0.0, min_samples: 1, min_delay: MS };

type Mock = MockService<Request<()>, &'static str, Error>;
type Partner = MockPartner<Request<()>, &'static str, Error>;

fn mock(hedge: Hedge) -> (HedgeService<Mock>, Partner) {
    let (inner, partner) = MockService::new();
    (HedgeLayer::new(hedge).layer(inner), partner)
}

#[tokio::test(start_paused = true)]
async fn an_answer_before_the_delay_sends_no_second_request() {
    let (service, mut partner) = mock(Hedge::new(FIXED));
    let answer = tokio::spawn(service.oneshot(Request::new(())));
    let first = partner.asked().await;
    sleep(99 * MS).await;
    first.answer("first");
    assert_eq!(answer.await.expect("no panic").expect("an answer"), "first");
    assert!(partner.try_asked().is_none());
}

#[tokio::test(start_paused = true)]
async fn a_faster_second_wins_and_the_first_is_dropped() {
    let told = Told::default();
    let hedge = Hedge::new(FIXED).with_name("erp").with_observers(told.observers());
    let (mut service, mut partner) = mock(hedge);
    let began = TokioInstant::now();
    let mut call = Box::pin(service.ready().await.expect("ready").call(Request::new(())));
    let (first, second) = tokio::select! {
        _ = &mut call => panic!("nobody answered"),
        asked = async { (partner.asked().await, partner.asked().await) } => asked,
    };
    assert_eq!(began.elapsed(), 100 * MS);
    second.answer("second");
    assert_eq!((&mut call).await.expect("an answer"), "second");
    assert!(first.is_dropped(), "before the outer future is dropped");
    let expected = [Observation::HedgeSent { after: 100 * MS }, Observation::HedgeWon];
    assert_eq!(told.take(), expected.map(|observation| ("erp".to_owned(), observation)));
}

#[tokio::test(start_paused = true)]
async fn each_hedge_carries_its_number_and_the_attempt_of_the_first() {
    let (service, mut partner) = mock(Hedge::new(HedgeConfig { max_hedges: 2, ..FIXED }));
    let mut request = Request::new(());
    request.set_attempt(3);
    let _call = tokio::spawn(service.oneshot(request));
    let mut unanswered = Vec::new();
    for number in [None, Some(Hedged(1)), Some(Hedged(2))] {
        let asked = partner.asked().await;
        let extensions = asked.request.extensions();
        let carried = (extensions.get::<Hedged>(), extensions.get::<Attempt>());
        assert_eq!(carried, (number.as_ref(), Some(&Attempt(3))));
        unanswered.push(asked);
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_carries_the_number_in_its_context() {
    let tenant = TenantId::new("demo").expect("an id");
    let timestamp = "2025-01-15T10:00:00Z".parse().expect("a timestamp");
    let context = IntegrationContext::system(tenant, CorrelationId::random(), timestamp);
    let inner = tower::service_fn(|Call { context, .. }: Call<()>| async move {
        sleep(if context.hedge == 0 { 10 * FIXED.delay } else { MS }).await;
        Ok::<_, Error>(context)
    });
    let answered = HedgeLayer::new(Hedge::new(FIXED)).layer(inner).oneshot(Call { request: (), context }).await;
    let context = answered.expect("the second request");
    assert_eq!((context.hedge, context.retry_count), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn a_first_that_answers_after_all_wins_and_the_second_is_dropped() {
    let (service, mut partner) = mock(Hedge::new(FIXED));
    let answer = tokio::spawn(service.oneshot(Request::new(())));
    let (first, mut second) = (partner.asked().await, partner.asked().await);
    first.answer("first");
    assert_eq!(answer.await.expect("no panic").expect("an answer"), "first");
    second.dropped().await;
}

#[tokio::test(start_paused = true)]
async fn a_dropped_call_drops_every_request() {
    let (service, mut partner) = mock(Hedge::new(FIXED));
    let call = tokio::spawn(service.oneshot(Request::new(())));
    let (mut first, mut second) = (partner.asked().await, partner.asked().await);
    call.abort();
    first.dropped().await;
    second.dropped().await;
}

/// How a call ended whose requests end as listed, each after its time; and after how long.
async fn ends(hedge: &Hedge, requests: &[(u64, Result<u32, ErrorKind>)]) -> (Result<u32, ErrorKind>, u64, usize) {
    let began = TokioInstant::now();
    let sent = AtomicU32::new(0);
    let operation = |number: u32| {
        sent.fetch_add(1, Ordering::Relaxed);
        let (after, outcome) = requests[number as usize];
        async move {
            sleep(Duration::from_millis(after)).await;
            outcome.map_err(Error::from)
        }
    };
    let outcome = hedge.execute(operation).await.map_err(|error| error.kind());
    (outcome, began.elapsed().as_millis() as u64, sent.into_inner() as usize)
}

#[tokio::test(start_paused = true)]
async fn a_quick_failure_is_the_answer_and_not_hedged() {
    let down = Err(ErrorKind::Unavailable);
    assert_eq!(ends(&Hedge::new(FIXED), &[(10, down), (0, Ok(1))]).await, (down, 10, 1));
}

// tower's hedge returns whatever ends first.
#[tokio::test(start_paused = true)]
async fn a_success_wins_over_a_failure_that_came_before_it() {
    let hedge = Hedge::new(FIXED);
    let down = Err(ErrorKind::Unavailable);
    assert_eq!(ends(&hedge, &[(300, Ok(0)), (50, down)]).await, (Ok(0), 300, 2));
    assert_eq!(ends(&hedge, &[(150, down), (100, Ok(1))]).await, (Ok(1), 200, 2));
}

#[tokio::test(start_paused = true)]
async fn a_failure_of_the_first_that_would_come_again_ends_the_call() {
    let rejected = Err(ErrorKind::PartnerRejected);
    assert_eq!(ends(&Hedge::new(FIXED), &[(150, rejected), (900, Ok(1))]).await, (rejected, 150, 2));
}

#[tokio::test(start_paused = true)]
async fn no_failure_of_a_hedge_ends_the_call() {
    for kind in [ErrorKind::PartnerRejected, ErrorKind::Cancelled, ErrorKind::Unavailable, ErrorKind::CircuitOpen] {
        assert_eq!(ends(&Hedge::new(FIXED), &[(900, Ok(0)), (50, Err(kind))]).await, (Ok(0), 900, 2), "{kind:?}");
    }
}

/// What the draft of the `Idempotency-Key` header demands: 409 while the first request with the key is under way.
#[tokio::test(start_paused = true)]
async fn a_keyed_post_is_not_failed_by_its_own_hedge() {
    let (service, mut partner) = mock(Hedge::new(FIXED));
    let post = Request::post("/orders").header("idempotency-key", "order-1").body(()).expect("a request");
    let answer = tokio::spawn(service.oneshot(post));
    let (first, second) = (partner.asked().await, partner.asked().await);
    second.refuse(ErrorKind::of_partner_status(409).expect("a failure").into());
    sleep(MS).await;
    first.answer("first");
    assert_eq!(answer.await.expect("no panic").expect("an answer"), "first");
}

#[tokio::test(start_paused = true)]
async fn when_all_fail_the_partners_failure_is_told_not_the_breakers() {
    let (down, open) = (Err(ErrorKind::Unavailable), Err(ErrorKind::CircuitOpen));
    assert_eq!(ends(&Hedge::new(FIXED), &[(200, down), (0, open)]).await, (down, 200, 2));
}

#[tokio::test(start_paused = true)]
async fn each_further_request_waits_its_own_delay() {
    let config = HedgeConfig { max_hedges: 3, ..FIXED };
    let slow = (1_000, Ok(0));
    let outcome = ends(&Hedge::new(config), &[slow, slow, slow, (50, Ok(3)), slow]).await;
    assert_eq!(outcome, (Ok(3), 350, 4));
    let none = Hedge::new(HedgeConfig { max_hedges: 0, ..FIXED });
    assert_eq!(ends(&none, &[slow]).await, (Ok(0), 1_000, 1));
}

#[tokio::test(start_paused = true)]
async fn a_post_without_key_is_sent_once() {
    let (service, mut partner) = mock(Hedge::new(FIXED));
    let mut request = Request::new(());
    *request.method_mut() = Method::POST;
    let answer = tokio::spawn(service.oneshot(request));
    let first = partner.asked().await;
    sleep(Duration::from_secs(60)).await;
    assert!(partner.try_asked().is_none());
    first.answer("first");
    answer.await.expect("no panic").expect("an answer");
}

#[tokio::test(start_paused = true)]
async fn a_request_is_copied_once_for_each_hedge_that_it_may_have() {
    struct Copied(Arc<AtomicU32>);
    impl Replay for Copied {
        fn replay(&self) -> Option<Self> {
            self.0.fetch_add(1, Ordering::Relaxed);
            Some(Self(Arc::clone(&self.0)))
        }
    }
    for max_hedges in [0, 1, 3] {
        let slow = tower::service_fn(async |_: Copied| {
            sleep(100 * FIXED.delay).await;
            Ok::<_, Error>(())
        });
        let copies = Arc::new(AtomicU32::new(0));
        let service = HedgeLayer::new(Hedge::new(HedgeConfig { max_hedges, ..FIXED })).layer(slow);
        service.oneshot(Copied(Arc::clone(&copies))).await.expect("an answer");
        assert_eq!(copies.load(Ordering::Relaxed), max_hedges);
    }
}

#[tokio::test(start_paused = true)]
async fn a_second_request_waits_until_the_inner_service_is_ready() {
    let (service, mut partner) = mock(Hedge::new(FIXED));
    let answer = tokio::spawn(service.oneshot(Request::new(())));
    let _first = partner.asked().await;
    partner.set_ready(false);
    sleep(Duration::from_secs(1)).await;
    assert!(partner.try_asked().is_none());
    partner.set_ready(true);
    partner.asked().await.answer("second");
    assert_eq!(answer.await.expect("no panic").expect("an answer"), "second");
}

#[tokio::test(start_paused = true)]
async fn an_exhausted_budget_sends_no_second_request() {
    let two = RetryBudgetConfig { ratio: 0.0, min_per_second: 2, ..Default::default() };
    let budget = RetryBudget::with_clock(two, SystemClock);
    let hedge = Hedge::new(FIXED).drawing_on(budget.clone());
    let requests = [(150, Ok(0)), (0, Ok(1))];
    assert_eq!(ends(&hedge, &requests).await, (Ok(1), 100, 2));
    assert!(budget.try_withdraw(), "a retry draws on it too");
    assert_eq!(ends(&hedge, &requests).await, (Ok(0), 150, 1));
    let storm = hedge.without_budget();
    for _ in 0..100 {
        assert_eq!(ends(&storm, &requests).await, (Ok(1), 100, 2));
    }
}

#[tokio::test(start_paused = true)]
async fn calls_earn_hedges_only_where_they_are_counted() {
    let earned = |with: fn(Hedge, RetryBudget) -> Hedge| async move {
        let all = RetryBudgetConfig { ratio: 1.0, min_per_second: 0, ..Default::default() };
        let budget = RetryBudget::new(all);
        let hedge = with(Hedge::new(FIXED), budget.clone());
        for _ in 0..3 {
            hedge.execute(|_| async { Ok::<_, Error>(()) }).await.expect("a success");
        }
        std::iter::repeat_with(|| budget.try_withdraw()).take_while(|&taken| taken).count()
    };
    assert_eq!(earned(Hedge::with_budget).await, 3);
    assert_eq!(earned(Hedge::drawing_on).await, 0);
    assert_eq!(earned(|hedge, budget| hedge.drawing_on(budget.clone()).with_budget(budget)).await, 3);
}

#[tokio::test(start_paused = true)]
async fn the_delay_follows_the_measured_quantile() {
    let config = HedgeConfig { quantile: 0.9, min_samples: 20, ..FIXED };
    let hedge = Hedge::new(config).without_budget();
    assert_eq!(hedge.delay(), 100 * MS, "as set, while too little is known");
    for number in 0..64 {
        let takes = if number % 20 == 0 { 80 } else { 10 };
        assert_eq!(ends(&hedge, &[(takes, Ok(0)), (200, Ok(1))]).await.0, Ok(0));
    }
    let delay = hedge.delay();
    assert!((10 * MS..=12 * MS).contains(&delay), "{delay:?}");
    let quick = [(1_000, Ok(0)), (5, Ok(1))];
    let (outcome, took, sent) = ends(&hedge, &quick).await;
    assert_eq!((outcome, sent), (Ok(1), 2));
    assert!((15..=18).contains(&took), "{took}");
    // A handle that is cloned shares it.
    assert_eq!(hedge.clone().with_name("other").delay(), delay);
}

// Counting winners only would shorten the delay more and more.
#[tokio::test(start_paused = true)]
async fn slow_requests_that_lost_to_their_hedge_are_not_forgotten() {
    let config = HedgeConfig { quantile: 0.9, min_samples: 1, ..FIXED };
    let hedge = Hedge::new(config).without_budget();
    for _ in 0..128 {
        assert_eq!(ends(&hedge, &[(500, Ok(0)), (30, Ok(1))]).await.0, Ok(1));
    }
    assert!(hedge.delay() >= 100 * MS, "{:?}", hedge.delay());
}

#[tokio::test(start_paused = true)]
async fn no_measured_delay_is_shorter_than_allowed() {
    let config = HedgeConfig { quantile: 0.9, min_samples: 1, min_delay: 20 * MS, ..FIXED };
    let hedge = Hedge::new(config);
    assert_eq!(ends(&hedge, &[(0, Ok(0))]).await.0, Ok(0));
    assert_eq!(hedge.delay(), 20 * MS);
}

/// Is ready for one call only, which ends after a second.
#[derive(Clone)]
struct OnceReady {
    calls: Arc<AtomicU32>,
    first: Result<(), ErrorKind>,
    then: ErrorKind,
}

impl Service<Request<()>> for OnceReady {
    type Response = ();
    type Error = Error;
    type Future = std::pin::Pin<Box<dyn Future<Output = Result<(), Error>> + Send>>;
    fn poll_ready(&mut self, _: &mut std::task::Context<'_>) -> std::task::Poll<Result<(), Error>> {
        let is_called = self.calls.load(Ordering::Relaxed) > 0;
        std::task::Poll::Ready(if is_called { Err(self.then.into()) } else { Ok(()) })
    }
    fn call(&mut self, _: Request<()>) -> Self::Future {
        self.calls.fetch_add(1, Ordering::Relaxed);
        let first = self.first;
        Box::pin(async move {
            sleep(Duration::from_secs(1)).await;
            first.map_err(Error::from)
        })
    }
}

#[tokio::test(start_paused = true)]
async fn a_hedge_that_could_not_be_sent_is_none() {
    let firsts = [Ok(()), Err(ErrorKind::Unavailable), Err(ErrorKind::PartnerRejected), Err(ErrorKind::RateLimited)];
    let thens = [ErrorKind::CircuitOpen, ErrorKind::PartnerRejected, ErrorKind::Cancelled, ErrorKind::Unavailable];
    for (first, then) in firsts.into_iter().flat_map(|first| thens.map(|then| (first, then))) {
        let service = HedgeLayer::new(Hedge::new(FIXED)).layer(OnceReady { calls: Arc::default(), first, then });
        let began = TokioInstant::now();
        let outcome = service.oneshot(Request::new(())).await.map_err(|error| error.kind());
        assert_eq!((outcome, began.elapsed()), (first, Duration::from_secs(1)), "{then:?}");
    }
}

#[test]
fn settings_are_written_as_people_write_durations() {
    let config: HedgeConfig = serde_json::from_str(r#"{"delay":"250ms","quantile":0.99}"#).expect("settings");
    assert_eq!(config, HedgeConfig { delay: 250 * MS, quantile: 0.99, ..HedgeConfig::default() });
    assert!(serde_json::from_str::<HedgeConfig>(r#"{"hedges":2}"#).is_err());
}

#[tokio::test(start_paused = true)]
async fn the_layer_passes_the_probe() {
    for quantile in [0.0, 0.95] {
        let layer = HedgeLayer::new(Hedge::new(HedgeConfig { quantile, ..HedgeConfig::default() }));
        probe::layer(|inner| layer.layer(inner)).await;
        probe::layer_boxed(|inner| layer.layer(inner)).await;
    }
}

/// "busy" and "gone" are failures.
fn judge(outcome: &Result<&'static str, Error>) -> Option<Failure> {
    match outcome {
        Ok("busy") => Some(ErrorClass::Transient.into()),
        Ok("gone") => Some(ErrorClass::Permanent.into()),
        Ok(_) => None,
        Err(error) => Some(Failure::of(error)),
    }
}

/// What a call comes to whose first request is answered after its hedge, and whether a request was dropped for it.
async fn judged(hedge: &Hedge, first: &'static str, second: &'static str) -> (&'static str, bool) {
    let (inner, mut partner) = MockService::<Request<()>, _, Error>::new();
    let service = HedgeLayer::new(hedge.clone()).judge_by(judge).layer(inner);
    let call = tokio::spawn(service.oneshot(Request::new(())));
    let (slow, quick) = (partner.asked().await, partner.asked().await);
    quick.answer(second);
    sleep(MS).await;
    let dropped = slow.is_dropped();
    slow.answer(first);
    (call.await.expect("no panic").expect("an answer"), dropped)
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_is_a_failure_does_not_win_while_another_request_is_under_way() {
    let told = Told::default();
    let hedge = Hedge::new(FIXED).with_observers(told.observers());
    assert_eq!(judged(&hedge, "done", "busy").await, ("done", false));
    assert_eq!(judged(&hedge, "done", "gone").await, ("done", false));
    assert_eq!(judged(&hedge, "gone", "busy").await, ("gone", false));
    assert_eq!(judged(&hedge, "busy", "done").await, ("done", true));
    let won = told.take().into_iter().filter(|(_, observation)| *observation == Observation::HedgeWon);
    assert_eq!(won.count(), 1, "what failed has not won");
}

#[tokio::test(start_paused = true)]
async fn when_all_answers_are_failures_the_first_is_the_answer() {
    let hedge = Hedge::new(FIXED);
    let operation = async |request| {
        sleep(if request == 0 { 150 * MS } else { 100 * MS }).await;
        if request == 0 { Ok("busy") } else { Err(ErrorKind::Unavailable.into()) }
    };
    assert_eq!(hedge.execute_judged(judge, operation).await.expect("the answer"), "busy");
}

#[tokio::test(start_paused = true)]
async fn a_failed_answer_is_not_measured() {
    let hedge = Hedge::new(HedgeConfig { quantile: 0.5, ..FIXED });
    let answer = |answer| hedge.execute_judged(judge, move |_| async move { Ok(answer) });
    assert_eq!(answer("busy").await.expect("the answer"), "busy");
    assert_eq!(hedge.delay(), FIXED.delay);
    answer("done").await.expect("the answer");
    assert_eq!(hedge.delay(), MS);
}

#[tokio::test]
async fn a_layer_with_a_judge_passes_the_probe() {
    let layer = HedgeLayer::new(Hedge::new(FIXED)).judge_by(OnError);
    probe::layer(|inner| layer.layer(inner)).await;
}
