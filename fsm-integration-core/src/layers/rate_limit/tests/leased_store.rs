//! A node takes tokens of a store by the handful.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use async_trait::async_trait;
use futures_util::future::join_all;
use tokio::time::Instant;

use super::*;
use crate::error::Result;

/// How long an answer takes of a store that is slow.
const TRIP: Duration = Duration::from_millis(10);

/// A store that counts how often it is asked.
#[derive(Clone)]
struct Far {
    buckets: KeyedTokenBucket<Arc<str>, VirtualClock>,
    asked: Arc<AtomicU32>,
    is_slow: Arc<AtomicBool>,
    fails: Arc<AtomicBool>,
}

impl Far {
    fn asked(&self) -> u32 {
        self.asked.swap(0, Ordering::Relaxed)
    }

    fn left(&self, key: &str) -> u32 {
        self.buckets.peek(&Arc::from(key)).remaining
    }
}

#[async_trait]
impl RateLimitStore for Far {
    async fn acquire(&self, key: &str, cost: u32) -> Result<Decision> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        if self.is_slow.load(Ordering::Relaxed) {
            tokio::time::sleep(TRIP).await;
        }
        if self.fails.load(Ordering::Relaxed) {
            return Err(Error::from(ErrorKind::Unavailable));
        }
        Ok(self.buckets.try_acquire_ref(key, cost))
    }

    async fn refund(&self, key: &str, cost: u32) -> Result<()> {
        RateLimitStore::refund(&self.buckets, key, cost).await
    }

    async fn charge(&self, key: &str, cost: u32) -> Result<()> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        RateLimitStore::charge(&self.buckets, key, cost).await
    }
}

type Node = LeasedStore<Far, VirtualClock>;

/// A limit of a hundred and the nodes that share it, eight tokens each.
fn nodes<const N: usize>(max_keys: usize) -> (VirtualClock, Far, [Node; N]) {
    let clock = VirtualClock::default();
    let buckets = KeyedTokenBucket::with_clock("far", quota(100, 1), 1_000, clock.clone());
    let far = Far { buckets, asked: Arc::default(), is_slow: Arc::default(), fails: Arc::default() };
    let node = |_| LeasedStore::with_clock(far.clone(), 8, SECOND, max_keys, clock.clone());
    (clock.clone(), far.clone(), std::array::from_fn(node))
}

fn spend(node: &Node, key: &str, calls: usize) -> usize {
    let call = |_: &usize| node.acquire(key, 1).now_or_never().expect("near").expect("answers").allowed;
    (0..calls).filter(call).count()
}

#[test]
fn a_handful_costs_one_round_trip() {
    let (_, far, [node]) = nodes(10);
    assert_eq!((spend(&node, "acme", 80), far.asked.load(Ordering::Relaxed)), (80, 10));
}

#[test]
fn nodes_together_let_through_no_more_than_there_is() {
    let (_, far, nodes) = nodes::<3>(10);
    let rounds = (0..60).map(|_| nodes.iter().map(|node| spend(node, "acme", 1)).sum::<usize>());
    let spent: usize = rounds.sum();
    assert_eq!((spent, far.buckets.peek(&Arc::from("acme")).remaining), (100, 0));
}

#[test]
fn what_is_not_spent_in_time_is_forgotten() {
    let (clock, far, [node]) = nodes(10);
    assert_eq!(spend(&node, "acme", 1), 1);
    assert_eq!(node.try_acquire_now("acme", 1).map(|decision| decision.remaining), Some(98));
    clock.advance(SECOND);
    assert!(node.try_acquire_now("acme", 1).is_none());
    assert_eq!(spend(&node, "acme", 8), 8);
    assert_eq!(far.asked.load(Ordering::Relaxed), 2, "the old handful was not added to");
    assert!(node.try_acquire_now("acme", 1).is_none());
}

#[test]
fn a_look_asks_the_store_and_a_large_cost_is_taken_as_it_is() {
    let (_, far, [node]) = nodes(10);
    assert_eq!(spend(&node, "acme", 1), 1);
    let look = node.acquire("acme", 0).now_or_never().expect("near").expect("answers");
    assert_eq!((look.remaining, far.asked.load(Ordering::Relaxed)), (92, 2));
    let large = node.acquire("acme", 92).now_or_never().expect("near").expect("answers");
    assert_eq!((large.allowed, large.remaining), (true, 0));
    assert_eq!(spend(&node, "acme", 10), 7, "what is in hand");
}

