#[cfg(fsm_loom)]
mod interleavings;

use std::{
    future::{Future, pending, poll_fn},
    panic::AssertUnwindSafe,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering::SeqCst},
    },
    task::Poll,
    time::Duration,
};

use futures_util::{FutureExt, future::join_all, poll};
use tokio::{
    sync::oneshot,
    time::{sleep, timeout},
};
use tower::{Layer, ServiceExt, service_fn};

use super::*;
use crate::{
    error::{BoxError, Error, ErrorKind},
    observe::Told,
};

type Shared<T> = Coalesce<&'static str, T, Error>;

const SECOND: Duration = Duration::from_secs(1);

/// A call that counts how often it is made and returns the number.
fn counted(made: &Arc<AtomicU32>) -> impl Future<Output = Result<u32, Error>> + Send + use<> {
    let number = made.fetch_add(1, SeqCst) + 1;
    async move {
        sleep(SECOND).await;
        Ok(number)
    }
}

#[tokio::test(start_paused = true)]
async fn calls_at_once_for_one_key_share_one_and_each_key_has_its_own() {
    let (coalesce, made) = (Shared::default(), Arc::new(AtomicU32::new(0)));
    let calls = ["a", "a", "b", "a"].map(|key| coalesce.call(key, || counted(&made)));
    let answers = join_all(calls).await.into_iter().map(|answer| answer.expect("an answer"));
    assert_eq!(answers.collect::<Vec<_>>(), [1, 1, 2, 1]);
    assert_eq!(coalesce.in_flight(), 0);
}

#[tokio::test(start_paused = true)]
async fn nothing_is_kept_after_the_call() {
    let (coalesce, made) = (Shared::default(), Arc::new(AtomicU32::new(0)));
    for expected in [1, 2] {
        assert_eq!(coalesce.call("a", || counted(&made)).await.expect("an answer"), expected);
    }
}

#[tokio::test(start_paused = true)]
async fn a_cancelled_leader_leaves_its_call_to_the_others() {
    let (coalesce, made) = (Shared::default(), Arc::new(AtomicU32::new(0)));
    let began = tokio::time::Instant::now();
    let leader = timeout(SECOND / 2, coalesce.call("a", || counted(&made)));
    let followers = (0..10).map(|_| coalesce.call("a", || counted(&made)));
    let (leader, followers) = tokio::join!(leader, join_all(followers));
    assert!(leader.is_err());
    assert!(followers.into_iter().all(|answer| answer.expect("nobody fails with the leader") == 1));
    assert_eq!(began.elapsed(), SECOND, "the call went on");
}

#[tokio::test(start_paused = true)]
async fn the_last_to_go_drops_the_call() {
    struct Dropped(Arc<AtomicU32>);
    impl Drop for Dropped {
        fn drop(&mut self) {
            self.0.fetch_add(1, SeqCst);
        }
    }
    let (coalesce, drops) = (Shared::<u32>::default(), Arc::new(AtomicU32::new(0)));
    let make = || {
        let dropped = Dropped(Arc::clone(&drops));
        async move {
            let _dropped = dropped;
            pending().await
        }
    };
    let (mut one, mut other) = (Box::pin(coalesce.call("a", make)), Box::pin(coalesce.call("a", make)));
    assert!(poll!(one.as_mut()).is_pending() && poll!(other.as_mut()).is_pending());
    drop(one);
    assert_eq!((drops.load(SeqCst), coalesce.in_flight()), (0, 1));
    drop(other);
    assert_eq!((drops.load(SeqCst), coalesce.in_flight()), (1, 0));
}

/// Polls a future and counts how often.
async fn polls<F: Future>(count: &AtomicU32, future: F) -> F::Output {
    let mut future = pin!(future);
    poll_fn(|cx| {
        count.fetch_add(1, SeqCst);
        future.as_mut().poll(cx)
    })
    .await
}

