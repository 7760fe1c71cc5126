//! Who waits is served first come, first served, and gives back what it does not use.

use futures_util::future::join_all;
use parking_lot::Mutex;
use tokio::time::{Instant, advance, timeout};
use tower::util::BoxCloneService;

use super::*;
use crate::{
    clock::SystemClock,
    error::BoxError,
    observe::{Observation, Told},
};

const LONG: WaitConfig = WaitConfig { max_wait: Duration::from_secs(3_600), max_waiting: 1_000 };

/// An empty bucket on tokio's time.
fn empty(capacity: u32, refill: u32) -> TokenBucket {
    let bucket = TokenBucket::with_clock("test", quota(capacity, refill), SystemClock);
    assert!(bucket.try_acquire(capacity).allowed);
    bucket
}

fn refused_for(wait: Duration) -> Result<(), RateLimited> {
    Err(RateLimited { retry_after: Some(wait) })
}

#[tokio::test(start_paused = true)]
async fn nobody_is_served_out_of_order_whatever_it_costs() {
    let bucket = empty(7, 100);
    let served = Mutex::new(Vec::new());
    let waiters = (0..600_u32).map(|n| {
        let (bucket, served) = (&bucket, &served);
        async move {
            bucket.acquire_within(n % 7 + 1, LONG).await.expect("in time");
            served.lock().push(n);
        }
    });
    let began = Instant::now();
    join_all(waiters).await;
    let out_of_order = served.lock().windows(2).filter(|pair| pair[0] > pair[1]).count();
    assert_eq!((served.lock().len(), out_of_order), (600, 0));
    // What they cost flowed in meanwhile, and no more.
    let cost: u32 = (0..600).map(|n| n % 7 + 1).sum();
    let expected = Duration::from_millis(u64::from(cost) * 10);
    assert!(began.elapsed() >= expected && began.elapsed() < expected + Duration::from_millis(20));
}

// On two workers too: each is woken by who went before it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn threads_do_not_change_the_order() {
    let bucket = empty(1, 20_000);
    let served = Arc::new(Mutex::new(Vec::new()));
    let waiters: Vec<_> = (0..200)
        .map(|n| {
            let (acquired, served, bucket) = (bucket.acquire_within(1, LONG), Arc::clone(&served), bucket.clone());
            tokio::spawn(async move {
                // Told under the lock of the list, so that the order is that of the bucket.
                let mut acquired = acquired;
                std::future::poll_fn(|cx| {
                    let mut served = served.lock();
                    let polled = std::pin::Pin::new(&mut acquired).poll_unpin(cx);
                    if polled.is_ready() {
                        served.push(n);
                    }
                    polled
                })
                .await
                .expect("in time");
                drop(bucket);
            })
        })
        .collect();
    timeout(30 * SECOND, join_all(waiters)).await.expect("a second's worth of tokens");
    assert!(served.lock().is_sorted(), "{:?}", served.lock());
}

#[tokio::test(start_paused = true)]
async fn while_somebody_waits_nobody_overtakes() {
    let bucket = empty(10, 1);
    let mut dear = bucket.acquire_within(5, LONG);
    assert!((&mut dear).now_or_never().is_none());
    advance(4 * SECOND).await;
    // Four tokens flowed in, for the one that waits.
    let refused = bucket.try_acquire(1);
    assert_eq!((refused.allowed, refused.retry_after), (false, Some(2 * SECOND)));
    let cheap = bucket.acquire_within(1, LONG);
    dear.await.expect("in time");
    assert_eq!(bucket.waiting(), 1);
    let began = Instant::now();
    cheap.await.expect("in time");
    assert_eq!(began.elapsed(), SECOND);
}

#[tokio::test(start_paused = true)]
async fn a_dropped_waiter_gives_its_place_and_its_tokens_to_who_is_next() {
    let bucket = empty(10, 1);
    let [first, second, third] = [5, 10, 1].map(|cost| bucket.acquire_within(cost, LONG));
    let began = Instant::now();
    let third = tokio::spawn(third);
    tokio::task::yield_now().await;
    drop(second);
    drop(first);
    third.await.expect("ends").expect("in time");
    assert_eq!(began.elapsed(), SECOND);
    assert_eq!((bucket.waiting(), bucket.peek().remaining), (0, 0));
    assert_eq!(bucket.peek().reset_after, 10 * SECOND);
}

#[tokio::test(start_paused = true)]
async fn tokens_that_nobody_asked_for_any_more_come_back() {
    let bucket = TokenBucket::with_clock("test", quota(2, 1), SystemClock);
    drop(bucket.acquire(2));
    assert_eq!(bucket.peek().remaining, 2);
    let mut waits = [bucket.acquire(2), bucket.acquire(2)];
    (&mut waits[0]).now_or_never().expect("at once").expect("two tokens");
    drop(waits);
    assert_eq!((bucket.waiting(), bucket.peek().remaining), (0, 0), "what was used stays used");
}

