//! Rate limit: a token bucket, alone or one for each key, and the layer that asks it.
//!
//! * [`TokenBucket`] and [`KeyedTokenBucket`] are exact: their arithmetic ([`gcra`]) is in whole nanoseconds, one
//!   atomic step a decision, monotonic time.
//! * [`Decision`] says what is left, when to come back and when the bucket is full; [`headers`] tells a caller.
//! * [`RateLimitLayer`] refuses at once and never waits; place it *inside* retry and circuit breaker, and *outside*
//!   the attempt's timeout. A retry outside waits for the hint.
//! * [`RateLimitStore`] is the seam for buckets that many processes share.

mod bucket;
mod cell;
mod config;
mod costed;
mod decision;
mod future;
pub mod gcra;
mod headers;
mod health;
mod keyed;
mod layer;
mod lease;
mod leased;
mod limit;
mod queue;
mod quota;
mod refusals;
mod service;
mod shard;
mod shared;
mod store;
mod store_limiter;
mod table;
mod wait;

pub use self::{
    bucket::TokenBucket,
    config::{OnStoreError, StoreLimiterConfig, WaitConfig},
    costed::Costed,
    decision::Decision,
    future::RateLimitFuture,
    headers::headers,
    keyed::{KeyLine, KeyedTokenBucket},
    layer::RateLimitLayer,
    leased::{LeaseConfig, LeasedBucket},
    limit::{KeyOf, Keyed, Limit},
    quota::Quota,
    service::RateLimitService,
    shared::Shared,
    store::RateLimitStore,
    store_limiter::StoreLimiter,
    wait::Acquire,
};

#[cfg(test)]
mod tests;
