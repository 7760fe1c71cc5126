//! What can be asked of the server: every route of the public API stands in [`api`], one file a resource.
//!
//! Handlers read, ask the flow, and write; they decide nothing.

mod audit_logs;
mod jobs;
mod orders;
mod read;
mod sales_orders;
mod sales_webhooks;
mod service_orders;
mod slots;
#[cfg(test)]
mod tests;
mod tickets;
mod wcfs;
mod write;

use std::sync::Arc;

use axum::{
    Router,
    routing::{get, post},
};
use fsm_integration_core::clock::WallClock;

pub(crate) use self::read::NoBody;
use crate::{
    config::Config,
    edge::{Edge, TenantKeys, TenantLimit},
    flow::Flow,
};

/// The public API but for health, operators and Conexxus; goes inside [`Edge::outer`].
#[rustfmt::skip]
pub fn api(flow: Flow, config: &Config, edge: &Edge, clock: Arc<dyn WallClock>) -> Router {
    let limit = &config.limits;
    let intake_limit = TenantLimit::per_minute("intake", limit.intake_per_minute, Arc::clone(&clock));
    let slots_limit = TenantLimit::per_minute("slots", limit.slots_per_minute, Arc::clone(&clock));

    let intake = Router::new()
        .route("/api/v2/orders/intake", post(orders::intake))
        .with_state(flow.clone());
    let slots = Router::new()
        .route("/api/v2/slots/availability", post(slots::availability))
        .with_state(slots::Availability::new(flow.clone(), clock));
    let others = Router::new()
        .route("/api/v2/orders/{order_id}", get(orders::show))
        .route("/api/v2/webhooks/sales/{system}", post(sales_webhooks::receive))
        .route("/api/v1/sales/orders", post(sales_orders::create))
        .route("/api/v1/sales/orders/{id}/complete", post(sales_orders::complete))
        .route("/api/v1/ticketing/tickets", post(tickets::create).get(tickets::list))
        .route("/api/v1/jobs", get(jobs::list))
        .route("/api/v1/jobs/{id}/check-in", post(jobs::check_in))
        .route("/api/v1/jobs/{id}/check-out", post(jobs::check_out))
        .route("/api/v1/wcfs/{id}", get(wcfs::show))
        .route("/api/v1/wcfs/{id}/sign", post(wcfs::sign))
        .route("/api/v1/wcfs/{id}/reserves/{reserve_id}/resolve", post(wcfs::resolve))
        .route("/api/v1/service-orders/{id}/tv-outcome", post(service_orders::tv_outcome))
        .route("/api/v1/audit-logs", get(audit_logs::list))
        .with_state(flow);

    let limited = intake_limit.protect(edge.guard(intake)).merge(slots_limit.protect(edge.guard(slots)));
    TenantKeys::new(&config.auth).protect(limited.merge(edge.guard(others)))
}
