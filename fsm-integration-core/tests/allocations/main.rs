//! A successful call allocates nothing, in any of the layers nor in the stack of them (`cargo test --test allocations`).

// A global allocator cannot be written without; this one only counts.
#![allow(unsafe_code)]

use std::{
    alloc::{GlobalAlloc, Layout, System},
    cell::Cell,
    future::Future,
    mem::take,
    num::NonZeroU32,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::{Duration, Instant},
};

use bytes::Bytes;
use fsm_integration_core::{
    clock::SystemClock,
    error::{BoxError, Error, Failure},
    layers::{
        RespondLayer,
        adaptive_concurrency::{AdaptiveConcurrency, AdaptiveConcurrencyConfig, AdaptiveConcurrencyLayer},
        bulkhead::{Bulkhead, BulkheadLayer},
        circuit_breaker::{
            CircuitBreaker, CircuitBreakerConfig, CircuitBreakerLayer, CircuitBreakerRegistry, CircuitModel,
        },
        fallback::FallbackLayer,
        hedge::{Hedge, HedgeConfig, HedgeLayer},
        idempotency::{
            CarryExecution, Execution, Fingerprint, IdempotencyKey, IdempotencyLayer, IdempotencyManager,
            MemoryIdempotencyStore, Outcome, Replayable,
        },
        instrument::{HasContext, InstrumentLayer},
        load_shed::LoadShedLayer,
        rate_limit::{
            KeyedTokenBucket, LeaseConfig, LeasedBucket, Quota, RateLimitLayer, StoreLimiter, StoreLimiterConfig,
            TokenBucket,
        },
        retry::{Replay, RetryBudget, RetryBudgetConfig, RetryConfig, RetryLayer, RetryStrategy},
        timeout::{DeadlineLayer, HasDeadline, Timeout, TimeoutLayer},
        webhook::{
            Family, VerifyConfig, VerifyLayer, WebhookId, WebhookSecret, WebhookSecrets, WebhookSigner, WebhookVerifier,
        },
    },
    profile::{Handles, Profile, stack, stack_leaked},
};
use tower::{Layer, Service, ServiceBuilder, ServiceExt};

mod clones;
mod refusals;

/// Counts for each thread, so that tests beside each other do not see each other.
struct Counting;

thread_local! {
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
    static CLONES: Cell<u64> = const { Cell::new(0) };
}

fn count() {
    // A thread that is ending has no counter any more, and no test either.
    let _ = ALLOCATIONS.try_with(|count| count.set(count.get() + 1));
}

