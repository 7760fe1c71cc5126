//! A bucket for each key, keys in random order, every key known.

use std::{hint::black_box, num::NonZeroU32, sync::Arc};

use fsm_integration_core::{
    clock::CoarseClock,
    layers::rate_limit::{KeyedTokenBucket, Quota},
};
use governor::DefaultKeyedRateLimiter;

use crate::harness::{
    alloc::live_bytes,
    contender::{Row, Side},
    service::{HOUR, spin},
};

const MILLION: u64 = 1_000_000;
/// More than a key is asked for in a run; it comes back so slowly that no key is idle meanwhile.
const TOKENS: NonZeroU32 = NonZeroU32::new(100_000).expect("not zero");

pub(crate) fn ten_thousand(row: &mut Row) {
    timed(row, 10_000);
}

pub(crate) fn million(row: &mut Row) {
    timed(row, MILLION);
    row.count(Side::Ours, "KeyedTokenBucket", "bytes a key", || bytes_a_key(ours));
    row.count(Side::Peer, "governor", "bytes a key", || bytes_a_key(governor));
}

fn timed(row: &mut Row, keys: u64) {
    row.floor("a map of one thread", move || {
        let mut map: hashbrown::HashMap<u64, u64> = (0..keys).map(|key| (key, 0)).collect();
        let mut random = Random::new(keys);
        spin(move |number| *map.get_mut(&random.key()).expect("every key is known") += number)
    })
    .alone();
    let buckets = ours(keys);
    row.ours("KeyedTokenBucket, coarse clock", move || {
        let (buckets, mut random) = (buckets.clone(), Random::new(keys));
        spin(move |_| assert!(buckets.try_acquire(&random.key(), 1).allowed))
    });
    let limiter = Arc::new(governor(keys));
    row.peer("governor, dashmap", move || {
        let (limiter, mut random) = (Arc::clone(&limiter), Random::new(keys));
        spin(move |_| assert!(limiter.check_key(&random.key()).is_ok()))
    });
}

fn ours(keys: u64) -> KeyedTokenBucket<u64, CoarseClock> {
    let quota = Quota::new(TOKENS, NonZeroU32::MIN, HOUR);
    let buckets = KeyedTokenBucket::with_clock("bench", quota, 2 * keys as usize, CoarseClock::new());
    (0..keys).for_each(|key| assert!(buckets.try_acquire(&key, 1).allowed));
    buckets
}

fn governor(keys: u64) -> DefaultKeyedRateLimiter<u64> {
    let quota = governor::Quota::with_period(HOUR).expect("not zero").allow_burst(TOKENS);
    let limiter = governor::RateLimiter::keyed(quota);
    (0..keys).for_each(|key| assert!(limiter.check_key(&key).is_ok()));
    limiter
}

fn bytes_a_key<T>(fill: fn(u64) -> T) -> f64 {
    let before = live_bytes();
    let filled = black_box(fill(MILLION));
    let bytes = live_bytes() - before;
    drop(filled);
    bytes as f64 / MILLION as f64
}

/// Keys in no order that a cache could guess (Marsaglia's xorshift).
struct Random {
    state: u64,
    keys: u64,
}

impl Random {
    fn new(keys: u64) -> Self {
        Self { state: 0x9E37_79B9_7F4A_7C15, keys }
    }

    fn key(&mut self) -> u64 {
        self.state ^= self.state << 13;
        self.state ^= self.state >> 7;
        self.state ^= self.state << 17;
        // The high half times the number of keys: no division.
        ((self.state >> 32) * self.keys) >> 32
    }
}
