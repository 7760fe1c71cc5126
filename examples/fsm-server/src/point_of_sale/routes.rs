//! The management routes, with the bodies of the guide.

use axum::{
    Json, Router,
    extract::State,
    http::StatusCode,
    response::IntoResponse,
    routing::{get, post},
};
use fsm_adapters_conexxus::{SyncHistory, SyncRun};
use fsm_integration_core::observe::health::{Health, HealthStatus};
use serde::Serialize;
use serde_json::json;

use super::{PointOfSale, health::HealthReport};
use crate::{edge::ApiError, routes::NoBody, store::inventory::RunKind};

/// The management routes; whoever mounts them authenticates the callers (F-X7).
pub fn routes(point_of_sale: PointOfSale) -> Router {
    Router::new()
        .route("/integrations/conexxus/health", get(health))
        .route("/integrations/conexxus/test-connection", get(test_connection))
        .route("/integrations/conexxus/metrics", get(metrics))
        .route("/integrations/conexxus/sync", post(sync))
        .with_state(point_of_sale)
}

#[derive(Serialize)]
struct Connection {
    success: bool,
    message: String,
    /// In milliseconds.
    latency: u64,
}

#[derive(Serialize)]
struct Metrics {
    latest: Option<SyncRun>,
    /// The last ten, oldest first.
    history: SyncHistory,
}

/// Always a 200: what it tells of is the partner, the request itself went well.
async fn health(State(point_of_sale): State<PointOfSale>) -> Result<Json<HealthReport>, ApiError> {
    Ok(Json(point_of_sale.health().await?))
}

async fn test_connection(State(point_of_sale): State<PointOfSale>) -> Result<Json<Connection>, ApiError> {
    let HealthStatus { health, latency, message, .. } = point_of_sale.test_connection().await?;
    Ok(Json(Connection {
        success: health == Health::Healthy,
        message: message.unwrap_or_else(|| "Connection successful".to_owned()),
        latency: u64::try_from(latency.as_millis()).unwrap_or(u64::MAX),
    }))
}

async fn metrics(State(point_of_sale): State<PointOfSale>) -> Result<Json<Metrics>, ApiError> {
    point_of_sale.office()?;
    let history = point_of_sale.history(RunKind::Inventory).await?;
    Ok(Json(Metrics { latest: history.latest().cloned(), history }))
}

async fn sync(State(point_of_sale): State<PointOfSale>, _: NoBody) -> Result<impl IntoResponse, ApiError> {
    point_of_sale.ask_for_sync()?;
    Ok((StatusCode::ACCEPTED, Json(json!({"message": "Sync triggered", "status": "processing"}))))
}
