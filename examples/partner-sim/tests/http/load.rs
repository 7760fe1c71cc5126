use std::{
    collections::HashSet,
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{Json, Router, extract::State, routing::post};
use http::StatusCode;
use partner_sim::{
    load::{LoadConfig, LoadUntil, Tenant, run},
    sales::OrderBook,
};
use serde_json::{Value, json};

type Seen = Arc<Mutex<HashSet<String>>>;

/// Accepts most orders, refuses those that end in 7, fails those that end in 9.
async fn intake(
    State(seen): State<Seen>,
    headers: http::HeaderMap,
    Json(order): Json<Value>,
) -> (StatusCode, Json<Value>) {
    let id = order["externalOrderId"].as_str().unwrap().to_owned();
    let status = match id.as_bytes().last() {
        Some(b'7') => StatusCode::TOO_MANY_REQUESTS,
        Some(b'9') => StatusCode::SERVICE_UNAVAILABLE,
        _ => StatusCode::ACCEPTED,
    };
    let tenant = headers["x-tenant-id"].to_str().unwrap();
    seen.lock().unwrap().insert(format!("{tenant}/{id}"));
    (status, Json(json!({"orderId": format!("order of {id}")})))
}

async fn target(seen: Seen) -> String {
    let socket = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = socket.local_addr().unwrap();
    let app = Router::new().route("/api/v2/orders/intake", post(intake)).with_state(seen);
    tokio::spawn(async move { axum::serve(socket, app).await.unwrap() });
    format!("http://{address}")
}

#[tokio::test]
async fn a_counted_run_reports_every_order() {
    let seen = Seen::default();
    let tenants = ["a", "b"].map(|id| Tenant { id: id.into(), api_key: None }).to_vec();
    let book = OrderBook { prefix: "RUN1".into(), ..OrderBook::default() };
    let target = target(seen.clone()).await;
    let report =
        run(LoadConfig { target, clients: 4, until: LoadUntil::Count(100), tenants, book, ..LoadConfig::default() })
            .await;

    assert_eq!((report.accepted, report.refused, report.failed), (80, 10, 10));
    assert_eq!(seen.lock().unwrap().len(), 100);
    assert_eq!(report.orders.iter().collect::<HashSet<_>>().len(), 80);
    for order in &report.orders {
        assert_eq!(order.order_id, format!("order of {}", order.external_order_id));
        assert!(seen.lock().unwrap().contains(&format!("{}/{}", order.tenant, order.external_order_id)));
    }
    assert!(
        report.throughput > 0.0 && report.p50 <= report.p99 && report.p99 <= report.max && report.max <= report.elapsed
    );
}

#[tokio::test]
async fn a_timed_run_ends_by_itself() {
    let target = target(Seen::default()).await;
    let until = LoadUntil::Elapsed(Duration::from_millis(50));
    let report = run(LoadConfig { target, until, ..LoadConfig::default() }).await;
    assert!(report.accepted > 0 && report.elapsed >= Duration::from_millis(50));
}

#[tokio::test]
async fn an_unreachable_target_is_reported_not_hidden() {
    let socket = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let target = format!("http://{}", socket.local_addr().unwrap());
    drop(socket);
    let report = run(LoadConfig { target, until: LoadUntil::Count(3), ..LoadConfig::default() }).await;
    assert_eq!((report.accepted, report.failed, report.max), (0, 3, Duration::ZERO));
}
