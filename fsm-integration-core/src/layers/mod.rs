//! The protections, each a value to call and a tower layer to install; they never import each other.

pub mod bulkhead;
pub mod circuit_breaker;
pub mod fallback;
pub mod hedge;
pub mod idempotency;
pub mod instrument;
pub mod rate_limit;
pub mod retry;
pub mod timeout;
pub mod webhook;
