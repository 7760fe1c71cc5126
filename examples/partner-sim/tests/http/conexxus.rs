use partner_sim::{Fault, FaultKind, Sim};
use reqwest::{RequestBuilder, Response};
use serde_json::{Value, json};

use crate::support::{client, json_of, start};

fn address(sim: &Sim, path: &str) -> String {
    format!("{}/conexxus/api/v1{path}", sim.url())
}

fn with_key(request: RequestBuilder) -> RequestBuilder {
    request.header("x-api-key", "demo-conexxus-key")
}

fn sales(date: &str, total: f64) -> Value {
    json!({"date": date, "locationId": "loc-001", "transactions": [{"id": "t1", "total": total, "items": []}]})
}

async fn push(sim: &Sim, key: Option<&str>, body: &Value) -> Response {
    let request = with_key(client().post(address(sim, "/sales/push"))).json(body);
    let request = match key {
        Some(key) => request.header("idempotency-key", key),
        None => request,
    };
    request.send().await.unwrap()
}

#[tokio::test]
async fn every_route_wants_the_key() {
    let sim = start().await;
    for path in ["/health", "/inventory/items"] {
        let answer = client().get(address(&sim, path)).send().await.unwrap();
        assert_eq!(answer.status(), 401);
        assert_eq!(json_of(answer).await["success"], false);
    }
}

#[tokio::test]
async fn health_and_items_come_in_the_envelope() {
    let sim = start().await;
    let get = async |path: &str| json_of(with_key(client().get(address(&sim, path))).send().await.unwrap()).await;
    let health = get("/health").await;
    assert_eq!((&health["success"], &health["data"]["status"]), (&json!(true), &json!("ok")));
    assert!(health["timestamp"].is_string());
    let items = get("/inventory/items").await;
    assert_eq!(items["data"][0]["sku"], "WINE001");
    let invalid = |item: &&Value| item["sku"].as_str().is_some_and(|sku| sku.starts_with("INVALID"));
    assert_eq!(items["data"].as_array().unwrap().iter().filter(invalid).count(), 2);

    sim.set_items(vec![json!({"sku": "NEW"})]);
    assert_eq!(get("/inventory/items").await["data"], json!([{"sku": "NEW"}]));
}

#[tokio::test]
async fn unchanged_items_are_304() {
    let sim = start().await;
    let get = async |etag: &str| {
        let request = with_key(client().get(address(&sim, "/inventory/items"))).header("if-none-match", etag);
        request.send().await.unwrap()
    };
    let first = get("\"none\"").await;
    let etag = first.headers()["etag"].to_str().unwrap().to_owned();
    assert_eq!(get(&etag).await.status(), 304);
    sim.set_items(Vec::new());
    assert_eq!(get(&etag).await.status(), 200);
}

#[tokio::test]
async fn a_push_repeated_under_its_key_counts_once() {
    let sim = start().await;
    let body = sales("2025-01-20", 49.98);
    assert_eq!(json_of(push(&sim, Some("k1"), &body).await).await["data"], json!({"accepted": 1, "duplicate": false}));
    assert_eq!(json_of(push(&sim, Some("k1"), &body).await).await["data"], json!({"accepted": 1, "duplicate": true}));
    let ledger = sim.ledger();
    assert_eq!((ledger.pushes_of("loc-001", "2025-01-20").count(), ledger.repeated_pushes), (1, 1));
    assert_eq!(ledger.violations(), Vec::<String>::new());
}

#[tokio::test]
async fn other_sales_under_a_known_key_are_refused_and_a_violation() {
    let sim = start().await;
    push(&sim, Some("k1"), &sales("2025-01-20", 1.0)).await;
    assert_eq!(push(&sim, Some("k1"), &sales("2025-01-20", 2.0)).await.status(), 422);
    assert_eq!(sim.ledger().violations(), ["idempotency key k1 came again with another sales push"]);
}

#[tokio::test]
async fn a_second_push_of_a_day_is_a_violation() {
    let sim = start().await;
    push(&sim, Some("k1"), &sales("2025-01-20", 1.0)).await;
    push(&sim, Some("k2"), &sales("2025-01-21", 1.0)).await;
    assert!(sim.ledger().violations().is_empty());
    assert_eq!(push(&sim, None, &sales("2025-01-20", 1.0)).await.status(), 200);
    assert_eq!(sim.ledger().violations(), ["location loc-001 has 2 accepted pushes of 2025-01-20"]);
}

#[tokio::test]
async fn malformed_pushes_are_refused() {
    let sim = start().await;
    for body in [json!({}), sales("20 January", 1.0), json!({"date": "2025-01-20", "locationId": "l"})] {
        assert_eq!(push(&sim, None, &body).await.status(), 400, "{body}");
    }
}

#[tokio::test]
async fn a_200_can_be_an_error() {
    let sim = start().await;
    sim.inject(Fault::once("/conexxus/api/v1/sales", FaultKind::ErrorBody));
    let answer = push(&sim, Some("k1"), &sales("2025-01-20", 1.0)).await;
    assert_eq!(answer.status(), 200);
    assert_eq!(json_of(answer).await["success"], false);
    assert!(sim.ledger().pushes.is_empty());
}
