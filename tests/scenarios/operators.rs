//! What operators see: health, metrics, lists; and what they must not see: who the customers are.

use fsm_integration_core::observe::metrics;
use partner_sim::{Fault, FaultKind};
use serde_json::{Value, json};

use crate::support::{TestApp, logged, without_preferences};

/// Words that stand in the customer's data and nowhere else in the world.
const PLANTED: [&str; 7] = [
    "Zebulonix",
    "Quxworthy",
    "Xanadu Crescent",
    "zq.plant@example.org",
    "5550198761",
    "555-019-8761",
    "beware of the dragon",
];

fn planted(external_id: &str) -> Value {
    let mut order = without_preferences(external_id);
    order["customer"]["firstName"] = json!("Zebulonix");
    order["customer"]["lastName"] = json!("Quxworthy");
    order["customer"]["email"] = json!("zq.plant@example.org");
    order["customer"]["phone"] = json!("+1-555-019-8761");
    order["serviceAddress"]["street"] = json!("77 Xanadu Crescent");
    order["serviceAddress"]["accessNotes"] = json!("beware of the dragon");
    order
}

fn shows_nobody(what: &str, text: &str) {
    assert!(!text.is_empty(), "{what} shows something");
    for word in PLANTED {
        if let Some(at) = text.find(word) {
            let from = text[..at].rfind('\n').map_or(0, |line| line + 1);
            let line: String = text[from..].lines().next().unwrap_or_default().chars().take(600).collect();
            panic!("{what} shows {word}: {line}");
        }
    }
}

/// A journey on which everything fails that can: every partner refuses, every sort of bad request is made.
async fn everything_fails(app: &TestApp) {
    for path in ["/pyxis/callback", "/pyxis/webhooks", "/oracle"] {
        app.inject(Fault::always(path, FaultKind::status(422)));
    }
    let placed = app.done(&planted("PX-PLANTED")).await;
    app.until("three dead letters", async || (app.dead_letters().await.len() == 3).then_some(())).await;
    let mut order = planted("PX-PLANTED");
    order["priority"] = json!("LOW");
    app.caller().post_order(&order).await.is_error(422, "DUPLICATE_ORDER");
    order["customer"]["phone"] = json!("5550198761 at night, ask for Zebulonix");
    order["customer"]["email"] = json!("zq.plant@example.org or Quxworthy");
    let invalid = app.caller().post_order(&order).await;
    invalid.is_error(422, "INVALID_ORDER");
    shows_nobody("the refusal", &invalid.text);
    let broken = format!("{{\"street\": \"77 Xanadu Crescent\" {order}");
    let caller = app.caller();
    let request = caller.request("/api/v2/orders/intake").header("content-type", "application/json").body(broken);
    let unreadable = caller.send(request).await;
    unreadable.is_error(400, "INVALID_ORDER");
    shows_nobody("the refusal", &unreadable.text);
    let mut nowhere = planted("PX-PLANTED-NOWHERE");
    nowhere["serviceAddress"]["country"] = json!("AQ");
    app.place(&nowhere).await;
    app.until("the fourth", async || (app.dead_letters().await.len() == 4).then_some(())).await;
    app.sim.clear_faults();
    app.inject(Fault::once("/pyxis", FaultKind::status(503)));
    app.operator().post("/admin/dead-letters/replay", &json!({"all": true})).await.ok();
    app.until_acknowledged(&placed, "sales-appointment-callback").await;
    app.inject(Fault::always("/pyxis/callback", FaultKind::status(422)));
    app.scheduled(&planted("PX-PLANTED-AGAIN")).await;
    app.until("a dead letter again", async || (!app.dead_letters().await.is_empty()).then_some(())).await;
}

#[tokio::test]
async fn no_list_no_metric_and_no_log_line_shows_who_the_customer_is() {
    let app = TestApp::start().await;
    everything_fails(&app).await;
    let lists = [
        "/admin/dead-letters",
        "/admin/dead-letters?status=open",
        "/admin/consumers",
        "/admin/breakers",
        "/admin/flow/recent",
        "/admin/tasks",
        "/ops",
    ];
    for path in lists {
        shows_nobody(path, &app.operator().get(path).await.text);
    }
    for letter in app.dead_letters().await {
        let path = format!("/admin/dead-letters/{}", letter["id"].as_str().unwrap());
        shows_nobody(&path, &app.operator().get(&path).await.text);
    }
    for path in ["/health", "/readyz", "/metrics"] {
        shows_nobody(path, &app.caller().get(path).await.text);
    }
    let audit = app.listed("auditLogs", "/api/v1/audit-logs").await;
    shows_nobody("the audit trail", &Value::from(audit).to_string());
    let lines = logged();
    assert!(lines.contains("dead-lettered"), "the lines are kept");
    shows_nobody("the log", &lines);
}

