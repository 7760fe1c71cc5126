//! A sales system calls an order off by signed webhook, early, late, or before the order has come.

use std::time::Duration;

use fsm_integration_core::clock::WallClock;
use partner_sim::{
    Fault, FaultKind, SimConfig,
    sales::{Answer, SalesSystem},
};
use serde_json::{Value, json};

use crate::support::{TestApp, an_order, order_at};

const MINUTE: Duration = Duration::from_secs(60);

/// What a sales system says when a customer changes their mind.
pub(crate) fn cancel(app: &TestApp, external_id: &str) -> Value {
    json!({"eventId": format!("evt-{external_id}"), "eventType": "ORDER_CANCELLED", "externalOrderId": external_id,
           "timestamp": app.clock.timestamp().to_string(), "reason": "the customer moved"})
}

/// Sends a webhook as the system would, signed with its secret.
pub(crate) async fn send(app: &TestApp, system: SalesSystem, id: &str, event: &Value) -> Answer {
    let secret = match system {
        SalesSystem::Pyxis => SimConfig::PYXIS_SECRET,
        SalesSystem::Tempo => SimConfig::TEMPO_SECRET,
    };
    app.sales_system(system).send_webhook(secret, id, event).await.unwrap()
}

#[tokio::test]
async fn a_signed_webhook_cancels_an_order() {
    let app = TestApp::start().await;
    let placed = app.scheduled(&an_order("PX-CANCEL")).await;
    app.until_acknowledged(&placed, "sales-appointment-callback").await;
    let event = cancel(&app, "PX-CANCEL");
    assert_eq!(send(&app, SalesSystem::Pyxis, "w-1", &event).await.status, 202);
    let order = app.until_status(&placed, "CANCELLED").await;
    let last = order["history"].as_array().unwrap().last().unwrap().clone();
    assert_eq!((&last["status"], &last["reason"]), (&json!("CANCELLED"), &json!("the customer moved")));
    assert!(order.get("appointment").is_none_or(Value::is_null), "the time is free again");

    // Sent again under another id, it changes nothing; what the sales system called off itself, it is not told.
    send(&app, SalesSystem::Pyxis, "w-2", &event).await;
    app.until_idle().await;
    assert_eq!(app.records("projects.service_order.cancelled", &placed).await.len(), 1);
    assert_eq!(app.told("PX-CANCEL", |seen| Some(seen.cancellations.len())), Some(0));
    let complete = format!("/api/v1/sales/orders/{}/complete", placed.order_id);
    app.caller().post(&complete, &json!({})).await.is_error(422, "INVALID_REQUEST");
    app.well();
}

#[tokio::test]
async fn a_cancellation_before_its_order_leaves_a_tombstone() {
    let mut app = TestApp::start().await;
    let event = cancel(&app, "PX-EARLY");
    assert_eq!(send(&app, SalesSystem::Pyxis, "w-early", &event).await.status, 202);
    app.restart().await;
    let placed = app.place(&an_order("PX-EARLY")).await;
    app.until_status(&placed, "CANCELLED").await;
    app.until_idle().await;
    assert_eq!(app.told("PX-EARLY", |seen| Some(seen.appointments.len())).unwrap_or(0), 0, "nobody is sent");
    assert_eq!(app.records("assignments.assignment.confirmed", &placed).await.len(), 0);
    let other = app.scheduled(&an_order("PX-NOT-EARLY")).await;
    assert_eq!(app.order(&other).await.unwrap()["status"], "SCHEDULED");
    app.well();
}

/// Posts bytes with headers that a forger might send.
async fn forged(app: &TestApp, headers: &[(&str, String)], body: &str) -> crate::support::Answer {
    let caller = app.caller();
    let request = caller.request("/api/v2/webhooks/sales/pyxis").header("content-type", "application/json");
    let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, value));
    caller.send(request.body(body.to_owned())).await
}

