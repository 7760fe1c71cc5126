//! The saga of technical visits: YES unblocks, YES_BUT asks for a new price, NO calls off and refunds.

use serde_json::{Value, json};

use crate::support::{Placed, TestApp, without_preferences};

/// An order that waits for a visit.
async fn blocked(app: &TestApp, external_id: &str) -> Placed {
    let mut order = without_preferences(external_id);
    order["metadata"] = json!({"requiresTechnicalVisit": "true"});
    let placed = app.place(&order).await;
    app.until_status(&placed, "BLOCKED").await;
    app.until_idle().await;
    assert_eq!(app.told(external_id, |_| Some(())), None, "nothing is booked, nothing is told");
    placed
}

async fn visited(app: &TestApp, placed: &Placed, body: &Value) -> crate::support::Answer {
    app.caller().post(&format!("/api/v1/service-orders/{}/tv-outcome", placed.order_id), body).await
}

#[tokio::test]
async fn yes_unblocks_the_installation() {
    let app = TestApp::start().await;
    let placed = blocked(&app, "PX-YES").await;
    visited(&app, &placed, &json!({"outcome": "YES"})).await.ok();
    app.until_status(&placed, "SCHEDULED").await;
    app.until_told(&placed, "the appointment", |seen| seen.appointments.first().cloned()).await;
    let order = app.order(&placed).await.unwrap();
    let states: Vec<_> =
        order["history"].as_array().unwrap().iter().map(|one| one["status"].as_str().unwrap()).collect();
    assert_eq!(states, ["RECEIVED", "BLOCKED", "CREATED", "SCHEDULED"]);
    assert_eq!(app.records("projects.service_order.unblocked", &placed).await.len(), 1);
    visited(&app, &placed, &json!({"outcome": "NO"})).await.is_error(422, "INVALID_REQUEST");
    app.well();
}

#[tokio::test]
async fn yes_but_asks_the_sales_system_for_a_new_price() {
    let app = TestApp::start().await;
    let placed = blocked(&app, "PX-YES-BUT").await;
    let missing = visited(&app, &placed, &json!({"outcome": "YES_BUT"})).await;
    missing.is_error(422, "INVALID_REQUEST");
    assert_eq!(missing.fields(), ["modifications"]);
    let modifications = json!([{"description": "a longer cable", "extraDurationMin": 30}]);
    visited(&app, &placed, &json!({"outcome": "YES_BUT", "modifications": modifications})).await.ok();
    let told = app.until_told(&placed, "the modifications", |seen| seen.modifications.first().cloned()).await;
    let modification = &told.body["modifications"][0];
    assert_eq!(modification["description"], "a longer cable");
    assert_eq!((&modification["extraDurationMin"], &modification["requiresRepricing"]), (&json!(30), &json!(true)));
    app.until_acknowledged(&placed, "sales-tv-modifications").await;
    assert_eq!(app.tasks(&placed).await, ["TV_MODIFICATIONS"]);
    app.until_idle().await;
    assert_eq!(app.order(&placed).await.unwrap()["status"], "BLOCKED", "it waits for the price");
    app.well();
}

#[tokio::test]
async fn other_modifications_are_told_and_the_same_ones_are_not_told_again() {
    let app = TestApp::start().await;
    let placed = blocked(&app, "PX-YES-BUT-MORE").await;
    for description in ["a longer cable", "a lift", "a longer cable"] {
        let modifications = json!([{"description": description, "extraDurationMin": 30}]);
        visited(&app, &placed, &json!({"outcome": "YES_BUT", "modifications": modifications})).await.ok();
        app.until_idle().await;
    }
    let told = app.told("PX-YES-BUT-MORE", |seen| Some(seen.modifications.clone())).unwrap();
    let told: Vec<_> = told.iter().map(|one| (&one.body["modifications"][0]["description"], one.copies)).collect();
    assert_eq!(told, [(&json!("a longer cable"), 1), (&json!("a lift"), 1)]);
    assert_eq!(app.records("projects.tv_outcome.recorded", &placed).await.len(), 2);
    assert_eq!(app.tasks(&placed).await, ["TV_MODIFICATIONS", "TV_MODIFICATIONS"], "each has its price");
    app.well();
}

#[tokio::test]
async fn no_calls_the_installation_off() {
    let app = TestApp::start().await;
    let placed = blocked(&app, "PX-NO").await;
    visited(&app, &placed, &json!({"outcome": "NO"})).await.ok();
    app.until_status(&placed, "CANCELLED").await;
    let told = app.until_told(&placed, "the cancellation", |seen| seen.cancellations.first().cloned()).await;
    assert_eq!(
        (&told.body["refundRequired"], told.correlation_id),
        (&json!(true), Some(placed.correlation_id.clone()))
    );
    app.until_idle().await;
    assert_eq!(app.told("PX-NO", |seen| Some(seen.deliveries().count())), Some(1));
    app.well();
}

#[tokio::test]
async fn an_order_that_waits_for_no_visit_takes_no_outcome() {
    let app = TestApp::start().await;
    let placed = app.scheduled(&without_preferences("PX-NO-VISIT")).await;
    visited(&app, &placed, &json!({"outcome": "NO"})).await.is_error(422, "INVALID_REQUEST");
    assert_eq!(app.order(&placed).await.unwrap()["status"], "SCHEDULED");
}
