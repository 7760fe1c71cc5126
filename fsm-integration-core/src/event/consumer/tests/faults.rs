//! What handlers, stores, clocks and settings do that they should not.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use jiff::Timestamp;
use tokio::sync::Semaphore;

use super::*;
use crate::{clock::Sleep, sqlite::Tx};

/// Notes what it saw, goes on only when the gate lets it, and notes that too.
fn gated(seen: watch::Sender<Vec<String>>, gate: Arc<Semaphore>) -> Handler {
    let inner = handler(seen.clone(), Arc::new(|_, _| Ok(())));
    Handler::new(tower::service_fn(move |delivery| {
        let (inner, gate, seen) = (inner.clone(), Arc::clone(&gate), seen.clone());
        async move {
            let commit = tower::ServiceExt::oneshot(inner, delivery).await;
            gate.acquire().await.unwrap().forget();
            seen.send_modify(|seen| seen.push("passed".to_owned()));
            commit
        }
    }))
}

/// Passes time for tokio's timers, whatever else is under way.
async fn pass(time: Duration) {
    tokio::time::pause();
    tokio::time::advance(time).await;
    tokio::time::resume();
}

#[tokio::test]
async fn effects_that_fail_as_unavailable_fail_as_a_handler_does() {
    let unavailable = |_: &Tx<'_>| Err(transient());
    let handler = move |seen: watch::Sender<Vec<String>>| {
        Handler::new(tower::service_fn(move |_| {
            seen.send_modify(|seen| seen.push("tried".to_owned()));
            async move { Ok(Commit::with(unavailable)) }
        }))
    };
    let fixture = Fixture::with(|_| (), handler).await;
    fixture.publish("a", "a1").await;
    for tries in 1..=4 {
        fixture.saw(|seen| seen.len() == tries).await;
        fixture.caught_up().await;
        eventually(async || (tries == 4 || fixture.clock.next_due().is_some()).then_some(())).await;
        fixture.clock.advance(Duration::from_secs(60));
    }
    assert_eq!(fixture.letters(Status::Open).await[0].attempts, 4);
}

#[tokio::test]
async fn a_store_that_is_away_costs_no_attempt() {
    let gate = Arc::new(Semaphore::new(0));
    let fixture = Fixture::with(|_| (), |seen| gated(seen, Arc::clone(&gate))).await;
    fixture.log.database().write(|tx| Ok(tx.busy_timeout(Duration::ZERO)?)).await.unwrap();
    fixture.publish("a", "a1").await;
    fixture.saw(|seen| seen.len() == 1).await;
    let other = rusqlite::Connection::open(fixture._folder.as_ref().unwrap().path().join("t.db")).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    gate.add_permits(2);
    fixture.saw(|seen| seen.len() == 2).await;
    fixture.log.database().write(|_| Ok(())).await.unwrap_err();
    other.execute_batch("ROLLBACK").unwrap();
    let mut passed = 0;
    while fixture.handle.lag().await.unwrap() > 0 {
        pass(Duration::from_secs(1)).await;
        passed += 1;
        assert!(passed < 10_000, "the group does not look at the store again");
    }
    assert_eq!((fixture.seen.borrow().len(), fixture.waiting().await.0), (4, 0));
    assert_eq!(fixture.effects().await, ["a1"]);
}

struct Bomb;
impl Drop for Bomb {
    fn drop(&mut self) {
        panic!("dropped in the middle");
    }
}

#[tokio::test]
async fn a_handler_that_panics_when_it_is_given_up_is_a_failure_for_now() {
    let handler = |seen: watch::Sender<Vec<String>>| {
        let inner = handler(seen, Arc::new(|_, _| Ok(())));
        Handler::new(tower::service_fn(move |delivery: Delivery| {
            let inner = inner.clone();
            async move {
                let hangs = &*delivery.record.payload == b"a1" && delivery.attempt == 0;
                let commit = tower::ServiceExt::oneshot(inner, delivery).await;
                if hangs {
                    let _bomb = Bomb;
                    std::future::pending::<()>().await;
                }
                commit
            }
        }))
    };
    let fixture = Fixture::with(|_| (), handler).await;
    fixture.publish("a", "a1").await;
    fixture.publish("a", "a2").await;
    fixture.saw(|seen| seen.len() == 1).await;
    pass(Duration::from_secs(121)).await;
    fixture.caught_up().await;
    assert_eq!(fixture.waiting().await, (2, Some(Duration::from_secs(60))));
    fixture.clock.advance(Duration::from_secs(60));
    eventually(async || (fixture.effects().await == ["a1", "a2"]).then_some(())).await;
}

