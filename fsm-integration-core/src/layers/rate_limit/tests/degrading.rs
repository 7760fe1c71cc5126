//! A limiter over a store goes on without it.

use std::sync::atomic::{AtomicU8, AtomicU32, Ordering};

use async_trait::async_trait;
use tokio::time::Instant;

use super::*;
use crate::{
    clock::SystemClock,
    error::Result,
    observe::{Observation, Told},
};

const ANSWERS: u8 = 0;
const FAILS: u8 = 1;
const HANGS: u8 = 2;
const IS_SLOW: u8 = 3;

/// A store that does what it is told, and counts how often it is asked.
#[derive(Clone)]
struct Store {
    behaviour: Arc<AtomicU8>,
    asked: Arc<AtomicU32>,
    buckets: KeyedTokenBucket<Arc<str>>,
}

impl Store {
    fn behave(&self, behaviour: u8) {
        self.behaviour.store(behaviour, Ordering::Relaxed);
    }

    fn asked(&self) -> u32 {
        self.asked.swap(0, Ordering::Relaxed)
    }
}

#[async_trait]
impl RateLimitStore for Store {
    async fn acquire(&self, key: &str, cost: u32) -> Result<Decision> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        let behaviour = self.behaviour.load(Ordering::Relaxed);
        if behaviour == IS_SLOW {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        match behaviour {
            ANSWERS | IS_SLOW => Ok(self.buckets.try_acquire_ref(key, cost)),
            FAILS => Err(Error::new(ErrorKind::Unavailable, "connection refused")),
            _ => std::future::pending().await,
        }
    }

    async fn refund(&self, key: &str, cost: u32) -> Result<()> {
        RateLimitStore::refund(&self.buckets, key, cost).await
    }

    async fn charge(&self, key: &str, cost: u32) -> Result<()> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        match self.behaviour.load(Ordering::Relaxed) {
            ANSWERS | IS_SLOW => RateLimitStore::charge(&self.buckets, key, cost).await,
            FAILS => Err(Error::new(ErrorKind::Unavailable, "connection refused")),
            _ => std::future::pending().await,
        }
    }
}

/// A limit of ten a second for two instances.
fn limiter(on_store_error: OnStoreError) -> (Store, StoreLimiter<Store>, Told) {
    let store = Store {
        behaviour: Arc::default(),
        asked: Arc::default(),
        buckets: KeyedTokenBucket::with_clock("shared", quota(10, 10), 100, SystemClock),
    };
    let instances = NonZeroU32::new(2).expect("not zero");
    let config = StoreLimiterConfig { on_store_error, instances, ..StoreLimiterConfig::default() };
    let told = Told::default();
    let limiter = StoreLimiter::new("orders", quota(10, 10), store.clone(), config).with_observers(told.observers());
    (store, limiter, told)
}

async fn allowed(limiter: &StoreLimiter<Store>, key: &str, calls: usize) -> usize {
    let mut allowed = 0;
    for _ in 0..calls {
        allowed += usize::from(limiter.acquire(key, 1).await.expect("decides").allowed);
    }
    allowed
}

fn degraded(degraded: bool) -> (String, Observation) {
    ("orders".to_owned(), Observation::RateLimiterDegraded { degraded })
}

#[tokio::test(start_paused = true)]
async fn while_the_store_fails_an_instance_gives_out_its_share() {
    let (store, limiter, told) = limiter(OnStoreError::Local);
    store.behave(FAILS);
    assert_eq!(allowed(&limiter, "acme", 20).await, 5);
    assert_eq!(allowed(&limiter, "globex", 20).await, 5);
    assert_eq!(store.asked(), 1, "it is left alone for a while");
    assert_eq!(told.take(), [degraded(true)]);
    tokio::time::advance(SECOND).await;
    store.behave(ANSWERS);
    assert_eq!(allowed(&limiter, "acme", 20).await, 10);
    assert_eq!(told.take(), [degraded(false)]);
}

