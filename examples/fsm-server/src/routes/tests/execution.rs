use serde_json::{Value, json};

use super::support::{Room, sales_order, sample, with};

/// The job of the sample order, and the order.
async fn job(room: &Room) -> (String, String) {
    let order = room.post("/api/v2/orders/intake", &sample()).await.body["orderId"].as_str().unwrap().to_owned();
    room.until(&format!("/api/v2/orders/{order}"), |order| order["status"] == "SCHEDULED").await;
    let answer = room.post(&format!("/api/v1/sales/orders/{order}/complete"), &json!({})).await;
    assert_eq!((answer.status, &answer.body["orderId"]), (202, &json!(order)));
    assert_eq!(answer.header("idempotency-replayed"), "");
    let jobs = room.until(&format!("/api/v1/jobs?orderId={order}"), |body| body["jobs"] != json!([])).await;
    (jobs["jobs"][0]["id"].as_str().unwrap().to_owned(), order)
}

async fn check_in(room: &Room, job: &str) -> Value {
    let answer =
        room.post(&format!("/api/v1/jobs/{job}/check-in"), &json!({"gps": {"lat": 37.7, "lng": -122.4}})).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    answer.body
}

/// The work is done; the form that the customer gets.
async fn form(room: &Room, job: &str) -> String {
    check_in(room, job).await;
    let answer = room.post(&format!("/api/v1/jobs/{job}/check-out"), &json!({"completed": true})).await;
    assert_eq!(answer.body["job"]["status"], "completed");
    answer.body["wcf"]["id"].as_str().unwrap().to_owned()
}

fn reserve(id: &str, resolved: bool) -> Value {
    json!({"reserveId": id, "severity": "MINOR", "resolved": resolved})
}

#[tokio::test]
async fn a_visit_goes_from_check_in_to_payment() {
    let room = Room::running().await;
    let (job, order) = job(&room).await;
    assert_eq!(check_in(&room, &job).await["job"]["status"], "running");
    let form = form(&room, &job).await;
    let signed = room.post(&format!("/api/v1/wcfs/{form}/sign"), &json!({"accepted": true, "reserves": []})).await;
    assert_eq!((signed.status, &signed.body["status"]), (200, &json!("SIGNED_NO_RESERVES")));
    assert_eq!(room.get(&format!("/api/v1/wcfs/{form}")).await.body, signed.body);
    room.until(&format!("/api/v2/orders/{order}"), |order| order["status"] == "COMPLETED").await;
    room.until_published("integration.erp.payment_ready", 1).await;
}

#[tokio::test]
async fn completion_leaves_one_ticket_one_job_and_two_audit_rows_however_often() {
    let room = Room::running().await;
    let (_, order) = job(&room).await;
    let complete = format!("/api/v1/sales/orders/{order}/complete");
    let journey = room.get(&format!("/api/v2/orders/{order}")).await.body["correlationId"].clone();
    let again = room.post_with(&complete, &[("x-correlation-id", "another")], "{}").await;
    assert_eq!((again.status, again.header("idempotency-replayed")), (202, "true"));
    assert_eq!(again.body, json!({"orderId": order, "correlationId": journey}));
    assert_eq!(room.published("order.completed").await, 1);
    let tickets = room.get(&format!("/api/v1/ticketing/tickets?orderId={order}")).await.body;
    assert_eq!(tickets["tickets"].as_array().unwrap().len(), 1);
    let trail = room.until("/api/v1/audit-logs", |body| body["auditLogs"].as_array().unwrap().len() >= 2).await;
    let actions: Vec<_> = trail["auditLogs"].as_array().unwrap().iter().map(|row| &row["action"]).collect();
    assert_eq!(actions, ["field_job.auto_created", "installation_ticket.auto_created"]);
    assert_eq!(room.get("/api/v1/jobs").await.body["jobs"].as_array().unwrap().len(), 1);
    assert_eq!(room.get("/api/v1/audit-logs?limit=1").await.body["auditLogs"].as_array().unwrap().len(), 1);
    assert_eq!(room.get("/api/v1/audit-logs?entityId=none").await.body["auditLogs"], json!([]));
}