/// A wall clock that panics when it is next looked at, so often.
#[derive(Debug)]
struct Broken(VirtualClock, Arc<AtomicU32>);

impl WallClock for Broken {
    fn timestamp(&self) -> Timestamp {
        let left = self.1.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1));
        assert!(left.is_err(), "the clock is broken");
        self.0.timestamp()
    }

    fn sleep_until(&self, at: Timestamp) -> Sleep {
        self.0.sleep_until(at)
    }
}

/// A group whose clock breaks as often as said when `a1` fails for the first time.
async fn broken_in(times: u32) -> Fixture {
    let breaks = Arc::new(AtomicU32::new(0));
    let switch = Arc::clone(&breaks);
    let decide = move |what: &str, attempt| match (what, attempt) {
        ("a1", 0) => {
            switch.store(times, Ordering::Relaxed);
            Err(transient())
        }
        _ => Ok(()),
    };
    let start = Fixture::new(|_, _| Ok(())).await;
    let (folder, log, clock) = start.stop().await;
    let (seen, wall) = (watch::Sender::default(), Arc::new(Broken(clock.clone(), breaks)));
    let handler = handler(seen.clone(), Arc::new(decide));
    Fixture { _folder: folder, ..Fixture::run(log, clock, wall, config(), seen, handler) }
}

#[tokio::test]
async fn a_delivery_that_breaks_off_is_put_aside_and_its_key_goes_on() {
    let fixture = broken_in(1).await;
    fixture.publish("a", "a1").await;
    fixture.publish("a", "a2").await;
    fixture.caught_up().await;
    assert_eq!(fixture.waiting().await, (2, Some(Duration::from_secs(60))));
    fixture.clock.advance(Duration::from_secs(60));
    eventually(async || (fixture.effects().await == ["a1", "a2"]).then_some(())).await;
}

#[tokio::test]
async fn a_delivery_that_cannot_even_be_put_aside_waits_for_the_next_start() {
    let fixture = broken_in(2).await;
    fixture.publish("a", "a1").await;
    fixture.saw(|seen| seen == ["a1"]).await;
    fixture.publish("b", "b1").await;
    eventually(async || (fixture.effects().await == ["b1"]).then_some(())).await;
    assert_eq!(fixture.handle.lag().await.unwrap(), 2);
    let (_folder, log, clock) = fixture.stop().await;
    let again = Fixture::start(log, clock, Arc::new(|_, _| Ok(())));
    again.caught_up().await;
    assert_eq!(again.effects().await, ["b1", "a1"]);
}

#[tokio::test]
async fn a_hint_postpones_no_longer_than_its_cap() {
    const DAYS: Duration = Duration::from_secs(30 * 86_400);
    const HOUR: Duration = Duration::from_secs(3_600);
    for hint in [DAYS, Duration::MAX] {
        let fixture = Fixture::new(move |_, _| Err(transient().with_retry_after(Some(hint)))).await;
        fixture.publish("a", "a1").await;
        fixture.caught_up().await;
        assert_eq!(fixture.waiting().await, (1, Some(HOUR)), "{hint:?}");
        // Those that one breaker refuses come back spread over a tenth of its wait.
        let fixture = Fixture::new(move |_, _| Err(CircuitOpen { retry_after: Some(hint) }.into())).await;
        fixture.publish("a", "a1").await;
        fixture.caught_up().await;
        let wait = fixture.waiting().await.1.unwrap();
        assert!((HOUR..=HOUR + HOUR / 10).contains(&wait), "{hint:?}: {wait:?}");
    }
}

