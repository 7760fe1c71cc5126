//! Seed 000, scenario 4: graceful degradation. Nothing fails: the order stays, an operator is asked, the sales
//! system hears what stands in the way.

use fsm_server::scheduler::Workday;
use serde_json::{Value, json};

use crate::support::{Placed, TestApp, an_order, order_at, technician, without_preferences};

/// What must hold of an order that cannot be booked.
async fn stays_with(app: &TestApp, placed: &Placed, code: &str, field: Option<&str>) {
    let told = app.until_told(placed, "the status", |seen| seen.statuses.first().cloned()).await;
    let error = &told.body["errors"][0];
    assert_eq!((error["code"].as_str(), error["field"].as_str()), (Some(code), field), "{}", told.body);
    assert_eq!(told.correlation_id.as_deref(), Some(&*placed.correlation_id));
    app.until_acknowledged(placed, "sales-order-status").await;
    let order = app.order(placed).await.unwrap();
    assert_eq!(order["status"], "CREATED");
    assert_eq!(order["errors"].as_array().unwrap().len(), 1, "{order}");
    assert_eq!((order["errors"][0]["code"].as_str(), order["errors"][0]["field"].as_str()), (Some(code), field));
    assert!(order.get("appointment").is_none_or(Value::is_null));
    assert_eq!(app.tasks(placed).await, [code]);
    app.until_idle().await;
    assert_eq!(app.records("integration.sales.order.failed", placed).await.len(), 1);
    assert_eq!(app.dead_letters().await, Vec::<Value>::new());
    app.well();
}

#[tokio::test]
async fn a_skill_that_nobody_has() {
    let app = TestApp::start().await;
    let mut order = an_order("PX-NO-SKILL");
    order["requiredSkills"] = json!(["UNDERWATER_WELDING"]);
    let placed = app.place(&order).await;
    stays_with(&app, &placed, "SKILLS_NOT_AVAILABLE", None).await;
}

#[tokio::test]
async fn an_address_that_nobody_knows() {
    let app = TestApp::start().await;
    let placed = app.place(&order_at("PX-NOWHERE", "AQ", "0000", "Nowhere")).await;
    stays_with(&app, &placed, "INVALID_ADDRESS", Some("serviceAddress")).await;
}

#[tokio::test]
async fn a_calendar_that_is_full() {
    let app = TestApp::with(|config| {
        let mut only = technician("only", 37.789, &[]);
        only.daily_capacity = 1;
        only.workdays.extend([Workday::Sat, Workday::Sun]);
        config.scheduler.technicians = vec![only];
        config.scheduler.horizon_days = 2;
    })
    .await;
    // Two or three days are left to book, by the hour of the day.
    let mut full = None;
    for n in 0..4 {
        let placed = app.place(&without_preferences(&format!("PX-FULL-{n}"))).await;
        let order = app
            .until("a decision", async || {
                let order = app.order(&placed).await?;
                (order["status"] == "SCHEDULED" || order["errors"][0].is_object()).then_some(order)
            })
            .await;
        if order["status"] == "CREATED" {
            assert!(n >= 2, "a calendar with room is used");
            full = Some(placed);
            break;
        }
    }
    stays_with(&app, &full.expect("the fourth finds no room"), "NO_SLOTS_AVAILABLE", None).await;
}

#[tokio::test]
async fn a_query_without_a_result_is_an_empty_list() {
    let app = TestApp::start().await;
    let query = json!({"serviceAddress": {"latitude": 37.789, "longitude": -122.394}, "serviceType": "INSTALLATION",
                       "estimatedDuration": 60, "dateRange": {"startDate": "2031-01-06", "endDate": "2031-01-10"},
                       "requiredSkills": ["UNDERWATER_WELDING"]});
    let answer = app.caller().post("/api/v2/slots/availability", &query).await.ok();
    assert_eq!((&answer["availableSlots"], &answer["totalSlotsFound"]), (&json!([]), &json!(0)));
    assert_eq!(answer["searchCriteria"], query);
}
