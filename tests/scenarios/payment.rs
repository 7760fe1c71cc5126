//! The provider is paid exactly once, whatever the ERP answers, and only when the customer has nothing against it.

use std::time::Duration;

use partner_sim::{Fault, FaultKind, RouteMatch, oracle::ErrorMode};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::{Placed, TestApp, without_preferences};

const INVOICED: &str = "provider-invoice";
const READY: &str = "integration.erp.payment_ready";

/// Lets the next creation of an invoice meet a fault.
fn creation_meets(app: &TestApp, kind: FaultKind) {
    let on = RouteMatch { method: Some("POST".to_owned()), ..RouteMatch::path("/oracle") };
    app.inject(Fault { on, ..Fault::once("/oracle", kind) });
}

/// Waits for the invoice while time passes, and gives its number.
async fn invoiced(app: &TestApp, placed: &Placed) -> String {
    let look = async || {
        let number = app.acknowledged(placed, INVOICED).await;
        if number.is_none() {
            app.pass(Duration::from_secs(1));
        }
        number
    };
    app.until(&format!("the invoice of {}", placed.external_id), look).await
}

fn invoices_of(app: &TestApp, placed: &Placed) -> usize {
    let of_order = |ledger: &partner_sim::Ledger| {
        ledger.invoices.iter().filter(|one| one.order_reference.as_ref() == Some(&placed.order_id)).count()
    };
    app.sim.with_ledger(of_order)
}

#[tokio::test]
async fn whatever_the_erp_answers_there_is_one_invoice() {
    let app = TestApp::with(|config| config.outbound.breaker_reset = Some(Duration::from_millis(50))).await;
    let faults = [
        FaultKind::LostAnswer,
        FaultKind::HangUp,
        FaultKind::TruncatedJson,
        FaultKind::ErrorBody,
        FaultKind::Html { status: 502 },
        FaultKind::status(503),
        FaultKind::too_many(1),
    ];
    for (n, fault) in faults.into_iter().enumerate() {
        creation_meets(&app, fault.clone());
        let placed = app.done(&without_preferences(&format!("PX-PAY-{n}"))).await;
        let number = invoiced(&app, &placed).await;
        assert_eq!(app.struck(), u32::try_from(n + 1).unwrap(), "{fault:?} was met");
        assert_eq!(invoices_of(&app, &placed), 1, "{fault:?}");
        assert!(app.sim.with_ledger(|ledger| ledger.invoices.iter().any(|one| one.number == number)));
    }
    assert_eq!(app.dead_letters().await, Vec::<Value>::new());
    app.well();
}

#[tokio::test]
async fn whatever_is_redelivered_there_is_one_invoice() {
    let app = TestApp::start().await;
    creation_meets(&app, FaultKind::LostAnswer);
    let placed = app.done(&without_preferences("PX-REDELIVERED")).await;
    invoiced(&app, &placed).await;
    app.until_acknowledged(&placed, "sales-installation-outcome").await;
    for topic in ["contracts.wcf.signed", "projects.service_order.closed", READY] {
        let record = app.records(topic, &placed).await.remove(0);
        app.redeliver(&record, record.event_id).await;
        app.redeliver(&record, Uuid::new_v4()).await;
    }
    app.until_idle().await;
    let (invoices, refused) = app.sim.with_ledger(|ledger| (ledger.invoices.len(), ledger.repeated_invoices));
    assert_eq!((invoices, refused), (1, 0), "looked up, not tried and refused");
    assert_eq!(app.told("PX-REDELIVERED", |seen| Some(seen.outcomes.len())), Some(1));
    app.well();
}

