use std::num::NonZeroU32;

use futures_util::future::join_all;
use serde_json::{Value, json};
use uuid::Uuid;

use super::support::{Room, sample, with};
use crate::config::{Config, LimitsConfig};

const INTAKE: &str = "/api/v2/orders/intake";
const SAMPLE_ID: &str = "89f610ba-631d-5f9d-b3c7-43fa36d1de38";

#[tokio::test]
async fn an_order_is_received_with_a_202() {
    let room = Room::open().await;
    let answer = room.post_with(INTAKE, &[("x-correlation-id", "c-1")], sample().to_string()).await;
    assert_eq!(answer.status, 202);
    assert_eq!((answer.header("x-ratelimit-limit"), answer.header("x-correlation-id")), ("100", "c-1"));
    let expected = json!({
        "orderId": SAMPLE_ID, "externalOrderId": "PX-TEST-001", "status": "RECEIVED", "correlationId": "c-1",
        "receivedAt": "2025-01-15T10:00:00.000Z"
    });
    assert_eq!(answer.body, expected);
}

#[tokio::test]
async fn an_order_that_is_only_received_is_shown_as_that() {
    let room = Room::open().await;
    room.post(INTAKE, &sample()).await;
    let order = room.get(&format!("/api/v2/orders/{SAMPLE_ID}")).await.body;
    assert_eq!((&order["status"], &order["externalOrderId"]), (&json!("RECEIVED"), &json!("PX-TEST-001")));
    assert_eq!((&order["history"][0]["status"], &order["errors"]), (&json!("RECEIVED"), &json!([])));
    assert_eq!(order.get("appointment"), None);
}

#[tokio::test]
async fn an_order_that_was_booked_shows_its_appointment_and_history() {
    let room = Room::running().await;
    room.post(INTAKE, &sample()).await;
    let order = room.until(&format!("/api/v2/orders/{SAMPLE_ID}"), |order| order["status"] == "SCHEDULED").await;
    let history: Vec<_> = order["history"].as_array().unwrap().iter().map(|entry| &entry["status"]).collect();
    assert_eq!(history, ["RECEIVED", "CREATED", "SCHEDULED"]);
    assert_eq!(order["appointment"]["technicianId"], "sf-1");
    assert_eq!(order["appointment"]["scheduledStart"], "2025-01-20T17:00:00.000Z");
}

#[tokio::test]
async fn what_stands_in_the_way_is_shown() {
    let room = Room::running().await;
    let id = room.post(INTAKE, &with(sample(), "requiredSkills", json!(["UNDERWATER_WELDING"]))).await.body;
    let path = format!("/api/v2/orders/{}", id["orderId"].as_str().unwrap());
    let order = room.until(&path, |order| order["errors"] != json!([])).await;
    assert_eq!((&order["status"], &order["errors"][0]["code"]), (&json!("CREATED"), &json!("SKILLS_NOT_AVAILABLE")));
}

#[tokio::test]
async fn nobody_sees_another_tenants_order() {
    let room = Room::running().await;
    room.post(INTAKE, &sample()).await;
    let path = format!("/api/v2/orders/{SAMPLE_ID}");
    let foreign = async || {
        let request = http::Request::get(&path).header("x-tenant-id", "acme");
        let answer = room.send(request.body(axum::body::Body::empty()).unwrap()).await;
        assert_eq!((answer.status, answer.code()), (404, "NOT_FOUND"));
    };
    foreign().await;
    room.until(&path, |order| order["status"] == "SCHEDULED").await;
    foreign().await;
}

#[tokio::test]
async fn what_is_no_id_is_the_id_of_nothing() {
    let room = Room::open().await;
    for path in ["/api/v2/orders/PX-1", "/api/v1/wcfs/%FF", "/api/v2/orders/x%2Fy"] {
        let answer = room.get(path).await;
        assert_eq!((answer.status, answer.code()), (404, "NOT_FOUND"), "{path}");
    }
    let unknown = Uuid::nil();
    for path in [
        format!("/api/v1/jobs/{unknown}/check-in"),
        "/api/v1/jobs/1/check-out".to_owned(),
        format!("/api/v1/wcfs/{unknown}/reserves/a/resolve"),
        "/api/v1/sales/orders/1/complete".to_owned(),
        format!("/api/v1/sales/orders/{unknown}/complete"),
        "/api/v1/service-orders/1/tv-outcome".to_owned(),
        "/api/v2/webhooks/sales/sap".to_owned(),
    ] {
        let answer = room.post(&path, &json!({"gps": {"lat": 0, "lng": 0}})).await;
        assert_eq!((answer.status, answer.code()), (404, "NOT_FOUND"), "{path}");
    }
}

#[tokio::test]
async fn a_hundred_equal_orders_at_once_make_one() {
    let room = Room::open().await;
    let body = sample();
    let answers = join_all((0..100).map(|_| room.post(INTAKE, &body))).await;
    assert!(answers.iter().all(|answer| answer.status == 202 && answer.body == answers[0].body));
    let first = answers.iter().filter(|answer| answer.header("idempotency-replayed").is_empty()).count();
    assert_eq!((first, room.published("sales.order.intake").await), (1, 1));
}

#[tokio::test]
async fn the_same_order_in_other_key_order_gets_the_stored_answer() {
    let room = Room::open().await;
    let first = room.post(INTAKE, &sample()).await;
    let Value::Object(fields) = sample() else { unreachable!() };
    let entries: Vec<_> = fields.iter().rev().map(|(name, value)| format!(" {} : {value}", json!(name))).collect();
    let again = room.post_with(INTAKE, &[], format!("{{{}}}\n", entries.join(","))).await;
    assert_eq!((again.status, again.header("idempotency-replayed")), (202, "true"));
    assert_eq!(again.body, first.body);
}

#[tokio::test]
async fn another_payload_under_the_same_id_is_refused() {
    let room = Room::open().await;
    room.post(INTAKE, &sample()).await;
    let answer = room.post(INTAKE, &with(sample(), "priority", json!("URGENT"))).await;
    assert_eq!((answer.status, answer.code()), (422, "DUPLICATE_ORDER"));
    assert_eq!(room.published("sales.order.intake").await, 1);
}

#[tokio::test]
async fn two_tenants_with_the_same_id_have_two_orders() {
    let room = Room::open().await;
    let body = sample().to_string();
    let ours = room.post_with(INTAKE, &[("x-tenant-id", "demo")], body.clone()).await;
    let theirs = room.post_with(INTAKE, &[("x-tenant-id", "acme")], body).await;
    assert_eq!((ours.status, theirs.status), (202, 202));
    assert_ne!(ours.body["orderId"], theirs.body["orderId"]);
    assert!(theirs.header("idempotency-replayed").is_empty());
}

#[tokio::test]
async fn a_tenant_that_sends_too_many_orders_is_told_when_to_go_on() {
    let intake_per_minute = NonZeroU32::new(1).unwrap();
    let limits = LimitsConfig { intake_per_minute, ..LimitsConfig::default() };
    let room = Room::with(Config { limits, ..Config::default() }).await;
    let nothing = json!({});
    let answers = join_all((0..10).map(|_| room.post(INTAKE, &nothing))).await;
    let refused = answers.iter().find(|answer| answer.status == 429).expect("more than a minute's worth");
    assert_eq!(refused.code(), "RATE_LIMIT_EXCEEDED");
    assert!(!refused.header("retry-after").is_empty());
    let other = room.post_with(INTAKE, &[("x-tenant-id", "acme")], "{}").await;
    assert_eq!(other.status, 422, "another tenant has its own limit");
}
