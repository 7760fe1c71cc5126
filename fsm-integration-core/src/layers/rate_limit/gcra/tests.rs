use std::{collections::VecDeque, num::NonZeroU32};

use proptest::prelude::*;

use super::*;

const SECOND: u64 = 1_000_000_000;

fn count(number: u32) -> NonZeroU32 {
    NonZeroU32::new(number).expect("not zero")
}

/// A token bucket in the plainest form, in tokens times nanoseconds: exact, and nothing like the code above.
struct Naive {
    level: u128,
    capacity: u128,
    interval: u128,
    at: u64,
}

impl Naive {
    fn new(capacity: u32, interval: u64) -> Self {
        let (capacity, interval) = (u128::from(capacity), u128::from(interval));
        Self { level: capacity * interval, capacity, interval, at: 0 }
    }

    fn take(&mut self, now: u64, cost: u32) -> bool {
        let flowed_in = u128::from(now - self.at);
        self.level = (self.level + flowed_in).min(self.capacity * self.interval);
        self.at = now;
        let price = u128::from(cost) * self.interval;
        let affordable = self.level >= price;
        if affordable {
            self.level -= price;
        }
        affordable
    }

    fn tokens(&self) -> u128 {
        self.level / self.interval
    }
}

#[test]
fn one_token_that_hardly_ever_comes_back_is_given_out_once() {
    for capacity in [1, 1_000] {
        let gcra = Gcra::new(&Quota::new(count(capacity), count(1), Duration::MAX));
        let all = gcra.decide(0, 0, capacity);
        assert!(all.decision.allowed);
        assert!(!gcra.decide(all.full_at, 3600 * SECOND, 1).decision.allowed);
    }
}

#[test]
fn the_golden_rows_hold() {
    let gcra = Gcra::new(&Quota::per_second(count(3), count(1)));
    let mut full_at = 0;
    let rows = [
        (0, 1, true, 2, None),
        (0, 0, true, 2, None),
        (0, 2, true, 0, None),
        (0, 1, false, 0, Some(1)),
        (0, 3, false, 0, Some(3)),
        (0, 4, false, 0, None),
        (1, 1, true, 0, None),
        (2, 2, false, 1, Some(1)),
        (3, 2, true, 0, None),
        (60, 0, true, 3, None),
        (60, 3, true, 0, None),
    ];
    for (at, cost, allowed, remaining, retry_after) in rows {
        let verdict = gcra.decide(full_at, at * SECOND, cost);
        full_at = verdict.full_at;
        let decision = verdict.decision;
        let told = (decision.allowed, decision.remaining, decision.retry_after);
        assert_eq!(told, (allowed, remaining, retry_after.map(Duration::from_secs)), "{cost} at {at} s");
    }
}

// F-T4: nothing mints tokens, and more than the capacity is refused for good.
#[test]
fn a_cost_above_the_capacity_is_refused_for_ever() {
    let gcra = Gcra::new(&Quota::per_second(count(5), count(1)));
    for cost in [6, 100, u32::MAX] {
        let verdict = gcra.decide(0, u64::MAX, cost);
        assert_eq!((verdict.decision.allowed, verdict.decision.retry_after), (false, None));
        assert_eq!(verdict.full_at, 0);
    }
}

// F-T3: the state is an instant, not a level, so that a look from the past takes nothing away.
#[test]
fn an_instant_in_the_past_takes_nothing_away() {
    let gcra = Gcra::new(&Quota::per_second(count(10), count(1)));
    let full_at = gcra.decide(0, 100 * SECOND, 4).full_at;
    let from_the_past = gcra.decide(full_at, 50 * SECOND, 1);
    assert_eq!((from_the_past.decision.allowed, from_the_past.full_at), (false, full_at));
    assert_eq!(gcra.decide(full_at, 100 * SECOND, 0).decision.remaining, 6);
}

#[test]
fn a_paused_bucket_gives_its_next_token_at_the_end_of_the_pause() {
    let gcra = Gcra::new(&Quota::per_second(count(10), count(2)));
    let full_at = gcra.pause(0, 30 * SECOND);
    assert_eq!(gcra.decide(full_at, 0, 1).decision.retry_after, Some(Duration::from_secs(30)));
    assert_eq!(gcra.decide(full_at, 30 * SECOND - 1, 1).decision.remaining, 0);
    assert!(gcra.decide(full_at, 30 * SECOND, 1).decision.allowed);
    assert!(!gcra.decide(full_at, 30 * SECOND, 2).decision.allowed);
    assert_eq!(gcra.pause(full_at, SECOND), full_at, "a shorter pause ends no longer one");
}

// R3.
#[test]
fn the_inbound_quotas_are_those_of_the_requirement() {
    for (limit, capacity) in [(100, 133), (200, 266), (1, 1), (u32::MAX, u32::MAX)] {
        let quota = Quota::per_minute_with_burst(count(limit));
        assert_eq!((quota.limit(), quota.capacity(), quota.refill()), (limit, capacity, limit));
    }
    assert_eq!(Gcra::new(&Quota::per_minute_with_burst(count(100))).interval, 600_000_000);
}

