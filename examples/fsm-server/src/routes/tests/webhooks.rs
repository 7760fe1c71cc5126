use std::{sync::Arc, time::Duration};

use axum::http::HeaderMap;
use fsm_integration_core::layers::webhook::{WebhookId, WebhookSecrets, WebhookSigner};
use serde_json::{Value, json};

use super::support::{Answer, Room, sample};

const PYXIS: &str = "/api/v2/webhooks/sales/pyxis";

fn cancellation() -> Value {
    json!({
        "eventId": "e-1", "eventType": "ORDER_CANCELLED", "timestamp": "2025-01-15T10:00:00Z",
        "externalOrderId": "PX-TEST-001", "reason": "the customer moved"
    })
}

fn update() -> Value {
    json!({
        "eventId": "e-2", "eventType": "ORDER_UPDATED", "timestamp": "2025-01-15T10:00:00Z",
        "externalOrderId": "PX-TEST-001", "schedulingPreferences": {"notes": "call first"}
    })
}

fn signed(room: &Room, id: &str, body: &str) -> HeaderMap {
    let secrets = WebhookSecrets::new(room.secret.clone(), Arc::new(room.clock.clone()));
    let mut headers = HeaderMap::new();
    WebhookSigner::new(secrets).sign(&WebhookId::new(id).unwrap(), body.as_bytes()).apply(&mut headers);
    headers
}

async fn send(room: &Room, headers: &HeaderMap, body: &str) -> Answer {
    let headers: Vec<_> = headers.iter().map(|(name, value)| (name.as_str(), value.to_str().unwrap())).collect();
    room.post_with(PYXIS, &headers, body.to_owned()).await
}

pub(super) async fn deliver(room: &Room, id: &str, body: &Value) -> Answer {
    let body = body.to_string();
    send(room, &signed(room, id, &body), &body).await
}

/// All that tells refusals apart is the id and the time of the answer.
fn refusal(answer: &Answer) -> (u16, Value) {
    (answer.status, answer.body["error"].clone())
}

#[tokio::test]
async fn a_cancellation_before_its_order_cancels_it_when_it_comes() {
    let room = Room::running().await;
    assert_eq!(deliver(&room, "m-1", &cancellation()).await.status, 202);
    let id = room.post("/api/v2/orders/intake", &sample()).await.body["orderId"].as_str().unwrap().to_owned();
    room.until(&format!("/api/v2/orders/{id}"), |order| order["status"] == "CANCELLED").await;
}

#[tokio::test]
async fn every_reason_to_refuse_looks_the_same() {
    let room = Room::open().await;
    let body = cancellation().to_string();
    let good = signed(&room, "m-1", &body);
    let unsigned = refusal(&send(&room, &HeaderMap::new(), &body).await);
    assert_eq!((unsigned.0, &unsigned.1["code"]), (401, &json!("UNAUTHORIZED")));
    assert_eq!(refusal(&send(&room, &good, &body.replace("moved", "stays")).await), unsigned);
    assert_eq!(refusal(&send(&room, &good, "not JSON: the signature comes first").await), unsigned);
    assert_eq!(send(&room, &good, &body).await.status, 202);
    assert_eq!(refusal(&send(&room, &good, &body).await), unsigned, "a replay");
    let old = signed(&room, "m-2", &body);
    room.clock.advance(Duration::from_secs(301));
    assert_eq!(refusal(&send(&room, &old, &body).await), unsigned, "too old");
}

#[tokio::test]
async fn what_could_not_be_handled_is_let_in_again() {
    let room = Room::open().await;
    let unknown = deliver(&room, "m-1", &update()).await;
    assert_eq!((unknown.status, unknown.code()), (404, "NOT_FOUND"), "no such order was accepted");
    let id = room.post("/api/v2/orders/intake", &sample()).await.body["orderId"].as_str().unwrap().to_owned();
    let early = deliver(&room, "m-1", &update()).await;
    assert_eq!((early.status, early.header("retry-after")), (409, "1"), "the order is not made yet");
    let room = room.run();
    room.until(&format!("/api/v2/orders/{id}"), |order| order["status"] == "SCHEDULED").await;
    assert_eq!(deliver(&room, "m-1", &update()).await.status, 202);
    assert_eq!(deliver(&room, "m-1", &update()).await.status, 401, "handled now, so this is a replay");
}

#[tokio::test]
async fn a_signed_body_that_is_wrong_names_its_fields() {
    let room = Room::open().await;
    let answer = deliver(&room, "m-1", &json!({"eventType": "ORDER_CANCELLED", "salesSystem": "TEMPO"})).await;
    assert_eq!((answer.status, answer.code()), (422, "INVALID_REQUEST"));
    assert_eq!(answer.fields(), ["salesSystem", "eventId", "timestamp", "externalOrderId", "reason"]);
}

/// Whoever may call decides which system is named: what is not set up there is no fault of ours.
#[tokio::test]
async fn a_system_without_a_secret_is_refused_like_any_signature() {
    let room = Room::open().await;
    let body = cancellation().to_string();
    let unsigned = refusal(&send(&room, &HeaderMap::new(), &body).await);
    let good = signed(&room, "m-1", &body);
    let good: Vec<_> = good.iter().map(|(name, value)| (name.as_str(), value.to_str().unwrap())).collect();
    for headers in [&good[..], &[]] {
        let answer = room.post_with("/api/v2/webhooks/sales/tempo", headers, body.clone()).await;
        assert_eq!(refusal(&answer), unsigned);
        assert_eq!(answer.header("retry-after"), "");
    }
}
