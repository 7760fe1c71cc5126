use std::{num::NonZeroU32, sync::Arc, thread, time::Duration};

use futures_util::FutureExt;
use proptest::prelude::*;
use tower::{Layer, Service, ServiceExt, service_fn};

mod degrading;
mod inbound;
mod late;
mod leased_store;
mod leasing;
mod linear;
mod quotas;
mod waiting;

use super::*;
use crate::{
    error::{Classify, Error, ErrorClass, ErrorKind, RateLimited},
    observe::{Observation, Told, recorder::Seen},
    testing::{VirtualClock, probe},
};

const SECOND: Duration = Duration::from_secs(1);

fn quota(capacity: u32, refill: u32) -> Quota {
    let count = |number| NonZeroU32::new(number).expect("not zero");
    Quota::per_second(count(capacity), count(refill))
}

fn bucket(capacity: u32, refill: u32) -> (VirtualClock, TokenBucket<VirtualClock>) {
    let clock = VirtualClock::default();
    (clock.clone(), TokenBucket::with_clock("test", quota(capacity, refill), clock))
}

fn keyed(capacity: u32, max_keys: usize) -> (VirtualClock, KeyedTokenBucket<u64, VirtualClock>) {
    let clock = VirtualClock::default();
    (clock.clone(), KeyedTokenBucket::with_clock("test", quota(capacity, 1), max_keys, clock))
}

// F-T1: the second call works like the first.
#[test]
fn every_call_counts() {
    let (clock, bucket) = bucket(2, 1);
    let allowed: Vec<_> = (0..3).map(|_| bucket.try_acquire(1).allowed).collect();
    assert_eq!(allowed, [true, true, false]);
    clock.advance(SECOND);
    assert!(bucket.try_acquire(1).allowed);
}

// F-T2: 50 of 50 on a capacity of 5.
#[test]
fn threads_together_get_no_more_than_the_capacity() {
    let (_, bucket) = bucket(5, 1);
    let (_, buckets) = keyed(5, 100);
    let tries = || (0..50).map(|_| (bucket.try_acquire(1).allowed, buckets.try_acquire(&7, 1).allowed)).collect();
    let results: Vec<(bool, bool)> = thread::scope(|scope| {
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(|| -> Vec<_> { tries() })).collect();
        threads.into_iter().flat_map(|thread| thread.join().expect("no panic")).collect()
    });
    assert_eq!(results.iter().filter(|(one, _)| *one).count(), 5);
    assert_eq!(results.iter().filter(|(_, keyed)| *keyed).count(), 5);
}

// F-T5: a slow bucket does not refill because it was forgotten.
#[test]
fn a_slow_bucket_never_refills_for_free() {
    let clock = VirtualClock::default();
    let slow = Quota::new(NonZeroU32::new(10).expect("not zero"), NonZeroU32::MIN, Duration::from_secs(3_600));
    let buckets = KeyedTokenBucket::with_clock("test", slow, 100, clock.clone());
    assert!(buckets.try_acquire(&0, 10).allowed);
    for _ in 0..3 {
        clock.advance(Duration::from_secs(3_600));
        (1..200).for_each(|key| _ = buckets.try_acquire(&key, 1));
        assert!(buckets.try_acquire(&0, 1).allowed);
        assert!(!buckets.try_acquire(&0, 1).allowed);
    }
}

// F-T6: the two sets of limits are two quotas.
#[test]
fn inbound_and_outbound_quotas_are_different_things() {
    let inbound = Quota::per_minute_with_burst(NonZeroU32::new(100).expect("not zero"));
    assert_eq!((inbound.capacity(), inbound.refill(), inbound.period()), (133, 100, Duration::from_secs(60)));
    assert_eq!((quota(100, 10).capacity(), quota(100, 10).refill()), (100, 10));
}

// F-T7.
#[test]
fn a_decision_says_what_is_left_and_when_to_come_back() {
    let (_, bucket) = bucket(2, 4);
    let first = bucket.try_acquire(1);
    assert_eq!((first.remaining, first.reset_after), (1, Duration::from_millis(250)));
    let _ = bucket.try_acquire(1);
    let refused = bucket.try_acquire(1);
    assert_eq!((refused.allowed, refused.retry_after), (false, Some(Duration::from_millis(250))));
    assert_eq!(refused.into_result(), Err(RateLimited { retry_after: Some(Duration::from_millis(250)) }));
}