#[tokio::test(start_paused = true)]
async fn who_waits_is_polled_when_the_call_was_woken_and_not_otherwise() {
    let (coalesce, of_call, of_waiters) = (Shared::default(), Arc::new(AtomicU32::new(0)), Arc::default());
    let callers = (0..10).map(|_| {
        let (coalesce, of_call, of_waiters) = (coalesce.clone(), Arc::clone(&of_call), Arc::clone(&of_waiters));
        tokio::spawn(async move {
            let make = || async move {
                let steps = async {
                    for _ in 0..3 {
                        sleep(SECOND).await;
                    }
                };
                polls(&of_call, steps).await;
                Ok(1)
            };
            polls::<_>(&of_waiters, coalesce.call("a", make)).await.expect("an answer")
        })
    });
    for caller in callers.collect::<Vec<_>>() {
        assert_eq!(caller.await.expect("no panic"), 1);
    }
    assert_eq!(of_call.load(SeqCst), 4, "to begin, and once a step");
    let of_waiters: &AtomicU32 = &of_waiters;
    assert!(of_waiters.load(SeqCst) <= 10 * (1 + 3 + 1), "to begin, once a step, to end: {of_waiters:?}");
}

#[tokio::test(start_paused = true)]
async fn a_caller_that_holds_its_future_without_polling_it_holds_up_nobody() {
    let (coalesce, made) = (Shared::default(), Arc::new(AtomicU32::new(0)));
    let mut stuck = Box::pin(coalesce.call("a", || counted(&made)));
    assert!(poll!(stuck.as_mut()).is_pending());
    let answer = timeout(2 * SECOND, coalesce.call("a", || counted(&made))).await;
    assert_eq!(answer.expect("in time").expect("an answer"), 1);
    assert_eq!(stuck.await.expect("an answer"), 1);
}

#[tokio::test(start_paused = true)]
async fn a_failure_is_shared_with_its_meaning() {
    let coalesce = Shared::<u32>::default();
    let fail = || async {
        sleep(SECOND).await;
        Err(Error::new(ErrorKind::Unavailable, "the ERP answered 503").with_retry_after(Some(SECOND)))
    };
    for error in join_all([coalesce.call("a", fail), coalesce.call("a", fail)]).await {
        let error = error.expect_err("the shared failure");
        assert_eq!((error.kind(), error.retry_after()), (ErrorKind::Unavailable, Some(SECOND)));
        assert_eq!(error.message(), "the ERP answered 503");
    }
}

/// A call whose first making panics after a second.
fn panics_once(made: &AtomicU32) -> impl Future<Output = Result<u32, Error>> + Send + use<> {
    let number = made.fetch_add(1, SeqCst) + 1;
    async move {
        sleep(SECOND).await;
        assert!(number > 1, "boom");
        Ok(number)
    }
}

