//! Instrument: a span, a duration and a count for every call of an adapter, however it ends.
//!
//! The span `integration.execute` has `adapter.id`, `adapter.version`, and from the request
//! ([`HasContext`]) `correlation.id` and `tenant.id`; at its end `status` (`success`, `failure`, `cancelled`),
//! `otel.status_code` and `error.type`, the class of the failure. An error's text stays out: it may quote a
//! partner. The metrics are `integration_requests_total`, `integration_request_duration_seconds` and
//! `integration_errors_total` of [`observe::metrics`](crate::observe::metrics). A dropped call counts as
//! cancelled, a panic as a failure.
//!
//! Place it outermost, so that it sees what callers see: retries and refusals included.

mod context;
mod future;
mod layer;
mod series;
mod service;

pub use self::{context::HasContext, future::InstrumentFuture, layer::InstrumentLayer, service::InstrumentService};

#[cfg(test)]
mod tests;
