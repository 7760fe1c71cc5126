//! The layer before a service that cannot fail.

use std::convert::Infallible;

use async_trait::async_trait;
use http::{HeaderMap, Request, Response, header::RETRY_AFTER};
use jiff::Timestamp;

use super::*;
use crate::{
    clock::WallClock,
    error::Result,
    observe::{Observation, Told},
};

type Answer = Response<&'static str>;

fn policy() -> RateLimitPolicy {
    let clock = VirtualClock::starting_at(Timestamp::from_second(1_000_000).expect("a time"));
    assert_eq!(clock.timestamp().as_second(), 1_000_000);
    RateLimitPolicy::with_clock("orders", Duration::from_secs(60), Arc::new(clock))
}

/// A refusal with a hint of its own.
fn refuse(refusal: RateLimited) -> Answer {
    let answer = Response::builder().status(429).header(RETRY_AFTER, "77");
    answer.body(if refusal.retry_after.is_some() { "later" } else { "never" }).expect("an answer")
}

fn handler()
-> impl Service<Request<u32>, Response = Answer, Error = Infallible, Future: Send> + Clone + Send + Sync + 'static {
    service_fn(async |_| {
        Ok(Response::builder().status(404).header("x-ratelimit-limit", "1").body("").expect("an answer"))
    })
}

