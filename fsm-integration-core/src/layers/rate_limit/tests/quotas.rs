//! Quotas of a key's own, costs, charges.

use super::*;

#[test]
fn a_key_may_have_a_quota_of_its_own() {
    let (clock, buckets) = keyed(1, 100);
    buckets.set_quota(&7, Some(quota(5, 2)));
    let allowed = |key| (0..10).filter(|_| buckets.try_acquire(&key, 1).allowed).count();
    assert_eq!((allowed(7), allowed(8)), (5, 1));
    assert_eq!((buckets.peek(&7).limit, buckets.peek(&8).limit), (5, 1));
    clock.advance(SECOND);
    assert_eq!((allowed(7), allowed(8)), (2, 1));
    buckets.set_quota(&7, None);
    clock.advance(10 * SECOND);
    assert_eq!((allowed(7), buckets.peek(&7).limit), (1, 1));
}

#[test]
fn a_changed_quota_leaves_used_what_was_used() {
    let (clock, buckets) = keyed(10, 100);
    assert!(buckets.try_acquire(&1, 4).allowed);
    buckets.set_quota(&1, Some(quota(20, 1_000)));
    assert_eq!(buckets.peek(&1).remaining, 16);
    // From many a second to one: nobody waits for what a faster bucket would have paid back, nor is given it anew.
    buckets.set_quota(&1, Some(quota(5, 1)));
    assert_eq!((buckets.peek(&1).remaining, buckets.peek(&1).reset_after), (1, 4 * SECOND));
    buckets.set_quota(&1, Some(quota(2, 1)));
    assert_eq!((buckets.peek(&1).remaining, buckets.peek(&1).reset_after), (0, 2 * SECOND));
    buckets.pause(&1, 30 * SECOND);
    buckets.set_quota(&1, Some(quota(2, 4)));
    clock.advance(31 * SECOND);
    assert!(buckets.try_acquire(&1, 1).allowed);
}

#[test]
fn the_common_quota_may_change_while_calls_are_made() {
    let (_, buckets) = keyed(2, 1_000);
    buckets.set_quota(&1, Some(quota(7, 1)));
    (0..100).for_each(|key| assert!(buckets.try_acquire(&key, 1).allowed));
    buckets.set_default_quota(quota(4, 1));
    let remaining: Vec<_> = (0..100).map(|key| buckets.peek(&key).remaining).collect();
    assert_eq!((remaining[1], remaining[2]), (6, 3));
    assert_eq!(remaining.iter().filter(|remaining| **remaining == 3).count(), 99);
    assert_eq!(buckets.peek(&500).remaining, 4);
}

#[test]
fn a_charge_may_lead_into_debt_which_is_paid_back_first() {
    let (clock, bucket) = bucket(2, 1);
    bucket.charge(5);
    assert_eq!((bucket.peek().remaining, bucket.try_acquire(1).retry_after), (0, Some(4 * SECOND)));
    clock.advance(4 * SECOND);
    assert!(bucket.try_acquire(1).allowed);
    let (clock, buckets) = keyed(2, 100);
    buckets.charge(&1, 5);
    assert_eq!(buckets.try_acquire(&1, 1).retry_after, Some(4 * SECOND));
    clock.advance(4 * SECOND);
    assert!(buckets.try_acquire(&1, 1).allowed);
    assert!(buckets.try_acquire(&2, 2).allowed);
}

// The other side's answer may come when the key's bucket is full again and forgotten.
#[test]
fn a_key_that_was_forgotten_meanwhile_is_paused_all_the_same() {
    let (_, buckets) = keyed(2, 100);
    buckets.pause(&1, 10 * SECOND);
    assert_eq!(buckets.try_acquire(&1, 1).retry_after, Some(10 * SECOND));
    buckets.refund(&2, 1);
    assert_eq!(buckets.len(), 1, "a refund to nobody is remembered nowhere");
}