#[tokio::test]
async fn a_payload_is_shown_only_when_asked_for_and_leaves_a_trace() {
    let app = TestApp::start().await;
    app.inject(Fault::once("/pyxis/callback", FaultKind::status(422)));
    app.scheduled(&planted("PX-TRACE")).await;
    let letter = app.until("the dead letter", async || app.dead_letters().await.first().cloned()).await;
    let id = letter["id"].as_str().unwrap();
    let trail = async || {
        let rows = app.listed("auditLogs", &format!("/api/v1/audit-logs?entityId={id}")).await;
        rows.iter().map(|row| row["action"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let path = format!("/admin/dead-letters/{id}");
    assert!(app.operator().get(&path).await.ok().get("payload").is_none());
    assert_eq!(trail().await, Vec::<String>::new());
    let shown = app.operator().get(&format!("{path}?payload=true")).await.ok();
    assert!(shown["payload"].is_object(), "{shown}");
    assert_eq!(trail().await, ["dead_letter.payload_read"]);
    let discard = format!("{path}/discard");
    app.operator().post(&discard, &json!({})).await.is_error(422, "INVALID_REQUEST");
    app.operator().post(&discard, &json!({"note": "told by telephone"})).await.ok();
    assert_eq!(trail().await, ["dead_letter.discarded", "dead_letter.payload_read"]);
    app.operator().post(&discard, &json!({"note": "again"})).await.is_error(404, "NOT_FOUND");
    assert_eq!(app.dead_letters().await, Vec::<Value>::new());
}

#[tokio::test]
async fn probes_tell_life_readiness_and_health() {
    let app = TestApp::start().await;
    assert_eq!(app.anybody().get("/livez").await.status, 200);
    let ready = app.anybody().get("/readyz").await.ok();
    assert_eq!(ready["status"], "healthy");
    let health = app.anybody().get("/health").await.ok();
    assert_eq!(health["status"], "healthy");
    assert!(health["timestamp"].is_string());
    let checks = health["checks"].as_object().unwrap();
    assert!(checks.len() > 3 && checks.values().all(|check| check["status"] == "pass"), "{health}");
    let caller = app.anybody();
    let request = reqwest::Client::builder().no_proxy().build().unwrap();
    let request = request.get(format!("http://{}/health", app.server().public()));
    let standard = caller.send(request.header("accept", "application/health+json")).await;
    assert_eq!(
        (standard.header("content-type"), &standard.body["status"]),
        ("application/health+json", &json!("pass"))
    );
}

/// A dead partner is no reason to send no more requests here.
#[tokio::test]
async fn a_dead_partner_degrades_health_and_not_readiness() {
    let app = TestApp::start().await;
    app.inject(Fault::always("/pyxis", FaultKind::HangUp));
    app.scheduled(&without_preferences("PX-DEGRADED-1")).await;
    app.scheduled(&without_preferences("PX-DEGRADED-2")).await;
    app.until("an open breaker", async || {
        let breakers = app.operator().get("/admin/breakers").await.ok();
        (breakers["breakers"][0]["state"] == "open").then_some(())
    })
    .await;
    let health = app.anybody().get("/health").await;
    assert_eq!((health.status, &health.body["status"]), (200, &json!("degraded")), "{}", health.text);
    assert_eq!(app.anybody().get("/readyz").await.body["status"], "healthy");
}

/// The server installs none of these, or none that has a name, or the day is not that bad.
const OF_PROTECTIONS_UNUSED_HERE: [&str; 15] = [
    metrics::BULKHEAD_REFUSALS.name,
    metrics::CIRCUIT_BREAKER_REFUSALS.name,
    metrics::COALESCED_CALLS.name,
    metrics::CONCURRENCY_LIMIT.name,
    metrics::FALLBACKS.name,
    metrics::HEDGES.name,
    metrics::IDEMPOTENCY_LEASES_LOST.name,
    metrics::IDEMPOTENCY_REFUSALS.name,
    metrics::IDEMPOTENCY_REPLAYS.name,
    metrics::IDEMPOTENCY_UNPROTECTED.name,
    metrics::LOAD_SHED.name,
    metrics::RATE_LIMITER_DEGRADED.name,
    metrics::TIMEOUTS.name,
    metrics::WEBHOOK_SECRET_ROTATIONS.name,
    metrics::WEBHOOKS_LARGE.name,
];

#[tokio::test]
async fn every_metric_is_there_under_its_name_after_a_busy_day() {
    let app = TestApp::with(|config| config.limits.slots_per_minute = std::num::NonZeroU32::MIN).await;
    app.inject(Fault::once("/pyxis/callback", FaultKind::status(503)));
    app.inject(Fault::once("/pyxis/webhooks", FaultKind::status(422)));
    let placed = app.done(&without_preferences("PX-BUSY")).await;
    app.until_acknowledged(&placed, "provider-invoice").await;
    app.until("the dead letter", async || (app.dead_letters().await.len() == 1).then_some(())).await;
    for _ in 0..5 {
        app.caller().post("/api/v2/slots/availability", &json!({})).await;
    }
    app.caller().post("/api/v2/webhooks/sales/pyxis", &json!({})).await;
    let text = app.anybody().get("/metrics").await.text;
    for metric in metrics::ALL {
        let expected = !OF_PROTECTIONS_UNUSED_HERE.contains(&metric.name);
        let is_there = text.lines().any(|line| line.starts_with(metric.name));
        assert!(is_there || !expected, "{} is not in\n{text}", metric.name);
    }
    assert!(text.contains(r#"route="/api/v2/orders/{order_id}""#), "routes by pattern");
    assert!(!text.contains(&placed.order_id), "and never by id");
}

#[tokio::test]
async fn recent_orders_and_groups_are_listed() {
    let app = TestApp::start().await;
    let placed = app.done(&without_preferences("PX-RECENT")).await;
    app.until_acknowledged(&placed, "provider-invoice").await;
    let recent = app.operator().get("/admin/flow/recent?limit=1").await.ok();
    let order = &recent["orders"][0];
    assert_eq!((&order["orderId"], &order["status"]), (&json!(placed.order_id), &json!("COMPLETED")));
    app.until_idle().await;
    let groups = app.operator().get("/admin/consumers").await.ok();
    let groups = groups["consumers"].as_array().unwrap();
    assert!(groups.len() >= 15 && groups.iter().all(|group| group["state"] == "running" && group["lag"] == 0));
    let page = app.operator().get("/ops").await;
    assert!(page.header("content-type").starts_with("text/html") && page.text.contains("PX-RECENT"), "{}", page.text);
}
