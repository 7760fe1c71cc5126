//! A node takes tokens of a store by the handful.

use std::sync::atomic::{AtomicU32, Ordering};

use async_trait::async_trait;

use super::*;
use crate::error::Result;

/// A store that counts how often it is asked.
#[derive(Clone)]
struct Far {
    buckets: KeyedTokenBucket<Arc<str>, VirtualClock>,
    asked: Arc<AtomicU32>,
}

#[async_trait]
impl RateLimitStore for Far {
    async fn acquire(&self, key: &str, cost: u32) -> Result<Decision> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        Ok(self.buckets.try_acquire_ref(key, cost))
    }

    async fn refund(&self, key: &str, cost: u32) -> Result<()> {
        RateLimitStore::refund(&self.buckets, key, cost).await
    }
}

type Node = LeasedStore<Far, VirtualClock>;

/// A limit of a hundred and the nodes that share it, eight tokens each.
fn nodes<const N: usize>(max_keys: usize) -> (VirtualClock, Far, [Node; N]) {
    let clock = VirtualClock::default();
    let buckets = KeyedTokenBucket::with_clock("far", quota(100, 1), 1_000, clock.clone());
    let far = Far { buckets, asked: Arc::default() };
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