/// The ERP says no in all of its languages; each time an operator can read why, mend it and replay.
#[tokio::test]
async fn refusals_in_json_text_and_html_are_dead_letters_that_can_be_replayed() {
    let mut app = TestApp::start().await;
    let secret = app.config.secrets.directory.join("integrations/demo/erp/api-key");
    let right = std::fs::read_to_string(&secret).unwrap();
    std::fs::write(&secret, "fsm.integration:wrong").unwrap();
    let mut orders = Vec::new();
    for (n, mode) in [ErrorMode::Problem, ErrorMode::Text, ErrorMode::Html].into_iter().enumerate() {
        app.sim.set_oracle_errors(mode);
        orders.push(app.done(&without_preferences(&format!("PX-401-{n}"))).await);
        app.until("the dead letter", async || (app.dead_letters().await.len() == n + 1).then_some(())).await;
    }
    for letter in app.dead_letters().await {
        assert_eq!((&letter["topic"], &letter["errorKind"]), (&json!(READY), &json!("partner_rejected")));
        assert!(!letter.to_string().contains("wrong"), "the password is not told");
    }
    std::fs::write(&secret, right).unwrap();
    app.restart().await;
    app.operator().post("/admin/dead-letters/replay", &json!({"topic": READY})).await.ok();
    for placed in &orders {
        app.until_acknowledged(placed, INVOICED).await;
        assert_eq!(invoices_of(&app, placed), 1);
    }
    assert_eq!(app.dead_letters().await, Vec::<Value>::new());
    app.well();
}

#[tokio::test]
async fn reserves_block_the_payment_until_all_are_resolved() {
    let app = TestApp::start().await;
    let placed = app.scheduled(&without_preferences("PX-RESERVES")).await;
    let form = app.work(&placed).await;
    let reserves = json!([{"reserveId": "r1", "severity": "MAJOR", "resolved": false},
                          {"reserveId": "r2", "severity": "MINOR", "resolved": false},
                          {"reserveId": "r3", "severity": "MINOR", "resolved": true}]);
    app.sign(&form, &reserves).await;
    app.until_status(&placed, "COMPLETED").await;
    let outcome = app.until_told(&placed, "the outcome", |seen| seen.outcomes.first().cloned()).await;
    assert_eq!(outcome.body["outcome"], "PARTIALLY_COMPLETED");
    assert_eq!(outcome.body["followUpRequired"], true);
    assert_eq!(app.tasks(&placed).await, ["RESOLVE_WCF_RESERVES"]);
    let resolve = async |reserve: &str| {
        let path = format!("/api/v1/wcfs/{}/reserves/{reserve}/resolve", form["id"].as_str().unwrap());
        app.caller().post(&path, &json!({})).await
    };
    for reserve in ["r1", "r1", "r3"] {
        resolve(reserve).await.ok();
        app.until_idle().await;
        assert_eq!(app.records(READY, &placed).await.len(), 0, "r2 is open");
    }
    resolve("r4").await.is_error(404, "NOT_FOUND");
    resolve("r2").await.ok();
    app.until_acknowledged(&placed, INVOICED).await;
    resolve("r2").await.ok();
    app.until_idle().await;
    assert_eq!((app.records(READY, &placed).await.len(), invoices_of(&app, &placed)), (1, 1));
    app.well();
}

#[tokio::test]
async fn a_customer_who_does_not_sign_pays_nobody() {
    let app = TestApp::start().await;
    let placed = app.scheduled(&without_preferences("PX-UNSIGNED")).await;
    let form = app.work(&placed).await;
    let path = format!("/api/v1/wcfs/{}/sign", form["id"].as_str().unwrap());
    app.caller().post(&path, &json!({"accepted": false, "reserves": []})).await.ok();
    app.until("the task", async || (app.tasks(&placed).await == ["WCF_NOT_SIGNED"]).then_some(())).await;
    app.until_idle().await;
    assert_eq!(app.order(&placed).await.unwrap()["status"], "IN_PROGRESS");
    assert_eq!((app.records(READY, &placed).await.len(), invoices_of(&app, &placed)), (0, 0));
    let otherwise = app.caller().post(&path, &json!({"accepted": true, "reserves": []})).await;
    otherwise.is_error(422, "INVALID_REQUEST");
}
