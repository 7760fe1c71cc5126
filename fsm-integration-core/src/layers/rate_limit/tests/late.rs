//! Who comes late to its tokens: the process stood still, or nobody polls.

use std::{future::Future, task::Waker};

use futures_util::future::join_all;
use parking_lot::Mutex;
use tokio::time::{Instant, advance, timeout};

use super::{
    super::{
        gcra::Gcra,
        queue::{Queue, SLACK, Turn},
        visit::Visit,
    },
    *,
};
use crate::clock::SystemClock;

const LONG: WaitConfig = WaitConfig { max_wait: Duration::from_secs(3_600), max_waiting: 1_000 };

/// An empty bucket on tokio's time.
fn empty(capacity: u32, refill: u32) -> TokenBucket {
    let bucket = TokenBucket::with_clock("test", quota(capacity, refill), SystemClock);
    assert!(bucket.try_acquire(capacity).allowed);
    bucket
}

/// The same, for one key.
fn empty_key(capacity: u32, refill: u32) -> KeyedTokenBucket<u64> {
    let buckets = KeyedTokenBucket::with_clock("test", quota(capacity, refill), 10, SystemClock);
    assert!(buckets.try_acquire(&1, capacity).allowed);
    buckets
}

/// When each of so many waiters is served after nobody was for a while.
async fn served_after<F>(standstill: Duration, waiters: u32, acquire: impl Fn() -> F) -> Vec<Duration>
where
    F: Future<Output = Result<(), RateLimited>> + Send + 'static,
{
    let served = Arc::new(Mutex::new(Vec::new()));
    let line = (0..waiters).map(|_| {
        let (acquired, served) = (acquire(), Arc::clone(&served));
        tokio::spawn(async move {
            acquired.await.expect("in time");
            served.lock().push(Instant::now());
        })
    });
    let line: Vec<_> = line.collect();
    tokio::task::yield_now().await;
    advance(standstill).await;
    let began = Instant::now();
    join_all(line).await;
    let served = served.lock();
    served.iter().map(|at| *at - began).collect()
}

#[tokio::test(start_paused = true)]
async fn a_late_line_is_no_burst_beyond_the_capacity() {
    let bucket = empty(1, 10);
    let one = served_after(3 * SECOND, 20, || bucket.acquire_within(1, LONG)).await;
    let buckets = empty_key(1, 10);
    let keyed = served_after(3 * SECOND, 20, || buckets.acquire_within(&1, 1, LONG)).await;
    for served in [one, keyed] {
        let millis: Vec<_> = served.iter().map(Duration::as_millis).collect();
        assert_eq!((millis[0], millis.len()), (0, 20));
        // The slack brings all behind the first forward, once.
        assert!(millis.windows(2).all(|pair| pair[1] - pair[0] >= 95), "{millis:?}");
    }
}

// As guide/limits.md says: 40 at once and one a second are never more than 100 in any minute.
#[tokio::test(start_paused = true)]
async fn a_minute_sees_no_more_than_capacity_and_rate_whatever_stood_still() {
    let bucket = empty(40, 1);
    let began = Instant::now();
    let mut served: Vec<_> = served_after(61 * SECOND, 20, || bucket.acquire_within(1, LONG))
        .await
        .into_iter()
        .map(|after| began + 61 * SECOND + after)
        .collect();
    while began.elapsed() < 130 * SECOND {
        while bucket.try_acquire(1).allowed {
            served.push(Instant::now());
        }
        advance(Duration::from_millis(500)).await;
    }
    let in_a_minute = |from: &Instant| {
        let after = served.iter().filter_map(|at| at.checked_duration_since(*from));
        after.filter(|after| *after < 60 * SECOND).count()
    };
    assert!(served.iter().map(in_a_minute).max() <= Some(100));
}

#[tokio::test(start_paused = true)]
async fn nobody_overtakes_a_late_waiter() {
    let (bucket, buckets) = (empty(1, 1), empty_key(1, 1));
    let (mut waits, mut waits_by_key) = (bucket.acquire_within(1, LONG), buckets.acquire_within(&1, 1, LONG));
    assert!((&mut waits).now_or_never().is_none() && (&mut waits_by_key).now_or_never().is_none());
    advance(10 * SECOND).await;
    let refused = [bucket.try_acquire(1), buckets.try_acquire(&1, 1)];
    assert_eq!(refused.map(|decision| (decision.allowed, decision.retry_after)), [(false, Some(SECOND)); 2]);
    let leased = LeasedBucket::new(bucket.clone(), LeaseConfig::default());
    assert_eq!(leased.try_acquire(1), Err(RateLimited { retry_after: Some(SECOND) }));
    assert!(waits.now_or_never().is_some() && waits_by_key.now_or_never().is_some());
}

#[tokio::test(start_paused = true)]
async fn what_a_full_bucket_holds_beside_a_late_line_is_for_everybody() {
    let (bucket, buckets) = (empty(10, 1), empty_key(10, 1));
    let (waits, waits_by_key) = (bucket.acquire_within(4, LONG), buckets.acquire_within(&1, 4, LONG));
    advance(60 * SECOND).await;
    assert_eq!([bucket.peek().remaining, buckets.peek(&1).remaining], [6, 6]);
    for cost in [7, 6, 1] {
        let allowed = [bucket.try_acquire(cost).allowed, buckets.try_acquire(&1, cost).allowed];
        assert_eq!(allowed, [cost == 6; 2], "{cost}");
    }
    assert!(waits.now_or_never().is_some() && waits_by_key.now_or_never().is_some());
    advance(10 * SECOND).await;
    assert_eq!([bucket.peek().remaining, buckets.peek(&1).remaining], [10, 10]);
}