#[tokio::test(start_paused = true)]
async fn a_store_that_hangs_costs_its_timeout_once_a_pause() {
    let (store, limiter, told) = limiter(OnStoreError::Local);
    store.behave(HANGS);
    let began = Instant::now();
    assert_eq!(allowed(&limiter, "acme", 20).await, 5);
    assert_eq!((began.elapsed(), store.asked()), (Duration::from_millis(100), 1));
    tokio::time::advance(SECOND).await;
    let again = futures_util::future::join_all((0..10).map(|_| limiter.acquire("acme", 1))).await;
    assert!(again.iter().all(std::result::Result::is_ok));
    assert_eq!((began.elapsed(), store.asked()), (SECOND + Duration::from_millis(200), 1));
    assert_eq!(told.take(), [degraded(true)], "told once, however often it fails");
}

#[tokio::test(start_paused = true)]
async fn an_answer_to_a_question_from_before_the_failure_says_nothing() {
    let (store, limiter, told) = limiter(OnStoreError::Local);
    store.behave(IS_SLOW);
    let mut slow = Box::pin(limiter.acquire("acme", 1));
    assert!(futures_util::poll!(&mut slow).is_pending());
    tokio::time::advance(Duration::from_millis(20)).await;
    store.behave(FAILS);
    assert_eq!((allowed(&limiter, "globex", 1).await, store.asked()), (1, 2));
    assert!(slow.await.expect("decides").allowed);
    assert_eq!((allowed(&limiter, "globex", 1).await, store.asked()), (1, 0), "it is left alone");
    assert_eq!(told.take(), [degraded(true)]);
}

