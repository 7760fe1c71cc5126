use axum::{
    Extension, Json,
    extract::{Path, State},
};
use fsm_integration_core::{
    adapter::CorrelationId,
    error::{Error, ErrorKind, Result},
    layers::circuit_breaker::{CircuitBreaker, CircuitSnapshot},
};
use serde::Serialize;

use super::{MOST, Ops};
use crate::edge::{ApiError, JsonBytes};

/// One circuit breaker as operators see it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Breaker {
    pub(super) name: String,
    /// `closed`, `half_open` or `open`.
    pub(super) state: &'static str,
    /// `automatic`, `forced_open`, `disabled` or `metrics_only`.
    pub(super) control: &'static str,
    pub(super) failures: u64,
    pub(super) probes: u32,
    pub(super) opened: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) retry_after_seconds: Option<u64>,
}

#[derive(Debug, Serialize)]
pub(super) struct Breakers {
    breakers: Vec<Breaker>,
    /// How many there are, those that are not listed included.
    total: usize,
}

pub(super) async fn list(State(ops): State<Ops>) -> Json<Breakers> {
    let (breakers, total) = worst_first(&ops);
    Json(Breakers { breakers, total })
}

/// Refuses every call to the partner until somebody resets the breaker.
pub(super) async fn force_open(
    ops: State<Ops>,
    name: Path<String>,
    id: Extension<CorrelationId>,
    _: JsonBytes,
) -> Result<Json<Breaker>, ApiError> {
    control(&ops, &name, &id, "circuit_breaker.forced_open", CircuitBreaker::force_open).await
}

/// Closes the breaker and lets it work by itself again.
pub(super) async fn reset(
    ops: State<Ops>,
    name: Path<String>,
    id: Extension<CorrelationId>,
    _: JsonBytes,
) -> Result<Json<Breaker>, ApiError> {
    control(&ops, &name, &id, "circuit_breaker.reset", CircuitBreaker::reset).await
}

async fn control(
    ops: &Ops,
    name: &str,
    id: &CorrelationId,
    action: &'static str,
    act: fn(&CircuitBreaker),
) -> Result<Json<Breaker>, ApiError> {
    let breakers = ops.0.flow.partners().breakers_named(name);
    let first = breakers.first().ok_or_else(|| Error::new(ErrorKind::NotFound, "no such circuit breaker"))?;
    ops.note(action, ("circuit_breaker", name), id).await?;
    breakers.iter().for_each(act);
    Ok(Json(breaker(&first.snapshot())))
}

/// As many as a list shows, those that refuse calls first; and how many there are.
pub(super) fn worst_first(ops: &Ops) -> (Vec<Breaker>, usize) {
    let mut all = ops.0.flow.partners().breakers();
    all.sort_by(|a, b| b.state.cmp(&a.state).then_with(|| a.name.cmp(&b.name)));
    (all.iter().take(MOST as usize).map(breaker).collect(), all.len())
}

fn breaker(snapshot: &CircuitSnapshot) -> Breaker {
    Breaker {
        name: snapshot.name.to_string(),
        state: snapshot.state.label(),
        control: snapshot.control.label(),
        failures: snapshot.failures,
        probes: snapshot.probes,
        opened: snapshot.opened,
        retry_after_seconds: snapshot.retry_after.map(|wait| wait.as_secs()),
    }
}
