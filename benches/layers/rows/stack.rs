//! Retry, breaker, limiter and timeout around one service, in that order from outside.

use std::{num::NonZeroU32, time::Duration};

use fsm_integration_core::{
    clock::CoarseClock,
    layers::{
        circuit_breaker::{CircuitBreaker, CircuitBreakerConfig, CircuitBreakerLayer},
        rate_limit::{Quota, RateLimitLayer, TokenBucket},
        retry::{RetryConfig, RetryLayer, RetryStrategy},
        timeout::TimeoutLayer,
    },
    profile::{BucketConfig, Handles, OutboundConfig, stack},
};
use tower::{Layer, ServiceBuilder, layer::layer_fn};
use tower_resilience_circuitbreaker::CircuitBreakerLayer as PeerBreaker;
use tower_resilience_ratelimiter::RateLimiterLayer as PeerLimiter;
use tower_resilience_retry::RetryLayer as PeerRetry;
use tower_resilience_timelimiter::TimeLimiterLayer as PeerTimeout;

use super::{by_hand, retry::Attempts};
use crate::harness::{
    contender::{Lane, Row},
    service::{Ends, MINUTE, Noop, serve},
};

/// A token each nanosecond: more than anybody takes.
const PLENTY: NonZeroU32 = NonZeroU32::new(1_000_000_000).expect("not zero");
const SECOND: Duration = Duration::from_secs(1);

pub(crate) fn four_layers(row: &mut Row) {
    row.floor("tower no-op", || serve(Noop, Ends::Well)).alone().with_tail();
    let service = ServiceBuilder::new()
        .layer(RetryLayer::new(RetryStrategy::with_clock(RetryConfig::default(), CoarseClock::new())))
        .layer(CircuitBreakerLayer::new(breaker()))
        .layer(RateLimitLayer::new(bucket()))
        .layer(TimeoutLayer::new(MINUTE))
        .service(Noop);
    row.ours("four layers", move || serve(service.clone(), Ends::Well)).with_tail();
    let service = ServiceBuilder::new()
        .layer(RetryLayer::new(RetryStrategy::with_clock(RetryConfig::default(), CoarseClock::new())).leak())
        .layer(CircuitBreakerLayer::new(breaker()).leak())
        .layer(RateLimitLayer::new(bucket()))
        .layer(TimeoutLayer::new(MINUTE))
        .service(Noop);
    row.also("four layers, leaked", move || serve(service.clone(), Ends::Well)).with_tail();
    let service = ServiceBuilder::new()
        .layer(tower::retry::RetryLayer::new(Attempts { left: 3, budget: None }))
        .layer(layer_fn(by_hand::Recloser::new))
        .layer(layer_fn(by_hand::Governor::new))
        .layer(tower::timeout::TimeoutLayer::new(MINUTE))
        .service(Noop);
    row.peer("tower, recloser, governor by hand", move || serve(service.clone(), Ends::Well)).with_tail();
    row.peer("tower-resilience", tower_resilience()).with_tail();
}

/// With a total deadline, a retry budget, spans and counts as well, and nobody who listens.
pub(crate) fn observed(row: &mut Row) {
    row.floor("tower no-op", || serve(Noop, Ends::Well)).alone();
    let config = OutboundConfig {
        rate_limit: BucketConfig { capacity: PLENTY, per_second: PLENTY },
        ..OutboundConfig::default()
    };
    let handles = Handles::with_clock("bench", "1.0.0", &config, CoarseClock::new());
    let service = stack(&config, &handles, Noop);
    row.ours("profile::stack, coarse clock", move || serve(service.clone(), Ends::Well));
    let handles = Handles::new("bench", "1.0.0", &config);
    let service = stack(&config, &handles, Noop);
    row.also("profile::stack, system clock", move || serve(service.clone(), Ends::Well));
    // With the feature `peers-observed` it counts and traces, too; that slows it down in every row.
    row.peer("tower-resilience", tower_resilience());
}

fn breaker() -> CircuitBreaker<CoarseClock> {
    CircuitBreaker::with_clock("bench", CircuitBreakerConfig::default(), CoarseClock::new())
}

fn bucket() -> TokenBucket<CoarseClock> {
    TokenBucket::with_clock("bench", Quota::per_second(PLENTY, PLENTY), CoarseClock::new())
}

fn tower_resilience() -> impl Fn() -> Lane {
    let limiter = PeerLimiter::builder()
        .limit_for_period(PLENTY.get() as usize)
        .refresh_period(SECOND)
        .burst_size(0)
        .timeout_duration(Duration::ZERO);
    let (breaker, _) = PeerBreaker::builder().consecutive_failures(5).build_with_handle().expect("valid settings");
    let inner = ServiceBuilder::new()
        .layer(breaker)
        .layer(limiter.build().expect("valid settings"))
        .layer(PeerTimeout::builder().timeout_duration(MINUTE).build())
        .service(Noop);
    let service = PeerRetry::builder().max_attempts(4).exponential_backoff(SECOND).build().layer(inner);
    move || serve(service.clone(), Ends::Well)
}