// SAFETY: passes everything on to `System` as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: the caller's promise.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        // SAFETY: the caller's promise.
        unsafe { System.dealloc(memory, layout) }
    }

    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count();
        // SAFETY: the caller's promise.
        unsafe { System.realloc(memory, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// A request that costs nothing itself and may be sent again.
#[derive(Debug, Clone, Copy)]
struct Ask;

impl Replay for Ask {
    fn replay(&self) -> Option<Self> {
        Some(*self)
    }
}

impl HasDeadline for Ask {
    fn deadline(&self) -> Option<Instant> {
        None
    }
}

impl HasContext for Ask {}

/// A partner that answers, at the first poll or at the second.
#[derive(Debug, Clone, Copy)]
struct Partner {
    keeps_waiting: bool,
}

struct Answer {
    keeps_waiting: bool,
}

impl Service<Ask> for Partner {
    type Response = u32;
    type Error = BoxError;
    type Future = Answer;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Ask) -> Answer {
        Answer { keeps_waiting: self.keeps_waiting }
    }
}

impl Future for Answer {
    type Output = Result<u32, BoxError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        if !take(&mut self.keeps_waiting) {
            return Poll::Ready(Ok(7));
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

const CALLS: u32 = 100;

/// How many allocations a hundred successful calls make, after a first one that may.
fn allocations_of<S>(mut service: S) -> u64
where
    S: Service<Ask, Response = u32, Error = BoxError>,
{
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
    runtime.block_on(async move {
        let mut call = async || service.ready().await.expect("ready").call(Ask).await.expect("a success");
        assert_eq!(call().await, 7);
        let before = ALLOCATIONS.get();
        for _ in 0..CALLS {
            call().await;
        }
        ALLOCATIONS.get() - before
    })
}

fn assert_free<L>(layer: &L)
where
    L: Layer<Partner, Service: Service<Ask, Response = u32, Error = BoxError>>,
{
    for keeps_waiting in [false, true] {
        let allocations = allocations_of(layer.layer(Partner { keeps_waiting }));
        assert_eq!(allocations, 0, "in {CALLS} calls of a partner with keeps_waiting = {keeps_waiting}");
    }
}

const MINUTE: Duration = Duration::from_secs(60);
/// More than all the calls need.
const MANY: NonZeroU32 = NonZeroU32::new(10_000).expect("not zero");

fn breaker() -> CircuitBreakerLayer {
    CircuitBreakerLayer::new(CircuitBreaker::new("partner", CircuitBreakerConfig::default()))
}

fn retry() -> RetryLayer {
    let budget = RetryBudget::new(RetryBudgetConfig::default());
    RetryLayer::new(RetryStrategy::new(RetryConfig::default()).with_name("partner").with_budget(budget))
}

fn rate_limit() -> RateLimitLayer {
    let bucket = TokenBucket::new(Quota::new(MANY, MANY, MINUTE));
    RateLimitLayer::new(bucket).honour_retry_after(MINUTE)
}

#[test]
fn the_counter_sees_an_allocation() {
    let boxes = tower::layer::layer_fn(tower::util::BoxService::new);
    assert!(allocations_of(boxes.layer(Partner { keeps_waiting: false })) >= u64::from(CALLS));
}

#[test]
fn a_closed_breaker_allocates_nothing() {
    assert_free(&breaker());
    assert_free(&breaker().leak());
}

#[test]
fn a_known_key_whose_breaker_is_closed_allocates_nothing() {
    let breakers = CircuitBreakerRegistry::new(CircuitBreakerConfig::default());
    assert_free(&CircuitBreakerLayer::keyed(breakers, |_: &Ask| "partner".into()));
}

#[test]
fn an_answer_that_is_judged_allocates_nothing() {
    let judge = |outcome: &Result<u32, BoxError>| outcome.as_ref().err().map(Failure::of);
    assert_free(&breaker().judge_by(judge));
    assert_free(&retry().judge_by(judge));
    assert_free(&HedgeLayer::new(Hedge::new(HedgeConfig::default())).judge_by(judge));
    assert_free(&FallbackLayer::new(|outcome: Result<u32, BoxError>| outcome).judge_by(judge));
    let concurrency = AdaptiveConcurrency::new(AdaptiveConcurrencyConfig::default());
    assert_free(&AdaptiveConcurrencyLayer::new(concurrency).judge_by(judge));
}

#[test]
fn a_success_in_a_window_allocates_nothing() {
    let time = CircuitModel::TimeWindow { duration: MINUTE, buckets: 10 };
    for model in [CircuitModel::CountWindow { size: 10 }, time] {
        let config = CircuitBreakerConfig { model, slow_call_duration: Some(MINUTE), ..Default::default() };
        assert_free(&CircuitBreakerLayer::new(CircuitBreaker::new("partner", config)));
    }
}

#[test]
fn a_first_attempt_that_succeeds_allocates_nothing() {
    assert_free(&retry());
    assert_free(&retry().leak());
}

#[test]
fn a_clone_for_each_call_allocates_nothing_either() {
    let service = retry().layer(Partner { keeps_waiting: false });
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
    runtime.block_on(async move {
        let before = ALLOCATIONS.get();
        for _ in 0..CALLS {
            service.clone().oneshot(Ask).await.expect("a success");
        }
        assert_eq!(ALLOCATIONS.get() - before, 0);
    });
}

#[test]
fn an_answer_before_the_hedge_allocates_nothing() {
    assert_free(&HedgeLayer::new(Hedge::new(HedgeConfig { min_samples: 10, ..HedgeConfig::default() })));
}

#[test]
fn a_call_that_needs_no_fallback_allocates_nothing() {
    assert_free(&FallbackLayer::new(|error: BoxError| Err::<u32, _>(error)));
    assert_free(&FallbackLayer::asking(async |error: BoxError| Err::<u32, _>(error)));
}

#[test]
fn an_answer_in_time_allocates_nothing() {
    assert_free(&TimeoutLayer::new(MINUTE));
    assert_free(&TimeoutLayer::new(Timeout::new(MINUTE).with_name("partner")));
    assert_free(&DeadlineLayer::new(MINUTE));
}

#[test]
fn a_free_place_in_the_bulkhead_allocates_nothing() {
    assert_free(&BulkheadLayer::new(Bulkhead::new(1, 1)));
}

#[test]
fn an_adaptive_limit_allocates_nothing() {
    assert_free(&AdaptiveConcurrencyLayer::new(AdaptiveConcurrency::new(AdaptiveConcurrencyConfig::default())));
}

#[test]
fn a_service_that_is_ready_is_called_without_an_allocation() {
    assert_free(&LoadShedLayer::new());
}

#[test]
fn a_token_that_is_there_allocates_nothing() {
    assert_free(&rate_limit());
    assert_free(&rate_limit().wait(MINUTE, 10).cost(|_: &Ask| 2));
    let quota = Quota::new(MANY, MANY, MINUTE);
    // Of a key that is known: the first sight of one may allocate.
    assert_free(&RateLimitLayer::keyed(KeyedTokenBucket::new(quota, 10), |_: &Ask| 7_u64));
    assert_free(&RateLimitLayer::new(LeasedBucket::new(TokenBucket::new(quota), LeaseConfig::default())));
}

/// By a store that decides at once, as one with tokens in hand does.
#[test]
fn a_shared_limit_whose_store_answers_at_once_allocates_nothing() {
    let quota = Quota::new(MANY, MANY, MINUTE);
    let store = KeyedTokenBucket::<Arc<str>>::new(quota, 10);
    let limiter = StoreLimiter::new("partner", quota, store, StoreLimiterConfig::default());
    let key = Arc::<str>::from("acme");
    assert_free(&RateLimitLayer::shared(limiter, move |_: &Ask| Arc::clone(&key)));
}

#[test]
fn a_span_and_the_counts_of_a_call_allocate_nothing_while_nobody_listens() {
    assert_free(&InstrumentLayer::new("partner", "1.0.0"));
}

#[test]
fn a_replay_from_memory_allocates_nothing_while_nobody_listens() {
    let manager = IdempotencyManager::new(MemoryIdempotencyStore::default());
    let key = IdempotencyKey::new("demo", "order.create", "1").expect("a key");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
    runtime.block_on(async move {
        let call = async || manager.execute(&key, Fingerprint::NONE, async |_| Ok::<_, Error>(7)).await.expect("done");
        assert!(!call().await.replayed);
        // The first of a thread makes the key of its metric, which the thread keeps.
        assert!(call().await.replayed);
        let before = ALLOCATIONS.get();
        for _ in 0..CALLS {
            assert!(call().await.replayed);
        }
        assert_eq!(ALLOCATIONS.get() - before, 0, "in {CALLS} replays");
    });
}

impl CarryExecution for Ask {
    fn carry(&mut self, _: Execution) {}
}

/// An answer that costs nothing to keep.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Receipt;

impl Outcome for Receipt {
    fn is_final(&self) -> bool {
        true
    }
}

impl Replayable for Receipt {
    type Stored = Self;

    fn to_stored(&self) -> Self {
        *self
    }

    fn from_stored(stored: Self) -> Self {
        stored
    }
}

#[test]
fn a_replay_through_the_layer_allocates_nothing_while_nobody_listens() {
    let manager = IdempotencyManager::new(MemoryIdempotencyStore::default());
    let key = IdempotencyKey::new("demo", "order.create", "1").expect("a key");
    let layer = IdempotencyLayer::new(manager, move |_: &Ask| Ok(Some((key.clone(), Fingerprint::NONE))));
    let mut service = layer.layer(tower::service_fn(async |_: Ask| Ok::<_, BoxError>(Receipt)));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
    runtime.block_on(async move {
        let mut call = async || service.ready().await.expect("ready").call(Ask).await.expect("an outcome");
        // The first of a thread makes the key of its metric, which the thread keeps.
        for _ in 0..2 {
            assert_eq!(call().await, Receipt);
        }
        let before = ALLOCATIONS.get();
        for _ in 0..CALLS {
            call().await;
        }
        assert_eq!(ALLOCATIONS.get() - before, 0, "in {CALLS} replays");
    });
}

#[test]
fn what_answers_refusals_allocates_nothing() {
    let two = ServiceBuilder::new().layer(rate_limit()).layer(TimeoutLayer::new(MINUTE));
    assert_free(&RespondLayer::new(two, |_: Error| 0));
}

#[test]
fn the_five_stacked_allocate_nothing() {
    let five = ServiceBuilder::new()
        .layer(retry())
        .layer(breaker())
        .layer(BulkheadLayer::new(Bulkhead::new(1, 1)))
        .layer(rate_limit())
        .layer(TimeoutLayer::new(MINUTE));
    assert_free(&five);
}

/// What is larger is moved by `memmove`, once for each layer and call, which takes longer than the layers.
#[test]
fn four_layers_take_no_more_than_a_few_words_of_a_call() {
    fn size_of_call<S: Service<Ask>>(_: &S) -> usize {
        size_of::<S::Future>()
    }
    let four = ServiceBuilder::new()
        .layer(retry())
        .layer(breaker())
        .layer(RateLimitLayer::new(TokenBucket::new(Quota::new(MANY, MANY, MINUTE))))
        .layer(TimeoutLayer::new(MINUTE))
        .service(Partner { keeps_waiting: false });
    assert!(size_of_call(&four) <= 160, "{} bytes", size_of_call(&four));
}

#[test]
fn the_whole_stack_of_a_profile_allocates_nothing_while_nobody_listens() {
    let mut config = Profile::SalesSystem.config();
    config.rate_limit.capacity = MANY;
    let handles = Handles::new("partner", "1.0.0", &config);
    assert_free(&tower::layer::layer_fn(|partner| stack(&config, &handles, partner)));
    assert_free(&tower::layer::layer_fn(|partner| stack_leaked(&config, &handles, partner)));
}

/// Signing needs one buffer for the headers' values; judging, remembering and forgetting a message need nothing.
#[test]
fn signing_allocates_once_and_verifying_not_at_all() {
    let secrets = WebhookSecrets::new(WebhookSecret::generate().expect("randomness"), Arc::new(SystemClock));
    secrets.rotate(WebhookSecret::generate().expect("randomness"), MINUTE);
    let (id, body) = (WebhookId::new("evt_1").expect("an id"), [b'x'; 1024]);
    let signers = [Family::Standard, Family::Fsm].map(|family| WebhookSigner::new(secrets.clone()).only(family));
    let verifier = WebhookVerifier::with_config(secrets.clone(), &VerifyConfig::default());
    for signer in signers.iter().chain([&WebhookSigner::new(secrets)]) {
        let before = ALLOCATIONS.get();
        for _ in 0..CALLS {
            std::hint::black_box(signer.sign(&id, &body));
        }
        assert_eq!(ALLOCATIONS.get() - before, u64::from(CALLS));

        let mut headers = http::HeaderMap::new();
        signer.sign(&id, &body).apply(&mut headers);
        let verify = || verifier.forget(&verifier.verify(&headers, &body).expect("signed"));
        verify();
        let before = ALLOCATIONS.get();
        for _ in 0..CALLS {
            verify();
        }
        assert_eq!(ALLOCATIONS.get() - before, 0);
    }
}

/// What the layer adds to verifying is the one place where the handler finds who sent it: an HTTP extension.
#[test]
fn a_verified_request_allocates_what_its_extension_does() {
    let secrets = WebhookSecrets::new(WebhookSecret::generate().expect("randomness"), Arc::new(SystemClock));
    let signer = WebhookSigner::new(secrets.clone()).only(Family::Standard);
    let request = |number: u32| {
        let id = WebhookId::new(format!("evt_{number}")).expect("an id");
        let mut request = http::Request::new(Bytes::from_static(b"{}"));
        signer.sign(&id, b"{}").apply(request.headers_mut());
        request
    };
    let verifier = WebhookVerifier::new(secrets);
    let verified = verifier.verify(request(0).headers(), b"{}").expect("signed");
    let before = ALLOCATIONS.get();
    let extensions = &mut http::Extensions::new();
    extensions.insert(verified);
    let extension = ALLOCATIONS.get() - before;

    let handler = tower::service_fn(async |_: http::Request<Bytes>| Ok::<_, BoxError>(http::Response::new(())));
    let mut service = VerifyLayer::new(verifier).layer(handler);
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    runtime.block_on(async move {
        // The memory of messages grows by doubling: it has room for those that are counted after these.
        for number in 1..=700 {
            service.call(request(number)).await.expect("verified");
        }
        let requests: Vec<_> = (1_001..=1_000 + CALLS).map(&request).collect();
        let before = ALLOCATIONS.get();
        for request in requests {
            service.call(request).await.expect("verified");
        }
        assert_eq!(ALLOCATIONS.get() - before, u64::from(CALLS) * extension);
    });
}
