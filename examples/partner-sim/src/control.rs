//! `/_sim`: the ledger to read and the faults to plan, over HTTP.

use axum::{
    Json, Router,
    extract::{Path, State},
    response::{IntoResponse, Response},
    routing::{get, put},
};
use http::StatusCode;
use serde_json::{Value, json};

use crate::{
    faults::{Fault, FaultReport},
    oracle::ErrorMode,
    world::Shared,
};

pub(crate) fn routes() -> Router<Shared> {
    Router::new()
        .route("/ledger", get(ledger))
        .route("/ledger/orders/{externalOrderId}", get(order))
        .route("/violations", get(violations))
        .route("/faults", get(faults).post(inject).delete(clear))
        .route("/conexxus/items", put(set_items))
        .route("/oracle/errors", put(set_oracle_errors))
}

async fn ledger(State(world): State<Shared>) -> Response {
    world.store.read(|ledger| Json(ledger).into_response())
}

/// The orders of all tenants under this id; the invoices of each lie beside it.
async fn order(State(world): State<Shared>, Path(external): Path<String>) -> Response {
    world.store.read(|ledger| {
        let orders: Vec<_> = ledger.named(&external).collect();
        if orders.is_empty() {
            return (StatusCode::NOT_FOUND, Json(json!({"error": "nothing was told about this order"})))
                .into_response();
        }
        let ids: Vec<_> =
            orders.iter().flat_map(|one| one.deliveries()).filter_map(|one| one.order_id.as_ref()).collect();
        let paid = |reference: &String| *reference == external || ids.contains(&reference);
        let invoices: Vec<_> =
            ledger.invoices.iter().filter(|one| one.order_reference.as_ref().is_some_and(paid)).collect();
        Json(json!({"orders": orders, "invoices": invoices})).into_response()
    })
}

async fn violations(State(world): State<Shared>) -> Json<Vec<String>> {
    Json(world.store.read(crate::Ledger::violations))
}

async fn faults(State(world): State<Shared>) -> Json<Vec<FaultReport>> {
    Json(world.faults.report())
}

async fn inject(State(world): State<Shared>, Json(fault): Json<Fault>) -> StatusCode {
    world.faults.inject(fault);
    StatusCode::CREATED
}

async fn clear(State(world): State<Shared>) -> StatusCode {
    world.faults.clear();
    StatusCode::NO_CONTENT
}

async fn set_items(State(world): State<Shared>, Json(items): Json<Vec<Value>>) -> StatusCode {
    *world.items.lock() = items;
    StatusCode::NO_CONTENT
}

async fn set_oracle_errors(State(world): State<Shared>, Json(mode): Json<ErrorMode>) -> StatusCode {
    *world.oracle_errors.lock() = mode;
    StatusCode::NO_CONTENT
}