#[test]
fn the_number_of_keys_is_bounded() {
    let (clock, far, [node]) = nodes(2);
    let keys = ["a", "b", "c"];
    keys.iter().for_each(|key| assert_eq!(spend(&node, key, 1), 1));
    let in_hand = |node: &Node| keys.map(|key| node.try_acquire_now(key, 1).is_some());
    assert_eq!(in_hand(&node), [true, true, false]);
    clock.advance(SECOND);
    assert_eq!(spend(&node, "c", 1), 1);
    assert_eq!(in_hand(&node), [false, false, true]);
    assert_eq!(far.asked.load(Ordering::Relaxed), 4);
}

#[tokio::test(start_paused = true)]
async fn a_burst_takes_of_the_store_what_it_spends() {
    let (_, far, [node]) = nodes(10);
    far.is_slow.store(true, Ordering::Relaxed);
    let began = Instant::now();
    let answers = join_all((0..20).map(|_| node.acquire("acme", 1))).await;
    assert!(answers.into_iter().all(|answer| answer.expect("answers").allowed));
    assert_eq!((far.left("acme"), far.asked(), began.elapsed()), (80, 2, 2 * TRIP));
    assert!(node.try_acquire_now("acme", 1).is_none(), "all is spent");
}

#[tokio::test(start_paused = true)]
async fn who_goes_away_while_it_fetches_is_followed_by_another() {
    let (_, far, [node]) = nodes(10);
    far.is_slow.store(true, Ordering::Relaxed);
    let mut first = node.acquire("acme", 1);
    assert!(futures_util::poll!(&mut first).is_pending());
    let mut others: Vec<_> = (0..12).map(|_| node.acquire("acme", 1)).collect();
    for other in &mut others {
        assert!(futures_util::poll!(other).is_pending());
    }
    drop(first);
    let stays = others.remove(0);
    assert!(stays.await.expect("answers").allowed);
    drop(others);
    assert_eq!(node.try_acquire_now("acme", 7).map(|decision| decision.allowed), Some(true), "the rest of a handful");
}

/// Else one task that is busy with something else would make a limiter around this take the store for dead.
#[tokio::test(start_paused = true)]
async fn who_has_waited_long_for_another_asks_for_itself() {
    let (_, far, [node]) = nodes(10);
    far.is_slow.store(true, Ordering::Relaxed);
    let mut kept = node.acquire("acme", 1);
    assert!(futures_util::poll!(&mut kept).is_pending());
    let began = Instant::now();
    assert!(node.acquire("acme", 1).await.expect("answers").allowed);
    assert_eq!(began.elapsed(), Duration::from_millis(25) + TRIP);
    assert!(kept.await.expect("answers").allowed);
    assert_eq!((far.left("acme"), far.asked()), (100 - 8 - 1, 2));
}

#[tokio::test(start_paused = true)]
async fn a_store_that_fails_fails_all_at_the_same_time() {
    let (_, far, [node]) = nodes(10);
    far.is_slow.store(true, Ordering::Relaxed);
    far.fails.store(true, Ordering::Relaxed);
    let began = Instant::now();
    let answers = join_all((0..20).map(|_| node.acquire("acme", 1))).await;
    assert!(answers.iter().all(Result::is_err));
    assert_eq!(began.elapsed(), 2 * TRIP);
}

#[tokio::test(start_paused = true)]
async fn where_a_handful_is_never_there_a_call_costs_one_round_trip() {
    let (clock, far, [node]) = nodes(10);
    let few = quota(3, 1);
    far.buckets.set_quota(&Arc::from("acme"), Some(few));
    assert_eq!((spend(&node, "acme", 10), far.asked()), (3, 11), "the first has to find out");
    clock.advance(SECOND);
    assert_eq!((spend(&node, "acme", 10), far.asked()), (1, 11));
    // And near the limit of a bucket that holds handfuls.
    assert_eq!((spend(&node, "globex", 110), far.asked()), (100, 12 + 1 + 14));
}

// What a call turned out to cost.
#[tokio::test(start_paused = true)]
async fn what_is_in_hand_pays_for_a_charge_and_the_store_for_the_rest() {
    let (_, far, [node, other]) = nodes(10);
    assert!(node.acquire("acme", 1).await.expect("answers").allowed);
    assert_eq!((far.asked(), far.left("acme")), (1, 92));
    RateLimitStore::charge(&node, "acme", 5).await.expect("in hand");
    assert_eq!((far.asked(), far.left("acme")), (0, 92), "two are in hand");
    RateLimitStore::charge(&node, "acme", 10).await.expect("the store answers");
    assert_eq!((far.asked(), far.left("acme")), (1, 84));
    assert!(node.try_acquire_now("acme", 1).is_none(), "nothing is in hand");
    RateLimitStore::charge(&other, "acme", 90).await.expect("the store answers");
    let refusal = node.acquire("acme", 1).await.expect("answers");
    assert_eq!((refusal.allowed, refusal.retry_after), (false, Some(7 * SECOND)), "six are owed");
}
