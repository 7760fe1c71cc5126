//! Seed 000, scenario 2: idempotency verification.

use std::collections::HashSet;

use partner_sim::sales::{SalesSystem, order_id};
use serde_json::{Value, json};

use crate::support::{Answer, Placed, TENANT, TestApp, an_order};

const REPLAYED: &str = "idempotency-replayed";

/// The same JSON with other white space, and the keys of the object in reverse.
fn written_otherwise(order: &Value) -> String {
    let fields = order.as_object().unwrap().iter().rev();
    let fields: Vec<_> = fields.map(|(name, value)| format!("\n\t\"{name}\" : {value:#}")).collect();
    format!("{{{} }}", fields.join(" ,"))
}

async fn post_text(app: &TestApp, text: String) -> Answer {
    let caller = app.caller();
    let request = caller.request("/api/v2/orders/intake").header("content-type", "application/json").body(text);
    caller.send(request).await
}

#[tokio::test]
async fn the_same_order_again_gets_the_stored_answer() {
    let app = TestApp::start().await;
    let order = an_order("PX-TWICE");
    let first = app.caller().post_order(&order).await;
    assert_eq!((first.status, first.header(REPLAYED)), (202, ""));
    let again = app.caller().post_order(&order).await;
    assert_eq!((again.status, again.header(REPLAYED)), (202, "true"));
    let rewritten = post_text(&app, written_otherwise(&order)).await;
    assert_eq!((rewritten.status, rewritten.header(REPLAYED)), (202, "true"), "{}", rewritten.text);
    assert_eq!((&again.text, &rewritten.text), (&first.text, &first.text));
    app.well();
}

#[tokio::test]
async fn the_stored_answer_outlives_a_restart() {
    let mut app = TestApp::start().await;
    let order = an_order("PX-RESTART");
    let first = app.caller().post_order(&order).await;
    app.restart().await;
    let again = app.caller().post_order(&order).await;
    assert_eq!((again.status, again.header(REPLAYED), &again.text), (202, "true", &first.text));
}

#[tokio::test]
async fn another_payload_under_a_known_identity_is_refused_and_changes_nothing() {
    let app = TestApp::start().await;
    let mut order = an_order("PX-CHANGED");
    let placed = app.scheduled(&order).await;
    app.until_acknowledged(&placed, "sales-appointment-callback").await;
    let before = app.order(&placed).await;
    order["customer"]["lastName"] = json!("Roe");
    let refused = app.caller().post_order(&order).await;
    refused.is_error(422, "DUPLICATE_ORDER");
    assert_eq!(refused.header(REPLAYED), "");
    app.until_idle().await;
    assert_eq!(app.order(&placed).await, before);
    assert_eq!(app.records("sales.order.intake", &placed).await.len(), 1);
    app.well();
}

#[tokio::test]
async fn a_hundred_equal_orders_at_once_are_one_order() {
    let app = TestApp::start().await;
    let order = an_order("PX-HUNDRED");
    let (caller, order) = (app.caller(), &order);
    let sending = (0..100).map(|_| {
        let (caller, order) = (caller.clone(), order.clone());
        tokio::spawn(async move { caller.post_order(&order).await })
    });
    let mut answers = Vec::new();
    for sent in sending.collect::<Vec<_>>() {
        answers.push(sent.await.unwrap());
    }
    assert!(answers.iter().all(|answer| answer.status == 202));
    let bodies: HashSet<_> = answers.iter().map(|answer| &answer.text).collect();
    assert_eq!(bodies.len(), 1, "one answer for all");
    assert_eq!(answers.iter().filter(|answer| answer.header(REPLAYED).is_empty()).count(), 1, "one was the first");

    let text = |name: &str| answers[0].body[name].as_str().unwrap().to_owned();
    let placed = Placed {
        order_id: text("orderId"),
        external_id: "PX-HUNDRED".to_owned(),
        correlation_id: text("correlationId"),
    };
    app.until_acknowledged(&placed, "sales-appointment-callback").await;
    app.until_idle().await;
    assert_eq!(app.records("sales.order.intake", &placed).await.len(), 1);
    let copies = app.told("PX-HUNDRED", |seen| Some((seen.appointments.len(), seen.appointments[0].copies)));
    assert_eq!(copies, Some((1, 1)));
    app.well();
}

#[tokio::test]
async fn two_tenants_with_one_external_id_have_an_order_each() {
    let app = TestApp::start().await;
    let order = an_order("PX-SHARED");
    for tenant in [TENANT, "acme"] {
        let answer = app.of(tenant).post_order(&order).await;
        assert_eq!((answer.status, answer.header(REPLAYED)), (202, ""), "{tenant}");
        assert_eq!(answer.body["orderId"], order_id(tenant, SalesSystem::Pyxis, "PX-SHARED"));
    }
    app.until("both appointments", async || {
        let told =
            app.sim.with_ledger(|ledger| ledger.named("PX-SHARED").filter(|one| !one.appointments.is_empty()).count());
        (told == 2).then_some(())
    })
    .await;
    app.well();
}
