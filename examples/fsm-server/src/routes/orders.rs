//! Orders of the sales systems: taken in, and shown.

use axum::{Extension, Json, extract::State, http::StatusCode, response::Response};
use fsm_adapters_sales::wire;
use fsm_integration_core::{
    adapter::{CorrelationId, TenantId},
    error::{Error, ErrorKind, Result},
};
use jiff::Timestamp;
use rusqlite::Connection;
use serde::Serialize;
use uuid::Uuid;

use super::{read::Named, write::answer};
use crate::{
    edge::{ApiError, JsonBytes},
    flow::Flow,
    store::{
        acknowledgements::{self, Acknowledgement},
        appointments::{self, Appointment},
        orders::{self, HistoryEntry, Order, Problem},
        receipts::{self, Receipt},
    },
};

/// What an order is before it is made.
const RECEIVED: &str = "RECEIVED";

pub(super) async fn intake(
    State(flow): State<Flow>,
    Extension(tenant): Extension<TenantId>,
    Extension(correlation_id): Extension<CorrelationId>,
    JsonBytes(body): JsonBytes,
) -> Result<Response, ApiError> {
    let accepted = flow.accept(&body, &tenant, correlation_id).await?;
    Ok(answer(StatusCode::ACCEPTED, accepted.response, accepted.replayed))
}

pub(super) async fn show(
    State(flow): State<Flow>,
    Extension(tenant): Extension<TenantId>,
    Named(id): Named<Uuid>,
) -> Result<Json<OrderView>, ApiError> {
    Ok(Json(flow.store().read(move |db| view(db, &tenant, id)).await?))
}

/// An order as its sales system sees it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct OrderView {
    order_id: Uuid,
    external_order_id: String,
    status: &'static str,
    correlation_id: CorrelationId,
    received_at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    appointment: Option<wire::Appointment>,
    history: Vec<HistoryEntry>,
    errors: Vec<Problem>,
    acknowledgements: Vec<Acknowledgement>,
}

/// The order, or its receipt while it is still on its way; another tenant's is none.
fn view(db: &Connection, tenant: &TenantId, id: Uuid) -> Result<OrderView> {
    if let Some(order) = orders::find(db, id)?.filter(|order| order.tenant == *tenant) {
        return of_order(db, order);
    }
    let receipt = receipts::find(db, id)?.filter(|receipt| receipt.tenant == tenant.as_str());
    receipt.map(|receipt| of_receipt(id, receipt)).ok_or_else(|| Error::new(ErrorKind::NotFound, "no such order"))
}

fn of_order(db: &Connection, order: Order) -> Result<OrderView> {
    Ok(OrderView {
        order_id: order.id,
        external_order_id: order.external_order_id,
        status: order.status.as_str(),
        correlation_id: order.correlation_id,
        received_at: order.received_at,
        appointment: appointments::of_order(db, order.id)?.map(appointment),
        history: orders::history(db, order.id)?,
        errors: orders::problems(db, order.id)?,
        acknowledgements: acknowledgements::of_order(db, order.id)?,
    })
}

fn of_receipt(order_id: Uuid, receipt: Receipt) -> OrderView {
    let received = HistoryEntry { status: RECEIVED.to_owned(), at: receipt.received_at, reason: None };
    OrderView {
        order_id,
        external_order_id: receipt.external_order_id,
        status: RECEIVED,
        correlation_id: receipt.correlation_id,
        received_at: receipt.received_at,
        appointment: None,
        history: vec![received],
        errors: Vec::new(),
        acknowledgements: Vec::new(),
    }
}

fn appointment(appointment: Appointment) -> wire::Appointment {
    wire::Appointment {
        appointment_id: appointment.id.to_string(),
        scheduled_start: appointment.starts_at,
        scheduled_end: appointment.ends_at,
        technician_id: appointment.technician_id,
        technician_name: appointment.technician_name.into(),
    }
}