#[tokio::test]
async fn payment_waits_for_the_last_reserve_and_comes_once() {
    const READY: &str = "integration.erp.payment_ready";
    let room = Room::running().await;
    let (job, order) = job(&room).await;
    let form = form(&room, &job).await;
    let answer = json!({"accepted": true, "reserves": [reserve("a", false), reserve("b", false), reserve("c", true)]});
    assert_eq!(room.post(&format!("/api/v1/wcfs/{form}/sign"), &answer).await.status, 200);
    room.until(&format!("/api/v2/orders/{order}"), |order| order["status"] == "COMPLETED").await;

    let resolve = async |id: &str| room.post(&format!("/api/v1/wcfs/{form}/reserves/{id}/resolve"), &json!({})).await;
    assert_eq!(resolve("z").await.status, 404);
    assert_eq!(resolve("a").await.body["reserves"][0]["resolved"], true);
    assert_eq!(room.published(READY).await, 0);
    for _ in 0..3 {
        assert_eq!(resolve("b").await.status, 200);
    }
    room.until_published(READY, 1).await;
    // A second order after it: whatever was on its way for the first has been handled by then.
    let other = with(sample(), "externalOrderId", json!("PX-2"));
    let id = room.post("/api/v2/orders/intake", &other).await.body["orderId"].as_str().unwrap().to_owned();
    room.until(&format!("/api/v2/orders/{id}"), |order| order["status"] == "SCHEDULED").await;
    assert_eq!(room.published(READY).await, 1);
}

#[tokio::test]
async fn work_without_an_appointment_asks_an_operator_whom_to_pay() {
    for reserves in [json!([]), json!([reserve("a", false)])] {
        let room = Room::running().await;
        let made = room.post("/api/v1/sales/orders", &sales_order()).await.body;
        let order = made["orderId"].as_str().unwrap();
        room.post(&format!("/api/v1/sales/orders/{order}/complete"), &json!({})).await;
        let jobs = room.until(&format!("/api/v1/jobs?orderId={order}"), |body| body["jobs"] != json!([])).await;
        let form = form(&room, jobs["jobs"][0]["id"].as_str().unwrap()).await;
        room.post(&format!("/api/v1/wcfs/{form}/sign"), &json!({"accepted": true, "reserves": reserves})).await;
        room.until(&format!("/api/v2/orders/{order}"), |order| order["status"] == "COMPLETED").await;
        let asked = if reserves == json!([]) {
            vec!["PROVIDER_UNKNOWN"]
        } else {
            room.until_asked(&["RESOLVE_WCF_RESERVES"]).await;
            room.post(&format!("/api/v1/wcfs/{form}/reserves/a/resolve"), &json!({})).await;
            vec!["PROVIDER_UNKNOWN", "RESOLVE_WCF_RESERVES"]
        };
        room.until_asked(&asked).await;
        assert_eq!(room.published("integration.erp.payment_ready").await, 0);
    }
}

#[tokio::test]
async fn a_form_is_resolved_only_after_it_is_signed() {
    let room = Room::running().await;
    let (job, _) = job(&room).await;
    let form = form(&room, &job).await;
    let answer = room.post(&format!("/api/v1/wcfs/{form}/reserves/a/resolve"), &json!({})).await;
    assert_eq!((answer.status, answer.code()), (422, "INVALID_REQUEST"));
    let sign = format!("/api/v1/wcfs/{form}/sign");
    let foreign = room.post_with(&sign, &[("x-tenant-id", "acme")], r#"{"accepted":true}"#).await;
    assert_eq!(foreign.status, 404);
}

#[tokio::test]
async fn work_that_is_not_done_needs_a_reason_and_has_no_form() {
    let room = Room::running().await;
    let (job, _) = job(&room).await;
    check_in(&room, &job).await;
    let path = format!("/api/v1/jobs/{job}/check-out");
    for body in [json!({"completed": false}), json!({"completed": true, "incompletionReason": "rain"})] {
        assert_eq!(room.post(&path, &body).await.fields(), ["incompletionReason"]);
    }
    let left = room.post(&path, &json!({"completed": false, "incompletionReason": "rain"})).await;
    assert_eq!((&left.body["job"]["status"], left.body.get("wcf")), (&json!("failed"), None));
}

#[tokio::test]
async fn a_technical_visit_unblocks_its_order() {
    let room = Room::running().await;
    let blocked = with(sample(), "metadata", json!({"requiresTechnicalVisit": "true"}));
    let id = room.post("/api/v2/orders/intake", &blocked).await.body["orderId"].as_str().unwrap().to_owned();
    let order = format!("/api/v2/orders/{id}");
    room.until(&order, |order| order["status"] == "BLOCKED").await;
    let path = format!("/api/v1/service-orders/{id}/tv-outcome");
    assert_eq!(room.post(&path, &json!({"outcome": "YES_BUT"})).await.fields(), ["modifications"]);
    let answer = room.post(&path, &json!({"outcome": "YES"})).await;
    assert_eq!((answer.status, &answer.body["outcome"]), (202, &json!("YES")));
    room.until(&order, |order| order["status"] == "SCHEDULED").await;
    assert_eq!(room.post(&path, &json!({"outcome": "NO"})).await.status, 422, "it waits for no visit any more");
}
