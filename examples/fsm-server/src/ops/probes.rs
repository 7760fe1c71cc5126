use std::time::Duration;

use axum::{
    Extension, Json,
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use fsm_integration_core::observe::health::HealthReport;

use super::{Ops, gauges};
use crate::edge::KeepBody;

const HEALTH_JSON: &str = "application/health+json";
/// How long a scrape waits for the gauges; what is known already is shown then.
const REFRESH: Duration = Duration::from_secs(2);

/// Whether the process turns: asks nobody (requirement H1).
pub(super) async fn livez() -> &'static str {
    "alive\n"
}

/// Whether requests may come: asks only what nothing works without.
pub(super) async fn readyz(State(ops): State<Ops>, headers: HeaderMap) -> Response {
    answer(&ops.0.readiness.report().await, &headers)
}

/// Everything that is known about this server and its partners.
pub(super) async fn health(State(ops): State<Ops>, headers: HeaderMap) -> Response {
    answer(&ops.0.health.report().await, &headers)
}

fn answer(report: &HealthReport, headers: &HeaderMap) -> Response {
    let status = StatusCode::from_u16(report.http_status()).unwrap_or(StatusCode::SERVICE_UNAVAILABLE);
    let accepted = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
    let body = if accepted.flat_map(|value| value.split(',')).any(wants_health_json) {
        ([(header::CONTENT_TYPE, HEALTH_JSON)], Json(report.health_json())).into_response()
    } else {
        Json(report).into_response()
    };
    (status, Extension(KeepBody), body).into_response()
}

fn wants_health_json(range: &str) -> bool {
    range.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case(HEALTH_JSON)
}

/// All metrics in Prometheus' text format.
pub(super) async fn metrics(State(ops): State<Ops>) -> impl IntoResponse {
    match tokio::time::timeout(REFRESH, gauges::refresh(&ops)).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::warn!(error = %error, "gauges could not be refreshed"),
        Err(_) => tracing::warn!("gauges could not be refreshed in time"),
    }
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], ops.0.telemetry.render())
}