// R9: governor cannot look without taking.
#[test]
fn a_look_takes_nothing_and_remembers_nobody() {
    let (_, bucket) = bucket(2, 1);
    (0..10).for_each(|_| assert_eq!(bucket.peek().remaining, 2));
    let (_, buckets) = keyed(2, 100);
    assert_eq!(buckets.peek(&1).remaining, 2);
    assert!(!buckets.try_acquire(&1, 3).allowed);
    assert!(buckets.is_empty());
}

#[test]
fn a_refund_gives_the_token_back() {
    let (_, bucket) = bucket(1, 1);
    assert!(bucket.try_acquire(1).allowed);
    bucket.refund(1);
    assert!(bucket.try_acquire(1).allowed);
    let (_, buckets) = keyed(1, 10);
    assert!(buckets.try_acquire(&1, 1).allowed);
    buckets.refund(&1, 1);
    assert!(buckets.try_acquire(&1, 1).allowed);
}

// R9: memory stays flat over any number of keys.
#[test]
fn idle_keys_are_forgotten_without_being_asked_to() {
    let (clock, buckets) = keyed(2, 100_000);
    let mut most = 0;
    for key in 0..200_000 {
        assert!(buckets.try_acquire(&key, 1).allowed);
        clock.advance(Duration::from_millis(10));
        most = most.max(if key % 1_000 == 0 { buckets.len() } else { 0 });
    }
    // At any time 100 keys are busy; 64 shards keep at most twice that, and at least 64 each.
    assert!(most <= 64 * 64 + 200, "{most}");
}

#[test]
fn keys_beyond_the_cap_share_one_bucket_until_others_are_idle() {
    let (clock, buckets) = keyed(1, 10);
    let allowed = |keys: std::ops::Range<u64>| keys.filter(|key| buckets.try_acquire(key, 1).allowed).count();
    assert_eq!(allowed(0..1_000), 10 + 1);
    assert_eq!(buckets.len(), 10);
    clock.advance(2 * SECOND);
    assert_eq!(allowed(2_000..2_005), 5);
    assert_eq!(buckets.len(), 5);
}

#[test]
fn idle_keys_make_room_within_a_second_however_long_an_empty_bucket_takes_to_fill() {
    let (clock, buckets) = keyed(10_000, 64);
    (0..65).for_each(|key| assert!(buckets.try_acquire(&key, 1).allowed));
    clock.advance(SECOND);
    assert!(buckets.try_acquire(&100, 10_000).allowed);
    assert!(buckets.try_acquire(&101, 1).allowed, "in a bucket of its own");
    assert_eq!(buckets.len(), 2);
}

#[test]
fn keys_that_are_idle_soon_make_room_before_those_that_are_not() {
    let (clock, buckets) = keyed(10_000, 64);
    (0..32).for_each(|key| assert!(buckets.try_acquire(&key, 3_600).allowed));
    clock.advance(SECOND);
    (32..64).for_each(|key| assert!(buckets.try_acquire(&key, 1).allowed));
    assert!(buckets.try_acquire(&64, 10_000).allowed, "in the common one");
    assert_eq!(buckets.len(), 64);
    clock.advance(SECOND);
    assert!(buckets.try_acquire(&65, 10_000).allowed);
    assert_eq!(buckets.len(), 33);
}

#[test]
fn who_is_refused_or_gave_all_back_is_not_remembered() {
    let (_, buckets) = keyed(1, 100);
    for key in 0..200 {
        drop(buckets.acquire_within(&key, 5, WaitConfig::default()));
        buckets.charge(&key, 0);
    }
    assert!(buckets.try_acquire(&1, 1).allowed);
    buckets.refund(&1, 1);
    assert!(buckets.is_empty());
}

#[test]
fn the_cap_holds_over_all_shards() {
    let (_, buckets) = keyed(1, 1_000);
    (0..100_000).for_each(|key| _ = buckets.try_acquire(&key, 1));
    assert!((900..=1_000).contains(&buckets.len()), "{}", buckets.len());
}

