//! What the field service system tells a sales system: verified twice, recorded once.

use axum::{
    Json, Router,
    extract::{OriginalUri, Path, State},
    response::{IntoResponse, Response},
    routing::{MethodRouter, post},
};
use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::SalesSystem;
use crate::{
    ledger::{Delivery, Entry, EventKind, Rejection},
    signature,
    world::{Shared, World, journal_failed},
};

pub(crate) fn routes() -> Router<Shared> {
    Router::new()
        .route("/callback/appointment-scheduled", told(EventKind::AppointmentScheduled))
        .route("/callback/order-status", told(EventKind::OrderStatus))
        .route("/webhooks/installation-outcome", told(EventKind::InstallationOutcome))
        .route("/webhooks/order-cancelled", told(EventKind::OrderCancelled))
        .route("/webhooks/tv-modifications", told(EventKind::TvModifications))
}

fn told(kind: EventKind) -> MethodRouter<Shared> {
    post(
        async move |State(world): State<Shared>,
                    Path(system): Path<String>,
                    uri: OriginalUri,
                    headers: HeaderMap,
                    body: Bytes| match system.parse() {
            Ok(system) => receive(&world, system, kind, uri.path(), &headers, &body),
            Err(error) => (StatusCode::NOT_FOUND, Json(json!({"error": format!("{error}")}))).into_response(),
        },
    )
}

fn receive(
    world: &World,
    system: SalesSystem,
    kind: EventKind,
    path: &str,
    headers: &HeaderMap,
    body: &Bytes,
) -> Response {
    let refuse = |status, reason: String| {
        let webhook_id = text(headers, "webhook-id");
        let entry =
            Entry::Rejection(Rejection { path: path.to_owned(), reason: reason.clone(), webhook_id, at: world.now() });
        match world.store.transact(|_| (Some(entry), ())) {
            Ok(()) => (status, Json(json!({"error": reason}))).into_response(),
            Err(error) => journal_failed(&error),
        }
    };
    let verified = match signature::verify(world.webhook_keys(system), headers, body, world.now()) {
        Ok(verified) => verified,
        Err(refused) => return refuse(StatusCode::UNAUTHORIZED, refused.to_string()),
    };
    let Some(delivery) = read(world, system, kind, headers, body, verified.id) else {
        return refuse(StatusCode::UNPROCESSABLE_ENTITY, "the body is no JSON object with an externalOrderId".into());
    };
    let recorded = world.store.transact(|ledger| {
        let duplicate = ledger.knows_webhook(system, &delivery.webhook_id);
        (Some(Entry::Delivery(delivery)), duplicate)
    });
    match recorded {
        Ok(duplicate) => Json(json!({"received": true, "duplicate": duplicate})).into_response(),
        Err(error) => journal_failed(&error),
    }
}

fn read(
    world: &World,
    system: SalesSystem,
    kind: EventKind,
    headers: &HeaderMap,
    body: &Bytes,
    webhook_id: String,
) -> Option<Delivery> {
    let json: Value = serde_json::from_slice(body).ok()?;
    let field = |pointer: &str| json.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
    let tenant = text(headers, "x-tenant-id");
    Some(Delivery {
        kind,
        webhook_id,
        system,
        tenant_named: tenant.is_some(),
        tenant: tenant.unwrap_or_else(|| world.config.default_tenant.clone()),
        external_order_id: field("/externalOrderId")?,
        order_id: field("/orderId"),
        appointment_id: field("/appointment/appointmentId").or_else(|| field("/appointmentId")),
        status: field("/status").or_else(|| field("/outcome")),
        event_id: field("/eventId"),
        correlation_id: text(headers, "x-correlation-id"),
        fingerprint: signature::to_hex(&Sha256::digest(body)),
        received_at: world.now(),
        copies: 1,
        body: if world.config.keep_bodies { json } else { Value::Null },
    })
}

fn text(headers: &HeaderMap, name: &str) -> Option<String> {
    headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned)
}
