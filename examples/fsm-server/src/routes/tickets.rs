//! Tickets: made by hand, and listed.

use axum::{Extension, Json, extract::State, http::HeaderMap, response::Response};
use fsm_integration_core::{
    adapter::{
        CorrelationId, TenantId,
        fields::{FieldReader, id, list as list_of, map, note, one_of, text},
    },
    event::catalogue::{TicketType, WorkPriority},
};
use serde::Serialize;
use uuid::Uuid;

use super::{
    read::{Asked, limit, once, read_body, uuid},
    write::created,
};
use crate::{
    edge::{ApiError, JsonBytes},
    flow::{Flow, ticketing::NewTicket},
    store::tickets::{self, Ticket},
};

const TYPES: &[(&str, TicketType)] = &[
    ("installation_request", TicketType::InstallationRequest),
    ("support", TicketType::Support),
    ("maintenance", TicketType::Maintenance),
];
const PRIORITIES: &[(&str, WorkPriority)] = &[
    ("low", WorkPriority::Low),
    ("normal", WorkPriority::Normal),
    ("high", WorkPriority::High),
    ("urgent", WorkPriority::Urgent),
];

#[derive(Serialize)]
pub(super) struct Tickets {
    tickets: Vec<Ticket>,
}

pub(super) async fn create(
    State(flow): State<Flow>,
    Extension(tenant): Extension<TenantId>,
    Extension(correlation_id): Extension<CorrelationId>,
    headers: HeaderMap,
    JsonBytes(body): JsonBytes,
) -> Result<Response, ApiError> {
    let (new, fingerprint) = read_body(&body, new_ticket)?;
    let once = once(&headers, &tenant, "ticketing.ticket", None, fingerprint)?;
    Ok(created(flow.create_ticket(&tenant, &correlation_id, new, once).await?, None))
}

fn new_ticket(body: &FieldReader<'_>) -> NewTicket {
    let name = |camel, snake| spelled(body, camel, snake);
    NewTicket {
        subject: body.required("subject", text(200)),
        ticket_type: body.required(name("ticketType", "ticket_type"), one_of(TYPES)),
        priority: body.optional("priority", one_of(PRIORITIES)).unwrap_or(WorkPriority::Normal),
        customer_id: body.required(name("customerId", "customer_id"), id()),
        service_address: body.optional(name("serviceAddress", "service_address"), text(500)),
        affected_services: body.or_default(name("affectedServices", "affected_services"), list_of(0..=100, id())),
        device_serial_numbers: body
            .or_default(name("deviceSerialNumbers", "device_serial_numbers"), list_of(0..=1_000, id())),
        metadata: body.or_default("metadata", map(50, note(1_000))),
    }
}

/// Seed 003 writes this body with underscores, every other body of the API has none; both are taken.
fn spelled<'n>(body: &FieldReader<'_>, camel: &'n str, snake: &'n str) -> &'n str {
    if body.has(snake) && !body.has(camel) { snake } else { camel }
}

pub(super) async fn list(
    State(flow): State<Flow>,
    Extension(tenant): Extension<TenantId>,
    asked: Asked,
) -> Result<Json<Tickets>, ApiError> {
    let (order, limit) =
        asked.read(|query| (query.optional("orderId", uuid()).map(|id: Uuid| id.to_string()), limit(query)))?;
    let list = move |db: &_| tickets::list(db, tenant.as_str(), order.as_deref(), limit);
    Ok(Json(Tickets { tickets: flow.store().read(list).await? }))
}
