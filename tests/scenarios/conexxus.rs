//! The point-of-sale back office of seed 004: items hourly, each business day's sales once.

use std::time::Duration;

use fsm_integration_core::secret::Secret;
use jiff::{civil::Date, tz::TimeZone};
use partner_sim::{Fault, FaultKind, SimConfig, ledger::Push};
use serde_json::{Value, json};

use crate::support::{TestApp, without_preferences};

const LOCATION: &str = "store-001";
const HOUR: Duration = Duration::from_secs(60 * 60);

async fn with_the_back_office() -> TestApp {
    TestApp::with(|config| {
        config.conexxus.url = config.erp.base_url.replace("/oracle", "/conexxus");
        config.conexxus.api_key = Some(Secret::new(SimConfig::default().conexxus_api_key));
        config.conexxus.location_id = LOCATION.to_owned();
        config.conexxus.retry_delay = Duration::from_millis(5);
        config.conexxus.zone = TimeZone::get("America/Los_Angeles").unwrap();
    })
    .await
}

async fn ask(app: &TestApp, what: &str) -> Value {
    app.caller().get(&format!("/integrations/conexxus/{what}")).await.ok()
}

async fn runs(app: &TestApp) -> usize {
    ask(app, "metrics").await["history"].as_array().unwrap().len()
}

async fn until_runs(app: &TestApp, count: usize) {
    app.until(&format!("{count} runs"), async || (runs(app).await == count).then_some(())).await;
}

fn pushes(app: &TestApp) -> Vec<Push> {
    app.sim.with_ledger(|ledger| ledger.pushes.clone())
}

#[tokio::test]
async fn items_come_every_hour_and_each_bad_one_is_named() {
    let app = with_the_back_office().await;
    until_runs(&app, 1).await;
    for count in 2..=4 {
        app.pass(HOUR);
        until_runs(&app, count).await;
    }
    let metrics = ask(&app, "metrics").await;
    let latest = &metrics["latest"];
    let counts = ["itemsProcessed", "itemsSucceeded", "itemsFailed"].map(|name| latest[name].as_u64().unwrap());
    assert_eq!(counts, [5, 3, 2]);
    let refused: Vec<_> =
        latest["errors"].as_array().unwrap().iter().map(|one| one["item"].as_str().unwrap()).collect();
    assert_eq!(refused, ["INVALID001", "INVALID002"]);
    assert!(latest["startTime"].is_string() && latest["endTime"].is_string() && latest["duration"].is_u64());

    for _ in 0..10 {
        app.pass(HOUR);
        let before = ask(&app, "metrics").await["latest"]["startTime"].clone();
        app.until("the next run", async || (ask(&app, "metrics").await["latest"]["startTime"] != before).then_some(()))
            .await;
    }
    assert_eq!(runs(&app).await, 10, "the last ten are kept");
}

#[tokio::test]
async fn the_four_routes_tell_how_it_is() {
    let app = with_the_back_office().await;
    until_runs(&app, 1).await;
    let health = ask(&app, "health").await;
    assert_eq!((&health["apiConnection"], &health["lastSyncStatus"]), (&json!(true), &json!("partial")));
    assert!(health["lastSyncTime"].is_string() && health["status"].is_string() && health["isHealthy"].is_boolean());
    let connection = ask(&app, "test-connection").await;
    assert_eq!((&connection["success"], &connection["message"]), (&json!(true), &json!("Connection successful")));
    assert!(connection["latency"].is_u64());

    app.sim.set_items(vec![json!({"sku": "WINE001", "name": "Cabernet Sauvignon 2020", "price": 31.50})]);
    let asked = app.caller().post("/integrations/conexxus/sync", &json!({})).await;
    assert_eq!((asked.status, &asked.body["status"]), (202, &json!("processing")));
    until_runs(&app, 2).await;
    let health = ask(&app, "health").await;
    assert_eq!((&health["status"], &health["lastSyncStatus"]), (&json!("healthy"), &json!("success")));

    app.inject(Fault::always("/conexxus", FaultKind::status(401)));
    app.caller().post("/integrations/conexxus/sync", &json!({})).await.ok();
    until_runs(&app, 3).await;
    let health = ask(&app, "health").await;
    assert_eq!((&health["lastSyncStatus"], &health["isHealthy"]), (&json!("failed"), &json!(false)));
    assert!(health["lastError"].is_string());
    assert_eq!(ask(&app, "test-connection").await["success"], false);
}

#[tokio::test]
async fn each_business_day_is_pushed_once_with_its_sales() {
    let app = with_the_back_office().await;
    app.sim.inject(Fault::once("/conexxus/api/v1/sales/push", FaultKind::unavailable(1)));
    app.sim.inject(Fault::once("/conexxus/api/v1/sales/push", FaultKind::LostAnswer));
    let placed = app.done(&without_preferences("PX-SOLD")).await;
    app.until_status(&placed, "COMPLETED").await;
    let mut hours = 0;
    while pushes(&app).len() < 4 {
        assert!(hours < 120, "four days have passed, and these pushes were seen: {:?}", pushes(&app).len());
        app.pass(HOUR);
        hours += 1;
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let pushes = pushes(&app);
    let days: Vec<Date> = pushes.iter().map(|push| push.date.parse().unwrap()).collect();
    assert!(days.windows(2).all(|two| two[0].tomorrow().unwrap() == two[1]), "{days:?}");
    assert!(pushes.iter().all(|push| push.location_id == LOCATION && push.idempotency_key.is_some()));
    let sold: Vec<_> = pushes.iter().flat_map(|push| push.body["transactions"].as_array().unwrap()).collect();
    assert_eq!(sold.len(), 1);
    assert_eq!((&sold[0]["id"], &sold[0]["total"]), (&json!("PX-SOLD"), &json!(108.49)));
    assert_eq!(sold[0]["items"][0]["sku"], "PROD-FIBER-1GB");
    app.well();
}

#[tokio::test]
async fn days_missed_while_the_server_was_down_are_made_up_for() {
    let mut app = with_the_back_office().await;
    until_runs(&app, 1).await;
    app.shut_down().await;
    app.pass(72 * HOUR);
    app.boot().await;
    app.until("three days", async || (pushes(&app).len() == 3).then_some(())).await;
    app.well();
}

#[tokio::test]
async fn without_settings_it_is_off_and_says_so() {
    let app = TestApp::start().await;
    assert_eq!(ask(&app, "health").await["status"], "disabled");
    let asked = app.caller().post("/integrations/conexxus/sync", &json!({})).await;
    asked.is_error(404, "NOT_FOUND");
    assert!(asked.text.contains("set conexxus.url and conexxus.api_key"), "{}", asked.text);
    assert_eq!(app.caller().get("/readyz").await.status, 200);
}
