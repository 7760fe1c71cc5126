use axum::{
    Router,
    body::{Body, to_bytes},
    http::{Request, StatusCode},
};
use partner_sim::{Fault, FaultKind};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

use super::*;
use crate::{config::ServerConfig, edge::Edge, point_of_sale::routes};

const NOW: &str = "2026-01-02T10:00:00Z";
const HEALTH: &str = "/api/v1/health";

fn served(pos: &PointOfSale) -> Router {
    let edge = Edge::new(&ServerConfig::default(), Arc::clone(&pos.0.clock));
    edge.outer(edge.guard(routes(pos.clone())))
}

async fn ask(pos: &PointOfSale, method: &str, path: &str) -> (StatusCode, Value) {
    let path = format!("/integrations/conexxus{path}");
    let request = Request::builder().method(method).uri(path).body(Body::empty()).unwrap();
    let answer = served(pos).oneshot(request).await.unwrap();
    let status = answer.status();
    let body = to_bytes(answer.into_body(), usize::MAX).await.unwrap();
    (status, serde_json::from_slice(&body).unwrap())
}

async fn health(pos: &PointOfSale) -> Value {
    let (status, body) = ask(pos, "GET", "/health").await;
    assert_eq!(status, 200);
    body
}

#[tokio::test]
async fn health_is_told_in_the_words_of_the_guide() {
    let shop = Shop::open("UTC", NOW).await;
    let pos = shop.start();
    shop.sim.set_items(vec![wine("A", 1.0)]);
    pos.sync_inventory().await.unwrap();
    let expected = json!({"status": "healthy", "isHealthy": true, "lastSyncTime": NOW, "lastSyncStatus": "success",
                          "lastError": null, "apiConnection": true});
    assert_eq!(health(&pos).await, expected);
}

/// F-X5: a failed batch made the integration unhealthy.
#[tokio::test]
async fn a_failed_batch_degrades() {
    let shop = Shop::open("UTC", NOW).await;
    let pos = shop.start();
    pos.sync_inventory().await.unwrap();
    let body = health(&pos).await;
    assert_eq!((&body["status"], &body["lastSyncStatus"]), (&json!("degraded"), &json!("partial")));
    assert_eq!(body["lastError"], "2 of 5 items failed, INVALID001: Item missing name");
    shop.sim.set_items(vec![json!({"sku": "X"})]);
    pos.sync_inventory().await.unwrap();
    let body = health(&pos).await;
    assert_eq!((&body["status"], &body["lastSyncStatus"]), (&json!("degraded"), &json!("failed")));
    assert_eq!(body["apiConnection"], true);
}

#[tokio::test]
async fn a_failed_push_degrades_until_it_went_through() {
    let shop = Shop::open("UTC", "2026-01-02T23:30:00Z").await;
    let pos = shop.start();
    shop.sim.set_items(vec![wine("A", 1.0)]);
    pos.sync_inventory().await.unwrap();
    shop.sim.inject(Fault::once(PUSH, FaultKind::status(403)));
    let day = "2026-01-02".parse().unwrap();
    pos.push_sales(day).await.unwrap_err();
    let body = health(&pos).await;
    assert_eq!((&body["status"], &body["lastSyncStatus"]), (&json!("degraded"), &json!("success")));
    assert_eq!(body["lastError"], "sales push: Conexxus API access forbidden. Check permissions.");
    pos.push_sales(day).await.unwrap();
    assert_eq!(health(&pos).await["status"], "healthy");
}

#[tokio::test]
async fn an_api_that_does_not_answer_is_unhealthy_and_asked_once() {
    let shop = Shop::open("UTC", NOW).await;
    let pos = shop.start();
    shop.sim.inject(Fault::always("/conexxus", FaultKind::status(401)));
    for _ in 0..3 {
        let body = health(&pos).await;
        assert_eq!((&body["status"], &body["isHealthy"]), (&json!("unhealthy"), &json!(false)));
        assert_eq!((&body["apiConnection"], &body["lastSyncTime"]), (&json!(false), &json!(null)));
        assert_eq!(body["lastError"], "Conexxus API authentication failed. Check API key.");
    }
    assert_eq!(shop.sim.faults()[0].fired, 1);
}