#[tokio::test(start_paused = true)]
async fn a_panic_is_the_leaders_and_the_others_start_over() {
    let (coalesce, made) = (Shared::default(), AtomicU32::new(0));
    let call = || AssertUnwindSafe(coalesce.call("a", || panics_once(&made))).catch_unwind();
    // The followers stand before the leader in the order of polling once the call is woken.
    let (mut leader, followers) = (Box::pin(call()), join_all([call(), call()]));
    assert!(poll!(leader.as_mut()).is_pending());
    // Not tokio's, which begins with another at each poll.
    let (followers, leader) = futures_util::future::join(followers, leader).await;
    assert_eq!(leader.expect_err("a panic").downcast_ref(), Some(&"boom"));
    for answer in followers {
        assert_eq!(answer.expect("no panic").expect("an answer"), 2);
    }
    assert_eq!(coalesce.in_flight(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_panic_whose_leader_has_gone_is_not_lost() {
    let (coalesce, made) = (Shared::default(), AtomicU32::new(0));
    let call = || AssertUnwindSafe(coalesce.call("a", || panics_once(&made))).catch_unwind();
    let leader = timeout(SECOND / 2, call());
    let (leader, one, other) = tokio::join!(leader, call(), call());
    assert!(leader.is_err());
    let panics = [&one, &other].into_iter().filter(|answer| answer.is_err()).count();
    assert_eq!(panics, 1, "who polled it gets it, the other starts over");
    assert_eq!(made.load(SeqCst), 2);
}

#[tokio::test(start_paused = true)]
async fn a_panic_while_the_call_is_made_leaves_the_key_free() {
    let (coalesce, made) = (Shared::<u32>::default(), Arc::new(AtomicU32::new(0)));
    let make = || -> std::future::Ready<Result<u32, Error>> { panic!("boom") };
    assert!(AssertUnwindSafe(coalesce.call("a", make)).catch_unwind().await.is_err());
    assert_eq!(coalesce.in_flight(), 0);
    assert_eq!(coalesce.call("a", || counted(&made)).await.expect("an answer"), 1);
}

/// Looks, when it wakes somebody, whether the calls may be asked for; loom's lock cannot be tried.
#[cfg(not(fsm_loom))]
struct Looks(Shared<u32>, AtomicU32);

#[cfg(not(fsm_loom))]
impl std::task::Wake for Looks {
    fn wake(self: Arc<Self>) {
        self.1.fetch_add(if self.0.shared.flights.try_lock().is_some() { 1 } else { 100 }, SeqCst);
    }
}

/// What a call holds may ask for calls when it is dropped.
#[cfg(not(fsm_loom))]
#[tokio::test]
async fn a_call_that_nobody_waits_for_is_dropped_outside_the_locks() {
    struct Asks(Shared<u32>);
    impl Drop for Asks {
        fn drop(&mut self) {
            assert!(self.0.shared.flights.try_lock().is_some());
        }
    }
    let coalesce = Shared::<u32>::default();
    let asks = Asks(coalesce.clone());
    let make = || async move {
        let _asks = asks;
        pending().await
    };
    let mut call = Box::pin(coalesce.call("a", make));
    assert!(poll!(call.as_mut()).is_pending());
    drop(call);
    assert_eq!(coalesce.in_flight(), 0);
}

#[test]
fn the_places_of_those_who_left_are_used_again() {
    let flight = Flight::<u32, Error>::new();
    let places = [(); 3].map(|()| flight.board());
    assert_eq!(places, [1, 2, 3], "the leader has the first");
    flight.leave(2);
    assert_eq!([(); 2].map(|()| flight.board()), [2, 4]);
    flight.leave(0);
    assert_eq!(flight.board(), 5, "the leader's is nobody else's");
}

/// A waker that polls at once would wait for a lock that is held around it.
#[cfg(not(fsm_loom))]
#[tokio::test]
async fn followers_are_woken_outside_the_locks_when_their_leader_panics() {
    let coalesce = Shared::<u32>::default();
    let looks = Arc::new(Looks(coalesce.clone(), AtomicU32::new(0)));
    let mut follower = Box::pin(coalesce.call("a", pending));
    let make = || -> std::future::Pending<Result<u32, Error>> {
        let waker = std::task::Waker::from(Arc::clone(&looks));
        assert!(follower.as_mut().poll(&mut std::task::Context::from_waker(&waker)).is_pending());
        panic!("boom")
    };
    assert!(AssertUnwindSafe(coalesce.call("a", make)).catch_unwind().await.is_err());
    assert_eq!(looks.1.load(SeqCst), 1);
}

#[tokio::test(start_paused = true)]
async fn more_keys_than_the_bound_are_not_shared() {
    let coalesce = Shared::new(CoalesceConfig { max_keys: 1 });
    let made = Arc::new(AtomicU32::new(0));
    let calls = ["a", "b", "b", "a"].map(|key| coalesce.call(key, || counted(&made)));
    let answers = join_all(calls).await.into_iter().map(|answer| answer.expect("an answer"));
    assert_eq!(answers.collect::<Vec<_>>(), [1, 2, 3, 1]);
}

#[tokio::test(start_paused = true)]
async fn each_follower_is_told_of_and_the_leader_is_not() {
    let told = Told::default();
    let coalesce = Shared::default().with_name("prices").with_observers(told.observers());
    let made = Arc::new(AtomicU32::new(0));
    join_all([(); 3].map(|()| coalesce.call("a", || counted(&made)))).await;
    let expected = ("prices".to_owned(), Observation::Coalesced);
    assert_eq!(told.take(), [expected.clone(), expected]);
}

#[tokio::test]
async fn a_call_that_is_woken_while_it_is_polled_goes_on() {
    let coalesce = Shared::default();
    let restless = || async {
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
        Ok(7)
    };
    let answers = join_all([coalesce.call("a", restless), coalesce.call("a", restless)]).await;
    assert!(answers.into_iter().all(|answer| answer.expect("an answer") == 7));
}

/// Threads that join, drop out and share: every call ends, and no answer is older than its call.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn racing_and_dropping_callers_strand_nobody() {
    let coalesce = Coalesce::<u32, u32, Error>::default();
    let callers = (0..2_000_u32).map(|caller| {
        let coalesce = coalesce.clone();
        tokio::spawn(async move {
            let make = || async move {
                for _ in 0..caller % 7 {
                    tokio::task::yield_now().await;
                }
                Ok(caller % 3)
            };
            let call = coalesce.call(caller % 3, make);
            if caller % 5 == 0 {
                let mut call = Box::pin(call);
                poll_fn(|cx| Poll::Ready(call.as_mut().poll(cx).is_ready())).await;
                return;
            }
            assert_eq!(call.await.expect("an answer"), caller % 3, "the answer of another key");
        })
    });
    for caller in callers.collect::<Vec<_>>() {
        timeout(10 * SECOND, caller).await.expect("nobody is forgotten").expect("no panic");
    }
    assert_eq!(coalesce.in_flight(), 0);
}

#[tokio::test(start_paused = true)]
async fn the_layer_shares_calls_and_lets_requests_without_key_pass() {
    let made = Arc::new(AtomicU32::new(0));
    let layer = CoalesceLayer::new(Coalesce::default(), |key: &Option<&'static str>| *key);
    let service = layer.layer(service_fn(|_| counted(&made)));
    let calls = [Some("a"), Some("a"), None, None].map(|key| service.clone().oneshot(key));
    let answers = join_all(calls).await.into_iter().map(|answer| answer.expect("an answer"));
    assert_eq!(answers.collect::<Vec<_>>(), [1, 1, 2, 3]);
}

#[tokio::test(start_paused = true)]
async fn a_follower_of_the_layer_makes_its_own_call_after_a_panic() {
    let made = Arc::new(AtomicU32::new(0));
    let layer = CoalesceLayer::new(Coalesce::default(), |_: &()| Some(()));
    let service = layer.layer(service_fn(|()| panics_once(&made)));
    let call = || AssertUnwindSafe(service.clone().oneshot(())).catch_unwind();
    let (leader, follower) = tokio::join!(call(), call());
    assert!(leader.is_err());
    assert_eq!(follower.expect("no panic").expect("an answer"), 2);
}

#[cfg(feature = "testing")]
#[tokio::test(start_paused = true)]
async fn the_layer_passes_the_probe_with_and_without_keys() {
    use crate::testing::probe::{self, Failure, Probe, Request, Response};
    let without = CoalesceLayer::new(Coalesce::<(), Response, Failure>::default(), |_: &Request| None);
    probe::layer(|inner| without.layer(inner)).await;
    let coalesce = Coalesce::<(), Response, Failure>::default();
    let layer = CoalesceLayer::new(coalesce.clone(), |_: &Request| Some(()));
    Probe { held: &|| coalesce.in_flight(), ..Probe::default() }.layer(|inner| layer.layer(inner)).await;
    let boxed = CoalesceLayer::new(Coalesce::<(), Response, BoxError>::default(), |_: &Request| Some(()));
    probe::layer_boxed(|inner| boxed.layer(inner)).await;
}

#[tokio::test]
async fn an_outcome_is_there_for_who_looks_late() {
    let (coalesce, (answer, answered)) = (Shared::<u32>::default(), oneshot::channel::<u32>());
    let make = || async { answered.await.map_err(|_| Error::from(ErrorKind::Internal)) };
    let mut leader = Box::pin(coalesce.call("a", make));
    let mut late = Box::pin(coalesce.call("a", pending));
    assert!(poll!(leader.as_mut()).is_pending() && poll!(late.as_mut()).is_pending());
    answer.send(5).expect("awaited");
    assert_eq!(leader.await.expect("an answer"), 5);
    assert_eq!(coalesce.in_flight(), 0);
    assert_eq!(late.await.expect("an answer"), 5);
}
