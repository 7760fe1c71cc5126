use fsm_adapters_conexxus::SyncStatus;
use fsm_integration_core::error::ErrorKind;
use partner_sim::{Fault, FaultKind};

use super::*;
use crate::store::inventory::{self, RunKind};

const NOW: &str = "2026-01-02T10:00:00Z";

async fn items(shop: &Shop) -> Vec<(String, String)> {
    let items = shop.store.read(inventory::items).await.unwrap();
    items.into_iter().map(|item| (item.sku, item.price.to_string())).collect()
}

fn stored(items: &[(&str, &str)]) -> Vec<(String, String)> {
    items.iter().map(|(sku, price)| ((*sku).to_owned(), (*price).to_owned())).collect()
}

#[tokio::test]
async fn items_are_upserted_by_sku() {
    let shop = Shop::open("Europe/Madrid", NOW).await;
    let pos = shop.start();
    shop.sim.set_items(vec![wine("A", 1.10), wine("B", 2.0)]);
    let run = pos.sync_inventory().await.unwrap();
    assert_eq!((run.status(), run.items_processed, run.items_succeeded), (SyncStatus::Success, 2, 2));
    shop.sim.set_items(vec![wine("B", 2.5), wine("C", 3.0)]);
    pos.sync_inventory().await.unwrap();
    assert_eq!(items(&shop).await, stored(&[("A", "1.1"), ("B", "2.5"), ("C", "3.0")]));
}

#[tokio::test]
async fn more_items_than_a_batch_are_all_taken_over() {
    let shop = Shop::open("Europe/Madrid", NOW).await;
    shop.sim.set_items((0..1201).map(|number| wine(&format!("W{number}"), 1.0)).collect());
    assert_eq!(shop.start().sync_inventory().await.unwrap().items_succeeded, 1201);
    assert_eq!(items(&shop).await.len(), 1201);
}

/// F-X5: `partial` was mapped to nothing.
#[tokio::test]
async fn a_partial_sync_names_the_invalid_items_each_time() {
    let shop = Shop::open("Europe/Madrid", NOW).await;
    let pos = shop.start();
    for _ in 0..2 {
        let run = pos.sync_inventory().await.unwrap();
        assert_eq!((run.status(), run.items_succeeded, run.items_failed), (SyncStatus::Partial, 3, 2));
        let errors: Vec<_> = run.errors.iter().map(|it| (it.item.as_str(), it.error.as_str())).collect();
        assert_eq!(errors, [("INVALID001", "Item missing name"), ("INVALID002", "Item has invalid price")]);
    }
}

#[tokio::test]
async fn an_inventory_that_has_not_changed_is_not_fetched_again() {
    let shop = Shop::open("Europe/Madrid", NOW).await;
    shop.sim.set_items(vec![wine("A", 1.0)]);
    shop.start().sync_inventory().await.unwrap();
    let run = shop.start().sync_inventory().await.unwrap();
    assert_eq!((run.status(), run.items_processed), (SyncStatus::Success, 0));
    shop.sim.set_items(vec![wine("A", 2.0)]);
    assert_eq!(shop.start().sync_inventory().await.unwrap().items_processed, 1);
}

/// F-X8: an empty answer was taken for an empty shop.
#[tokio::test]
async fn an_empty_answer_takes_nothing_away() {
    let shop = Shop::open("Europe/Madrid", NOW).await;
    let pos = shop.start();
    shop.sim.set_items(vec![wine("A", 1.0)]);
    pos.sync_inventory().await.unwrap();
    shop.sim.set_items(Vec::new());
    let run = pos.sync_inventory().await.unwrap();
    assert_eq!((run.status(), run.items_processed), (SyncStatus::Success, 0));
    assert_eq!(items(&shop).await.len(), 1);
    shop.sim.set_items(vec![wine("A", 1.0)]);
    assert_eq!(pos.sync_inventory().await.unwrap().items_processed, 1);
}

#[tokio::test]
async fn failures_are_runs_told_in_the_words_of_the_guide() {
    for (fault, text) in [
        (FaultKind::status(401), "Conexxus API authentication failed. Check API key."),
        (FaultKind::status(403), "Conexxus API access forbidden. Check permissions."),
        (FaultKind::status(404), "Conexxus API endpoint not found: /api/v1/inventory/items"),
        (FaultKind::status(429), "Conexxus API rate limit exceeded. Try again later."),
        (FaultKind::status(500), "Conexxus API server error (500). Try again later."),
        (FaultKind::ErrorBody, "Conexxus API reported a failure: injected fault"),
        (FaultKind::TruncatedJson, "Conexxus API answered something that is not what it should be"),
    ] {
        let shop = Shop::open("Europe/Madrid", NOW).await;
        let pos = shop.start();
        shop.sim.inject(Fault::once(ITEMS, fault));
        let run = pos.sync_inventory().await.unwrap();
        assert_eq!((run.status(), run.failure.as_deref()), (SyncStatus::Failed, Some(text)));
        assert_eq!(pos.sync_inventory().await.unwrap().status(), SyncStatus::Partial, "after {text}");
    }
}

#[tokio::test]
async fn a_slow_api_and_an_absent_one_are_told_apart() {
    let mut shop = Shop::open("Europe/Madrid", NOW).await;
    shop.config.timeout = Duration::from_millis(100);
    shop.sim.inject(Fault::once(ITEMS, FaultKind::Slow { delay: Duration::from_secs(60) }));
    let run = shop.start().sync_inventory().await.unwrap();
    assert_eq!(run.failure.as_deref(), Some("Conexxus API request timeout after 100ms"));
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    shop.config.url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let run = shop.start().sync_inventory().await.unwrap();
    assert_eq!(run.failure.as_deref(), Some("Conexxus API connection refused. Check API URL."));
}

/// F-X5: the runs were kept in memory.
#[tokio::test]
async fn the_last_ten_runs_survive_a_restart() {
    let shop = Shop::open("Europe/Madrid", NOW).await;
    for second in 0..12 {
        shop.clock.advance_to(at(NOW) + Duration::from_secs(second));
        shop.start().sync_inventory().await.unwrap();
    }
    let history = shop.start().history(RunKind::Inventory).await.unwrap();
    let starts: Vec<_> = history.iter().map(|run| run.start_time.duration_since(at(NOW)).as_secs()).collect();
    assert_eq!(starts, (2..12).collect::<Vec<_>>());
    let rows: i64 =
        shop.store.read(|db| Ok(db.query_row("SELECT count(*) FROM sync_runs", [], |row| row.get(0))?)).await.unwrap();
    assert_eq!(rows, 10);
}

/// F-X3: the schedule and a person could sync at the same time.
#[tokio::test]
async fn a_sync_is_refused_while_another_is_under_way() {
    let shop = Shop::open("Europe/Madrid", NOW).await;
    let pos = shop.start();
    let (first, second) = tokio::join!(pos.sync_inventory(), pos.sync_inventory());
    first.unwrap();
    assert_eq!(second.unwrap_err().kind(), ErrorKind::InProgress);
    assert_eq!(pos.history(RunKind::Inventory).await.unwrap().iter().count(), 1);
}
