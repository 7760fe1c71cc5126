//! Seed 000, scenario 5: retry and dead letters.

use std::time::Duration;

use fsm_integration_core::event::log::Record;
use partner_sim::{Fault, FaultKind};
use serde_json::{Value, json};

use crate::support::{Placed, TENANT, TestApp, an_order, logged};

const APPOINTMENT: &str = "/pyxis/callback/appointment-scheduled";
const SCHEDULED: &str = "sales-appointment-callback";
const MINUTE: Duration = Duration::from_secs(60);

#[tokio::test]
async fn passing_failures_are_tried_again_in_the_call() {
    let app = TestApp::start().await;
    app.inject(Fault::times(APPOINTMENT, FaultKind::status(503), 3));
    let placed = app.scheduled(&an_order("PX-503")).await;
    app.until_acknowledged(&placed, SCHEDULED).await;
    let copies = app.told("PX-503", |seen| Some((seen.appointments.len(), seen.appointments[0].copies)));
    assert_eq!((app.struck(), copies), (3, Some((1, 1))));
    every_failed_attempt_is_told_in_the_span_of_its_journey(&placed);
    app.well();
}

fn every_failed_attempt_is_told_in_the_span_of_its_journey(placed: &Placed) {
    let lines = logged();
    let lines = lines.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let of_journey = |line: &Value| {
        let span = &line["span"];
        let known = (&span["correlation.id"], &span["tenant.id"]) == (&json!(placed.correlation_id), &json!(TENANT));
        known && span["name"] == "integration.execute" && line["message"] == "an attempt failed and will be repeated"
    };
    assert_eq!(lines.filter(of_journey).count(), 3);
}

#[tokio::test]
async fn what_outlasts_the_call_is_tried_again_by_the_schedule() {
    let app = TestApp::start().await;
    // One call is four attempts; the first wait of the schedule is five seconds, give or take a fifth.
    app.inject(Fault::times(APPOINTMENT, FaultKind::status(503), 4));
    let placed = app.scheduled(&an_order("PX-SCHEDULE")).await;
    app.until("four refusals", async || (app.struck() == 4).then_some(())).await;
    app.until_idle().await;
    assert_eq!(app.acknowledged(&placed, SCHEDULED).await, None);
    app.pass(Duration::from_secs(6));
    app.until_acknowledged(&placed, SCHEDULED).await;
    app.well();
}

#[tokio::test]
async fn a_lost_answer_has_one_effect_under_one_id() {
    let app = TestApp::start().await;
    app.inject(Fault::once(APPOINTMENT, FaultKind::LostAnswer));
    let placed = app.scheduled(&an_order("PX-LOST")).await;
    let id = app.until_acknowledged(&placed, SCHEDULED).await;
    let seen = app.told("PX-LOST", |seen| Some(seen.appointments.clone())).unwrap();
    assert_eq!((seen.len(), seen[0].copies, &seen[0].webhook_id), (1, 2, &id), "told twice, under the same id");
    app.well();
}

#[tokio::test]
async fn lost_answers_have_one_effect_under_one_id_over_durable_attempts_too() {
    let app = TestApp::start().await;
    app.inject(Fault::times(APPOINTMENT, FaultKind::LostAnswer, 4));
    let placed = app.scheduled(&an_order("PX-LOST-ALL")).await;
    app.until("four lost answers", async || (app.struck() == 4).then_some(())).await;
    app.until_idle().await;
    app.pass(Duration::from_secs(6));
    let id = app.until_acknowledged(&placed, SCHEDULED).await;
    let seen = app.told("PX-LOST-ALL", |seen| Some(seen.appointments.clone())).unwrap();
    assert_eq!((seen.len(), seen[0].copies, &seen[0].webhook_id), (1, 5, &id));
    app.well();
}

#[tokio::test]
async fn the_partners_wait_is_honoured() {
    let app = TestApp::start().await;
    app.inject(Fault::once(APPOINTMENT, FaultKind::too_many(1)));
    let placed = app.scheduled(&an_order("PX-429")).await;
    app.until("the refusal", async || (app.struck() == 1).then_some(())).await;
    let refused = tokio::time::Instant::now();
    app.until_acknowledged(&placed, SCHEDULED).await;
    assert!(refused.elapsed() >= Duration::from_millis(900), "{:?} after a wait of 1 s", refused.elapsed());
    app.well();
}

/// Longer than a call waits; kept over a restart, which also forgets the pause that the limiter makes for everybody.
#[tokio::test]
async fn a_long_wait_of_the_partner_goes_to_the_schedule() {
    let mut app = TestApp::start().await;
    app.inject(Fault::once(APPOINTMENT, FaultKind::too_many(600)));
    let placed = app.scheduled(&an_order("PX-429-LONG")).await;
    app.until("the refusal", async || (app.struck() == 1).then_some(())).await;
    app.until_idle().await;
    app.restart().await;
    app.pass(8 * MINUTE);
    // Another order goes through the same group, so the first one had its chance.
    let other = app.scheduled(&an_order("PX-429-OTHER")).await;
    app.until_acknowledged(&other, SCHEDULED).await;
    assert_eq!(app.acknowledged(&placed, SCHEDULED).await, None, "asked again before its time");
    app.pass(3 * MINUTE);
    app.until_acknowledged(&placed, SCHEDULED).await;
    app.well();
}

