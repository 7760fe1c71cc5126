use std::fmt::Write;

use tower::{Layer, ServiceBuilder};

use super::{Handles, OutboundConfig};
use crate::layers::{
    circuit_breaker::{CircuitBreakerLayer, CircuitBreakerService},
    instrument::InstrumentService,
    rate_limit::{RateLimitLayer, RateLimitService},
    retry::{RetryLayer, RetryService},
    timeout::{DeadlineLayer, DeadlineService, Timeout, TimeoutLayer},
};

/// A client with everything around it that an attempt and its repetition need.
pub type Protected<S> = DeadlineService<RetryService<CircuitBreakerService<RateLimitService<Timeout<S>>>>>;

/// Stacks the layers around a client; [`describe`] tells the order and why.
///
/// A request that may not be repeated, as a POST without idempotency key, has one attempt: a missing token or
/// a refusal is then its answer at once.
///
/// The request type must say whether it may be repeated ([`Replay`](crate::layers::retry::Replay)), until when
/// ([`HasDeadline`](crate::layers::timeout::HasDeadline)) and who asks
/// ([`HasContext`](crate::layers::instrument::HasContext)); [`http::Request`] and
/// [`Call`](crate::adapter::Call) do. The client's error must be able to carry the layers' refusals;
/// [`Error`](crate::error::Error) and [`BoxError`](crate::error::BoxError) are.
pub fn stack<S, I, G>(config: &OutboundConfig, handles: &Handles<I, G>, client: S) -> InstrumentService<I::Service>
where
    G: Layer<S, Service: Clone>,
    I: Layer<Protected<G::Service>>,
{
    // The reasons stand in `ORDER`.
    ServiceBuilder::new()
        .layer(&handles.instrument)
        .layer(&handles.idempotency)
        .layer(DeadlineLayer::new(config.total_deadline))
        .layer(RetryLayer::new(handles.retry.clone()))
        .layer(CircuitBreakerLayer::new(handles.breaker.clone()))
        .layer(RateLimitLayer::new(handles.limiter.clone()).honour_retry_after(config.retry.max_retry_after))
        .layer(TimeoutLayer::new(config.attempt_timeout))
        .layer(&handles.sign)
        .service(client)
}

/// The layers, outermost first, and why each stands where it does.
const ORDER: [(&str, &str); 9] = [
    ("instrument", "sees what the caller sees: one call, whatever happens inside"),
    ("idempotency", "a replayed answer costs no deadline, no token and no attempt"),
    ("total deadline", "bounds attempts and waits together"),
    ("retry", "each attempt passes everything below; its waits are timed by nothing below"),
    ("circuit breaker", "counts attempts, not calls; its refusal ends the retries"),
    ("rate limit", "a refused call takes no token; a missing token is neutral to the breaker"),
    ("attempt timeout", "times the partner alone; the breaker outside counts it"),
    ("sign", "each attempt is signed at its own time"),
    ("client", "sends it"),
];

/// The order of the stack, a line each, with the reason.
///
/// ```
/// let order = fsm_integration_core::profile::describe();
/// assert!(order.starts_with("1. instrument: "));
/// ```
#[must_use]
pub fn describe() -> String {
    let mut text = String::new();
    for (number, (layer, reason)) in (1..).zip(ORDER) {
        writeln!(text, "{number}. {layer}: {reason}").expect("a string takes everything");
    }
    text
}

#[cfg(test)]
pub(super) fn layers() -> impl Iterator<Item = &'static str> {
    ORDER.into_iter().map(|(layer, _)| layer)
}