// A caller that goes away while it tries whether the store is back holds nobody up.
#[tokio::test(start_paused = true)]
async fn a_dropped_trial_is_followed_by_another() {
    let (store, limiter, _) = limiter(OnStoreError::Local);
    store.behave(FAILS);
    assert_eq!(allowed(&limiter, "acme", 1).await, 1);
    tokio::time::advance(SECOND).await;
    store.behave(HANGS);
    assert!(limiter.acquire("acme", 1).now_or_never().is_none());
    store.behave(ANSWERS);
    store.asked();
    assert_eq!((allowed(&limiter, "acme", 1).await, store.asked()), (1, 0));
    tokio::time::advance(SECOND).await;
    assert_eq!((allowed(&limiter, "acme", 1).await, store.asked()), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn local_buckets_are_kept_warm() {
    let (store, limiter, _) = limiter(OnStoreError::Local);
    assert_eq!(allowed(&limiter, "acme", 4).await, 4);
    store.behave(FAILS);
    assert_eq!(allowed(&limiter, "acme", 20).await, 1, "four of its five were used");
}

#[tokio::test(start_paused = true)]
async fn open_lets_all_through_and_closed_none() {
    let (store, limiter_open, _) = limiter(OnStoreError::Open);
    store.behave(FAILS);
    assert_eq!(allowed(&limiter_open, "acme", 50).await, 50);
    let (store, limiter_closed, told) = limiter(OnStoreError::Closed);
    store.behave(FAILS);
    for _ in 0..3 {
        let failure = limiter_closed.acquire("acme", 1).await.expect_err("closed");
        assert_eq!((failure.kind(), failure.retry_after()), (ErrorKind::Unavailable, Some(SECOND)));
    }
    assert_eq!((store.asked(), told.take()), (1, vec![degraded(true)]));
}

// R7: what was refused is refused here until it passes.
#[tokio::test(start_paused = true)]
async fn a_refusal_is_remembered_until_it_passes() {
    let (store, limiter, _) = limiter(OnStoreError::Local);
    assert_eq!(allowed(&limiter, "acme", 11).await, 10);
    assert_eq!(store.asked(), 11);
    let again = limiter.try_acquire_now("acme", 1).expect("nobody has to be asked");
    assert_eq!((again.allowed, again.retry_after), (false, Some(Duration::from_millis(100))));
    assert_eq!((allowed(&limiter, "acme", 50).await, store.asked()), (0, 0));
    tokio::time::advance(Duration::from_millis(100)).await;
    assert_eq!((allowed(&limiter, "acme", 1).await, store.asked()), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn a_refund_makes_the_refusal_void() {
    let (_, limiter, _) = limiter(OnStoreError::Local);
    assert_eq!(allowed(&limiter, "acme", 11).await, 10);
    RateLimitStore::refund(&limiter, "acme", 1).await.expect("the store answers");
    assert_eq!(allowed(&limiter, "acme", 2).await, 1);
}

#[tokio::test(start_paused = true)]
async fn a_pause_outlasts_a_call_that_was_under_way_a_refund_and_a_shorter_one() {
    let (store, limiter, _) = limiter(OnStoreError::Local);
    assert_eq!(allowed(&limiter, "acme", 10).await, 10);
    store.behave(IS_SLOW);
    let mut under_way = Box::pin(limiter.acquire("acme", 1));
    assert!(futures_util::poll!(&mut under_way).is_pending());
    limiter.pause("acme", 30 * SECOND);
    assert!(!under_way.await.expect("decides").allowed);
    RateLimitStore::refund(&limiter, "acme", 1).await.expect("the store answers");
    limiter.pause("acme", 10 * SECOND);
    tokio::time::advance(15 * SECOND).await;
    for cost in [0, 1, 2] {
        let paused = limiter.try_acquire_now("acme", cost).expect("nobody has to be asked");
        assert_eq!((paused.allowed, paused.retry_after.map(|wait| wait.as_secs())), (false, Some(14)), "{cost}");
    }
    tokio::time::advance(15 * SECOND).await;
    assert_eq!(allowed(&limiter, "acme", 1).await, 1);
}

#[tokio::test(start_paused = true)]
async fn the_layer_asks_the_store_and_tells_of_refusals() {
    let (_, limiter, told) = limiter(OnStoreError::Local);
    let layer = RateLimitLayer::shared(limiter, |_: &u64| Arc::from("acme")).honour_retry_after(30 * SECOND);
    let service = layer.layer(accepting());
    for request in 0..10 {
        service.clone().oneshot(request).await.expect("a token");
    }
    let refusal = service.oneshot(10).await.expect_err("no token");
    let retry_after = Some(Duration::from_millis(100));
    assert_eq!((refusal.kind(), refusal.retry_after()), (ErrorKind::RateLimited, retry_after));
    assert_eq!(told.take(), [("orders".to_owned(), Observation::RateLimited { retry_after, shadow: false })]);
}

#[tokio::test(start_paused = true)]
async fn a_layer_over_a_store_passes_the_probe() {
    let buckets = KeyedTokenBucket::with_clock("shared", quota(1_000, 1_000), 100, SystemClock);
    let limiter = StoreLimiter::new("probe", quota(1_000, 1_000), buckets, StoreLimiterConfig::default());
    let layer = RateLimitLayer::shared(limiter, |_: &probe::Request| Arc::from("acme"));
    probe::layer(|inner| layer.layer(inner)).await;
    probe::layer_boxed(|inner| layer.layer(inner)).await;
}

// What a call turned out to cost.
#[tokio::test(start_paused = true)]
async fn a_charge_is_the_stores_and_here_no_more_than_the_share_has() {
    let (store, limiter, _) = limiter(OnStoreError::Local);
    assert_eq!(allowed(&limiter, "acme", 1).await, 1);
    RateLimitStore::charge(&limiter, "acme", 19).await.expect("the store answers");
    let refusal = limiter.acquire("acme", 1).await.expect("decides");
    assert_eq!(refusal.retry_after, Some(Duration::from_millis(1_100)), "ten are owed");
    store.behave(FAILS);
    tokio::time::advance(2 * SECOND).await;
    assert_eq!(allowed(&limiter, "acme", 20).await, 5, "the share owes nothing");
}

#[tokio::test(start_paused = true)]
async fn a_charge_of_which_the_store_cannot_be_told_is_owed_here() {
    for behaviour in [FAILS, HANGS] {
        let (store, limiter, _) = limiter(OnStoreError::Local);
        store.behave(behaviour);
        RateLimitStore::charge(&limiter, "acme", 9).await.expect_err("the store does not answer");
        assert_eq!((allowed(&limiter, "acme", 5).await, store.asked()), (0, 2));
        RateLimitStore::charge(&limiter, "acme", 1).await.expect_err("the store is left alone");
        assert_eq!(store.asked(), 0);
        tokio::time::advance(SECOND / 2).await;
        assert_eq!(allowed(&limiter, "acme", 5).await, 0, "five of a share of five a second were owed");
    }
}