#[test]
fn a_key_that_is_paused_stays_so_whatever_comes_back_or_changes() {
    let (clock, buckets) = keyed(10, 100);
    assert!(buckets.try_acquire(&1, 5).allowed);
    buckets.pause(&1, 30 * SECOND);
    buckets.refund(&1, 5);
    assert_eq!(buckets.try_acquire(&1, 1).retry_after, Some(30 * SECOND));
    buckets.set_quota(&1, Some(quota(20, 2)));
    assert_eq!(buckets.try_acquire(&1, 1).retry_after, Some(30 * SECOND));
    buckets.set_quota(&1, Some(quota(20, 1)));
    assert_eq!(buckets.try_acquire(&1, 1).retry_after, Some(30 * SECOND));
    clock.advance(30 * SECOND);
    assert!(buckets.try_acquire(&1, 1).allowed);
    buckets.refund(&1, 1);
    assert_eq!(buckets.peek(&1).remaining, 1);
}

// Its last interval is the one in which a token flows in for who comes first after it.
#[test]
fn until_a_pause_ends_not_even_what_costs_nothing_passes() {
    let pause = 30 * SECOND;
    let (clock, buckets) = keyed(10, 100);
    let bucket = TokenBucket::with_clock("test", quota(10, 1), clock.clone());
    buckets.pause(&1, pause);
    bucket.pause(pause);
    let looks = || [bucket.try_acquire(0), buckets.try_acquire(&1, 0), bucket.peek(), buckets.peek(&1)];
    let nanosecond = Duration::from_nanos(1);
    for (passes, left) in [(Duration::ZERO, pause), (29 * SECOND, SECOND), (SECOND - nanosecond, nanosecond)] {
        clock.advance(passes);
        looks().into_iter().for_each(|look| assert_eq!((look.allowed, look.retry_after), (false, Some(left))));
    }
    clock.advance(nanosecond);
    looks().into_iter().for_each(|look| assert_eq!((look.allowed, look.remaining), (true, 1)));
    assert!(bucket.try_acquire(1).allowed && buckets.try_acquire(&1, 1).allowed);
    looks().into_iter().for_each(|look| assert!(look.allowed, "what costs nothing needs no token"));
}

#[test]
fn a_pause_that_is_over_keeps_nobody_remembered() {
    let (clock, buckets) = keyed(1, 100);
    (0..100).for_each(|key| buckets.pause(&key, SECOND));
    clock.advance(2 * SECOND);
    assert!(buckets.try_acquire(&100, 1).allowed);
    assert_eq!(buckets.len(), 1);
}

#[test]
fn a_refund_of_a_key_beyond_the_cap_goes_where_its_token_came_from() {
    let (_, buckets) = keyed(1, 1);
    assert!(buckets.try_acquire(&1, 1).allowed);
    assert!(buckets.try_acquire(&2, 1).allowed, "from the bucket that the others share");
    assert!(!buckets.try_acquire(&3, 1).allowed);
    buckets.refund(&2, 1);
    drop(buckets.acquire_within(&3, 1, WaitConfig::default()));
    assert!(buckets.try_acquire(&4, 1).allowed);
    assert_eq!((buckets.try_acquire(&5, 1).allowed, buckets.peek(&1).remaining), (false, 0));
}

// Where it came from is not remembered; what was taken once comes back once at most, and into no full bucket.
#[test]
fn a_refund_of_a_key_that_came_or_went_meanwhile_makes_no_token() {
    let (clock, buckets) = keyed(2, 1);
    let allowed = |key: u64| (0..9).filter(|_| buckets.try_acquire(&key, 1).allowed).count();
    assert!(buckets.try_acquire(&1, 1).allowed && buckets.try_acquire(&2, 1).allowed, "the second of the shared one");
    clock.advance(2 * SECOND);
    // Known by now, with one of two tokens used: the other bucket's makes it full, and that of nobody more than full.
    assert!(buckets.try_acquire(&2, 1).allowed);
    (0..3).for_each(|_| buckets.refund(&2, 1));
    assert_eq!(allowed(2), 2);
    // Forgotten by now: of the shared bucket one is used, and one comes back to it.
    assert!(buckets.try_acquire(&3, 1).allowed);
    (0..3).for_each(|_| buckets.refund(&1, 1));
    assert_eq!((allowed(3), allowed(2)), (2, 0));
}

#[test]
fn keys_beyond_the_cap_share_what_a_changed_quota_gives() {
    let (clock, buckets) = keyed(1, 1);
    (1..3).for_each(|key| assert!(buckets.try_acquire(&key, 1).allowed));
    buckets.set_default_quota(quota(1, 1_000));
    clock.advance(Duration::from_millis(1));
    let allowed = [1, 2].map(|key| buckets.try_acquire(&key, 1).allowed);
    assert_eq!(allowed, [true, true]);
}