#[tokio::test(start_paused = true)]
async fn who_would_wait_too_long_is_told_at_once() {
    let bucket = empty(1, 1);
    let config = WaitConfig { max_wait: 2 * SECOND, max_waiting: 10 };
    let in_line = [(); 2].map(|()| bucket.acquire_within(1, config));
    let told = bucket.acquire_within(1, config).now_or_never();
    assert_eq!(told, Some(refused_for(3 * SECOND)));
    let never = bucket.acquire_within(2, config).now_or_never();
    assert_eq!(never, Some(Err(RateLimited { retry_after: None })));
    assert!(join_all(in_line).await.into_iter().all(|result| result.is_ok()));
}

#[tokio::test(start_paused = true)]
async fn the_line_is_bounded() {
    let bucket = empty(1, 1);
    let config = WaitConfig { max_waiting: 2, ..LONG };
    let in_line = [(); 2].map(|()| bucket.acquire_within(1, config));
    let told = bucket.acquire_within(1, config).now_or_never();
    assert_eq!(told, Some(refused_for(3 * SECOND)));
    drop(in_line);
    assert!(bucket.acquire_within(1, config).now_or_never().is_none());
}

#[tokio::test(start_paused = true)]
async fn a_pause_holds_the_line_up_and_tells_who_would_wait_too_long() {
    let bucket = empty(10, 1);
    let patient = tokio::spawn(bucket.acquire_within(3, LONG));
    let impatient = tokio::spawn(bucket.acquire_within(1, WaitConfig { max_wait: 5 * SECOND, ..LONG }));
    let last = tokio::spawn(bucket.acquire_within(2, LONG));
    tokio::task::yield_now().await;
    let began = Instant::now();
    bucket.pause(30 * SECOND);
    assert_eq!(impatient.await.expect("ends"), refused_for(31 * SECOND));
    assert_eq!(began.elapsed(), Duration::ZERO);
    patient.await.expect("ends").expect("in time");
    assert_eq!(began.elapsed(), 30 * SECOND);
    last.await.expect("ends").expect("in time");
    assert_eq!(began.elapsed(), 32 * SECOND);
}

#[tokio::test(start_paused = true)]
async fn a_refund_brings_the_line_forward_and_a_charge_sets_it_back() {
    let bucket = empty(10, 1);
    let waiter = tokio::spawn(bucket.acquire_within(5, LONG));
    tokio::task::yield_now().await;
    let began = Instant::now();
    bucket.charge(3);
    bucket.refund(6);
    waiter.await.expect("ends").expect("in time");
    assert_eq!(began.elapsed(), 2 * SECOND);
}

#[tokio::test(start_paused = true)]
async fn each_key_has_its_own_line_and_stays_known_while_somebody_waits() {
    let buckets = KeyedTokenBucket::with_clock("test", quota(1, 1), 10, SystemClock);
    for key in 0..3_u64 {
        assert!(buckets.try_acquire(&key, 1).allowed);
    }
    let waits: Vec<_> = [0, 0, 1].iter().map(|key| buckets.acquire_within(key, 1, LONG)).collect();
    assert_eq!([0, 1, 2].map(|key| buckets.waiting(&key)), [2, 1, 0]);
    advance(10 * SECOND).await;
    // Their buckets would be full again, and others want the room.
    let allowed = (100..200).filter(|key| buckets.try_acquire(key, 1).allowed).count();
    assert_eq!(allowed, 8 + 1);
    assert!(join_all(waits).await.into_iter().all(|result| result.is_ok()));
    assert_eq!([0, 1, 2].map(|key| buckets.waiting(&key)), [0, 0, 0]);
    // Nobody waits for a key that there is no room for.
    (200..300).for_each(|key| _ = buckets.try_acquire(&key, 1));
    let beyond = buckets.acquire_within(&900, 1, LONG).now_or_never().expect("at once");
    assert!(beyond.is_err_and(|refusal| refusal.retry_after.is_some()));
}

#[tokio::test(start_paused = true)]
async fn a_layer_that_waits_calls_in_order_when_the_token_is_there() {
    let told = Told::default();
    let bucket = empty(1, 1).with_observers(told.observers());
    let seen = Arc::new(Mutex::new(Vec::new()));
    let inner = {
        let seen = Arc::clone(&seen);
        service_fn(move |request: u64| {
            seen.lock().push(request);
            async { Ok::<_, Error>(()) }
        })
    };
    let service = RateLimitLayer::new(bucket.clone()).wait(3 * SECOND, 10).layer(inner);
    let mut calls = Vec::new();
    for request in 0..4 {
        let mut service = service.clone();
        calls.push(service.ready().await.expect("ready").call(request));
    }
    assert_eq!((bucket.waiting(), seen.lock().len()), (3, 0));
    let results: Vec<_> =
        join_all(calls).await.into_iter().map(|result| result.map_err(|error| error.retry_after())).collect();
    assert_eq!(results, [Ok(()), Ok(()), Ok(()), Err(Some(4 * SECOND))]);
    assert_eq!(*seen.lock(), [0, 1, 2]);
    let refusal = Observation::RateLimited { retry_after: Some(4 * SECOND), shadow: false };
    assert_eq!(told.take(), [("test".to_owned(), refusal)]);
}

