//! A timeout around a call that answers at the first poll.

use fsm_integration_core::layers::timeout::TimeoutLayer;
use tower::{Layer, Service};
use tower_resilience_timelimiter::TimeLimiterLayer;

use super::least;
use crate::harness::{
    contender::Row,
    service::{Ends, MINUTE, Noop, repeat, serve},
};

pub(crate) fn row(row: &mut Row) {
    row.floor("tower no-op", || serve(Noop, Ends::Well)).alone();
    least::may_wait(row);
    row.ours("TimeoutLayer", || serve(TimeoutLayer::new(MINUTE).layer(Noop), Ends::Well));
    row.peer("tokio::time::timeout", || {
        let mut service = Noop;
        repeat(move |ask| tokio::time::timeout(MINUTE, service.call(ask)), Ends::Well)
    });
    row.peer("tower", || serve(tower::timeout::TimeoutLayer::new(MINUTE).layer(Noop), Ends::Well));
    let service = TimeLimiterLayer::builder().timeout_duration(MINUTE).build().layer(Noop);
    row.peer("tower-resilience", move || serve(service.clone(), Ends::Well));
}
