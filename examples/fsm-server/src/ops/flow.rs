use axum::{
    Json,
    extract::{Query, State, rejection::QueryRejection},
};
use fsm_integration_core::error::Result;
use jiff::Timestamp;
use rusqlite::Connection;
use serde::Serialize;

use super::{Ops, body, body::Limit};
use crate::{
    edge::ApiError,
    store::{
        acknowledgements::{self, Acknowledgement},
        orders::{self, Order},
        tasks::{self, Task},
    },
};

/// One order in a line: where it stands and who knows; nothing about the customer.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Journey {
    pub(super) order_id: String,
    pub(super) external_order_id: String,
    pub(super) source_system: &'static str,
    pub(super) tenant: String,
    pub(super) status: &'static str,
    pub(super) correlation_id: String,
    pub(super) received_at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) last_step: Option<Step>,
    pub(super) acknowledged: Vec<Acknowledgement>,
    /// The codes of what stands in the way.
    pub(super) problems: Vec<String>,
}

/// A status of the order's history; why it came to it is free text, and stays out.
#[derive(Debug, Serialize)]
pub(super) struct Step {
    pub(super) status: String,
    pub(super) at: Timestamp,
}

#[derive(Debug, Serialize)]
pub(super) struct Recent {
    orders: Vec<Journey>,
}

#[derive(Debug, Serialize)]
pub(super) struct Tasks {
    tasks: Vec<Task>,
}

pub(super) async fn recent(
    State(ops): State<Ops>,
    limit: Result<Query<Limit>, QueryRejection>,
) -> Result<Json<Recent>, ApiError> {
    let limit = body::query(limit)?.get();
    Ok(Json(Recent { orders: ops.store().read(move |db| journeys(db, limit)).await? }))
}

pub(super) async fn tasks(
    State(ops): State<Ops>,
    limit: Result<Query<Limit>, QueryRejection>,
) -> Result<Json<Tasks>, ApiError> {
    let limit = body::query(limit)?.get();
    Ok(Json(Tasks { tasks: ops.store().read(move |db| tasks::recent(db, limit)).await? }))
}

/// The newest orders, each with its last step and what partners acknowledged.
pub(super) fn journeys(db: &Connection, limit: u32) -> Result<Vec<Journey>> {
    orders::recent(db, limit)?.iter().map(|order| journey(db, order)).collect()
}

fn journey(db: &Connection, order: &Order) -> Result<Journey> {
    let last = orders::history(db, order.id)?.pop();
    Ok(Journey {
        order_id: order.id.to_string(),
        external_order_id: order.external_order_id.clone(),
        source_system: order.source_system.as_str(),
        tenant: order.tenant.to_string(),
        status: order.status.as_str(),
        correlation_id: order.correlation_id.to_string(),
        received_at: order.received_at,
        last_step: last.map(|entry| Step { status: entry.status, at: entry.at }),
        acknowledged: acknowledgements::of_order(db, order.id)?,
        problems: orders::problems(db, order.id)?.into_iter().map(|problem| problem.code).collect(),
    })
}
