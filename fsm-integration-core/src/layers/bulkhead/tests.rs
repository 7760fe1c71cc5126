use std::time::Duration;

use futures_util::{FutureExt, future::join_all};
use parking_lot::Mutex;
use tower::{Layer, Service, ServiceExt};

use super::*;
use crate::testing::{
    MockService,
    probe::{self, Failure, Probe},
};

#[tokio::test]
async fn the_layer_passes_the_probe() {
    let bulkhead = Bulkhead::new(1, 0);
    let layer = BulkheadLayer::new(bulkhead.clone());
    let probe = Probe { held: &|| bulkhead.in_flight() + bulkhead.queued(), ..Probe::default() };
    probe.layer(|inner| layer.layer(inner)).await;
    probe::layer_boxed(|inner| layer.layer(inner)).await;
}

#[tokio::test]
async fn a_call_beyond_limit_and_queue_is_refused_without_calling() {
    let bulkhead = Bulkhead::new(1, 1);
    let (inner, mut partner) = MockService::<_, (), Failure>::new();
    let service = BulkheadLayer::new(bulkhead.clone()).layer(inner);
    let [first, queued, refused] = [1, 2, 3].map(|n| tokio::spawn(service.clone().oneshot(n)));
    assert_eq!(refused.await.expect("ends"), Err(Failure::BulkheadFull(BulkheadFull { limit: 1 })));
    assert_eq!((bulkhead.in_flight(), bulkhead.queued()), (1, 1));

    let asked = partner.asked().await;
    assert!(partner.try_asked().is_none(), "the second waits");
    asked.answer(());
    first.await.expect("ends").expect("answered");
    let asked = partner.asked().await;
    assert_eq!(asked.request, 2);
    asked.answer(());
    queued.await.expect("ends").expect("answered");
    assert_eq!((bulkhead.in_flight(), bulkhead.queued()), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn who_comes_first_is_served_first() {
    let bulkhead = Bulkhead::new(2, 60);
    let served = Mutex::new(Vec::new());
    let calls = (0..60).map(|n| {
        let (bulkhead, served) = (&bulkhead, &served);
        async move {
            let call = async {
                served.lock().push(n);
                tokio::time::sleep(Duration::from_millis(n % 7 + 1)).await;
                Ok::<_, Failure>(())
            };
            bulkhead.call(call).await
        }
    });
    assert!(join_all(calls).await.into_iter().all(|result| result.is_ok()));
    assert!(served.lock().is_sorted(), "{:?}", served.lock());
}

#[tokio::test]
async fn a_dropped_waiter_gives_its_place_back() {
    let bulkhead = Bulkhead::new(1, 1);
    let (inner, mut partner) = MockService::<_, _, Failure>::new();
    let mut service = BulkheadLayer::new(bulkhead.clone()).layer(inner);
    let first = tokio::spawn(service.clone().oneshot("first"));
    let asked = partner.asked().await;

    let mut waiter = service.ready().await.expect("ready").call("goes away");
    assert!((&mut waiter).now_or_never().is_none());
    assert_eq!(bulkhead.queued(), 1);
    drop(waiter);
    assert_eq!(bulkhead.queued(), 0);

    let last = tokio::spawn(service.oneshot("last"));
    asked.answer("first done");
    assert_eq!(first.await.expect("ends"), Ok("first done"));
    partner.asked().await.answer("last done");
    assert_eq!(last.await.expect("ends"), Ok("last done"));
    assert_eq!((bulkhead.in_flight(), bulkhead.queued()), (0, 0));
}

/// The place is handed over by a call's end; a waiter dropped at that moment must pass it on.
#[tokio::test]
async fn a_waiter_dropped_after_it_was_given_a_place_passes_it_on() {
    let bulkhead = Bulkhead::new(1, 2);
    let place = bulkhead.place().await.expect("free");
    let mut chosen = Box::pin(bulkhead.place());
    let mut next = Box::pin(bulkhead.place());
    assert!((&mut chosen).now_or_never().is_none() && (&mut next).now_or_never().is_none());
    drop(place);
    drop(chosen);
    assert!(next.now_or_never().is_some_and(|place| place.is_ok()));
}
