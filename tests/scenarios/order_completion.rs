//! Seed 003, scenario 1: a completed order brings a ticket and a field job, each once.

use partner_sim::sales::sample_order;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::{Placed, TestApp};

const ACTIONS: [&str; 2] = ["field_job.auto_created", "installation_ticket.auto_created"];

/// What must be there after the completion of an order, however often it is told; gives it for comparison.
async fn brought(app: &TestApp, placed: &Placed) -> [Vec<Value>; 3] {
    let (tickets, jobs) = (app.tickets(placed).await, app.jobs(placed).await);
    let audit = app.audit(&placed.correlation_id).await;
    assert_eq!((tickets.len(), jobs.len()), (1, 1));
    let (ticket, job) = (&tickets[0], &jobs[0]);
    assert_eq!((&ticket["ticketType"], &ticket["autoCreated"]), (&json!("installation_request"), &json!(true)));
    assert_eq!((&ticket["orderId"], &job["orderId"]), (&json!(placed.order_id), &json!(placed.order_id)));
    assert_eq!((&job["jobType"], &job["ticketId"]), (&json!("field_installation"), &ticket["id"]));
    let parameters = &job["parameters"];
    assert_eq!((&parameters["ticket_id"], &parameters["ticket_number"]), (&ticket["id"], &ticket["ticketNumber"]));
    assert_eq!(parameters["order_number"], *placed.external_id);

    let actions: Vec<_> = audit.iter().map(|row| row["action"].as_str().unwrap()).collect();
    assert_eq!(actions, ACTIONS, "newest first: the job follows from the ticket");
    for (row, entity) in audit.iter().zip([job, ticket]) {
        assert_eq!((&row["userId"], &row["autoCreated"]), (&json!("0"), &json!(true)));
        assert_eq!(row["entityId"], entity["id"]);
    }
    [tickets, jobs, audit]
}

#[tokio::test]
async fn a_completed_order_brings_a_ticket_a_job_and_two_audit_rows() {
    let app = TestApp::start().await;
    let placed = app.scheduled(&sample_order()).await;
    let job = app.complete(&placed).await;
    assert_eq!((&job["status"], &job["technicianId"]), (&json!("assigned"), &json!("sf-1")));
    let [tickets, ..] = brought(&app, &placed).await;
    assert_eq!(tickets[0]["metadata"]["source"], "order_completion_workflow");
    assert_eq!(tickets[0]["metadata"]["order_id"], *placed.order_id);
    for topic in ["order.completed", "ticket.created"] {
        assert_eq!(app.records(topic, &placed).await.len(), 1, "{topic}");
    }
}

#[tokio::test]
async fn nothing_comes_twice_whatever_is_redelivered() {
    let app = TestApp::start().await;
    let placed = app.scheduled(&sample_order()).await;
    app.complete(&placed).await;
    let before = brought(&app, &placed).await;

    // The sales system asks again; the bus delivers again; a producer publishes again under new ids.
    app.complete(&placed).await;
    for topic in ["order.completed", "ticket.created"] {
        let record = app.records(topic, &placed).await.remove(0);
        app.redeliver(&record, record.event_id).await;
        app.redeliver(&record, Uuid::new_v4()).await;
    }
    app.until_idle().await;
    assert_eq!(brought(&app, &placed).await, before);
    assert_eq!(app.dead_letters().await, Vec::<Value>::new());
}

#[tokio::test]
async fn an_order_of_the_workflow_goes_the_same_way() {
    let app = TestApp::start().await;
    let order = json!({"orderNumber": "ORD-12345", "customerId": "CUST-9", "priority": "high",
                       "company": "ACME", "deploymentInstanceId": "deploy-7",
                       "totalAmount": {"amount": "199.00", "currency": "USD"},
                       "serviceAddress": {"street": "1 Market St", "city": "San Francisco", "postalCode": "94105",
                                          "country": "US"},
                       "items": [{"productId": "FIBER-1G", "serialNumbers": ["SN-1"]}]});
    let made = app.caller().post("/api/v1/sales/orders", &order).await;
    assert_eq!(made.status, 201, "{}", made.text);
    let text = |name: &str| made.body[name].as_str().unwrap().to_owned();
    let placed =
        Placed { order_id: text("orderId"), external_id: text("orderNumber"), correlation_id: text("correlationId") };
    let job = app.complete(&placed).await;
    let [tickets, ..] = brought(&app, &placed).await;
    assert_eq!((&tickets[0]["priority"], &job["parameters"]["priority"]), (&json!("high"), &json!("high")));
    assert_eq!(job["parameters"]["device_serial_numbers"], json!(["SN-1"]));
    assert_eq!(tickets[0]["metadata"]["deployment_instance_id"], "deploy-7");
}

#[tokio::test]
async fn what_is_not_there_or_cancelled_cannot_be_completed() {
    let app = TestApp::start().await;
    let unknown = format!("/api/v1/sales/orders/{}/complete", Uuid::new_v4());
    app.caller().post(&unknown, &json!({})).await.is_error(404, "NOT_FOUND");
    app.of("acme").post(&unknown, &json!({})).await.is_error(404, "NOT_FOUND");
}
