//! Leases let through no more than what was taken early.

use super::*;

const CONFIG: LeaseConfig = LeaseConfig { tokens: 8, workers: 2, idle: SECOND };

fn leased(capacity: u32, refill: u32, config: LeaseConfig) -> (VirtualClock, LeasedBucket<VirtualClock>) {
    let (clock, bucket) = bucket(capacity, refill);
    (clock, LeasedBucket::new(bucket, config))
}

/// Every call that is let through, on a thread of its own and so with a lease of its own.
fn on_another_thread<T: Send>(call: impl FnOnce() -> T + Send) -> T {
    thread::scope(|scope| scope.spawn(call).join().expect("no panic"))
}

fn spend(leased: &LeasedBucket<VirtualClock>, calls: usize) -> usize {
    (0..calls).filter(|_| leased.try_acquire(1).is_ok()).count()
}

#[test]
fn a_bucket_that_stands_still_gives_out_its_capacity_and_no_more() {
    let (_, leased) = leased(100, 1, LeaseConfig { tokens: 7, workers: 8, ..CONFIG });
    let spent: usize = thread::scope(|scope| {
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(|| spend(&leased, 100))).collect();
        threads.into_iter().map(|thread| thread.join().expect("no panic")).sum()
    });
    assert_eq!(spent as u32 + leased.held(), 100);
    assert!(leased.held() <= 8 * 7);
}

#[test]
fn the_bucket_is_touched_once_a_handful() {
    let (_, leased) = leased(100, 1, CONFIG);
    assert_eq!(spend(&leased, 8), 8);
    assert_eq!((leased.held(), leased.bucket().peek().remaining), (0, 92));
    assert_eq!(spend(&leased, 1), 1);
    assert_eq!((leased.held(), leased.bucket().peek().remaining), (7, 84));
}

#[test]
fn what_is_held_comes_back_with_the_last_handle() {
    let (_, leased) = leased(100, 1, CONFIG);
    let (clone, bucket) = (leased.clone(), leased.bucket().clone());
    assert_eq!(spend(&leased, 3), 3);
    drop(leased);
    assert_eq!(bucket.peek().remaining, 92);
    drop(clone);
    assert_eq!(bucket.peek().remaining, 97);
}

#[test]
fn an_idle_lease_comes_back_when_somebody_is_refused() {
    // So slow that nothing flows in.
    let hour = Duration::from_secs(3_600);
    let quota = Quota::new(NonZeroU32::new(10).expect("not zero"), NonZeroU32::MIN, hour);
    let clock = VirtualClock::default();
    let config = LeaseConfig { workers: 64, ..CONFIG };
    let leased = LeasedBucket::new(TokenBucket::with_clock("test", quota, clock.clone()), config);
    on_another_thread(|| assert_eq!(spend(&leased, 1), 1));
    assert_eq!(spend(&leased, 10), 2, "seven are held elsewhere");
    clock.advance(SECOND / 2);
    assert_eq!(spend(&leased, 10), 0);
    clock.advance(SECOND / 2);
    assert_eq!(spend(&leased, 10), 7);
    assert_eq!(leased.held(), 0);
}

#[test]
fn a_cost_beyond_the_lease_is_taken_from_both() {
    let (_, leased) = leased(20, 1, CONFIG);
    assert_eq!(spend(&leased, 1), 1);
    assert!(leased.try_acquire(12).is_ok(), "from the bucket, which has as many");
    assert_eq!((leased.held(), leased.bucket().peek().remaining), (7, 0));
    assert!(leased.try_acquire(7).is_ok(), "from the hand");
    assert_eq!(leased.try_acquire(21), Err(RateLimited { retry_after: None }));
    assert_eq!(leased.try_acquire(2), Err(RateLimited { retry_after: Some(2 * SECOND) }));
}

#[test]
fn a_pause_takes_what_is_in_hand_back() {
    let (clock, leased) = leased(100, 1, CONFIG);
    assert_eq!(spend(&leased, 1), 1);
    Limit::<()>::pause(&leased, &(), 30 * SECOND);
    assert_eq!((spend(&leased, 10), leased.held()), (0, 0));
    clock.advance(30 * SECOND);
    assert_eq!(spend(&leased, 10), 1);
}

#[test]
fn in_a_pause_not_even_what_costs_nothing_passes() {
    let (clock, leased) = leased(100, 1, CONFIG);
    assert_eq!(spend(&leased, 1), 1);
    assert!(leased.try_acquire(0).is_ok());
    Limit::<()>::pause(&leased, &(), 30 * SECOND);
    assert!(leased.try_acquire(0).is_err());
    clock.advance(30 * SECOND - Duration::from_nanos(1));
    assert!(leased.try_acquire(0).is_err());
    clock.advance(Duration::from_nanos(1));
    assert!(leased.try_acquire(0).is_ok());
    assert_eq!(leased.held(), 0, "a look takes no handful");
}

#[tokio::test]
async fn a_layer_takes_its_tokens_by_the_handful() {
    let (_, leased) = leased(9, 1, CONFIG);
    let service = RateLimitLayer::new(leased.clone()).layer(accepting());
    for request in 0..9 {
        service.clone().oneshot(request).await.expect("a token");
    }
    service.oneshot(9).await.expect_err("no token");
}

proptest! {
    // In any span of time: what an exact bucket lets through, and what was in hand before.
    #[test]
    fn no_more_is_spent_than_was_taken_early(
        capacity in 1..40_u32,
        refill in 1..50_u32,
        tokens in 0..12_u32,
        calls in prop::collection::vec((0..400_u64, 1..4_u32), 1..300),
    ) {
        let (clock, leased) = leased(capacity, refill, LeaseConfig { tokens, workers: 1, ..CONFIG });
        let mut now = Duration::ZERO;
        let mut spent: Vec<(Duration, u64)> = Vec::new();
        for (gap, cost) in calls {
            clock.advance(Duration::from_millis(gap));
            now += Duration::from_millis(gap);
            if leased.try_acquire(cost).is_ok() {
                spent.push((now, cost.into()));
            }
            prop_assert!(leased.held() <= tokens);
        }
        for (n, (from, _)) in spent.iter().enumerate() {
            let mut sum = 0;
            for (to, cost) in &spent[n..] {
                sum += cost;
                let flowed_in = (*to - *from).as_nanos() * u128::from(refill) / 1_000_000_000;
                let most = u128::from(capacity) + flowed_in + u128::from(tokens);
                prop_assert!(u128::from(sum) <= most, "{sum} of {most}");
            }
        }
    }
}
