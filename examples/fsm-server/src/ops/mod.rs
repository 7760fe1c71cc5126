//! What operators and monitoring see and do: probes, metrics, the admin API, and the page `/ops`.
//!
//! Nothing here shows personal data, with one exception: `GET /admin/dead-letters/{id}?payload=true`, which is on the
//! audit trail before it is answered. What changes something commits together with its audit row.

mod body;
mod breakers;
mod consumers;
mod dead_letters;
mod flow;
mod gauges;
mod health;
mod limiters;
mod page;
mod probes;
mod selection;
#[cfg(test)]
mod tests;

use std::{fmt, sync::Arc};

use axum::{
    Router,
    http::{HeaderValue, header},
    middleware,
    response::Response,
    routing::{get, post},
};
use fsm_integration_core::{
    adapter::CorrelationId,
    error::Result,
    event::{consumer::ConsumerHandle, dead_letter::DeadLetters},
    observe::health::HealthRegistry,
};

use crate::{
    flow::Flow,
    store::{Store, audit},
    telemetry::Telemetry,
};

/// The most entries that any list shows.
const MOST: u32 = 200;
/// How many entries a list shows when nobody says.
const USUAL: u32 = 50;

/// What operators look at and act on; clones are the same.
#[derive(Clone)]
pub struct Ops(Arc<Inner>);

struct Inner {
    flow: Flow,
    consumers: Vec<ConsumerHandle>,
    dead_letters: DeadLetters,
    telemetry: Telemetry,
    /// Everything there is to know.
    health: HealthRegistry,
    /// Only what the server cannot work without.
    readiness: HealthRegistry,
}

impl Ops {
    /// Puts together what there is to look at.
    #[must_use]
    pub fn new(flow: Flow, consumers: Vec<ConsumerHandle>, dead_letters: DeadLetters, telemetry: Telemetry) -> Self {
        let (health, readiness) = (HealthRegistry::default(), HealthRegistry::default());
        health::register_store(&readiness, flow.store());
        health::register_store(&health, flow.store());
        health::register_all(&health, &flow, &consumers, &dead_letters);
        Self(Arc::new(Inner { flow, consumers, dead_letters, telemetry, health, readiness }))
    }

    fn store(&self) -> &Store {
        self.0.flow.store()
    }

    /// Notes an operator's action that changes nothing in the store.
    async fn note(&self, action: &'static str, entity: (&'static str, &str), id: &CorrelationId) -> Result<()> {
        let ((sort, name), id, now) = ((entity.0, entity.1.to_owned()), id.clone(), self.store().now());
        tracing::warn!(audit.action = action, audit.entity = name, correlation_id = %id, "an operator acted");
        self.store().write(move |tx| audit::by_operator(tx, None, action, (sort, &name), &id, now)).await
    }
}

impl fmt::Debug for Ops {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ops").field("consumers", &self.0.consumers.len()).finish_non_exhaustive()
    }
}

/// The operators' routes; for their own listener, inside [`AdminToken::protect`](crate::edge::AdminToken::protect).
///
/// Every change is a POST of `application/json`, which a page of another site cannot send without being asked first.
pub fn admin(ops: Ops) -> Router {
    Router::new()
        .route("/ops", get(page::page))
        .route("/admin/dead-letters", get(dead_letters::list))
        .route("/admin/dead-letters/replay", post(dead_letters::replay))
        .route("/admin/dead-letters/discard", post(dead_letters::discard))
        .route("/admin/dead-letters/{id}", get(dead_letters::show))
        .route("/admin/dead-letters/{id}/replay", post(dead_letters::replay_one))
        .route("/admin/dead-letters/{id}/discard", post(dead_letters::discard_one))
        .route("/admin/consumers", get(consumers::list))
        .route("/admin/consumers/{group}/resume", post(consumers::resume))
        .route("/admin/breakers", get(breakers::list))
        .route("/admin/breakers/{name}/force-open", post(breakers::force_open))
        .route("/admin/breakers/{name}/reset", post(breakers::reset))
        .route("/admin/limiters", get(limiters::list))
        .route("/admin/flow/recent", get(flow::recent))
        .route("/admin/tasks", get(flow::tasks))
        .route_layer(middleware::map_response(uncached))
        .with_state(ops)
}

/// What orchestrators and monitoring ask; for the public listener, outside every bound, so that it always answers.
pub fn probes(ops: Ops) -> Router {
    Router::new()
        .route("/livez", get(probes::livez))
        .route("/readyz", get(probes::readyz))
        .route("/health", get(probes::health))
        .route("/metrics", get(probes::metrics))
        .route_layer(middleware::map_response(uncached))
        .with_state(ops)
}

async fn uncached(mut response: Response) -> Response {
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
