//! Tenants: an API key names one, nobody sees another's data.

use fsm_server::config::{ApiKey, KeyHash};
use serde_json::{Value, json};

use crate::support::{TENANT, TestApp, without_preferences};

const KEYS: [(&str, &str); 3] = [(TENANT, "key-of-demo"), (TENANT, "second-key-of-demo"), ("acme", "key-of-acme")];

async fn with_keys() -> TestApp {
    TestApp::with(|config| {
        config.auth.keys = KEYS
            .iter()
            .map(|(tenant, key)| ApiKey { tenant: tenant.parse().unwrap(), sha256: KeyHash::of(key) })
            .collect();
        config.auth.admin_token_sha256 = Some(KeyHash::of("operators-token"));
    })
    .await
}

#[tokio::test]
async fn the_key_names_the_tenant_and_the_header_must_agree() {
    let app = with_keys().await;
    let order = without_preferences("PX-KEYS");
    for caller in [app.anybody(), app.of(TENANT), app.of(TENANT).key("no-key"), app.anybody().key("")] {
        let refused = caller.post_order(&order).await;
        refused.is_error(401, "UNAUTHORIZED");
        assert_eq!(refused.header("www-authenticate"), "Bearer");
    }
    for tenant in ["acme", "unknown"] {
        app.of(tenant).key("key-of-demo").post_order(&order).await.is_error(403, "FORBIDDEN");
    }
    app.of("No Tenant!").key("key-of-demo").post_order(&order).await.is_error(400, "INVALID_REQUEST");
    let first = app.anybody().key("key-of-demo").post_order(&order).await;
    let second = app.of(TENANT).key("second-key-of-demo").post_order(&order).await;
    assert_eq!((first.status, second.status), (202, 202));
    assert_eq!(second.header("idempotency-replayed"), "true", "both keys are the one tenant's");
    for path in ["/livez", "/readyz", "/health", "/metrics"] {
        assert_eq!(app.anybody().get(path).await.status, 200, "{path} needs no key");
    }
}

#[tokio::test]
async fn operators_need_their_own_token() {
    let app = with_keys().await;
    let paths = ["/admin/dead-letters", "/admin/breakers", "/admin/consumers", "/admin/tasks", "/ops"];
    for path in paths {
        app.operator().get(path).await.is_error(401, "UNAUTHORIZED");
        app.operator().key("key-of-demo").get(path).await.is_error(401, "UNAUTHORIZED");
        assert_eq!(app.operator().key("operators-token").get(path).await.status, 200, "{path}");
        app.anybody().key("operators-token").get(path).await.is_error(404, "NOT_FOUND");
    }
    app.anybody().key("operators-token").get("/api/v1/jobs").await.is_error(401, "UNAUTHORIZED");
}

/// Everything that bears the id of something of tenant `demo`, asked and told by somebody else.
#[tokio::test]
async fn nobody_sees_or_touches_what_is_anothers() {
    let app = TestApp::start().await;
    let placed = app.scheduled(&without_preferences("PX-PRIVATE")).await;
    let job = app.complete(&placed).await;
    app.check_in(&job).await;
    let form = app.check_out(&job).await;
    let id = |value: &Value| value["id"].as_str().unwrap().to_owned();
    let (order, job, form) = (&placed.order_id, id(&job), id(&form));

    let stranger = app.of("acme");
    for path in [format!("/api/v2/orders/{order}"), format!("/api/v1/wcfs/{form}")] {
        stranger.get(&path).await.is_error(404, "NOT_FOUND");
        app.caller().get(&path).await.ok();
    }
    let steps = [
        (format!("/api/v1/sales/orders/{order}/complete"), json!({})),
        (format!("/api/v1/service-orders/{order}/tv-outcome"), json!({"outcome": "NO"})),
        (format!("/api/v1/jobs/{job}/check-in"), json!({"gps": {"lat": 0, "lng": 0}})),
        (format!("/api/v1/jobs/{job}/check-out"), json!({"completed": true})),
        (format!("/api/v1/wcfs/{form}/sign"), json!({"accepted": true, "reserves": []})),
        (format!("/api/v1/wcfs/{form}/reserves/r1/resolve"), json!({})),
    ];
    for (path, body) in steps {
        stranger.post(&path, &body).await.is_error(404, "NOT_FOUND");
    }
    let lists = [
        ("jobs", format!("/api/v1/jobs?orderId={order}")),
        ("jobs", "/api/v1/jobs".to_owned()),
        ("tickets", "/api/v1/ticketing/tickets".to_owned()),
        ("auditLogs", format!("/api/v1/audit-logs?correlationId={}", placed.correlation_id)),
        ("auditLogs", "/api/v1/audit-logs".to_owned()),
    ];
    for (name, path) in lists {
        assert_eq!(stranger.get(&path).await.ok()[name], json!([]), "{path}");
        assert_ne!(app.caller().get(&path).await.ok()[name], json!([]), "{path}");
    }
    assert_eq!(app.order(&placed).await.unwrap()["status"], "IN_PROGRESS");
}

#[tokio::test]
async fn without_keys_this_machine_is_tenant_demo() {
    let app = TestApp::start().await;
    let answer = app.anybody().post_order(&without_preferences("PX-DEFAULT")).await.ok();
    let path = format!("/api/v2/orders/{}", answer["orderId"].as_str().unwrap());
    app.of(TENANT).get(&path).await.ok();
    app.of("acme").get(&path).await.is_error(404, "NOT_FOUND");
    let foreign_page = app.anybody();
    let rebound = foreign_page.request("/api/v2/orders/intake").header("host", "evil.example").json(&json!({}));
    foreign_page.send(rebound).await.is_error(401, "UNAUTHORIZED");
}
