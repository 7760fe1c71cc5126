//! Refuses calls at once while the service behind is not ready for them, instead of letting them wait for it.
//!
//! Put it outside whatever shows by its readiness that it has enough: `tower::buffer`, `tower::limit`,
//! `tower::balance` with no endpoint, a connection pool. The layers of this crate let the inner service's readiness
//! through and refuse by themselves in `call`; in a stack of them alone it has nothing to do.
//!
//! This is the one layer whose readiness is not the inner service's: it is always ready, unless the inner service has
//! failed for good.
//!
//! # Against tower's own
//! `tower::load_shed` does the same and is not used here, because it boxes every error of the service, its own refusal
//! and all others: `S::Error: Into<BoxError>` comes out as `BoxError`. A retry or breaker outside would have to
//! downcast. Here the error type stays, and the refusal is one of its values: `S::Error: From<Overloaded>`.

mod future;
mod layer;
mod service;
#[cfg(test)]
mod tests;

pub use self::{future::LoadShedFuture, layer::LoadShedLayer, service::LoadShedService};
