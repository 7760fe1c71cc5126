//! Leases let through no more than what was taken early.

use std::sync::mpsc;

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

/// A call that passed: when, at what cost, and how much was in hand before it.
type Passed = (Duration, u32, u32);

/// In any span of time: what an exact bucket lets through, and what was in hand when it began.
fn bounded(capacity: u32, refill: u32, passed: &[Passed]) -> Result<(), TestCaseError> {
    for (n, (from, _, held)) in passed.iter().enumerate() {
        let mut sum = 0;
        for (to, cost, _) in &passed[n..] {
            sum += u128::from(*cost);
            let flowed_in = (*to - *from).as_nanos() * u128::from(refill) / 1_000_000_000;
            let most = u128::from(capacity) + flowed_in + u128::from(*held);
            prop_assert!(sum <= most, "{sum} of {most}");
        }
    }
    Ok(())
}

/// Threads of which one at a time makes a call when it is told to, each with a number and so a lease of its own.
struct Callers {
    told: Vec<mpsc::Sender<u32>>,
    passed: mpsc::Receiver<bool>,
}

impl Callers {
    fn new(leased: &LeasedBucket<VirtualClock>, count: usize) -> Self {
        let (answer, passed) = mpsc::channel();
        let told = (0..count).map(|_| {
            let (tell, told) = mpsc::channel::<u32>();
            let (leased, answer) = (leased.clone(), answer.clone());
            thread::spawn(move || {
                for cost in told {
                    answer.send(leased.try_acquire(cost).is_ok()).expect("the test goes on");
                }
            });
            tell
        });
        Self { told: told.collect(), passed }
    }

    fn call(&self, caller: usize, cost: u32) -> bool {
        self.told[caller % self.told.len()].send(cost).expect("the thread goes on");
        self.passed.recv().expect("the thread answers")
    }
}

proptest! {
    #[test]
    fn no_more_is_spent_than_was_taken_early(
        capacity in 1..40_u32,
        refill in 1..50_u32,
        tokens in 0..12_u32,
        calls in prop::collection::vec((0..400_u64, 1..4_u32), 1..300),
    ) {
        let (clock, leased) = leased(capacity, refill, LeaseConfig { tokens, workers: 1, ..CONFIG });
        let mut now = Duration::ZERO;
        let mut passed: Vec<Passed> = Vec::new();
        for (gap, cost) in calls {
            clock.advance(Duration::from_millis(gap));
            now += Duration::from_millis(gap);
            let held = leased.held();
            if leased.try_acquire(cost).is_ok() {
                passed.push((now, cost, held));
            }
            prop_assert!(leased.held() <= tokens);
        }
        bounded(capacity, refill, &passed)?;
    }

    /// As stated at [`LeasedBucket`]: a handful for each worker, whoever calls when, and whatever is taken back.
    #[test]
    fn no_more_is_spent_than_all_workers_took_early(
        capacity in 1..40_u32,
        refill in 1..20_u32,
        tokens in 0..12_u32,
        workers in 2..6_usize,
        // Now one of them, now another, for longer than it takes to be idle.
        turns in prop::collection::vec((0..8_usize, prop::collection::vec((0..600_u64, 1..4_u32), 1..12)), 1..12),
    ) {
        let (clock, leased) = leased(capacity, refill, LeaseConfig { tokens, workers, ..CONFIG });
        // More than there are leases, so that some are shared.
        let callers = Callers::new(&leased, 8);
        let mut now = Duration::ZERO;
        let mut passed: Vec<Passed> = Vec::new();
        for (caller, gap, cost) in turns.iter().flat_map(|(caller, calls)| calls.iter().map(|call| (*caller, call.0, call.1))) {
            clock.advance(Duration::from_millis(gap));
            now += Duration::from_millis(gap);
            let held = leased.held();
            if callers.call(caller, cost) {
                passed.push((now, cost, held));
            }
            prop_assert!(leased.held() <= tokens * workers.next_power_of_two() as u32);
        }
        bounded(capacity, refill, &passed)?;
    }
}
