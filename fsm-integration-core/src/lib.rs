//! Protections for calls between systems: each one a value to use and a tower layer to install.
//!
//! Use any one of them alone, with your own service, your own error type and nothing else of this crate:
//!
//! * [`layers`]: circuit breaker, retry, hedge, fallback, rate limit, timeout, bulkhead, adaptive concurrency, load shed,
//!   coalesce, idempotency, webhook signing, instrumentation;
//! * [`profile`]: presets, and the one function that stacks the layers in order, a reason beside each;
//! * [`error`]: what a failure means to every layer, and one error type for those who want none of their own;
//! * [`adapter`]: what an integration is; [`egress`]: where its calls may go;
//! * [`event`]: typed events on a durable bus, with consumers, outbox and dead letters;
//! * [`observe`] and [`secret`]: every decision, health, metrics, traces; secrets that redact themselves;
//! * [`clock`]: the time that all of them take from you, so that tests need not wait.
//!
//! | feature | brings |
//! |---|---|
//! | `http` | `http_client`: an HTTP client on reqwest, as a tower service |
//! | `sqlite` | `sqlite`: the embedded database, the event bus and the idempotency store in it |
//! | `avro` | the typed event catalogue with its Avro schemas |
//! | `ed25519` | webhook signatures by key pairs (`v1a`) |
//! | `backoff` | the retry schedule as a `backoff::backoff::Backoff` |
//! | `testing` | `testing`: a virtual clock, stand-ins, and the probe that every layer must pass |
//!
//! None is on by default; the layers need none.
//!
//! The [`guide`] tells which one to use, in which order, with which numbers. Where the documentation cites a requirement
//! (`R3`) or a flaw (`F-T7`), [`guide::requirements`] says what it is.

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
