use std::time::Duration;

use futures_util::{FutureExt, future::join_all};
use parking_lot::Mutex;
use tower::{Layer, Service, ServiceExt};

use super::*;
use crate::{
    clock::{Clock, SystemClock},
    observe::Told,
    testing::{
        MockService,
        probe::{self, Failure, Probe},
    },
};

const SECOND: Duration = Duration::from_secs(1);

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
    let place = bulkhead.acquire().await.expect("free");
    let mut chosen = Box::pin(bulkhead.acquire());
    let mut next = Box::pin(bulkhead.acquire());
    assert!((&mut chosen).now_or_never().is_none() && (&mut next).now_or_never().is_none());
    drop(place);
    drop(chosen);
    assert!(next.now_or_never().is_some_and(|place| place.is_ok()));
}

#[tokio::test(start_paused = true)]
async fn a_call_that_waited_too_long_is_refused_and_leaves_the_queue() {
    let told = Told::default();
    let config = BulkheadConfig { max_concurrent: 1, max_queued: 1, max_wait: Some(SECOND) };
    let bulkhead = Bulkhead::with_config(config).with_name("erp").with_observers(told.observers());
    let place = bulkhead.acquire().await.expect("free");
    let began = SystemClock.now();
    let (inner, mut partner) = MockService::<_, (), Failure>::new();
    let refused = BulkheadLayer::new(bulkhead.clone()).layer(inner).oneshot("work").await;
    assert_eq!(refused, Err(Failure::BulkheadFull(BulkheadFull { limit: 1 })));
    assert_eq!(SystemClock.now() - began, SECOND);
    assert!(partner.try_asked().is_none() && bulkhead.queued() == 0);
    assert_eq!(bulkhead.acquire().await.expect_err("taken"), BulkheadFull { limit: 1 });
    assert_eq!(SystemClock.now() - began, 2 * SECOND);
    let expected = ("erp".to_owned(), Observation::BulkheadRefused { limit: 1 });
    assert_eq!(told.take(), [expected.clone(), expected]);
    drop(place);
    assert!(bulkhead.try_acquire().is_ok());
    assert_eq!(told.take(), []);
}

#[tokio::test(start_paused = true)]
async fn who_is_served_in_time_is_not_refused_later() {
    let config = BulkheadConfig { max_concurrent: 1, max_queued: 1, max_wait: Some(SECOND) };
    let bulkhead = Bulkhead::with_config(config);
    let place = bulkhead.acquire().await.expect("free");
    let waits = tokio::spawn({
        let bulkhead = bulkhead.clone();
        async move {
            let long = async {
                tokio::time::sleep(5 * SECOND).await;
                Ok::<_, Failure>(())
            };
            bulkhead.call(long).await
        }
    });
    tokio::time::sleep(SECOND / 2).await;
    drop(place);
    assert_eq!(waits.await.expect("ends"), Ok(()));
}

#[tokio::test]
async fn the_limit_can_be_changed_while_calls_are_under_way() {
    let bulkhead = Bulkhead::new(1, 2);
    let (inner, mut partner) = MockService::<_, _, Failure>::new();
    let service = BulkheadLayer::new(bulkhead.clone()).layer(inner);
    let calls = [1, 2].map(|n| tokio::spawn(service.clone().oneshot(n)));
    let first = partner.asked().await;
    assert!(partner.try_asked().is_none());
    bulkhead.clone().resize(2);
    let second = partner.asked().await;
    assert_eq!((bulkhead.limit(), bulkhead.in_flight()), (2, 2));

    bulkhead.resize(1);
    first.answer(());
    assert!(tokio::spawn(service.clone().oneshot(3)).now_or_never().is_none());
    tokio::task::yield_now().await;
    assert_eq!((bulkhead.in_flight(), bulkhead.queued()), (1, 1));
    second.answer(());
    partner.asked().await.answer(());
    for call in calls {
        assert_eq!(call.await.expect("ends"), Ok(()));
    }
}