#[test]
fn a_common_quota_set_by_two_at_once_is_one_of_the_two_for_every_key() {
    // Often enough that one overtakes the other between two parts of the keys.
    for _ in 0..2_000 {
        let (_, buckets) = keyed(10, 10_000);
        let barrier = std::sync::Barrier::new(2);
        thread::scope(|scope| {
            for capacity in [20, 30] {
                let (buckets, barrier) = (&buckets, &barrier);
                scope.spawn(move || {
                    barrier.wait();
                    buckets.set_default_quota(quota(capacity, 1));
                });
            }
        });
        let limit = buckets.peek(&0).limit;
        assert!((1..300).all(|key| buckets.peek(&key).limit == limit));
    }
}

#[tokio::test]
async fn a_request_may_cost_more_than_one_token() {
    let (_, bucket) = bucket(10, 1);
    let mut service = RateLimitLayer::new(bucket.clone()).cost(|request: &u64| *request as u32).layer(accepting());
    let mut allowed = Vec::new();
    for request in [7, 4, 3, 0, 11] {
        allowed.push(service.ready().await.expect("ready").call(request).await.is_ok());
    }
    assert_eq!(allowed, [true, false, true, true, false]);
    let (_, buckets) = keyed(3, 10);
    let layer = RateLimitLayer::keyed(buckets, |request: &u64| request % 10).cost(|request: &u64| *request as u32 / 10);
    let service = layer.layer(accepting());
    let results =
        [31, 1, 32, 11].map(|request| service.clone().oneshot(request).now_or_never().expect("at once").is_ok());
    assert_eq!(results, [true, true, true, false]);
}

proptest! {
    // Keyed buckets with quotas of their own, small and swept all the time, decide as a bucket for each key.
    #[test]
    fn forgetting_changes_no_decision_of_any_quota(
        quotas in prop::collection::vec((1..6_u32, 1..5_u32), 8),
        calls in prop::collection::vec((0..150_u64, 0..300_u64, 0..4_u32, 0..20_u8), 1..1_500),
    ) {
        let (clock, buckets) = keyed(2, 64 * 200);
        let quota_of = |key: u64| quotas.get(key as usize).map(|(capacity, refill)| quota(*capacity, *refill));
        (0..8).for_each(|key| buckets.set_quota(&key, quota_of(key)));
        let mut alone = std::collections::HashMap::new();
        for (key, gap, cost, what) in calls {
            // A few of them again and again.
            let key = if what % 2 == 0 { key % 8 } else { key };
            clock.advance(Duration::from_millis(gap));
            let bucket = alone.entry(key).or_insert_with(|| {
                TokenBucket::with_clock("test", quota_of(key).unwrap_or_else(|| quota(2, 1)), clock.clone())
            });
            match what {
                0 => (buckets.charge(&key, cost), bucket.charge(cost)),
                1 => (buckets.pause(&key, Duration::from_millis(gap)), bucket.pause(Duration::from_millis(gap))),
                _ => ((), ()),
            };
            prop_assert_eq!(buckets.try_acquire(&key, cost), bucket.try_acquire(cost));
        }
    }
}

// Else what is dear is free for whoever comes when many are known.
#[test]
fn what_a_call_of_a_key_beyond_the_cap_cost_is_charged_where_its_token_came_from() {
    let (_, buckets) = keyed(3, 1);
    assert!(buckets.try_acquire(&1, 1).allowed);
    assert!(buckets.try_acquire(&2, 1).allowed, "from the bucket that the others share");
    buckets.charge(&2, 4);
    assert_eq!(buckets.try_acquire(&3, 1).retry_after, Some(3 * SECOND), "two are owed");
    assert_eq!(buckets.peek(&1).remaining, 2, "who is known is not disturbed");
}

#[test]
fn a_key_beyond_the_cap_that_is_told_to_wait_does_not_stop_the_others() {
    let (_, buckets) = keyed(3, 1);
    assert!(buckets.try_acquire(&1, 1).allowed);
    buckets.pause(&2, 10 * SECOND);
    assert!(buckets.try_acquire(&3, 1).allowed && buckets.try_acquire(&2, 1).allowed);
}