#[tokio::test]
async fn a_refusal_of_our_own_is_no_attempt_even_without_retries() {
    for refusal in [
        Error::from(CircuitOpen { retry_after: Some(Duration::from_secs(30)) }),
        CircuitOpen { retry_after: None }.into(),
        RateLimited { retry_after: Some(Duration::from_secs(1)) }.into(),
    ] {
        let (refuses, refusal) = (AtomicBool::new(true), std::sync::Mutex::new(Some(refusal)));
        let decide = move |_: &str, attempt| {
            assert_eq!(attempt, 0);
            if refuses.swap(false, Ordering::Relaxed) { Err(refusal.lock().unwrap().take().unwrap()) } else { Ok(()) }
        };
        let handler = |seen: watch::Sender<Vec<String>>| handler(seen, Arc::new(decide));
        let fixture = Fixture::with(|config| config.schedule.delays.clear(), handler).await;
        fixture.publish("a", "a1").await;
        fixture.caught_up().await;
        assert_eq!(fixture.waiting().await.0, 1);
        fixture.clock.advance(Duration::from_secs(33));
        eventually(async || (fixture.effects().await == ["a1"]).then_some(())).await;
    }
}

#[tokio::test]
async fn a_group_with_room_for_nothing_has_room_for_one() {
    for (concurrency, prefetch) in [(0, 1), (1, 0), (0, 0)] {
        let change = |config: &mut ConsumerConfig| (config.concurrency, config.prefetch) = (concurrency, prefetch);
        let fixture = Fixture::with(change, |seen| handler(seen, Arc::new(|_, _| Ok(())))).await;
        fixture.publish("a", "a1").await;
        fixture.publish("b", "b1").await;
        fixture.caught_up().await;
        assert_eq!(fixture.effects().await, ["a1", "b1"]);
    }
}

/// From here on the store takes no write any more.
fn goes_away(tx: &Tx<'_>) -> Result<()> {
    Ok(tx.execute_batch("PRAGMA query_only = ON")?)
}

#[tokio::test]
async fn a_group_whose_store_is_gone_ends_when_it_is_told() {
    let gate = Arc::new(Semaphore::new(0));
    let fixture = Fixture::with(|_| (), |seen| gated(seen, Arc::clone(&gate))).await;
    fixture.publish("a", "a1").await;
    fixture.saw(|seen| seen.len() == 1).await;
    fixture.log.database().write(goes_away).await.unwrap();
    gate.add_permits(1);
    fixture.saw(|seen| seen.len() == 2).await;
    fixture.log.database().write(|_| Ok(())).await.unwrap_err();
    tokio::time::timeout(PATIENCE, fixture.stop()).await.expect("it ends");
}

#[tokio::test]
async fn a_group_that_cannot_hold_a_record_back_ends_when_it_is_told() {
    let fixture = Fixture::new(|_, _| Err(transient())).await;
    fixture.publish("a", "a1").await;
    fixture.caught_up().await;
    let log = fixture.log.clone();
    let last = move |tx: &Tx<'_>| {
        log.append_raw(tx, &ORDERS, "a", Uuid::now_v7(), &Headers::default(), b"a2")?;
        goes_away(tx)
    };
    fixture.log.database().write(last).await.unwrap();
    for _ in 0..100 {
        fixture.handle.lag().await.unwrap();
    }
    tokio::time::timeout(PATIENCE, fixture.stop()).await.expect("it ends");
}

#[tokio::test]
async fn a_group_that_has_ended_says_so_and_is_not_resumed() {
    let fixture = Fixture::new(|_, _| Ok(())).await;
    assert_eq!(fixture.handle.state(), ConsumerState::Running);
    let handle = fixture.handle.clone();
    let (_folder, log, clock) = fixture.stop().await;
    handle.resume();
    assert_eq!(handle.state(), ConsumerState::Ended);

    let dropped = Fixture::start(log, clock, Arc::new(|_, _| Ok(())));
    dropped.running.abort();
    eventually(async || (dropped.handle.state() == ConsumerState::Ended).then_some(())).await;
}
