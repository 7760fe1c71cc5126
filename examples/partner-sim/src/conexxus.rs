//! Conexxus: inventory to read, a day's sales to take.

use axum::{
    Json, Router,
    extract::{Request, State},
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use bytes::Bytes;
use http::{HeaderMap, StatusCode, header};
use jiff::civil::Date;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::{
    ledger::{Entry, Ledger, Push},
    signature::to_hex,
    world::{Shared, World, journal_failed},
};

pub(crate) fn guarded(world: Shared) -> Router<Shared> {
    Router::new()
        .route("/health", get(health))
        .route("/inventory/items", get(items))
        .route("/sales/push", post(push))
        .layer(middleware::from_fn_with_state(world, authenticate))
}

async fn authenticate(State(world): State<Shared>, request: Request, next: Next) -> Response {
    let sent = request.headers().get("x-api-key").map_or(&[][..], |value| value.as_bytes());
    if sent.ct_eq(world.config.conexxus_api_key.as_bytes()).into() {
        return next.run(request).await;
    }
    failure(&world, StatusCode::UNAUTHORIZED, "UNAUTHORIZED", "The API key is missing or not known.")
}

fn success(world: &World, data: &Value) -> Response {
    let body = json!({"success": true, "data": data, "error": null, "timestamp": world.now().to_string()});
    Json(body).into_response()
}

fn failure(world: &World, status: StatusCode, code: &str, message: &str) -> Response {
    let error = json!({"code": code, "message": message});
    let body = json!({"success": false, "data": null, "error": error, "timestamp": world.now().to_string()});
    (status, Json(body)).into_response()
}

async fn health(State(world): State<Shared>) -> Response {
    success(&world, &json!({"status": "ok", "version": "1.0.0"}))
}

async fn items(State(world): State<Shared>, headers: HeaderMap) -> Response {
    let items = Value::Array(world.items.lock().clone());
    let etag = format!("\"{}\"", &fingerprint(items.to_string().as_bytes())[..16]);
    let known = headers.get(header::IF_NONE_MATCH).is_some_and(|value| value.as_bytes() == etag.as_bytes());
    let answer = if known { StatusCode::NOT_MODIFIED.into_response() } else { success(&world, &items) };
    ([(header::ETAG, etag)], answer).into_response()
}

/// Accepts a second push of a day under another key, as the real one does: double sales are the judge's to see.
async fn push(State(world): State<Shared>, headers: HeaderMap, body: Bytes) -> Response {
    let push = match read(&world, &headers, &body) {
        Ok(push) => push,
        Err(reason) => return failure(&world, StatusCode::BAD_REQUEST, "INVALID_REQUEST", reason),
    };
    match world.store.transact(|ledger| accept(ledger, push)) {
        Ok(Accepted::First { transactions }) => success(&world, &json!({"accepted": transactions, "duplicate": false})),
        Ok(Accepted::Again { transactions }) => success(&world, &json!({"accepted": transactions, "duplicate": true})),
        Ok(Accepted::KeyTaken) => {
            let message = "The idempotency key was used for other sales.";
            failure(&world, StatusCode::UNPROCESSABLE_ENTITY, "IDEMPOTENCY_KEY_REUSED", message)
        }
        Err(error) => journal_failed(&error),
    }
}

enum Accepted {
    First { transactions: usize },
    Again { transactions: usize },
    KeyTaken,
}

fn accept(ledger: &Ledger, push: Push) -> (Option<Entry>, Accepted) {
    let known = push.idempotency_key.as_deref().and_then(|key| ledger.push_with_key(key));
    let Some(first) = known else {
        let transactions = push.transactions;
        return (Some(Entry::Push(push)), Accepted::First { transactions });
    };
    let same = first.fingerprint == push.fingerprint;
    let accepted = if same { Accepted::Again { transactions: first.transactions } } else { Accepted::KeyTaken };
    let idempotency_key = push.idempotency_key.unwrap_or_default();
    (Some(Entry::PushRepeated { idempotency_key, fingerprint: push.fingerprint }), accepted)
}

fn read(world: &World, headers: &HeaderMap, body: &Bytes) -> Result<Push, &'static str> {
    let json: Value = serde_json::from_slice(body).map_err(|_| "The body is no JSON.")?;
    let text = |name: &str| json.get(name).and_then(Value::as_str).filter(|text| !text.is_empty()).map(str::to_owned);
    let date = text("date").filter(|date| date.len() == 10 && date.parse::<Date>().is_ok());
    let transactions = json.get("transactions").and_then(Value::as_array).map(Vec::len);
    let key = ["idempotency-key", "x-idempotency-key"].iter().find_map(|name| headers.get(*name)?.to_str().ok());
    Ok(Push {
        location_id: text("locationId").ok_or("locationId is missing.")?,
        date: date.ok_or("date is no business day of the form YYYY-MM-DD.")?,
        idempotency_key: key.map(str::to_owned),
        transactions: transactions.ok_or("transactions is no list.")?,
        fingerprint: fingerprint(body),
        received_at: world.now(),
        body: json,
    })
}

fn fingerprint(bytes: &[u8]) -> String {
    to_hex(&Sha256::digest(bytes))
}
