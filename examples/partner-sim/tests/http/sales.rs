use std::sync::{Arc, Mutex};

use axum::{Router, extract::State, routing::post};
use partner_sim::{
    SimConfig,
    sales::{SalesClient, SalesSystem, order_id, sample_order},
    signature,
};
use serde_json::{Value, json};

use crate::support::{client, config, demo_order_id, json_of, now, pyxis_key, scheduled, start, tell};

const APPOINTMENT: &str = "/pyxis/callback/appointment-scheduled";
const STATUS: &str = "/pyxis/callback/order-status";
const OUTCOME: &str = "/pyxis/webhooks/installation-outcome";
const CANCELLED: &str = "/pyxis/webhooks/order-cancelled";

#[tokio::test]
async fn a_whole_journey_leaves_no_violation() {
    let sim = start().await;
    let id = demo_order_id("PX-1");
    let status = |status: &str| json!({"orderId": id, "externalOrderId": "PX-1", "status": status});
    let outcome = json!({"eventId": "e1", "orderId": id, "externalOrderId": "PX-1", "appointmentId": "apt-1", "outcome": "COMPLETED"});
    let changes = json!({"orderId": id, "externalOrderId": "PX-1", "modifications": []});
    for (path, webhook, body) in [
        (APPOINTMENT, "w1", scheduled("PX-1", "apt-1")),
        (STATUS, "w2", status("IN_PROGRESS")),
        (STATUS, "w3", status("COMPLETED")),
        (OUTCOME, "w4", outcome),
        ("/pyxis/webhooks/tv-modifications", "w5", changes),
        (CANCELLED, "w6", status("CANCELLED")),
    ] {
        let answer = tell(&sim, path, webhook, &body).await.unwrap();
        assert_eq!(answer.status(), 200, "{path}");
        assert_eq!(json_of(answer).await, json!({"received": true, "duplicate": false}));
    }
    let ledger = sim.ledger();
    assert_eq!(ledger.violations(), Vec::<String>::new());
    let order = ledger.order("demo", "PX-1").unwrap();
    assert_eq!(order.appointments[0].appointment_id.as_deref(), Some("apt-1"));
    assert_eq!(order.appointments[0].order_id.as_ref(), Some(&id));
    assert_eq!(
        order.statuses.iter().filter_map(|one| one.status.as_deref()).collect::<Vec<_>>(),
        ["IN_PROGRESS", "COMPLETED"]
    );
    assert_eq!(order.outcomes[0].event_id.as_deref(), Some("e1"));
    assert_eq!((order.cancellations.len(), order.modifications.len()), (1, 1));
    assert!(ledger.order("other", "PX-1").is_none());
}

#[tokio::test]
async fn a_wrong_signature_is_401_and_on_record() {
    let sim = start().await;
    let body = scheduled("PX-1", "apt-1").to_string();
    let send =
        |headers, body: String| client().post(format!("{}{APPOINTMENT}", sim.url())).headers(headers).body(body).send();

    let foreign = signature::WebhookKey::parse(SimConfig::TEMPO_SECRET).unwrap();
    assert_eq!(send(foreign.sign("w1", now(), body.as_bytes()), body.clone()).await.unwrap().status(), 401);
    let mut headers = pyxis_key().sign("w2", now(), body.as_bytes());
    headers.remove(signature::FSM_SIGNATURE);
    assert_eq!(send(headers, body.clone()).await.unwrap().status(), 401);
    assert_eq!(send(pyxis_key().sign("w3", now(), body.as_bytes()), body + " ").await.unwrap().status(), 401);

    let ledger = sim.ledger();
    assert_eq!(ledger.rejected_count, 3);
    assert_eq!(ledger.rejected[1].reason, "header x-fsm-signature is missing");
    assert_eq!(ledger.rejected[1].webhook_id.as_deref(), Some("w2"));
    assert!(ledger.orders.is_empty());
}

#[tokio::test]
async fn a_signed_body_that_names_no_order_is_422_and_on_record() {
    let sim = start().await;
    assert_eq!(tell(&sim, APPOINTMENT, "w1", &json!([])).await.unwrap().status(), 422);
    assert_eq!(sim.ledger().rejected_count, 1);
}

#[tokio::test]
async fn the_clock_of_the_machine_is_the_default() {
    let sim = partner_sim::Sim::start(SimConfig::default()).await.unwrap();
    let moved = tell(&sim, APPOINTMENT, "w1", &scheduled("PX-1", "apt-1")).await.unwrap();
    assert_eq!(moved.status(), 401);

    let present = (SimConfig::default().now)();
    let body = scheduled("PX-1", "apt-1").to_string();
    let request = client().post(format!("{}{APPOINTMENT}", sim.url()));
    let answer = request.headers(pyxis_key().sign("w2", present, body.as_bytes())).body(body).send().await.unwrap();
    assert_eq!(answer.status(), 200);
}

