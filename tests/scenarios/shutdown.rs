//! A graceful stop under load loses nothing, and the next start goes on.

use std::{
    num::NonZeroU32,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use partner_sim::{Fault, FaultKind, sales::OrderBook};
use serde_json::Value;

use crate::support::{Placed, TestApp, without_preferences};

/// Orders that are under way when the server is told to stop.
const BEFORE: usize = 40;
/// How long a stop may take that has nothing to wait for but answers.
const PROMPT: Duration = Duration::from_secs(10);

async fn unlimited() -> TestApp {
    TestApp::with(|config| config.limits.intake_per_minute = NonZeroU32::new(100_000).unwrap()).await
}

/// Posts orders one after the other until nobody answers any more; keeps what was accepted.
async fn keep_posting(base: String, next: Arc<AtomicU32>, accepted: Arc<Mutex<Vec<Placed>>>) {
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let book = OrderBook { prefix: "STOP".to_owned(), ..OrderBook::default() };
    loop {
        let order = book.order(next.fetch_add(1, Ordering::Relaxed).into());
        let Ok(answer) = http.post(format!("{base}/api/v2/orders/intake")).json(&order).send().await else { return };
        let status = answer.status().as_u16();
        let Ok(body) = answer.json::<Value>().await else { return };
        assert_eq!(status, 202, "{body}");
        let text = |name: &str| body[name].as_str().unwrap().to_owned();
        let (order_id, external_id, correlation_id) = (text("orderId"), text("externalOrderId"), text("correlationId"));
        accepted.lock().unwrap().push(Placed { order_id, external_id, correlation_id });
    }
}

#[tokio::test]
async fn a_stop_under_load_loses_nothing() {
    let mut app = unlimited().await;
    let (next, accepted) = (Arc::new(AtomicU32::new(0)), Arc::new(Mutex::new(Vec::new())));
    let base = format!("http://{}", app.server().public());
    let clients = (0..4).map(|_| tokio::spawn(keep_posting(base.clone(), next.clone(), accepted.clone())));
    let clients: Vec<_> = clients.collect();
    let enough = async || (accepted.lock().unwrap().len() >= BEFORE).then_some(());
    app.until("enough orders", enough).await;
    let began = tokio::time::Instant::now();
    app.shut_down().await;
    assert!(began.elapsed() < PROMPT, "{:?}", began.elapsed());
    for client in clients {
        client.await.unwrap();
    }
    let accepted = accepted.lock().unwrap().clone();

    app.boot().await;
    for placed in &accepted {
        // Booked or not, its sales system hears of every order that was accepted.
        let look = async || app.told(&placed.external_id, |seen| seen.deliveries().next().map(|_| ()));
        app.until(&format!("news of {}", placed.external_id), look).await;
    }
    app.until_idle().await;
    let told = app.sim.with_ledger(|ledger| ledger.orders.len());
    // An answer may be lost with its connection; the order is not.
    assert!((accepted.len()..=accepted.len() + 4).contains(&told), "{told} of {}", accepted.len());
    assert_eq!(app.dead_letters().await, Vec::<Value>::new());
    app.well();
}

#[tokio::test]
async fn what_waits_for_another_try_waits_on_after_a_restart() {
    let mut app = unlimited().await;
    app.inject(Fault::always("/pyxis", FaultKind::status(503)));
    let placed = app.scheduled(&without_preferences("PX-WAITS")).await;
    app.until("the first failures", async || (app.struck() >= 4).then_some(())).await;
    app.until_idle().await;
    app.restart().await;
    app.sim.clear_faults();
    app.until_idle().await;
    assert_eq!(app.acknowledged(&placed, "sales-appointment-callback").await, None, "its time has not come");
    app.pass(Duration::from_secs(10));
    app.until_acknowledged(&placed, "sales-appointment-callback").await;
    app.well();
}

#[tokio::test]
async fn a_journey_goes_on_over_restarts_at_every_step() {
    let mut app = unlimited().await;
    let placed = app.place(&without_preferences("PX-STEPS")).await;
    app.restart().await;
    app.until_status(&placed, "SCHEDULED").await;
    app.restart().await;
    let job = app.complete(&placed).await;
    app.restart().await;
    app.check_in(&job).await;
    app.restart().await;
    let form = app.check_out(&job).await;
    app.restart().await;
    app.sign(&form, &serde_json::json!([])).await;
    app.restart().await;
    app.until_acknowledged(&placed, "provider-invoice").await;
    app.until_acknowledged(&placed, "sales-installation-outcome").await;
    assert_eq!(app.told("PX-STEPS", |seen| Some(seen.deliveries().count())), Some(2));
    app.well();
}

#[tokio::test]
async fn a_stopped_server_answers_nobody() {
    let mut app = unlimited().await;
    let (public, admin) = (app.server().public(), app.server().admin());
    app.shut_down().await;
    for address in [public, admin] {
        assert!(tokio::net::TcpStream::connect(address).await.is_err(), "{address}");
    }
}