#[tokio::test(start_paused = true)]
async fn who_waits_behind_one_that_is_not_polled_goes_when_it_is_not_willing_to_wait_longer() {
    for capacity in [1, 10] {
        let bucket = empty(capacity, 1);
        let held = bucket.acquire_within(1, LONG);
        let began = Instant::now();
        let impatient = WaitConfig { max_wait: 5 * SECOND, max_waiting: 10 };
        let told = timeout(60 * SECOND, bucket.acquire_within(1, impatient)).await.expect("not for ever");
        assert!(told.is_err_and(|refusal| refusal.retry_after.is_some()));
        assert_eq!(began.elapsed().as_millis(), 5_005);
        assert_eq!(bucket.waiting(), 1);
        held.now_or_never().expect("its tokens are there").expect("and were taken for it");
    }
}

/// What happens at a bucket with a line.
#[derive(Debug, Clone, Copy)]
enum Event {
    Passes(u64),
    Joins(u32),
    Polls(prop::sample::Index),
    Leaves(prop::sample::Index),
    Tries(u32),
}

fn events(interval: u64) -> impl Strategy<Value = Vec<Event>> {
    let event = prop_oneof![
        4 => (0..3 * interval).prop_map(Event::Passes),
        1 => (0..100 * interval).prop_map(Event::Passes),
        6 => (0..5_u32).prop_map(Event::Joins),
        8 => any::<prop::sample::Index>().prop_map(Event::Polls),
        1 => any::<prop::sample::Index>().prop_map(Event::Leaves),
        4 => (1..5_u32).prop_map(Event::Tries),
    ];
    prop::collection::vec(event, 1..300)
}

/// A bucket with a line that is polled only when a test says so; who was given what, and when.
struct Late {
    gcra: Gcra,
    queue: Queue,
    state: u64,
    now: u64,
    line: Vec<(u64, u32)>,
    given: Vec<(u64, u32)>,
}

impl Late {
    fn new(capacity: u32, interval: u64) -> Self {
        let count = |number| NonZeroU32::new(number).expect("not zero");
        let gcra = Gcra::new(&Quota::new(count(capacity), count(1), Duration::from_nanos(interval)));
        Self { gcra, queue: Queue::default(), state: 0, now: 0, line: Vec::new(), given: Vec::new() }
    }

    fn visit<T>(&mut self, visit: impl FnOnce(&mut Visit<'_>) -> T) -> T {
        let (told, state) = Visit::pay(&mut self.queue, &self.gcra, self.now, self.state, visit);
        self.state = state;
        told
    }

    fn join(&mut self, cost: u32) {
        if let Ok(ticket) = self.visit(|visit| visit.join(cost, LONG)) {
            self.line.push((ticket, cost));
        }
    }

    fn poll(&mut self, place: usize) {
        let (ticket, cost) = self.line[place];
        let (turn, wakers) = self.visit(|visit| visit.turn(ticket, &mut Some(Waker::noop().clone())));
        wakers.settle();
        match turn {
            Turn::Served => self.given.push((self.now, cost)),
            Turn::TooLate(_) | Turn::Never => {}
            Turn::First(_) | Turn::Behind(_) => return,
        }
        self.line.remove(place);
    }

    fn happens(&mut self, event: Event) {
        match event {
            Event::Passes(time) => self.now += time,
            Event::Joins(cost) => self.join(cost),
            Event::Polls(which) if !self.line.is_empty() => self.poll(which.index(self.line.len()) / 2),
            Event::Leaves(which) if !self.line.is_empty() => {
                let (ticket, _) = self.line.remove(which.index(self.line.len()));
                self.visit(|visit| visit.leave(ticket)).settle();
            }
            Event::Polls(_) | Event::Leaves(_) => {}
            Event::Tries(cost) => {
                if self.visit(|visit| visit.take(cost)).allowed {
                    self.given.push((self.now, cost));
                }
            }
        }
    }
}

proptest! {
    // The bound that the module states, however late whoever is polled.
    #[test]
    fn no_span_sees_more_than_the_capacity_and_what_flows_in(
        capacity in 4..10_u32,
        (interval, events) in prop::sample::select(&[SLACK / 7, SLACK, 3 * SLACK][..])
            .prop_flat_map(|interval| (Just(interval), events(interval))),
    ) {
        let mut late = Late::new(capacity, interval);
        events.into_iter().for_each(|event| late.happens(event));
        for (n, (from, _)) in late.given.iter().enumerate() {
            let mut given = 0;
            for (at, cost) in &late.given[n..] {
                given += u64::from(*cost) * interval;
                prop_assert!(given <= u64::from(capacity) * interval + (at - from) + SLACK);
            }
        }
    }
}

// As on a runtime whose timers are coarse.
#[test]
fn a_line_that_is_a_little_late_gets_all_that_flows_in() {
    const INTERVAL: u64 = SLACK / 20;
    let mut late = Late::new(1, INTERVAL);
    (0..1_000).for_each(|_| late.join(1));
    while !late.line.is_empty() {
        let left = late.line.len();
        late.poll(0);
        if late.line.len() == left {
            late.now += SLACK - INTERVAL;
        }
    }
    assert_eq!(late.given.len(), 1_000);
    assert!(late.now <= 1_000 * INTERVAL + SLACK, "{}", late.now);
}

#[tokio::test(start_paused = true)]
async fn a_bucket_of_one_token_gives_out_what_flows_in_on_a_coarse_timer() {
    let bucket = empty(1, 10_000);
    let began = Instant::now();
    let line: Vec<_> = (0..1_000).map(|_| bucket.acquire_within(1, LONG)).collect();
    assert!(join_all(line).await.into_iter().all(|result| result.is_ok()));
    assert!(began.elapsed() <= Duration::from_millis(102), "{:?}", began.elapsed());
}