/// The headers of the one family, without those of the other.
fn only_fsm(headers: Vec<(&'static str, String)>) -> Vec<(&'static str, String)> {
    headers.into_iter().filter(|(name, _)| name.starts_with("x-fsm")).collect()
}

fn signed(secret: &str, id: &str, app: &TestApp, body: &str) -> Vec<(&'static str, String)> {
    let key = partner_sim::signature::WebhookKey::parse(secret).unwrap();
    let headers = key.sign(id, app.clock.timestamp(), body.as_bytes());
    const NAMES: [&str; 6] = [
        "webhook-id",
        "webhook-timestamp",
        "webhook-signature",
        "x-fsm-event-id",
        "x-fsm-timestamp",
        "x-fsm-signature",
    ];
    NAMES.map(|name| (name, headers[name].to_str().unwrap().to_owned())).to_vec()
}

#[tokio::test]
async fn what_is_not_signed_rightly_changes_nothing() {
    let app = TestApp::start().await;
    let placed = app.scheduled(&an_order("PX-FORGED")).await;
    let body = cancel(&app, "PX-FORGED").to_string();
    let good = signed(SimConfig::PYXIS_SECRET, "w-forged", &app, &body);
    let with = |name: &str, value: &str| {
        let change = |(known, kept): &(&'static str, String)| {
            (*known, if *known == name { value.to_owned() } else { kept.clone() })
        };
        good.iter().map(change).collect::<Vec<_>>()
    };
    let attempts = [
        ("no signature", Vec::new(), body.clone()),
        ("another secret", signed(SimConfig::TEMPO_SECRET, "w-forged", &app, &body), body.clone()),
        ("another body", good.clone(), body.replace("PX-FORGED", "PX-FORGEd")),
        ("another id", with("webhook-id", "w-other"), body.clone()),
        ("another time", with("webhook-timestamp", "1700000000"), body.clone()),
        ("an empty signature", with("webhook-signature", "v1,"), body.clone()),
        ("no hexadecimal", only_fsm(with("x-fsm-signature", "zz")), body.clone()),
        ("another FSM time", only_fsm(with("x-fsm-timestamp", "2025-01-16T10:30:00.000Z")), body.clone()),
        ("half a signature", with("webhook-signature", "v1,AAAA"), body.clone()),
    ];
    for (what, headers, body) in attempts {
        let answer = forged(&app, &headers, &body).await;
        assert_eq!(answer.status, 401, "{what}: {}", answer.text);
        answer.is_error(401, "UNAUTHORIZED");
    }
    app.until_idle().await;
    assert_eq!(app.order(&placed).await.unwrap()["status"], "SCHEDULED");
    assert_eq!(forged(&app, &good, &body).await.status, 202, "and the right one is believed");
    app.until_status(&placed, "CANCELLED").await;
}

#[tokio::test]
async fn old_and_repeated_webhooks_are_refused() {
    let app = TestApp::start().await;
    let placed = app.scheduled(&an_order("PX-OLD")).await;
    let event = cancel(&app, "PX-OLD");
    let pyxis = app.sales_system(SalesSystem::Pyxis);
    for shift in [-6, 6] {
        let at = app.clock.timestamp() + jiff::SignedDuration::from_mins(shift);
        let answer = pyxis.send_webhook_at(SimConfig::PYXIS_SECRET, "w-old", at, &event).await.unwrap();
        assert_eq!(answer.status, 401, "{shift} minutes");
    }
    let body = event.to_string();
    let headers = signed(SimConfig::PYXIS_SECRET, "w-once", &app, &body);
    assert_eq!(forged(&app, &headers, &body).await.status, 202);
    let replay = forged(&app, &headers, &body).await;
    assert!((200..300).contains(&replay.status) || replay.status == 401 || replay.status == 409, "{}", replay.text);
    app.pass(10 * MINUTE);
    assert_eq!(forged(&app, &headers, &body).await.status, 401, "captured and sent later");
    app.until_status(&placed, "CANCELLED").await;
    app.until_idle().await;
    assert_eq!(app.records("projects.service_order.cancelled", &placed).await.len(), 1);
}

#[tokio::test]
async fn a_signed_update_changes_the_order_and_bad_ones_name_their_fields() {
    let app = TestApp::start().await;
    app.scheduled(&an_order("PX-UPDATE")).await;
    let mut event = cancel(&app, "PX-UPDATE");
    event["eventType"] = json!("ORDER_UPDATED");
    let nothing = send(&app, SalesSystem::Pyxis, "w-nothing", &event).await;
    assert_eq!(nothing.status, 422, "{}", nothing.body);
    event["customer"] = an_order("x")["customer"].clone();
    event["customer"]["phone"] = json!("+1-555-0199");
    assert_eq!(send(&app, SalesSystem::Pyxis, "w-update", &event).await.status, 202);
    event["customer"]["email"] = json!("nobody");
    event["timestamp"] = json!("yesterday");
    let bad = send(&app, SalesSystem::Pyxis, "w-bad", &event).await;
    let fields: Vec<_> =
        bad.body["error"]["details"].as_array().unwrap().iter().map(|one| one["field"].as_str().unwrap()).collect();
    assert_eq!((bad.status.as_u16(), fields), (422, vec!["timestamp", "customer.email"]));

    // An update of an order that was never sent is refused; sent again when there is one, it is taken.
    let mut early = event.clone();
    early["externalOrderId"] = json!("PX-UPDATE-EARLY");
    early["customer"] = an_order("x")["customer"].clone();
    early["timestamp"] = json!(app.clock.timestamp().to_string());
    let refused = send(&app, SalesSystem::Pyxis, "w-overtook", &early).await;
    assert_eq!((refused.status.as_u16(), &refused.body["error"]["code"]), (404, &json!("NOT_FOUND")));
    app.scheduled(&an_order("PX-UPDATE-EARLY")).await;
    assert_eq!(send(&app, SalesSystem::Pyxis, "w-overtook", &early).await.status, 202);
}

/// How many records wait for another try.
async fn waiting(app: &TestApp) -> i64 {
    let count =
        app.server().store().read(|db| Ok(db.query_row("SELECT count(*) FROM redeliveries", [], |row| row.get(0))?));
    count.await.unwrap()
}

/// Callbacks that waited for the sales system while the order was called off: of an appointment, and of a failure.
#[tokio::test]
async fn what_waited_is_not_told_of_an_order_that_was_called_off() {
    let app = TestApp::with(|config| config.outbound.breaker_reset = Some(Duration::from_millis(20))).await;
    app.inject(Fault::always("/pyxis", FaultKind::status(503)));
    let booked = app.scheduled(&an_order("PX-PARKED")).await;
    let mut unskilled = an_order("PX-PARKED-FAILED");
    unskilled["requiredSkills"] = json!(["UNDERWATER_WELDING"]);
    let failed = app.place(&unskilled).await;
    app.until("both to wait", async || (waiting(&app).await == 2).then_some(())).await;
    for placed in [&booked, &failed] {
        let event = cancel(&app, &placed.external_id);
        assert_eq!(send(&app, SalesSystem::Pyxis, &placed.external_id, &event).await.status, 202);
        app.until_status(placed, "CANCELLED").await;
    }
    app.sim.clear_faults();
    let passing = async || {
        app.pass(MINUTE);
        (waiting(&app).await == 0).then_some(())
    };
    app.until("both to be tried again", passing).await;
    for placed in [&booked, &failed] {
        assert_eq!(app.told(&placed.external_id, |seen| Some(seen.deliveries().count())).unwrap_or(0), 0);
    }
    assert_eq!(app.dead_letters().await, Vec::<Value>::new());
    app.well();
}

#[tokio::test]
async fn an_address_that_is_put_right_brings_the_appointment() {
    let app = TestApp::start().await;
    let placed = app.place(&order_at("PX-MENDED", "AQ", "0000", "Nowhere")).await;
    app.until_acknowledged(&placed, "sales-order-status").await;
    let mut event = cancel(&app, "PX-MENDED");
    event["eventType"] = json!("ORDER_UPDATED");
    event["serviceAddress"] = an_order("x")["serviceAddress"].clone();
    assert_eq!(send(&app, SalesSystem::Pyxis, "w-mended", &event).await.status, 202);
    let order = app.until_status(&placed, "SCHEDULED").await;
    assert_eq!(order["errors"], json!([]));
    app.until_told(&placed, "the appointment", |seen| seen.appointments.first().cloned()).await;
    app.well();
}
