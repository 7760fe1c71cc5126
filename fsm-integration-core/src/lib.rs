//! Protections for calls between systems: each one a value to use and a tower layer to install.
//!
//! Use any one of them alone, with your own service, your own error type and nothing else of this crate:
//!
//! * [`layers`]: circuit breaker, rate limit, retry, timeout, bulkhead, idempotency, webhook signing, instrumentation;
//! * [`profile`]: presets, and the one function that stacks the layers in order, a reason beside each;
//! * [`adapter`]: what an integration is;
//! * [`event`]: typed events on a durable bus, with consumers, outbox and dead letters;
//! * [`observe`] and [`secret`]: every decision, health, metrics, traces; secrets that redact themselves.
//!
//! The [`guide`] tells which one to use, in which order, with which numbers.

#![cfg_attr(docsrs, feature(doc_cfg))]
#![deny(missing_docs)]
// One function of `clock::coarse` allows itself what the workspace denies.
#![deny(unsafe_code)]

#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;

pub mod guide;

// What everything rests on.
pub mod clock;
pub mod error;
mod lending;
mod repeat;
mod respond;
mod semaphore;
#[allow(unused_imports, reason = "not every feature has lock-free parts")]
mod sync;
mod timer;

// What a call goes through.
pub mod adapter;
pub mod egress;
#[cfg(feature = "http")]
pub mod http_client;
pub mod layers;
pub mod profile;

// What happens between calls.
pub mod event;
#[cfg(feature = "sqlite")]
pub mod sqlite;

// What people and operators need.
pub mod observe;
pub mod secret;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