#[tokio::test]
async fn a_repeated_delivery_is_counted_and_answered_again() {
    let sim = start().await;
    let body = scheduled("PX-1", "apt-1");
    tell(&sim, APPOINTMENT, "w1", &body).await.unwrap();
    let again = tell(&sim, APPOINTMENT, "w1", &body).await.unwrap();
    assert_eq!(again.status(), 200);
    assert_eq!(json_of(again).await["duplicate"], true);
    let ledger = sim.ledger();
    assert_eq!((ledger.duplicate_deliveries, ledger.order("demo", "PX-1").unwrap().appointments[0].copies), (1, 2));
    assert_eq!(ledger.violations(), Vec::<String>::new());
}

async fn violations_of(told: &[(&str, &str, Value)]) -> Vec<String> {
    let sim = start().await;
    for (path, id, body) in told {
        assert_eq!(tell(&sim, path, id, body).await.unwrap().status(), 200);
    }
    sim.ledger().violations()
}

#[tokio::test]
async fn another_body_under_a_known_id_is_a_violation() {
    let told = [(APPOINTMENT, "w1", scheduled("PX-1", "apt-1")), (APPOINTMENT, "w1", scheduled("PX-1", "apt-2"))];
    assert_eq!(violations_of(&told).await, ["webhook id w1 came again with another body"]);
}

#[tokio::test]
async fn two_appointments_of_one_order_are_violations() {
    let told = [(APPOINTMENT, "w1", scheduled("PX-1", "apt-1")), (APPOINTMENT, "w2", scheduled("PX-1", "apt-2"))];
    let expected = [
        "order demo/pyxis/PX-1 has appointment callbacks: w1, w2",
        "order demo/pyxis/PX-1 has appointment ids: apt-1, apt-2",
    ];
    assert_eq!(violations_of(&told).await, expected);
}

#[tokio::test]
async fn a_foreign_or_second_order_id_is_a_violation() {
    let mut foreign = scheduled("PX-1", "apt-1");
    foreign["orderId"] = json!("7f1d4ae0-0000-4000-8000-000000000000");
    let status = json!({"orderId": demo_order_id("PX-1"), "externalOrderId": "PX-1", "status": "COMPLETED"});
    let found = violations_of(&[(APPOINTMENT, "w1", foreign), (STATUS, "w2", status)]).await;
    assert_eq!(found.len(), 2, "{found:?}");
    assert!(found[0].contains("has order ids"), "{found:?}");
    assert!(found[1].contains("its identity gives"), "{found:?}");
}

#[tokio::test]
async fn second_outcomes_cancellations_and_repeated_news_are_violations() {
    let outcome = |event: &str, appointment: &str| json!({"eventId": event, "externalOrderId": "PX-1", "appointmentId": appointment, "outcome": "COMPLETED"});
    let found = violations_of(&[
        (APPOINTMENT, "w1", scheduled("PX-1", "apt-1")),
        (OUTCOME, "w2", outcome("e1", "apt-1")),
        (OUTCOME, "w3", outcome("e2", "apt-9")),
        (CANCELLED, "w4", json!({"externalOrderId": "PX-1", "reason": "a"})),
        (CANCELLED, "w5", json!({"externalOrderId": "PX-1", "reason": "b"})),
        (STATUS, "w6", json!({"externalOrderId": "PX-1", "status": "COMPLETED"})),
        (STATUS, "w7", json!({"externalOrderId": "PX-1", "status": "COMPLETED"})),
    ])
    .await;
    let expected = [
        "order demo/pyxis/PX-1 has outcome webhooks: w2, w3",
        "order demo/pyxis/PX-1 has outcome events: e1, e2",
        "order demo/pyxis/PX-1 has cancellations: w4, w5",
        "order demo/pyxis/PX-1 has ids of one and the same news: w6, w7",
        "order demo/pyxis/PX-1 has an outcome of appointment apt-9, which was never told",
    ];
    assert_eq!(found, expected);
}

#[tokio::test]
async fn a_delivery_without_correlation_id_is_a_violation() {
    let sim = start().await;
    let body = scheduled("PX-1", "apt-1").to_string();
    let request =
        client().post(format!("{}{APPOINTMENT}", sim.url())).headers(pyxis_key().sign("w1", now(), body.as_bytes()));
    assert_eq!(request.body(body).send().await.unwrap().status(), 200);
    assert_eq!(sim.ledger().violations(), ["webhook id w1 came without X-Correlation-ID"]);
}