/// tower's `ConcurrencyLimit` takes its place in `poll_ready`: clones that are ready and not called use all up.
#[tokio::test]
async fn services_that_are_ready_and_not_called_take_no_place() {
    let bulkhead = Bulkhead::new(1, 0);
    let service = BulkheadLayer::new(bulkhead.clone()).layer(tower::service_fn(async |()| Ok::<_, Failure>(())));
    let mut clones = [service.clone(), service.clone(), service];
    for clone in &mut clones {
        clone.ready().await.expect("ready");
    }
    assert_eq!(bulkhead.in_flight(), 0);
    for clone in &mut clones {
        assert_eq!(clone.call(()).await, Ok(()));
    }
}

/// A place that is kept until the future is dropped is held by every future that is kept in a collection.
#[tokio::test]
async fn a_call_that_has_ended_holds_no_place_even_if_its_future_is_kept() {
    let bulkhead = Bulkhead::new(1, 0);
    let mut service = BulkheadLayer::new(bulkhead.clone()).layer(tower::service_fn(async |()| Ok::<_, Failure>(())));
    let mut ended = Box::pin(service.ready().await.expect("ready").call(()));
    assert_eq!((&mut ended).await, Ok(()));
    let mut handled = Box::pin(bulkhead.call(async { Ok::<_, Failure>(()) }));
    assert_eq!((&mut handled).await, Ok(()));
    assert_eq!(bulkhead.in_flight(), 0);
}

/// A future that is kept in a collection would keep the request, and the place its service may hold elsewhere.
#[tokio::test(start_paused = true)]
async fn a_refused_call_holds_nothing_even_if_its_future_is_kept() {
    let bulkhead = Bulkhead::with_config(BulkheadConfig { max_concurrent: 1, max_queued: 1, max_wait: Some(SECOND) });
    let _place = bulkhead.acquire().await.expect("free");
    let (request, of_service) = (Arc::new(()), Arc::new(()));
    let inner = {
        let of_service = Arc::clone(&of_service);
        tower::service_fn(move |_: Arc<()>| {
            let _of_service = &of_service;
            std::future::ready(Ok::<_, Failure>(()))
        })
    };
    let mut service = BulkheadLayer::new(bulkhead.clone()).layer(inner);
    let mut refused = Box::pin(service.ready().await.expect("ready").call(Arc::clone(&request)));
    drop(service);
    (&mut refused).await.expect_err("waited too long");
    assert_eq!((Arc::strong_count(&request), Arc::strong_count(&of_service)), (1, 1));

    let held = Arc::clone(&request);
    let mut refused = Box::pin(bulkhead.call(async move {
        let _held = held;
        Ok::<_, Failure>(())
    }));
    (&mut refused).await.expect_err("waited too long");
    assert_eq!(Arc::strong_count(&request), 1);
}

#[test]
fn only_a_longest_wait_needs_a_runtime() {
    let waits = |max_wait| {
        let bulkhead = Bulkhead::with_config(BulkheadConfig { max_concurrent: 1, max_queued: 1, max_wait });
        let _place = bulkhead.try_acquire().expect("free");
        bulkhead.acquire().now_or_never().is_none()
    };
    assert!(waits(None));
    assert!(std::panic::catch_unwind(|| waits(Some(SECOND))).is_err());
}

#[tokio::test]
async fn a_panic_in_a_call_gives_its_place_back() {
    let bulkhead = Bulkhead::new(1, 0);
    let call = bulkhead.call(async { panic!("planted") as Result<(), Failure> });
    assert!(std::panic::AssertUnwindSafe(call).catch_unwind().await.is_err());
    assert_eq!(bulkhead.in_flight(), 0);
}

#[test]
fn settings_are_read_and_unknown_ones_refused() {
    let read: BulkheadConfig = serde_json::from_str(r#"{"max_concurrent":3,"max_wait":"250ms"}"#).expect("settings");
    let expected = BulkheadConfig { max_concurrent: 3, max_queued: 0, max_wait: Some(SECOND / 4) };
    assert_eq!(read, expected);
    let written = serde_json::to_string(&expected).expect("text");
    assert_eq!(serde_json::from_str::<BulkheadConfig>(&written).expect("settings"), expected);
    assert_eq!(serde_json::from_str::<BulkheadConfig>("{}").expect("settings"), BulkheadConfig::default());
    assert!(serde_json::from_str::<BulkheadConfig>(r#"{"max_waits":"1s"}"#).is_err());
}
