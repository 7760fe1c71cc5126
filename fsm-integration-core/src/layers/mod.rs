//! The protections, each a value to call and a tower layer to install; they never import each other.
//!
//! | against | protection |
//! |---|---|
//! | a partner that is down | [`circuit_breaker`], [`fallback`] |
//! | a call that failed, and may pass | [`retry`] |
//! | a call that is late | [`timeout`], [`hedge`] |
//! | asking a partner more than it allows | [`rate_limit`] |
//! | taking more than there is | [`bulkhead`], [`adaptive_concurrency`], [`load_shed`] |
//! | the same work twice | [`idempotency`], [`coalesce`] |
//! | messages from who knows whom | [`webhook`] |
//! | not knowing what happened | [`instrument`] |

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