/// Status, body, remaining, seconds until the reset, `Retry-After`; the rest is as in [`headers`].
async fn told<S>(service: &S) -> (u16, &'static str, String, i64, Option<String>)
where
    S: Service<Request<u32>, Response = Answer, Error = Infallible> + Clone,
{
    let Ok(answer) = service.clone().oneshot(Request::new(1)).await;
    let all: Vec<_> =
        answer.headers().iter().map(|(name, value)| (name.as_str(), value.to_str().expect("text"))).collect();
    assert!(all.len() <= 6 && all.contains(&("x-ratelimit-limit", "2")), "{all:?}");
    let of = |headers: &HeaderMap, name: &str| headers.get(name).map(|value| value.to_str().expect("text").to_owned());
    let remaining = of(answer.headers(), "x-ratelimit-remaining").expect("what remains");
    let reset =
        of(answer.headers(), "x-ratelimit-reset").expect("a reset").parse::<i64>().expect("a number") - 1_000_000;
    assert_eq!(of(answer.headers(), "ratelimit-policy").as_deref(), Some(r#""orders";q=2;w=60"#));
    assert_eq!(of(answer.headers(), "ratelimit"), Some(format!(r#""orders";r={remaining};t={reset}"#)));
    (answer.status().as_u16(), *answer.body(), remaining, reset, of(answer.headers(), RETRY_AFTER.as_str()))
}

fn allowed(remaining: &str, reset: i64) -> (u16, &'static str, String, i64, Option<String>) {
    (404, "", remaining.to_owned(), reset, None)
}

fn refused(seconds: i64) -> (u16, &'static str, String, i64, Option<String>) {
    (429, "later", "0".to_owned(), seconds, Some(seconds.to_string()))
}

#[tokio::test]
async fn r4_every_answer_tells_the_caller_how_it_stands() {
    let (clock, bucket) = bucket(2, 1);
    let told_of = Told::default();
    let layer = RateLimitLayer::new(bucket.with_observers(told_of.observers())).respond_with_headers(policy(), refuse);
    let service = layer.layer(handler());
    assert_eq!(told(&service).await, allowed("1", 1));
    assert_eq!(told(&service).await, allowed("0", 2));
    assert!(told_of.take().is_empty());
    assert_eq!(told(&service).await, refused(1));
    let refusal = Observation::RateLimited { retry_after: Some(SECOND), shadow: false };
    assert_eq!(told_of.take(), [("test".to_owned(), refusal)]);
    clock.advance(SECOND);
    assert_eq!(told(&service).await, allowed("0", 2));
}

#[tokio::test]
async fn r4_each_key_is_told_of_its_own_bucket_by_what_a_request_costs() {
    let (_, buckets) = keyed(2, 10);
    let layer = RateLimitLayer::keyed(buckets, |request: &Request<u32>| u64::from(*request.body()))
        .cost(|request: &Request<u32>| request.body() - 1)
        .respond_with_headers(policy(), refuse);
    let service = layer.layer(handler());
    let ask = async |body| {
        let Ok(answer) = service.clone().oneshot(Request::new(body)).await;
        (answer.status().as_u16(), answer.headers()["x-ratelimit-remaining"].to_str().expect("text").to_owned())
    };
    assert_eq!([ask(1).await, ask(2).await, ask(3).await], [(404, "2"), (404, "1"), (404, "0")].map(own));
    assert_eq!(ask(3).await, own((429, "0")));
    let Ok(never) = service.clone().oneshot(Request::new(9)).await;
    assert_eq!((*never.body(), &never.headers()[RETRY_AFTER]), ("never", &"77".parse().expect("a value")), "its own");
}

fn own((status, remaining): (u16, &str)) -> (u16, String) {
    (status, remaining.to_owned())
}

#[tokio::test]
async fn r10_a_limit_that_is_tried_out_asks_nobody_to_come_back() {
    let (_, bucket) = bucket(2, 1);
    let told_of = Told::default();
    let layer = RateLimitLayer::new(bucket.with_observers(told_of.observers())).shadow(true);
    let service = layer.clone().respond_with_headers(policy(), refuse).layer(handler());
    let waiting = layer.wait(Duration::ZERO, 1).respond_with_headers(policy(), refuse).layer(handler());
    told(&service).await;
    told(&service).await;
    for service in [&service, &waiting] {
        assert_eq!(told(service).await, allowed("0", 2));
        let refusal = Observation::RateLimited { retry_after: Some(SECOND), shadow: true };
        assert_eq!(told_of.take(), [("test".to_owned(), refusal)]);
    }
}

#[tokio::test(start_paused = true)]
async fn who_waits_is_told_when_it_is_served_or_refused() {
    let buckets = || KeyedTokenBucket::new(quota(2, 1), 10);
    let one = RateLimitLayer::new(TokenBucket::new(quota(2, 1))).wait(SECOND, 10);
    let leased = LeasedBucket::new(TokenBucket::new(quota(2, 1)), LeaseConfig { tokens: 1, ..LeaseConfig::default() });
    let keyed = RateLimitLayer::keyed(buckets(), |_: &Request<u32>| 7_u64).wait(SECOND, 10);
    tell_all(&one.respond_with_headers(policy(), refuse).layer(handler())).await;
    tell_all(&keyed.respond_with_headers(policy(), refuse).layer(handler())).await;
    let leased = RateLimitLayer::new(leased).wait(SECOND, 10);
    tell_all(&leased.respond_with_headers(policy(), refuse).layer(handler())).await;
}

async fn tell_all<S>(service: &S)
where
    S: Service<Request<u32>, Response = Answer, Error = Infallible> + Clone,
{
    assert_eq!([told(service).await, told(service).await], [allowed("1", 1), allowed("0", 2)]);
    let began = tokio::time::Instant::now();
    let (served, late) = tokio::join!(told(service), told(service));
    assert_eq!((served, began.elapsed()), (allowed("0", 2), SECOND));
    assert_eq!((late.0, late.1, late.4.is_some()), (429, "later", true));
}

#[tokio::test(start_paused = true)]
async fn who_goes_away_while_it_waits_gives_its_token_back() {
    let bucket = TokenBucket::new(quota(1, 1));
    let layer = RateLimitLayer::new(bucket.clone()).wait(SECOND, 10).respond_with_headers(policy(), refuse);
    let mut service = layer.layer(handler());
    assert!(service.call(Request::new(1)).await.is_ok());
    let mut waits = Box::pin(service.call(Request::new(1)));
    assert!(waits.as_mut().now_or_never().is_none());
    assert_eq!(bucket.waiting(), 1);
    drop(waits);
    tokio::time::advance(SECOND).await;
    assert_eq!((bucket.waiting(), bucket.peek().remaining), (0, 1));
}

/// A store that has to be awaited.
struct Far(Result<Decision, ErrorKind>);

#[async_trait]
impl RateLimitStore for Far {
    async fn acquire(&self, _: &str, _: u32) -> Result<Decision> {
        self.0.map_err(Error::from)
    }

    async fn refund(&self, _: &str, _: u32) -> Result<()> {
        Ok(())
    }

    async fn charge(&self, _: &str, _: u32) -> Result<()> {
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn the_word_of_a_shared_store_is_told_and_that_it_gives_none() {
    let stands = Decision { allowed: true, limit: 2, remaining: 1, retry_after: None, reset_after: 3 * SECOND };
    let over = Decision { allowed: false, remaining: 0, retry_after: Some(2 * SECOND), ..stands };
    let config = StoreLimiterConfig { on_store_error: OnStoreError::Closed, ..StoreLimiterConfig::default() };
    let ask = async |word| {
        let limiter = StoreLimiter::new("orders", quota(2, 1), Far(word), config);
        let layer = RateLimitLayer::shared(limiter, |_: &Request<u32>| Arc::from("acme"));
        told(&layer.respond_with_headers(policy(), refuse).layer(handler())).await
    };
    assert_eq!(ask(Ok(stands)).await, allowed("1", 3));
    assert_eq!(ask(Ok(over)).await, refused(2));
    let (status, _, remaining, ..) = ask(Err(ErrorKind::Unavailable)).await;
    assert_eq!((status, remaining.as_str()), (429, "0"));
}

#[tokio::test(start_paused = true)]
async fn it_passes_the_probe_and_lets_the_services_own_error_through() {
    use crate::testing::probe::{Request, Response};
    let layer = RateLimitLayer::new(TokenBucket::new(quota(1_000, 1)));
    let layer = layer.respond_with_headers(policy(), |_| Response::default());
    probe::layer(|inner| layer.layer(inner)).await;
    probe::layer_boxed(|inner| layer.layer(inner)).await;
    let full = RateLimitLayer::new(TokenBucket::new(quota(1_000, 1_000))).wait(SECOND, 10);
    let waits = full.cost(|_: &Request| 600).respond_with_headers(policy(), |_| Response::default());
    probe::layer(|inner| waits.layer(inner)).await;
}
