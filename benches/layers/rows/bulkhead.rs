//! A place that is free.

use std::sync::Arc;

use fsm_integration_core::layers::bulkhead::{Bulkhead, BulkheadLayer};
use tokio::sync::Semaphore;
use tower::{Layer, limit::ConcurrencyLimitLayer};
use tower_resilience_bulkhead::BulkheadLayer as TowerResilience;

use crate::harness::{
    contender::Row,
    service::{Ends, Noop, serve, spin},
};

const PLACES: usize = 100;

pub(crate) fn row(row: &mut Row) {
    let semaphore = Arc::new(Semaphore::new(PLACES));
    row.floor("tokio semaphore", move || {
        let semaphore = Arc::clone(&semaphore);
        spin(move |_| drop(semaphore.try_acquire().expect("a place is free")))
    });
    let service = BulkheadLayer::new(Bulkhead::new(PLACES, PLACES)).layer(Noop);
    row.ours("BulkheadLayer", move || serve(service.clone(), Ends::Well));
    // Its queue has no bound.
    let service = ConcurrencyLimitLayer::new(PLACES).layer(Noop);
    row.peer("tower", move || serve(service.clone(), Ends::Well));
    let layer = TowerResilience::builder().max_concurrent_calls(PLACES).build().expect("valid settings");
    let service = layer.layer(Noop);
    row.peer("tower-resilience", move || serve(service.clone(), Ends::Well));
}
