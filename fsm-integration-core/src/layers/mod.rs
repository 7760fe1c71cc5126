//! The protections, each a value to call and a tower layer to install; they never import each other.

pub mod adaptive_concurrency;
pub mod bulkhead;
pub mod circuit_breaker;
pub mod coalesce;
pub mod fallback;
pub mod hedge;
pub mod idempotency;
pub mod instrument;
pub mod load_shed;
pub mod rate_limit;
pub mod retry;
pub mod timeout;
pub mod webhook;

pub use crate::{
    lending::{Counted, Leaked, Lending},
    respond::{OrRefusal, Refusable, RefusableFuture, RespondFuture, RespondLayer, RespondService},
};
