use jiff::civil::date;
use partner_sim::{Fault, FaultKind};
use tokio_util::sync::CancellationToken;

use super::*;
use crate::{
    point_of_sale::push::JOB,
    store::inventory::{self, RunKind},
};

/// A running schedule; dropped, it ends.
struct Running {
    pos: PointOfSale,
    _stop: tokio_util::sync::DropGuard,
}

impl Shop {
    fn run(&self) -> Running {
        let (pos, stop) = (self.start(), CancellationToken::new());
        let (schedule, shutdown) = (pos.clone(), stop.clone());
        tokio::spawn(async move { schedule.run(shutdown).await });
        Running { pos, _stop: stop.drop_guard() }
    }

    /// Ends when both schedules have nothing to do before a time.
    async fn idle_until(&self, due: &str) {
        until("idle schedule", async || self.clock.next_due() == Some(at(due))).await;
    }
}

impl Running {
    async fn runs(&self, kind: RunKind) -> usize {
        self.pos.history(kind).await.unwrap().iter().count()
    }
}

async fn mark(shop: &Shop) -> Option<jiff::civil::Date> {
    shop.store.read(|db| inventory::mark(db, JOB, LOCATION)).await.unwrap()
}

#[tokio::test]
async fn a_moved_clock_triggers_both_schedules() {
    let shop = Shop::open("America/New_York", "2026-01-02T20:00:00Z").await;
    shop.sell("demo", "PX-1", "2026-01-02T10:00:00Z").await;
    let running = shop.run();
    until("first sync", async || running.runs(RunKind::Inventory).await == 1).await;
    until("first mark", async || mark(&shop).await == Some(date(2026, 1, 1))).await;
    assert!(shop.dates().is_empty());
    shop.clock.advance_to(at("2026-01-02T21:05:00Z"));
    until("second sync", async || running.runs(RunKind::Inventory).await == 2).await;
    shop.clock.advance_to(at("2026-01-03T04:30:00Z"));
    until("push", async || mark(&shop).await == Some(date(2026, 1, 2))).await;
    assert_eq!(shop.ids("2026-01-02"), ["PX-1"]);
}

/// F-X2: no catch-up.
#[tokio::test]
async fn days_missed_while_the_server_was_down_are_pushed_in_order() {
    let shop = Shop::open("America/New_York", "2026-01-02T20:00:00Z").await;
    let running = shop.run();
    until("first mark", async || mark(&shop).await == Some(date(2026, 1, 1))).await;
    drop(running);
    shop.sell("demo", "FRIDAY", "2026-01-02T21:00:00Z").await;
    shop.sell("demo", "SATURDAY", "2026-01-03T21:00:00Z").await;
    shop.clock.advance_to(at("2026-01-04T12:00:00Z"));
    let _running = shop.run();
    until("both pushes", async || mark(&shop).await == Some(date(2026, 1, 3))).await;
    assert_eq!(shop.dates(), ["2026-01-02", "2026-01-03"]);
    assert_eq!((shop.ids("2026-01-02"), shop.ids("2026-01-03")), (vec!["FRIDAY".into()], vec!["SATURDAY".into()]));
}

#[tokio::test]
async fn a_failed_push_is_tried_again_and_does_not_spin() {
    let shop = Shop::open("UTC", "2026-01-02T23:29:00Z").await;
    // Keeps the hourly schedule out of the way: it has just synced.
    shop.start().sync_inventory().await.unwrap();
    shop.sim.inject(Fault::times(PUSH, FaultKind::status(503), 2));
    let running = shop.run();
    until("first mark", async || mark(&shop).await == Some(date(2026, 1, 1))).await;
    shop.clock.advance_to(at("2026-01-02T23:30:00Z"));
    shop.idle_until("2026-01-02T23:35:00Z").await;
    assert_eq!(running.runs(RunKind::Sales).await, 1);
    shop.clock.advance_to(at("2026-01-02T23:35:00Z"));
    shop.idle_until("2026-01-02T23:45:00Z").await;
    assert_eq!((running.runs(RunKind::Sales).await, mark(&shop).await), (2, Some(date(2026, 1, 1))));
    shop.clock.advance_to(at("2026-01-02T23:45:00Z"));
    until("push", async || mark(&shop).await == Some(date(2026, 1, 2))).await;
    assert_eq!((shop.dates(), running.runs(RunKind::Sales).await), (vec!["2026-01-02".to_owned()], 3));
}

#[tokio::test]
async fn a_back_office_that_is_down_is_not_asked_before_the_next_hour() {
    let mut shop = Shop::open("UTC", "2026-01-02T10:30:00Z").await;
    shop.config.timeout = Duration::from_secs(5);
    shop.sim.inject(Fault::always("/conexxus", FaultKind::HangUp));
    let running = shop.run();
    let due = fsm_adapters_conexxus::next_sync(at("2026-01-02T10:30:00Z"), LOCATION);
    until("failed sync", async || running.runs(RunKind::Inventory).await == 1).await;
    shop.idle_until(&due.to_string()).await;
    assert_eq!(shop.sim.faults()[0].fired, 1);
}

#[tokio::test]
async fn a_restart_within_the_hour_does_not_sync_again() {
    let shop = Shop::open("UTC", "2026-01-02T10:30:00Z").await;
    shop.start().sync_inventory().await.unwrap();
    let running = shop.run();
    let due = fsm_adapters_conexxus::next_sync(at("2026-01-02T10:30:00Z"), LOCATION);
    shop.idle_until(&due.to_string()).await;
    assert_eq!(running.runs(RunKind::Inventory).await, 1);
}

/// F-X3: the manual trigger and the schedule overlapped.
#[tokio::test]
async fn a_manual_sync_during_a_scheduled_one_follows_it() {
    let shop = Shop::open("UTC", "2026-01-02T10:30:00Z").await;
    shop.sim.inject(Fault::once(ITEMS, FaultKind::Slow { delay: Duration::from_millis(100) }));
    let running = shop.run();
    until("scheduled sync under way", async || shop.sim.faults()[0].fired == 1).await;
    for _ in 0..3 {
        running.pos.ask_for_sync().unwrap();
    }
    until("both syncs", async || running.runs(RunKind::Inventory).await == 2).await;
    let due = fsm_adapters_conexxus::next_sync(at("2026-01-02T10:30:00Z"), LOCATION);
    shop.idle_until(&due.to_string()).await;
    assert_eq!(running.runs(RunKind::Inventory).await, 2);
}

#[tokio::test]
async fn a_schedule_that_is_off_ends_with_the_shutdown() {
    let mut shop = Shop::open("UTC", "2026-01-02T10:30:00Z").await;
    shop.config.api_key = None;
    let stop = CancellationToken::new();
    stop.cancel();
    shop.start().run(stop).await;
}
