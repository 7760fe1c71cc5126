//! Rate limit: token buckets, alone, one for each key or shared by many processes, and the layer that asks them.
//!
//! | bucket | for | exact |
//! |---|---|---|
//! | [`TokenBucket`] | all calls of this process to one partner | to the nanosecond, in one atomic word |
//! | [`KeyedTokenBucket`] | callers that this process serves, maybe each with a quota of its own | the same, by key |
//! | [`LeasedBucket`] | a limit that many threads ask all the time | but for `workers * tokens` early calls |
//! | [`StoreLimiter`] | a limit that many processes share; goes on without its store | as its [`RateLimitStore`] |
//!
//! The arithmetic ([`gcra`]) is in whole nanoseconds of monotonic time. [`Decision`] says what is left, when to come
//! back and when the bucket is full; [`headers`] tells a caller.
//!
//! # Refuse or wait
//!
//! [`RateLimitLayer`] refuses at once, with a hint; [`wait`](RateLimitLayer::wait) lets calls wait instead, as
//! [`TokenBucket::acquire`] does without tower. Who waits is served first come, first served, whatever it costs:
//! joining the line takes the tokens ahead of time, so that nobody overtakes, not by `try_acquire` either, and how long
//! the wait will be is known when it begins. What would wait too long is refused at once. A dropped waiter gives back
//! its place and its tokens. As with tokio's locks, a waiter that is kept but not polled holds up those behind it; when
//! they have waited for as long as they are willing to, they are refused.
//!
//! A line that comes late to its tokens, because the process stood still, finds a full bucket and no more: in any span
//! of time at most the capacity is let through and what flows in during the span and 5 ms besides, which a line may be
//! late without loss.
//!
//! # Callers of ours
//!
//! Before a service that cannot fail, [`respond_with`](RateLimitLayer::respond_with) answers refusals;
//! [`respond_with_headers`](RateLimitLayer::respond_with_headers) puts the headers of requirement R4 on every answer besides.
//!
//! # Place
//!
//! Refusing: *inside* retry and circuit breaker, *outside* the attempt's timeout; a retry outside waits for the hint.
//! Waiting: outside a circuit breaker that counts slow calls, inside the deadline of the whole call.
//!
//! Right: one handle for each partner, cloned into every stack that calls it; keys from authentication. Wrong: a bucket
//! made for each request, which limits nothing; keys that a caller may invent, which end up sharing one bucket.
//!
//! # Against tower's own
//! `tower::limit::RateLimit` is not `Clone`, and its layer gives each service a count of its own: two connections of one
//! server, or two stacks to one partner, have the limit twice. It waits in `poll_ready`, with no bound on who waits and
//! how long, refuses nobody, and says nobody when to come back. It counts in fixed windows, so that twice the limit
//! passes within a moment, at the end of one and the beginning of the next.
//!
//! # What it does not do
//!
//! It counts calls and what they cost, not those under way: that is the [`bulkhead`](crate::layers::bulkhead). It gives
//! nobody precedence.

mod bucket;
mod cell;
mod config;
mod costed;
mod decision;
mod future;
pub mod gcra;
mod handfuls;
mod headers;
mod health;
mod inbound;
mod key_line;
mod keyed;
mod layer;
mod lease;
mod leased;
mod leased_store;
mod limit;
mod passing;
mod queue;
mod quota;
mod refusals;
mod service;
mod shard;
mod shared;
mod store;
mod store_limiter;
mod visit;
mod wait;

pub use self::{
    bucket::TokenBucket,
    config::{OnStoreError, StoreLimiterConfig, WaitConfig},
    costed::Costed,
    decision::Decision,
    future::RateLimitFuture,
    headers::headers,
    inbound::{InboundRateLimitFuture, InboundRateLimitLayer, InboundRateLimitService, RateLimitPolicy},
    key_line::KeyLine,
    keyed::KeyedTokenBucket,
    layer::RateLimitLayer,
    leased::{LeaseConfig, LeasedBucket},
    leased_store::LeasedStore,
    limit::{KeyOf, Keyed, Limit},
    quota::Quota,
    service::RateLimitService,
    shared::{Asking, Shared},
    store::RateLimitStore,
    store_limiter::StoreLimiter,
    wait::Acquire,
};

#[cfg(test)]
mod tests;