#[tokio::test]
async fn the_connection_is_tested_now() {
    let shop = Shop::open("UTC", NOW).await;
    let pos = shop.start();
    let (status, body) = ask(&pos, "GET", "/test-connection").await;
    assert_eq!(
        (status, &body["success"], &body["message"]),
        (StatusCode::OK, &json!(true), &json!("Connection successful"))
    );
    assert!(body["latency"].is_u64());
    shop.sim.inject(Fault::once(&format!("/conexxus{HEALTH}"), FaultKind::status(404)));
    let (status, body) = ask(&pos, "GET", "/test-connection").await;
    let text = json!("Conexxus API endpoint not found: /api/v1/health");
    assert_eq!((status, &body["success"], &body["message"]), (StatusCode::OK, &json!(false), &text));
}

#[tokio::test]
async fn metrics_are_those_of_the_last_runs() {
    let shop = Shop::open("UTC", NOW).await;
    let pos = shop.start();
    assert_eq!(ask(&pos, "GET", "/metrics").await.1, json!({"latest": null, "history": []}));
    pos.sync_inventory().await.unwrap();
    let run = json!({
        "startTime": NOW, "endTime": NOW, "duration": 0,
        "itemsProcessed": 5, "itemsSucceeded": 3, "itemsFailed": 2,
        "errors": [{"item": "INVALID001", "error": "Item missing name"},
                   {"item": "INVALID002", "error": "Item has invalid price"}],
    });
    assert_eq!(ask(&pos, "GET", "/metrics").await, (StatusCode::OK, json!({"latest": run, "history": [run]})));
}

#[tokio::test]
async fn a_sync_is_triggered_and_runs_in_the_background() {
    let shop = Shop::open("UTC", NOW).await;
    shop.start().sync_inventory().await.unwrap();
    let (pos, stop) = (shop.start(), CancellationToken::new());
    let (schedule, shutdown) = (pos.clone(), stop.clone());
    let schedule = tokio::spawn(async move { schedule.run(shutdown).await });
    let answer = ask(&pos, "POST", "/sync").await;
    assert_eq!(answer, (StatusCode::ACCEPTED, json!({"message": "Sync triggered", "status": "processing"})));
    until("sync", async || ask(&pos, "GET", "/metrics").await.1["history"].as_array().unwrap().len() == 2).await;
    stop.cancel();
    schedule.await.unwrap();
}

#[tokio::test]
async fn an_integration_that_is_off_says_so() {
    for wrong in [false, true] {
        let mut shop = Shop::open("UTC", NOW).await;
        if wrong {
            // F-X4: no location of its own.
            shop.config.location_id = "default".to_owned();
        } else {
            shop.config.url = String::new();
        }
        let pos = shop.start();
        let body = health(&pos).await;
        assert_eq!((&body["status"], &body["apiConnection"]), (&json!("disabled"), &json!(false)));
        let named = if wrong { "location_id" } else { "is not enabled" };
        assert!(body["lastError"].as_str().unwrap().contains(named), "{body}");
        for (method, path) in [("GET", "/test-connection"), ("GET", "/metrics"), ("POST", "/sync")] {
            let (status, body) = ask(&pos, method, path).await;
            assert_eq!((status, &body["error"]["code"]), (StatusCode::NOT_FOUND, &json!("NOT_FOUND")), "{path}");
            let message = body["error"]["message"].as_str().unwrap();
            let set = if wrong { "location_id must be" } else { "set conexxus.url and conexxus.api_key" };
            assert!(message.contains(set), "{message}");
        }
    }
}