#[tokio::test]
async fn the_ledger_is_readable_over_http() {
    let sim = start().await;
    tell(&sim, APPOINTMENT, "w1", &scheduled("PX-1", "apt-1")).await.unwrap();
    let get = async |path: &str| client().get(format!("{}/_sim{path}", sim.url())).send().await.unwrap();
    let ledger = json_of(get("/ledger").await).await;
    assert_eq!(ledger["orders"][0]["appointments"][0]["webhookId"], "w1");
    let order = json_of(get("/ledger/orders/PX-1").await).await;
    assert_eq!(order["orders"][0]["externalOrderId"], "PX-1");
    assert_eq!(order["orders"][0]["appointments"][0]["body"]["appointment"]["technicianName"], "Ada");
    assert_eq!(get("/ledger/orders/PX-2").await.status(), 404);
    assert_eq!(json_of(get("/violations").await).await, json!([]));
}

#[tokio::test]
async fn unknown_systems_and_routes_are_404() {
    let sim = start().await;
    for path in ["/sap/callback/order-status", "/pyxis/callback/other", "/nowhere"] {
        assert_eq!(tell(&sim, path, "w1", &json!({})).await.unwrap().status(), 404, "{path}");
    }
}

#[tokio::test]
async fn bodies_are_forgotten_on_request() {
    let sim = partner_sim::Sim::start(SimConfig { keep_bodies: false, ..config() }).await.unwrap();
    tell(&sim, APPOINTMENT, "w1", &scheduled("PX-1", "apt-1")).await.unwrap();
    assert!(sim.ledger().order("demo", "PX-1").unwrap().appointments[0].body.is_null());
}

#[test]
fn the_order_id_is_a_function_of_tenant_system_and_external_id() {
    let id = order_id("demo", SalesSystem::Pyxis, "PX-TEST-001");
    assert_eq!(id, "89f610ba-631d-5f9d-b3c7-43fa36d1de38");
    assert_ne!(id, order_id("demo", SalesSystem::Tempo, "PX-TEST-001"));
}

type Seen = Arc<Mutex<Vec<(http::HeaderMap, Vec<u8>)>>>;

/// A field service system that remembers what it is sent.
async fn listener(seen: Seen) -> String {
    let remember = async |State(seen): State<Seen>, headers: http::HeaderMap, body: bytes::Bytes| {
        seen.lock().unwrap().push((headers, body.to_vec()));
        (http::StatusCode::ACCEPTED, axum::Json(json!({"orderId": "o-1"})))
    };
    let app = Router::new()
        .route("/api/v2/orders/intake", post(remember))
        .route("/api/v2/webhooks/sales/pyxis", post(remember))
        .with_state(seen);
    let socket = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = socket.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(socket, app).await.unwrap() });
    format!("http://{address}")
}

#[tokio::test]
async fn the_sales_client_names_tenant_key_and_correlation() {
    let seen = Seen::default();
    let mut client = SalesClient::new(&listener(seen.clone()).await, SalesSystem::Pyxis);
    client.api_key = Some("key-1".into());
    let answer = client.post_order(&sample_order()).await.unwrap();
    assert_eq!((answer.status.as_u16(), answer.text("/orderId")), (202, Some("o-1")));

    let seen = seen.lock().unwrap();
    let (headers, body) = &seen[0];
    assert_eq!(headers["x-tenant-id"], "demo");
    assert_eq!(headers["authorization"], "Bearer key-1");
    assert_eq!(headers["x-correlation-id"].len(), 36);
    assert_eq!(serde_json::from_slice::<Value>(body).unwrap(), sample_order());
    assert!(!format!("{client:?}").contains("key-1"));
}

#[tokio::test]
async fn the_sales_client_signs_webhooks_verifiably() {
    let seen = Seen::default();
    let mut client = SalesClient::new(&listener(seen.clone()).await, SalesSystem::Pyxis);
    client.now = Arc::new(now);
    let event = json!({"eventType": "order.cancelled", "externalOrderId": "PX-1"});
    client.send_webhook(SimConfig::PYXIS_SECRET, "evt-1", &event).await.unwrap();

    let seen = seen.lock().unwrap();
    let verified = signature::verify(&[pyxis_key()], &seen[0].0, &seen[0].1, now()).unwrap();
    assert_eq!(verified.id, "evt-1");
}