#[test]
fn a_store_in_this_process_decides_at_once() {
    let buckets: KeyedTokenBucket<Arc<str>> = KeyedTokenBucket::new(quota(1, 1), 10);
    let store: Arc<dyn RateLimitStore> = Arc::new(buckets);
    assert!(store.try_acquire_now("acme", 1).expect("local").allowed);
    let asked = store.acquire("acme", 1).now_or_never().expect("local").expect("no store to fail");
    assert!(!asked.allowed);
}

fn accepting() -> impl Service<u64, Response = (), Error = Error, Future: Send> + Clone {
    service_fn(|_: u64| async { Ok(()) })
}

#[tokio::test]
async fn the_layer_refuses_with_a_hint_and_without_calling() {
    let (_, bucket) = bucket(1, 1);
    let inner = service_fn(|request: u64| async move {
        assert_eq!(request, 1, "only the first call has a token");
        Ok::<_, Error>(())
    });
    let mut service = RateLimitLayer::new(bucket).layer(inner);
    service.ready().await.expect("ready").call(1).await.expect("a token");
    let error = service.ready().await.expect("ready").call(2).await.expect_err("no token");
    assert_eq!((error.kind(), error.retry_after()), (ErrorKind::RateLimited, Some(SECOND)));
}

// R10.
#[tokio::test]
async fn in_shadow_mode_everything_passes_and_is_counted() {
    let seen = Seen::default();
    let _guard = metrics::set_default_local_recorder(&seen);
    let (_, bucket) = bucket(1, 1);
    let mut shadow = RateLimitLayer::new(bucket.clone()).shadow(true).layer(accepting());
    for request in 0..5 {
        shadow.ready().await.expect("ready").call(request).await.expect("shadow mode");
    }
    assert_eq!(seen.take(), [("rate_limiter_refusals_total test shadow".to_owned(), 4.0)]);
    RateLimitLayer::new(bucket).layer(accepting()).oneshot(5).await.expect_err("no token");
    assert_eq!(seen.take(), [("rate_limiter_refusals_total test enforced".to_owned(), 1.0)]);
}

#[tokio::test]
async fn handles_of_one_bucket_have_names_and_observers_of_their_own() {
    let told = Told::default();
    let (_, bucket) = bucket(1, 1);
    let (_, buckets) = keyed(1, 10);
    let store = KeyedTokenBucket::<Arc<str>>::new(quota(1, 1), 10);
    let limiter = StoreLimiter::new("test", quota(1, 1), store, StoreLimiterConfig::default());
    let named = bucket.clone().with_name("erp").with_observers(told.observers());
    let named_keys = buckets.clone().with_name("tenants").with_observers(told.observers());
    let names = [bucket.name(), named.name(), buckets.name(), named_keys.name()].map(str::to_owned);
    assert_eq!(names, ["test", "erp", "test", "tenants"]);
    assert_eq!([limiter.name(), limiter.clone().with_name("orders").name()], ["test", "orders"]);
    assert!(bucket.try_acquire(1).allowed && buckets.try_acquire(&1, 1).allowed);
    RateLimitLayer::new(bucket).layer(accepting()).oneshot(1).await.expect_err("no token, not told");
    RateLimitLayer::new(named).layer(accepting()).oneshot(1).await.expect_err("the same bucket");
    RateLimitLayer::keyed(named_keys, |request: &u64| *request).layer(accepting()).oneshot(1).await.expect_err("too");
    let refusal = Observation::RateLimited { retry_after: Some(SECOND), shadow: false };
    assert_eq!(told.take(), ["erp", "tenants"].map(|name| (name.to_owned(), refusal)));
}

#[tokio::test]
async fn each_key_has_its_own_bucket() {
    let (_, buckets) = keyed(1, 10);
    let mut service = RateLimitLayer::keyed(buckets, |request: &u64| request % 2).layer(accepting());
    for (request, allowed) in [(0, true), (1, true), (2, false), (3, false)] {
        assert_eq!(service.ready().await.expect("ready").call(request).await.is_ok(), allowed, "{request}");
    }
}

