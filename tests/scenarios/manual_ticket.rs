//! Seed 003, scenario 2: a ticket that somebody makes brings a job too, with one audit row.

use serde_json::{Value, json};

use crate::support::{Answer, TestApp};

const TICKETS: &str = "/api/v1/ticketing/tickets";

fn installation() -> Value {
    json!({"ticket_type": "installation_request", "subject": "Manual Installation", "priority": "urgent",
           "customer_id": "CUST-77", "service_address": "1 Market St, San Francisco",
           "affected_services": ["FIBER-1G"], "device_serial_numbers": ["SN-1", "SN-2"]})
}

async fn jobs_of(app: &TestApp, ticket: &Value) -> Vec<Value> {
    app.listed("jobs", &format!("/api/v1/jobs?ticketId={}", ticket["id"].as_str().unwrap())).await
}

fn made(answer: Answer) -> (Value, String) {
    assert_eq!(answer.status, 201, "{}", answer.text);
    let correlation_id = answer.header("x-correlation-id").to_owned();
    (answer.body, correlation_id)
}

#[tokio::test]
async fn an_installation_ticket_brings_a_job_and_one_audit_row() {
    let app = TestApp::start().await;
    let (ticket, correlation_id) = made(app.caller().post(TICKETS, &installation()).await);
    assert_eq!((&ticket["autoCreated"], &ticket["status"]), (&json!(false), &json!("open")));
    let job = app.until("the job", async || jobs_of(&app, &ticket).await.first().cloned()).await;
    assert_eq!((&job["jobType"], &job["status"]), (&json!("field_installation"), &json!("pending")));
    assert_eq!(job["orderId"], Value::Null);
    let parameters = &job["parameters"];
    assert_eq!(parameters["ticket_number"], ticket["ticketNumber"]);
    assert_eq!((&parameters["customer_id"], &parameters["priority"]), (&json!("CUST-77"), &json!("urgent")));
    assert_eq!(parameters["device_serial_numbers"], json!(["SN-1", "SN-2"]));
    let audit = app.audit(&correlation_id).await;
    assert_eq!(audit.len(), 1, "{audit:?}");
    assert_eq!((&audit[0]["action"], &audit[0]["userId"]), (&json!("field_job.auto_created"), &json!("0")));
    assert_eq!((&audit[0]["autoCreated"], &audit[0]["entityId"]), (&json!(true), &job["id"]));
}

#[tokio::test]
async fn other_tickets_bring_no_job() {
    let app = TestApp::start().await;
    for kind in ["support", "maintenance"] {
        let mut ticket = installation();
        ticket["ticket_type"] = json!(kind);
        let (ticket, _) = made(app.caller().post(TICKETS, &ticket).await);
        app.until_idle().await;
        assert_eq!(jobs_of(&app, &ticket).await, Vec::<Value>::new(), "{kind}");
    }
    assert_eq!(app.listed("auditLogs", "/api/v1/audit-logs").await, Vec::<Value>::new());
}

#[tokio::test]
async fn the_same_key_makes_one_ticket() {
    let app = TestApp::start().await;
    let caller = app.caller();
    let post = async |body: &Value| {
        caller.send(caller.request(TICKETS).header("idempotency-key", "ticket-1").json(body)).await
    };
    let (first, _) = made(post(&installation()).await);
    let again = post(&installation()).await;
    assert_eq!(again.header("idempotency-replayed"), "true");
    assert_eq!(again.body, first);
    let mut other = installation();
    other["subject"] = json!("Another one");
    assert_eq!(post(&other).await.status, 422);
    app.until("the job", async || jobs_of(&app, &first).await.first().cloned()).await;
    app.until_idle().await;
    assert_eq!(app.listed("tickets", TICKETS).await.len(), 1);
    assert_eq!(app.listed("jobs", "/api/v1/jobs").await.len(), 1);
}

#[tokio::test]
async fn a_pending_job_is_not_begun_by_nobody() {
    let app = TestApp::start().await;
    let (ticket, _) = made(app.caller().post(TICKETS, &installation()).await);
    let job = app.until("the job", async || jobs_of(&app, &ticket).await.first().cloned()).await;
    let path = |step: &str| format!("/api/v1/jobs/{}/{step}", job["id"].as_str().unwrap());
    let early = app.caller().post(&path("check-out"), &json!({"completed": true})).await;
    early.is_error(422, "INVALID_REQUEST");
}