#[tokio::test(start_paused = true)]
async fn a_layer_that_waits_passes_the_probe() {
    let bucket = empty(1, 1_000_000);
    let layer = RateLimitLayer::new(bucket.clone()).wait(SECOND, 10).honour_retry_after(SECOND);
    let held = || {
        // Each of the probe's calls finds the bucket empty.
        let _ = bucket.try_acquire(1);
        bucket.waiting()
    };
    let probe = probe::Probe { held: &held, ..probe::Probe::default() };
    probe.layer(|inner| layer.layer(inner)).await;
    probe::layer_boxed(|inner| layer.layer(inner)).await;
}

#[tokio::test(start_paused = true)]
async fn in_shadow_mode_nobody_waits() {
    let bucket = empty(1, 1);
    let service = RateLimitLayer::new(bucket.clone()).wait(SECOND, 10).shadow(true).layer(accepting());
    let service: BoxCloneService<u64, (), BoxError> = BoxCloneService::new(service.map_err(BoxError::from));
    assert!(service.oneshot(1).now_or_never().expect("at once").is_ok());
    assert_eq!(bucket.waiting(), 0);
}

#[tokio::test(start_paused = true)]
async fn neither_a_refund_nor_who_leaves_the_line_shortens_a_pause() {
    let bucket = empty(10, 1);
    let [first, second] = [4, 1].map(|cost| bucket.acquire_within(cost, LONG));
    let began = Instant::now();
    bucket.pause(30 * SECOND);
    bucket.refund(5);
    drop(first);
    second.await.expect("in time");
    assert_eq!(began.elapsed(), 30 * SECOND);
    drop(bucket.acquire_within(3, LONG));
    bucket.refund(1);
    assert!(bucket.try_acquire(1).allowed, "after it they count as ever");
}

#[tokio::test(start_paused = true)]
async fn who_takes_nothing_waits_for_the_end_of_a_pause_too() {
    let bucket = empty(10, 1);
    let [first, in_line] = [1, 0].map(|cost| bucket.acquire_within(cost, LONG));
    let in_line = tokio::spawn(in_line);
    let began = Instant::now();
    bucket.pause(30 * SECOND);
    drop(first);
    let impatient = bucket.acquire_within(0, WaitConfig { max_wait: 5 * SECOND, ..LONG });
    assert_eq!(impatient.now_or_never(), Some(refused_for(30 * SECOND)));
    bucket.acquire_within(0, LONG).await.expect("in time");
    in_line.await.expect("ends").expect("in time");
    assert_eq!(began.elapsed(), 30 * SECOND);
}

/// An empty bucket of ten, one token a second, for one key.
fn empty_key() -> KeyedTokenBucket<u64> {
    let buckets = KeyedTokenBucket::with_clock("test", quota(10, 1), 100, SystemClock);
    assert!(buckets.try_acquire(&1, 10).allowed);
    buckets
}

#[tokio::test(start_paused = true)]
async fn a_changed_quota_moves_the_turns_of_who_waits_and_wakes_them() {
    let changes: [fn(&KeyedTokenBucket<u64>, Quota); 2] =
        [|buckets, quota| buckets.set_quota(&1, Some(quota)), KeyedTokenBucket::set_default_quota];
    for change in changes {
        let buckets = empty_key();
        let waits = [5, 3].map(|cost| tokio::spawn(buckets.acquire_within(&1, cost, LONG)));
        tokio::task::yield_now().await;
        let began = Instant::now();
        change(&buckets, quota(10, 10));
        let mut served = Vec::new();
        for wait in waits {
            wait.await.expect("ends").expect("in time");
            served.push(began.elapsed().as_millis());
        }
        assert_eq!(served, [500, 800]);
        // And back: what is not there yet takes longer.
        let wait = tokio::spawn(buckets.acquire_within(&1, 2, LONG));
        tokio::task::yield_now().await;
        change(&buckets, quota(10, 1));
        wait.await.expect("ends").expect("in time");
        assert_eq!(began.elapsed().as_millis(), 2_800);
    }
}

#[tokio::test(start_paused = true)]
async fn who_waits_for_more_than_a_changed_quota_holds_is_told() {
    let buckets = empty_key();
    let waits = [5, 3].map(|cost| tokio::spawn(buckets.acquire_within(&1, cost, LONG)));
    tokio::task::yield_now().await;
    let began = Instant::now();
    buckets.set_quota(&1, Some(quota(4, 1)));
    let [dear, cheap] = waits;
    assert_eq!(dear.await.expect("ends"), Err(RateLimited { retry_after: None }));
    assert_eq!(began.elapsed(), Duration::ZERO);
    cheap.await.expect("ends").expect("in time");
    assert_eq!(began.elapsed(), 3 * SECOND);
}
