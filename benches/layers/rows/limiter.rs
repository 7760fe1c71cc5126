//! One bucket: a token that is there, a token that is not.
//!
//! Ours and governor are asked directly; tower-resilience has no handle that asks, so it is its layer, beside ours.

use std::{num::NonZeroU32, sync::Arc, time::Duration};

use fsm_integration_core::{
    clock::{Clock, CoarseClock, SystemClock},
    layers::rate_limit::{LeaseConfig, LeasedBucket, Quota, RateLimitLayer, TokenBucket},
};
use governor::DefaultDirectRateLimiter;
use tower::Layer;
use tower_resilience_ratelimiter::RateLimiterLayer;

use crate::harness::{
    contender::{Lane, Row},
    service::{Ends, HOUR, Noop, serve, spin},
};

/// A token each nanosecond: more than anybody takes.
const PLENTY: NonZeroU32 = NonZeroU32::new(1_000_000_000).expect("not zero");
const SECOND: Duration = Duration::from_secs(1);

pub(crate) fn allow(row: &mut Row) {
    row.floor("quanta", || {
        let quanta = governor::clock::QuantaClock::default();
        spin(move |_| governor::clock::Clock::now(&quanta))
    })
    .alone();
    let quota = Quota::per_second(PLENTY, PLENTY);
    let bucket = TokenBucket::with_clock("bench", quota, CoarseClock::new());
    row.ours("TokenBucket, coarse clock", ask(&bucket, true));
    row.also("TokenBucket, system clock", ask(&TokenBucket::with_clock("bench", quota, SystemClock), true));
    let service = RateLimitLayer::new(bucket).layer(Noop);
    row.also("RateLimitLayer, coarse clock", move || serve(service.clone(), Ends::Well));
    let limiter = governor::RateLimiter::direct(governor::Quota::per_second(PLENTY));
    row.peer("governor", ask_governor(limiter, true));
    // Its bucket counts in floats, so it cannot hold more than it counts to: the rate is the same.
    tower_resilience(row, 1_000_000_000, SECOND, Ends::Well);
}

pub(crate) fn leases(row: &mut Row) {
    row.floor("relaxed load", || {
        let word = std::sync::atomic::AtomicU64::new(0);
        spin(move |_| word.load(std::sync::atomic::Ordering::Relaxed))
    })
    .alone();
    let bucket = TokenBucket::with_clock("bench", Quota::per_second(PLENTY, PLENTY), CoarseClock::new());
    let leased = LeasedBucket::new(bucket, LeaseConfig::default());
    row.ours("LeasedBucket", move || {
        let leased = leased.clone();
        spin(move |_| leased.try_acquire(1).expect("there are plenty"))
    });
    let limiter = governor::RateLimiter::direct(governor::Quota::per_second(PLENTY));
    row.peer("governor, which has none", ask_governor(limiter, true));
}

pub(crate) fn deny(row: &mut Row) {
    row.floor("coarse clock", || {
        let clock = CoarseClock::new();
        let origin = clock.origin();
        spin(move |_| clock.nanos_since(&origin))
    })
    .alone();
    let quota = Quota::new(NonZeroU32::MIN, NonZeroU32::MIN, HOUR);
    let bucket = TokenBucket::with_clock("bench", quota, CoarseClock::new());
    assert!(bucket.try_acquire(1).allowed);
    row.ours("TokenBucket, coarse clock", ask(&bucket, false));
    let service = RateLimitLayer::new(bucket).layer(Noop);
    row.also("RateLimitLayer, coarse clock", move || serve(service.clone(), Ends::Refused));
    let quota = governor::Quota::with_period(HOUR).expect("not zero");
    let limiter = governor::RateLimiter::direct(quota);
    assert!(limiter.check().is_ok());
    row.peer("governor", ask_governor(limiter, false));
    tower_resilience(row, 1, HOUR, Ends::Refused);
}

fn ask<C: Clock>(bucket: &TokenBucket<C>, allowed: bool) -> impl Fn() -> Lane + use<C> {
    let bucket = bucket.clone();
    move || {
        let bucket = bucket.clone();
        spin(move |_| assert_eq!(bucket.try_acquire(1).allowed, allowed))
    }
}

fn ask_governor(limiter: DefaultDirectRateLimiter, allowed: bool) -> impl Fn() -> Lane {
    let limiter = Arc::new(limiter);
    move || {
        let limiter = Arc::clone(&limiter);
        spin(move |_| assert_eq!(limiter.check().is_ok(), allowed))
    }
}

/// A token bucket (`burst_size`) that refuses at once (no timeout), shared by its clones.
fn tower_resilience(row: &mut Row, limit: usize, period: Duration, ends: Ends) {
    let layer = RateLimiterLayer::builder()
        .limit_for_period(limit)
        .refresh_period(period)
        .burst_size(0)
        .timeout_duration(Duration::ZERO)
        .build()
        .expect("valid settings");
    let service = layer.layer(Noop);
    if ends == Ends::Refused {
        serve(service.clone(), Ends::Well)(1);
    }
    row.peer("tower-resilience, layer", move || serve(service.clone(), ends));
}
