//! Retry: the same call again, now, if that can help.
//!
//! * What is retried is decided by [`ErrorClass`](crate::error::ErrorClass): transient, throttled and timed out.
//!   A refusal by a circuit breaker is not: waiting within the call is pointless. Of the first attempt it is the
//!   answer, with its hint; of a later one it says nothing of the partner, whose failure before it is the answer.
//! * An answer can be a failure too: an HTTP 503, a poll that says "not yet" ([`Judge`], [`RetryLayer::judge_by`]).
//! * Waits grow exponentially, are scattered and never exceed the cap ([`RetryConfig::delay`]). A class of failures may
//!   have its own first wait and its own number of retries ([`PerClass`]). The other side's `Retry-After` is never
//!   undercut; one that is too long for a call ends it, and the [`DurableSchedule`] of whoever keeps the work takes over.
//! * No wait is begun that would end after the deadline: the request's own ([`Replay::deadline`]) or that of the settings
//!   ([`RetryConfig::total`]).
//! * A shared [`RetryBudget`] keeps an outage from being answered with a storm.
//! * The layer sends a request again only if [`Replay`] allows it.
//!
//! Place it *outside* the circuit breaker, the rate limit and the attempt's timeout, so that each attempt passes
//! all three, and *inside* the deadline of the whole call.
//!
//! # Against tower's own
//! `tower::retry` is a frame without the picture: what is repeated, when, how often and at whose cost is a `Policy` of
//! yours, so that it knows no cap, no `Retry-After`, no deadline and no budget but those that you write (its `backoff`
//! and `budget` modules are parts for it). It clones the service and the policy for every call, for one that succeeds at
//! once too; here the service is cloned when there is a retry.

#[cfg(feature = "backoff")]
mod backoff;
mod config;
mod decide;
mod durable;
mod future;
mod layer;
mod rare;
mod schedule;
mod service;
mod strategy;

pub use self::{
    config::{ClassConfig, Jitter, PerClass, RetryConfig},
    durable::DurableSchedule,
    future::RetryFuture,
    layer::RetryLayer,
    schedule::RetryDelays,
    service::RetryService,
    strategy::RetryStrategy,
};
pub use crate::{
    error::{Failure, Judge, OnError, OnStatus},
    repeat::{Attempt, Replay, RetryBudget, RetryBudgetConfig, RetryCosts},
};

#[cfg(test)]
mod tests;
