//! Seed 000, scenario 1: complete order intake to installation outcome, and the provider's invoice.

use partner_sim::sales::{SalesSystem, order_id, sample_order};
use serde_json::{Value, json};

use crate::support::{Answer, Placed, TENANT, TestApp};

const JOURNEY: &str = "journey-of-the-sample-order";

async fn post_under_a_correlation_id(app: &TestApp) -> Answer {
    let caller = app.caller();
    let request = caller.request("/api/v2/orders/intake").header("x-correlation-id", JOURNEY).json(&sample_order());
    caller.send(request).await
}

fn history(order: &Value) -> Vec<&str> {
    order["history"].as_array().unwrap().iter().map(|entry| entry["status"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn an_order_goes_from_intake_to_outcome_and_invoice() {
    let app = TestApp::start().await;
    let accepted = post_under_a_correlation_id(&app).await;
    assert_eq!((accepted.status, accepted.header("x-correlation-id")), (202, JOURNEY));
    let expected_id = order_id(TENANT, SalesSystem::Pyxis, "PX-TEST-001");
    let mut body = accepted.body.clone();
    let received_at = body.as_object_mut().unwrap().remove("receivedAt").unwrap();
    assert!(received_at.as_str().unwrap().ends_with('Z'));
    let expected = json!({"orderId": expected_id, "externalOrderId": "PX-TEST-001", "status": "RECEIVED",
                          "correlationId": JOURNEY});
    assert_eq!(body, expected);
    let placed = Placed {
        order_id: expected_id.clone(),
        external_id: "PX-TEST-001".to_owned(),
        correlation_id: JOURNEY.to_owned(),
    };

    let order = app.until_status(&placed, "SCHEDULED").await;
    let told = app.until_told(&placed, "the appointment", |seen| seen.appointments.first().cloned()).await;
    let appointment = &told.body["appointment"];
    assert_eq!((told.body["status"].as_str(), told.order_id.as_deref()), (Some("SCHEDULED"), Some(&*expected_id)));
    assert_eq!(told.body["receivedAt"], received_at);
    assert_eq!(appointment["technicianName"], "Maria Alvarez", "the one with the skill");
    assert_eq!(order["appointment"]["appointmentId"], appointment["appointmentId"]);
    assert_eq!(order["appointment"]["scheduledStart"], appointment["scheduledStart"]);

    let form = app.work(&placed).await;
    app.until_status(&placed, "IN_PROGRESS").await;
    app.sign(&form, &json!([])).await;
    let order = app.until_status(&placed, "COMPLETED").await;
    assert_eq!(history(&order), ["RECEIVED", "CREATED", "SCHEDULED", "IN_PROGRESS", "COMPLETED"]);

    app.until_acknowledged(&placed, "sales-installation-outcome").await;
    let outcome = app.until_told(&placed, "the outcome", |seen| seen.outcomes.first().cloned()).await;
    assert_eq!(outcome.body["outcome"], "COMPLETED");
    assert_eq!(outcome.appointment_id.as_deref(), appointment["appointmentId"].as_str());
    assert_eq!(outcome.body["completionDetails"]["actualDuration"], 110);
    assert_eq!(outcome.body["installedItems"][0]["itemId"], "ITEM-001");

    let number = app.until_acknowledged(&placed, "provider-invoice").await;
    let invoices = app.sim.with_ledger(|ledger| ledger.invoices.clone());
    assert_eq!(invoices.len(), 1);
    assert_eq!((&invoices[0].number, invoices[0].amount.to_string().as_str()), (&number, "59.99"));
    assert_eq!((invoices[0].currency.as_str(), &invoices[0].order_reference), ("USD", &Some(expected_id)));

    app.until_idle().await;
    let correlation_ids = app.told("PX-TEST-001", |seen| {
        Some(seen.deliveries().map(|one| one.correlation_id.clone().unwrap_or_default()).collect::<Vec<_>>())
    });
    assert_eq!(correlation_ids.unwrap(), [JOURNEY; 2], "one appointment, one outcome, both of this journey");
    for topic in ["sales.order.intake", "assignments.assignment.confirmed", "integration.erp.payment_ready"] {
        assert_eq!(app.records(topic, &placed).await.len(), 1, "{topic}");
    }
    assert_eq!(app.dead_letters().await, Vec::<Value>::new());
    app.well();
}

#[tokio::test]
async fn every_answer_bears_a_correlation_id() {
    let app = TestApp::start().await;
    for path in ["/livez", "/readyz", "/health", "/metrics", "/nowhere", "/api/v2/orders/none", "/api/v1/jobs"] {
        let (first, second) = (app.caller().get(path).await, app.caller().get(path).await);
        assert!(!first.header("x-correlation-id").is_empty(), "{path}");
        assert_ne!(first.header("x-correlation-id"), second.header("x-correlation-id"), "{path}");
    }
}
