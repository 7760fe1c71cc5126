//! Seed 000, scenario 7: fault tolerance. A partner that is down is left alone, everybody else is served, nothing
//! is lost.

use std::time::Duration;

use partner_sim::{Fault, FaultKind};
use serde_json::{Value, json};

use crate::support::{Placed, TestApp, an_order};

const SCHEDULED: &str = "sales-appointment-callback";
/// Long enough to look at an open breaker, short enough to wait for.
const RESET: Duration = Duration::from_secs(2);

async fn with_a_quick_reset() -> TestApp {
    TestApp::with(|config| config.outbound.breaker_reset = Some(RESET)).await
}

async fn breaker(app: &TestApp, name: &str) -> Value {
    let body = app.operator().get("/admin/breakers").await.ok();
    let breakers = body["breakers"].as_array().unwrap();
    breakers.iter().find(|breaker| breaker["name"] == name).cloned().unwrap_or(Value::Null)
}

async fn until_state(app: &TestApp, name: &str, state: &str) -> Value {
    let look = async || Some(breaker(app, name).await).filter(|breaker| breaker["state"] == state);
    app.until(&format!("the breaker of {name} to be {state}"), look).await
}

fn for_tempo(external_id: &str) -> Value {
    let mut order = an_order(external_id);
    order["salesSystem"] = json!("TEMPO");
    order
}

/// One order whose callback fails five times: four attempts of one call, and the first of the next.
async fn open_the_breaker(app: &TestApp) -> Placed {
    app.inject(Fault::always("/pyxis", FaultKind::status(503)));
    let placed = app.scheduled(&an_order("PX-DOWN-0")).await;
    app.until("four refusals", async || (app.struck() == 4).then_some(())).await;
    app.until_idle().await;
    assert_eq!(breaker(app, "sales-pyxis-demo").await["state"], "closed", "four failures open nothing");
    app.pass(Duration::from_secs(7));
    until_state(app, "sales-pyxis-demo", "open").await;
    assert_eq!(app.struck(), 5);
    placed
}

#[tokio::test]
async fn a_partner_that_is_down_is_left_alone_until_it_is_back() {
    let app = with_a_quick_reset().await;
    let mut orders = vec![open_the_breaker(&app).await];
    let opened = tokio::time::Instant::now();

    // No calls while it is open, however many orders come and however often the schedule asks.
    for n in 1..4 {
        orders.push(app.scheduled(&an_order(&format!("PX-DOWN-{n}"))).await);
    }
    app.until_idle().await;
    let calls = app.struck();
    assert!(opened.elapsed() < RESET, "this machine is too slow to look at an open breaker");
    assert_eq!(calls, 5);

    // The other partner does not notice.
    let other = app.place(&for_tempo("TMP-UP")).await;
    app.until_acknowledged(&other, SCHEDULED).await;
    assert_eq!(breaker(&app, "sales-tempo-demo").await["state"], "closed");

    // The partner recovers; after the reset time it is asked again, and everything that waited arrives once. The call
    // that opened the breaker was an attempt, so its order waits for the second step of the schedule.
    app.sim.clear_faults();
    app.pass(Duration::from_secs(7 * 60));
    for placed in &orders {
        app.until_acknowledged(placed, SCHEDULED).await;
        let copies = app.told(&placed.external_id, |seen| Some((seen.appointments.len(), seen.appointments[0].copies)));
        assert_eq!(copies, Some((1, 1)));
    }
    assert!(opened.elapsed() >= RESET, "asked before the reset time was over");
    until_state(&app, "sales-pyxis-demo", "closed").await;
    assert_eq!(app.dead_letters().await, Vec::<Value>::new());
    app.well();
}

#[tokio::test]
async fn a_probe_that_fails_keeps_it_open() {
    let app = TestApp::with(|config| {
        config.webhooks.schedule = vec![Duration::from_secs(5); 9];
        config.outbound.breaker_reset = Some(Duration::from_millis(200));
    })
    .await;
    let placed = open_the_breaker(&app).await;
    let probed = async || {
        app.pass(Duration::from_secs(1));
        (app.struck() == 6).then_some(())
    };
    app.until("a probe", probed).await;
    until_state(&app, "sales-pyxis-demo", "open").await;
    app.sim.clear_faults();
    let arrives = async || {
        app.pass(Duration::from_secs(1));
        app.acknowledged(&placed, SCHEDULED).await
    };
    app.until("the callback", arrives).await;
    app.well();
}

#[tokio::test]
async fn refusals_for_good_open_nothing() {
    let app = TestApp::start().await;
    app.inject(Fault::always("/pyxis", FaultKind::status(400)));
    for n in 0..6 {
        app.scheduled(&an_order(&format!("PX-REFUSED-{n}"))).await;
    }
    app.until("six dead letters", async || (app.dead_letters().await.len() == 6).then_some(())).await;
    assert_eq!((app.struck(), breaker(&app, "sales-pyxis-demo").await["state"].as_str()), (6, Some("closed")));
}

#[tokio::test]
async fn one_tenants_partner_is_not_anothers() {
    let app = with_a_quick_reset().await;
    open_the_breaker(&app).await;
    app.sim.clear_faults();
    let order = app.of("acme").post_order(&an_order("PX-ACME")).await.ok();
    assert_eq!(order["status"], "RECEIVED");
    app.until("the other tenant's callback", async || {
        app.sim.with_ledger(|ledger| {
            ledger.order("acme", "PX-ACME").filter(|one| !one.appointments.is_empty()).map(|_| ())
        })
    })
    .await;
}

#[tokio::test]
async fn an_operator_opens_and_closes_it_by_hand() {
    let app = TestApp::start().await;
    let first = app.scheduled(&an_order("PX-BY-HAND-1")).await;
    app.until_acknowledged(&first, SCHEDULED).await;
    let name = "sales-pyxis-demo";
    app.operator().post(&format!("/admin/breakers/{name}/force-open"), &json!({})).await.ok();
    assert_eq!(breaker(&app, name).await["control"], "forced_open");
    let second = app.scheduled(&an_order("PX-BY-HAND-2")).await;
    app.until_idle().await;
    assert_eq!(app.told("PX-BY-HAND-2", |_| Some(())), None);
    app.operator().post(&format!("/admin/breakers/{name}/reset"), &json!({})).await.ok();
    let arrives = async || {
        app.pass(Duration::from_secs(10));
        app.acknowledged(&second, SCHEDULED).await
    };
    app.until("the second callback", arrives).await;
    app.well();
}