// R11.
#[tokio::test]
async fn a_hint_of_the_other_side_pauses_the_bucket_up_to_the_cap() {
    let (clock, bucket) = bucket(100, 100);
    let busy = || Error::from(ErrorKind::RateLimited).with_retry_after(Some(60 * SECOND));
    let inner = service_fn(move |_: u64| async move { Err::<(), _>(busy()) });
    let service = RateLimitLayer::new(bucket.clone()).honour_retry_after(30 * SECOND).layer(inner);
    service.oneshot(1).await.expect_err("the other side is busy");
    assert_eq!(bucket.try_acquire(1).retry_after, Some(30 * SECOND));
    clock.advance(30 * SECOND);
    assert!(bucket.try_acquire(1).allowed);
}

/// Only a refusal says that too much was asked: a partner that is down may name a time too.
#[tokio::test]
async fn a_hint_of_a_partner_that_is_down_pauses_nothing() {
    let (_, bucket) = bucket(100, 100);
    let down = || Error::from(ErrorKind::Unavailable).with_retry_after(Some(60 * SECOND));
    let inner = service_fn(move |_: u64| async move { Err::<(), _>(down()) });
    let service = RateLimitLayer::new(bucket.clone()).honour_retry_after(30 * SECOND).layer(inner);
    service.oneshot(1).await.expect_err("the other side is down");
    assert!(bucket.try_acquire(1).allowed);
}

#[tokio::test]
async fn what_another_limiter_here_refuses_pauses_nobody() {
    let (_, all) = bucket(100, 100);
    let (_, each) = keyed(1, 10);
    let inner = RateLimitLayer::keyed(each, |request: &u64| *request).layer(accepting());
    let service = RateLimitLayer::new(all.clone()).honour_retry_after(30 * SECOND).layer(inner);
    service.clone().oneshot(1).await.expect("a token");
    let refused = service.clone().oneshot(1).await.expect_err("none");
    assert_eq!((refused.retry_after(), refused.is_local()), (Some(SECOND), true));
    service.oneshot(2).await.expect("nobody on the other side refused anything");
}

#[tokio::test]
async fn what_costs_more_than_the_capacity_is_no_refusal_of_the_moment() {
    let (_, bucket) = bucket(2, 1);
    let service = RateLimitLayer::new(bucket).cost(|_: &u64| 3).layer(accepting());
    let refused = service.oneshot(1).await.expect_err("never");
    assert_eq!((refused.class(), refused.retry_after()), (ErrorClass::Permanent, None));
}

#[tokio::test(start_paused = true)]
async fn the_layer_passes_the_probe() {
    let layer = RateLimitLayer::new(TokenBucket::new(quota(1_000, 1))).honour_retry_after(SECOND);
    probe::layer(|inner| layer.layer(inner)).await;
    probe::layer_boxed(|inner| layer.layer(inner)).await;
}

proptest! {
    // A keyed bucket decides as one bucket for each key, whatever is forgotten meanwhile.
    #[test]
    fn forgetting_changes_no_decision(calls in prop::collection::vec((0..200_u64, 0..400_u64, 0..3_u32), 1..2_000)) {
        let (clock, buckets) = keyed(2, 64 * 200);
        let mut alone = std::collections::HashMap::new();
        for (key, gap, cost) in calls {
            clock.advance(Duration::from_millis(gap));
            let bucket = alone
                .entry(key)
                .or_insert_with(|| TokenBucket::with_clock("test", quota(2, 1), clock.clone()));
            prop_assert_eq!(buckets.try_acquire(&key, cost), bucket.try_acquire(cost));
        }
    }
}

#[test]
fn buckets_of_keys_tell_who_they_are_whom_they_tell_and_whether_they_know_any_key() {
    let told = Told::default();
    let (clock, observers) = (VirtualClock::default(), told.observers());
    let buckets = KeyedTokenBucket::with_clock("orders", quota(1, 1), 10, clock).with_observers(observers);
    buckets.observers().observe(buckets.name(), Observation::LoadShed);
    assert_eq!(told.take(), [("orders".to_owned(), Observation::LoadShed)]);
    assert!(buckets.is_empty());
    assert!(buckets.try_acquire(&7_u64, 1).allowed);
    assert_eq!((buckets.is_empty(), buckets.len()), (false, 1));
}
