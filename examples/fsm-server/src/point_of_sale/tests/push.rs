use fsm_adapters_conexxus::SyncStatus;
use fsm_integration_core::error::ErrorKind;
use jiff::civil::{Date, date};
use partner_sim::{Fault, FaultKind};

use super::*;
use crate::{
    point_of_sale::push::JOB,
    store::inventory::{self, RunKind},
};

const DAY: Date = date(2026, 1, 2);

/// New York after 23:30 of [`DAY`].
async fn evening() -> Shop {
    Shop::open("America/New_York", "2026-01-03T04:30:00Z").await
}

/// F-X6: money was a float on the way.
#[tokio::test]
async fn closed_orders_are_sold_with_exact_money() {
    let shop = evening().await;
    shop.sell("demo", "PX-1", "2026-01-02T10:00:00Z").await;
    shop.sell("acme", "PX-2", "2026-01-02T11:00:00.250Z").await;
    assert!(shop.start().push_sales(DAY).await.unwrap());
    let items = json!([{"sku": "WINE001", "quantity": 2, "price": 24.99}]);
    let expected = json!([
        {"id": "PX-1", "timestamp": "2026-01-02T10:00:00Z", "total": 50.10, "items": items},
        {"id": "PX-2", "timestamp": "2026-01-02T11:00:00.25Z", "total": 50.10, "items": items},
    ]);
    assert_eq!(shop.pushed("2026-01-02"), expected);
}

#[tokio::test]
async fn an_open_order_is_not_sold() {
    let shop = evening().await;
    let open = order("demo", "PX-1");
    shop.store.write(move |tx| orders::insert(tx, &open, at("2026-01-02T10:00:00Z")).map(drop)).await.unwrap();
    assert!(shop.start().push_sales(DAY).await.unwrap());
    assert_eq!(shop.pushed("2026-01-02"), json!([]));
}

/// F-X2: the date was that of UTC, and what was sold after the push was lost.
#[tokio::test]
async fn the_business_day_is_the_locations_own() {
    let shop = evening().await;
    shop.sell("demo", "BEFORE", "2026-01-02T04:29:59.999Z").await;
    shop.sell("demo", "FIRST", "2026-01-02T04:30:00Z").await;
    shop.sell("demo", "LAST", "2026-01-03T04:29:59.999Z").await;
    shop.sell("demo", "AFTER", "2026-01-03T04:30:00Z").await;
    shop.start().push_sales(DAY).await.unwrap();
    assert_eq!(shop.ids("2026-01-02"), ["FIRST", "LAST"]);
}

/// In Santiago 23:30 of 4 April 2026 comes twice; the day ends the first time.
#[tokio::test]
async fn a_half_past_eleven_that_comes_twice_is_pushed_once() {
    let shop = Shop::open("America/Santiago", "2026-04-05T02:30:00Z").await;
    shop.sell("demo", "SATURDAY", "2026-04-05T02:29:59Z").await;
    shop.sell("demo", "BETWEEN", "2026-04-05T02:45:00Z").await;
    let pos = shop.start();
    assert!(pos.push_sales(date(2026, 4, 4)).await.unwrap());
    shop.clock.advance_to(at("2026-04-05T03:30:00Z"));
    assert!(!pos.push_sales(date(2026, 4, 4)).await.unwrap());
    shop.clock.advance_to(at("2026-04-06T03:30:00Z"));
    assert!(pos.push_sales(date(2026, 4, 5)).await.unwrap());
    assert_eq!((shop.ids("2026-04-04"), shop.ids("2026-04-05")), (vec!["SATURDAY".into()], vec!["BETWEEN".into()]));
}

#[tokio::test]
async fn two_sales_systems_may_use_one_id() {
    let shop = evening().await;
    shop.sell("demo", "PX-1", "2026-01-02T10:00:00Z").await;
    let other = shop.sell("acme", "PX-1", "2026-01-02T11:00:00Z").await;
    shop.start().push_sales(DAY).await.unwrap();
    assert_eq!(shop.ids("2026-01-02"), ["PX-1".to_owned(), other.to_string()]);
}

#[tokio::test]
async fn a_day_is_pushed_once_whoever_asks() {
    let shop = evening().await;
    let pos = shop.start();
    let (one, two) = tokio::join!(pos.push_sales(DAY), pos.push_sales(DAY));
    assert_eq!((one.unwrap(), two.unwrap()), (true, false));
    assert!(!shop.start().push_sales(DAY).await.unwrap());
    assert_eq!((shop.dates().len(), shop.sim.ledger().repeated_pushes), (1, 0));
}

/// F-X1: the push was repeated without a key.
#[tokio::test]
async fn a_push_whose_answer_was_lost_counts_once() {
    let mut shop = evening().await;
    shop.sell("demo", "PX-1", "2026-01-02T10:00:00Z").await;
    shop.config.retries = 1;
    shop.sim.inject(Fault::once(PUSH, FaultKind::LostAnswer));
    assert!(shop.start().push_sales(DAY).await.unwrap());
    assert_eq!((shop.ids("2026-01-02").len(), shop.sim.ledger().repeated_pushes), (1, 1));
}

#[tokio::test]
async fn a_restart_between_answer_and_mark_repeats_harmlessly() {
    let shop = evening().await;
    shop.sell("demo", "PX-1", "2026-01-02T10:00:00Z").await;
    shop.start().push_sales(DAY).await.unwrap();
    // As if the process had died before it could write the mark.
    let unmark = |tx: &fsm_integration_core::sqlite::Tx<'_>| inventory::set_mark(tx, JOB, LOCATION, date(2026, 1, 1));
    shop.store.write(unmark).await.unwrap();
    shop.clock.advance(Duration::from_secs(3600));
    assert!(shop.start().push_sales(DAY).await.unwrap());
    assert_eq!((shop.ids("2026-01-02").len(), shop.sim.ledger().repeated_pushes), (1, 1));
}

#[tokio::test]
async fn a_push_that_fails_leaves_the_day_to_be_pushed() {
    let shop = evening().await;
    let pos = shop.start();
    for (fault, text) in [
        (FaultKind::status(403), "Conexxus API access forbidden. Check permissions."),
        (FaultKind::status(503), "Conexxus API server error (503). Try again later."),
        (FaultKind::ErrorBody, "Conexxus API reported a failure: injected fault"),
    ] {
        shop.sim.inject(Fault::once(PUSH, fault));
        assert_eq!(pos.push_sales(DAY).await.unwrap_err().to_string(), text);
        let runs = pos.history(RunKind::Sales).await.unwrap();
        assert_eq!(runs.latest().unwrap().failure.as_deref(), Some(text));
    }
    assert!(pos.push_sales(DAY).await.unwrap());
    assert_eq!(pos.history(RunKind::Sales).await.unwrap().latest().unwrap().status(), SyncStatus::Success);
}

#[tokio::test]
async fn no_day_is_pushed_early_or_left_out() {
    let shop = evening().await;
    let pos = shop.start();
    assert_eq!(pos.push_sales(date(2026, 1, 3)).await.unwrap_err().kind(), ErrorKind::InvalidRequest);
    pos.push_sales(date(2025, 12, 31)).await.unwrap();
    assert_eq!(pos.push_sales(DAY).await.unwrap_err().kind(), ErrorKind::InvalidRequest);
    assert_eq!(shop.dates(), ["2025-12-31"]);
}