/// The one dead letter there is.
async fn the_dead_letter(app: &TestApp) -> Value {
    app.until("the dead letter", async || app.dead_letters().await.first().cloned()).await
}

async fn is_delivered_after_a_replay(app: &TestApp, letter: &Value, placed: &Placed) {
    let plan = json!({"ids": [letter["id"]], "dryRun": true});
    let would = app.operator().post("/admin/dead-letters/replay", &plan).await.ok();
    assert_eq!((&would["ids"], &would["dryRun"]), (&json!([letter["id"]]), &json!(true)));
    assert_eq!(app.dead_letters().await.len(), 1, "a dry run changes nothing");
    let plan = json!({"ids": [letter["id"]]});
    app.operator().post("/admin/dead-letters/replay", &plan).await.ok();
    let id = app.until_acknowledged(placed, SCHEDULED).await;
    let seen = app.told(&placed.external_id, |seen| Some(seen.appointments.clone())).unwrap();
    assert_eq!((seen.len(), seen[0].copies, &seen[0].webhook_id), (1, 1, &id));
    app.until("no open dead letter", async || app.dead_letters().await.is_empty().then_some(())).await;
    app.well();
}

#[tokio::test]
async fn a_refusal_for_good_is_a_dead_letter_at_once_and_can_be_replayed() {
    let app = TestApp::start().await;
    app.inject(Fault::once(APPOINTMENT, FaultKind::status(400)));
    let placed = app.scheduled(&an_order("PX-400")).await;
    let letter = the_dead_letter(&app).await;
    assert_eq!(app.struck(), 1, "not tried again");
    assert_eq!((&letter["correlationId"], &letter["tenant"]), (&json!(placed.correlation_id), &json!("demo")));
    assert_eq!((&letter["reasonClass"], &letter["errorKind"]), (&json!("permanent"), &json!("partner_rejected")));
    assert_eq!((&letter["attempts"], &letter["replays"]), (&json!(1), &json!(0)));

    // What it keeps is the record as it was published: its id, key, headers and bytes.
    let original = app.records("assignments.assignment.confirmed", &placed).await.remove(0);
    let id = letter["id"].as_str().unwrap();
    let shown = app.operator().get(&format!("/admin/dead-letters/{id}")).await.ok();
    keeps_the_original(&shown, &original);
    is_delivered_after_a_replay(&app, &letter, &placed).await;
}

fn keeps_the_original(shown: &Value, original: &Record) {
    assert_eq!((&shown["topic"], &shown["key"]), (&json!(original.topic.as_str()), &json!(&*original.key)));
    assert_eq!(shown["payloadBytes"], original.payload.len());
    let shown: Vec<_> = shown["headers"].as_array().unwrap().iter().map(|one| (&one["name"], &one["value"])).collect();
    let kept: Vec<_> = original.headers.iter().map(|(name, value)| (name, String::from_utf8_lossy(value))).collect();
    assert_eq!(shown.len(), kept.len());
    for ((shown_name, shown_value), (name, value)) in shown.into_iter().zip(kept) {
        assert_eq!((shown_name, shown_value), (&json!(name), &json!(value)));
    }
}

#[tokio::test]
async fn an_exhausted_schedule_is_a_dead_letter_and_can_be_replayed() {
    let second = Duration::from_secs(1);
    let app = TestApp::with(|config| {
        config.webhooks.schedule = vec![second, second];
        config.outbound.breaker_reset = Some(Duration::from_millis(20));
    })
    .await;
    app.inject(Fault::always(APPOINTMENT, FaultKind::status(503)));
    let placed = app.scheduled(&an_order("PX-EXHAUSTED")).await;
    let letter = app
        .until("the dead letter", async || {
            app.pass(Duration::from_millis(100));
            app.dead_letters().await.first().cloned()
        })
        .await;
    assert_eq!(letter["attempts"], 3, "the first and one a wait: {letter}");
    app.sim.clear_faults();
    is_delivered_after_a_replay(&app, &letter, &placed).await;
}

/// A breaker that opens within a call, and stays open far longer than the call waits, hides no failure: the call that
/// asked counts as an attempt of the schedule, the call that the breaker refused does not.
#[tokio::test]
async fn a_partner_that_stays_down_is_a_dead_letter_although_the_breaker_opens() {
    let second = Duration::from_secs(1);
    let app = TestApp::with(|config| {
        config.webhooks.schedule = vec![second, second];
        config.outbound.breaker_reset = Some(second);
    })
    .await;
    app.inject(Fault::always(APPOINTMENT, FaultKind::status(503)));
    let placed = app.scheduled(&an_order("PX-STAYS-DOWN")).await;
    let letter = app
        .until("the dead letter", async || {
            app.pass(Duration::from_millis(100));
            app.dead_letters().await.first().cloned()
        })
        .await;
    assert_eq!((&letter["attempts"], &letter["errorKind"]), (&json!(3), &json!("unavailable")));
    assert_eq!(app.struck(), 4 + 1 + 1, "the first call, the one that opened the breaker, the probe after its reset");
    app.sim.clear_faults();
    is_delivered_after_a_replay(&app, &letter, &placed).await;
}