/// Offsets between calls, from bursts to pauses.
fn gaps(longest: u64) -> impl Strategy<Value = Vec<u64>> {
    prop::collection::vec(prop_oneof![3 => Just(0), 3 => 0..longest / 50, 1 => 0..longest], 1..600)
}

fn cost() -> impl Strategy<Value = u32> {
    prop_oneof![8 => Just(1_u32), 2 => 0..5_u32, 1 => any::<u32>()]
}

proptest! {
    #[test]
    fn it_decides_as_the_naive_bucket(
        capacity in 1..50_u32,
        refill in 1..200_u32,
        period in 1..5_u64,
        calls in prop::collection::vec((0..2 * SECOND, cost()), 1..300),
    ) {
        let gcra = Gcra::new(&Quota::new(count(capacity), count(refill), Duration::from_secs(period)));
        let mut naive = Naive::new(capacity, gcra.interval);
        let (mut now, mut full_at) = (0, 0);
        for (gap, cost) in calls {
            now += gap;
            let Verdict { decision, full_at: next } = gcra.decide(full_at, now, cost);
            prop_assert_eq!(decision.allowed, naive.take(now, cost));
            prop_assert_eq!(u128::from(decision.remaining), naive.tokens());
            if let Some(wait) = decision.retry_after {
                let wait = u64::try_from(wait.as_nanos()).expect("short");
                prop_assert!(!gcra.decide(next, now + wait - 1, cost).decision.allowed);
                prop_assert!(gcra.decide(next, now + wait, cost).decision.allowed);
            } else {
                prop_assert_eq!(decision.allowed, cost <= capacity);
            }
            full_at = next;
        }
    }

    #[test]
    fn over_time_the_rate_is_the_refill(refill in 1..1_000_u32, capacity in 1..100_u32) {
        let gcra = Gcra::new(&Quota::per_second(count(capacity), count(refill)));
        let (mut full_at, mut admitted) = (0, 0_u64);
        for millisecond in 0..5_000_u64 {
            let mut verdict = gcra.decide(full_at, millisecond * 1_000_000, 1);
            while verdict.decision.allowed {
                admitted += 1;
                full_at = verdict.full_at;
                verdict = gcra.decide(full_at, millisecond * 1_000_000, 1);
            }
        }
        // What flowed in until the last look, at 4.999 s; a bucket of one may be full between two looks.
        let expected = u64::from(capacity) + u64::from(refill) * 4_999 / 1_000;
        prop_assert!(admitted <= expected);
        prop_assert!(capacity == 1 || admitted + 1 >= expected);
    }

    #[test]
    fn a_refund_undoes_the_call(full_at in 0..100 * SECOND, now in 0..100 * SECOND, cost in 1..10_u32) {
        let gcra = Gcra::new(&Quota::per_second(count(20), count(1)));
        let before = gcra.decide(full_at, now, 0).decision;
        let verdict = gcra.decide(full_at, now, cost);
        if verdict.decision.allowed {
            let after = gcra.decide(gcra.refund(verdict.full_at, cost), now, 0).decision;
            prop_assert_eq!(after, before);
        }
    }

    // R3: whoever keeps to the limit in every 60 s is never refused.
    #[test]
    fn a_client_within_the_limit_is_never_refused(limit in 1..120_u32, gaps in gaps(60 * SECOND)) {
        let gcra = Gcra::new(&Quota::per_minute_with_burst(count(limit)));
        let (mut now, mut full_at) = (0, 0);
        let mut last_minute = VecDeque::new();
        for gap in gaps {
            now += gap;
            while last_minute.front().is_some_and(|&at| at + 60 * SECOND <= now) {
                last_minute.pop_front();
            }
            if last_minute.len() < limit as usize {
                last_minute.push_back(now);
                let verdict = gcra.decide(full_at, now, 1);
                prop_assert!(verdict.decision.allowed);
                full_at = verdict.full_at;
            }
        }
    }

    // R3: no 10 s see more than 150 % of the limit.
    #[test]
    fn ten_seconds_never_see_more_than_the_burst(limit in 1..120_u32, gaps in gaps(10 * SECOND)) {
        let gcra = Gcra::new(&Quota::per_minute_with_burst(count(limit)));
        let (mut now, mut full_at) = (0, 0);
        let mut window = VecDeque::new();
        for gap in gaps {
            now += gap;
            let verdict = gcra.decide(full_at, now, 1);
            full_at = verdict.full_at;
            if verdict.decision.allowed {
                window.push_back(now);
            }
            while window.front().is_some_and(|&at| at + 10 * SECOND < now) {
                window.pop_front();
            }
            prop_assert!(window.len() as u64 * 2 <= u64::from(limit) * 3);
        }
    }

    #[test]
    fn no_numbers_panic(capacity in 1..=u32::MAX, refill in 1..=u32::MAX, period: Duration, full_at: u64, now: u64, cost: u32) {
        let gcra = Gcra::new(&Quota::new(count(capacity), count(refill), period));
        let verdict = gcra.decide(full_at, now, cost);
        prop_assert!(verdict.decision.remaining <= capacity);
        let _ = (gcra.refund(full_at, cost), gcra.pause(full_at, now));
    }
}
