mod faults;

use std::time::Duration;

use bytes::Bytes;
use tokio::{sync::watch, task::JoinHandle};
use uuid::Uuid;

use super::*;
use crate::{
    error::{CircuitOpen, Error, ErrorKind, RateLimited, Result},
    event::{
        Headers,
        dead_letter::{DeadLetterFilter, DeadLetters, ReplayPlan, Status},
        log::{self, EventLog},
    },
    sqlite::{Database, DatabaseConfig, Migration},
    testing::VirtualClock,
};

const ORDERS: Topic = Topic::from_static("orders");
const EFFECTS: Migration = Migration { name: "effects", sql: "CREATE TABLE effects (what TEXT)" };
const PATIENCE: Duration = Duration::from_secs(20);

type Decide = Arc<dyn Fn(&str, u32) -> Result<()> + Send + Sync>;

/// One group over one log; what the handler saw can be waited for.
struct Fixture {
    _folder: Option<tempfile::TempDir>,
    log: EventLog,
    clock: VirtualClock,
    seen: watch::Sender<Vec<String>>,
    handle: ConsumerHandle,
    shutdown: CancellationToken,
    running: JoinHandle<()>,
}

impl Fixture {
    async fn new(decide: impl Fn(&str, u32) -> Result<()> + Send + Sync + 'static) -> Self {
        Self::with(|_| (), |seen| handler(seen, Arc::new(decide))).await
    }

    /// With other settings and a handler of the test's own.
    async fn with(
        change: impl FnOnce(&mut ConsumerConfig),
        handler: impl FnOnce(watch::Sender<Vec<String>>) -> Handler,
    ) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let database = Database::open(&folder.path().join("t.db"), DatabaseConfig::default()).unwrap();
        database.migrate(&[log::MIGRATION, EFFECTS]).await.unwrap();
        let clock = VirtualClock::starting_at("2025-01-15T10:00:00Z".parse().unwrap());
        let log = EventLog::open(database, Arc::new(clock.clone())).await.unwrap();
        let mut config = config();
        change(&mut config);
        let (seen, wall) = (watch::Sender::default(), Arc::new(clock.clone()));
        let handler = handler(seen.clone());
        Self { _folder: Some(folder), ..Self::run(log, clock, wall, config, seen, handler) }
    }

    fn start(log: EventLog, clock: VirtualClock, decide: Decide) -> Self {
        let (seen, wall) = (watch::Sender::default(), Arc::new(clock.clone()));
        let handler = handler(seen.clone(), decide);
        Self::run(log, clock, wall, config(), seen, handler)
    }

    fn run(
        log: EventLog,
        clock: VirtualClock,
        wall: Arc<dyn WallClock>,
        config: ConsumerConfig,
        seen: watch::Sender<Vec<String>>,
        handler: Handler,
    ) -> Self {
        let consumer = Consumer::new(log.clone(), wall, config, handler);
        let (handle, shutdown) = (consumer.handle(), CancellationToken::new());
        let running = tokio::spawn(consumer.run(shutdown.clone()));
        Self { _folder: None, log, clock, seen, handle, shutdown, running }
    }

    async fn publish(&self, key: &'static str, what: &'static str) -> Uuid {
        let id = Uuid::now_v7();
        self.publish_as(id, key, what).await;
        id
    }

    async fn publish_as(&self, id: Uuid, key: &'static str, what: &'static str) {
        let log = self.log.clone();
        let mut headers = Headers::default();
        headers.push("traceparent", "t-1").unwrap();
        let append = move |tx: &crate::sqlite::Tx<'_>| log.append_raw(tx, &ORDERS, key, id, &headers, what.as_bytes());
        self.log.database().write(append).await.unwrap();
    }

    /// Waits until the handler has seen what is expected.
    async fn saw(&self, expected: impl Fn(&[String]) -> bool) -> Vec<String> {
        let mut seen = self.seen.subscribe();
        let wait = seen.wait_for(|seen| expected(seen));
        match tokio::time::timeout(PATIENCE, wait).await {
            Ok(seen) => seen.unwrap().clone(),
            Err(_) => panic!("the handler saw {:?}", self.seen.borrow()),
        }
    }

    async fn letters(&self, status: Status) -> Vec<crate::event::dead_letter::DeadLetter> {
        let filter = DeadLetterFilter { status: Some(status), ..DeadLetterFilter::default() };
        let letters = DeadLetters::new(self.log.clone());
        eventually(async || Some(letters.list(filter.clone()).await.unwrap()).filter(|found| !found.is_empty())).await
    }

    async fn effects(&self) -> Vec<String> {
        let read = |db: &rusqlite::Connection| {
            let mut statement = db.prepare("SELECT what FROM effects ORDER BY rowid")?;
            let rows = statement.query_map([], |row| row.get(0))?;
            Ok(rows.collect::<rusqlite::Result<_>>()?)
        };
        self.log.database().read(read).await.unwrap()
    }

    /// How many records wait for another try, and how long the next of them does.
    async fn waiting(&self) -> (u32, Option<Duration>) {
        let sql = "SELECT count(*), min(due_at) FROM redeliveries";
        let row = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get::<_, Option<i64>>(1)?));
        let (count, due) = self.log.database().read(move |db| Ok(db.query_row(sql, [], row)?)).await.unwrap();
        let wait =
            |due: i64| Duration::from_millis((due - self.clock.timestamp().as_millisecond()).max(0).unsigned_abs());
        (count, due.map(wait))
    }

    async fn caught_up(&self) {
        eventually(async || (self.handle.lag().await.unwrap() == 0).then_some(())).await;
    }

    async fn stop(self) -> (Option<tempfile::TempDir>, EventLog, VirtualClock) {
        self.shutdown.cancel();
        self.running.await.unwrap();
        (self._folder, self.log, self.clock)
    }
}

fn config() -> ConsumerConfig {
    let schedule =
        DurableSchedule { delays: vec![Duration::from_secs(60); 3], jitter_factor: 0.0, ..DurableSchedule::default() };
    ConsumerConfig::new("group", &[ORDERS], schedule)
}

async fn eventually<T>(mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let look = async {
        loop {
            if let Some(found) = look().await {
                return found;
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, look).await.expect("it never came true")
}

/// Notes what it saw; the effect is written with the mark.
fn handler(seen: watch::Sender<Vec<String>>, decide: Decide) -> Handler {
    Handler::new(tower::service_fn(move |delivery: Delivery| {
        let (seen, decide) = (seen.clone(), Arc::clone(&decide));
        async move {
            let what = String::from_utf8(delivery.record.payload.to_vec()).unwrap();
            seen.send_modify(|seen| seen.push(what.clone()));
            decide(&what, delivery.attempt)?;
            Ok(Commit::with(move |tx| Ok(tx.execute("INSERT INTO effects VALUES (?1)", [what]).map(drop)?)))
        }
    }))
}

fn transient() -> Error {
    Error::new(ErrorKind::Unavailable, "the partner is down")
}

#[tokio::test]
async fn a_key_keeps_its_order_and_every_record_is_handled() {
    let fixture = Fixture::new(|_, _| Ok(())).await;
    for (key, what) in [("a", "a1"), ("b", "b1"), ("a", "a2"), ("a", "a3"), ("b", "b2")] {
        fixture.publish(key, what).await;
    }
    let seen = fixture.saw(|seen| seen.len() == 5).await;
    let of = |key: &str| seen.iter().filter(|what| what.starts_with(key)).cloned().collect::<Vec<_>>();
    assert_eq!((of("a"), of("b")), (vec!["a1".into(), "a2".into(), "a3".into()], vec!["b1".into(), "b2".into()]));
    fixture.caught_up().await;
}

#[tokio::test]
async fn an_event_published_twice_has_its_effect_once() {
    let fixture = Fixture::new(|_, _| Ok(())).await;
    let id = fixture.publish("a", "a1").await;
    fixture.publish_as(id, "a", "a1").await;
    fixture.publish("a", "a2").await;
    fixture.caught_up().await;
    assert_eq!(fixture.effects().await, ["a1", "a2"]);
}

#[tokio::test]
async fn a_failure_for_now_holds_its_key_back_and_nobody_else() {
    let fixture = Fixture::new(|what, attempt| match (what, attempt) {
        ("a1", 0) => Err(transient()),
        _ => Ok(()),
    })
    .await;
    for (key, what) in [("a", "a1"), ("a", "a2"), ("b", "b1")] {
        fixture.publish(key, what).await;
    }
    fixture.saw(|seen| seen.contains(&"b1".to_owned())).await;
    fixture.caught_up().await;
    assert_eq!(fixture.effects().await, ["b1"]);
    fixture.clock.advance(Duration::from_secs(60));
    fixture.saw(|seen| seen.contains(&"a2".to_owned())).await;
    eventually(async || (fixture.effects().await.len() == 3).then_some(())).await;
    assert_eq!(fixture.effects().await, ["b1", "a1", "a2"]);
}

#[tokio::test]
async fn a_record_held_back_before_a_restart_still_follows_the_one_it_waits_for() {
    let fixture = Fixture::new(|_, _| Err(transient())).await;
    fixture.publish("a", "a1").await;
    fixture.publish("a", "a2").await;
    fixture.caught_up().await;
    let (_folder, log, clock) = fixture.stop().await;
    let again = Fixture::start(log, clock, Arc::new(|_, _| Ok(())));
    again.publish("a", "a3").await;
    again.caught_up().await;
    again.clock.advance(Duration::from_secs(60));
    assert_eq!(again.saw(|seen| seen.len() == 3).await, ["a1", "a2", "a3"]);
}

#[tokio::test]
async fn what_was_settled_beyond_the_commit_before_a_restart_is_no_lag() {
    let fixture = Fixture::new(|_, _| Ok(())).await;
    fixture.publish("a", "first").await;
    fixture.publish("b", "second").await;
    fixture.caught_up().await;
    let (_folder, log, clock) = fixture.stop().await;
    // As after a stop at which a slower record held the commit back.
    let unwind = |tx: &crate::sqlite::Tx<'_>| Ok(tx.execute("UPDATE consumer_groups SET committed = 0", [])?);
    log.database().write(unwind).await.unwrap();
    let fixture = Fixture::start(log, clock, Arc::new(|_: &str, _| panic!("it was handled before")));
    fixture.caught_up().await;
    assert_eq!(fixture.effects().await, ["first", "second"]);
}

#[tokio::test]
async fn a_failure_for_good_is_dead_lettered_at_once_with_its_bytes_and_key() {
    let fixture = Fixture::new(|what, _| match what {
        "poison" => Err(Error::new(ErrorKind::Undecodable, "no such schema")),
        _ => Ok(()),
    })
    .await;
    fixture.publish("a", "poison").await;
    fixture.publish("a", "a2").await;
    fixture.caught_up().await;
    assert_eq!(fixture.effects().await, ["a2"]);
    let letters = fixture.letters(Status::Open).await;
    assert_eq!((letters[0].attempts, letters[0].error_kind.as_str()), (1, "undecodable"));
    let (_, record) = DeadLetters::new(fixture.log.clone()).show(&letters[0].id).await.unwrap();
    assert_eq!((record.payload, &*record.key), (Bytes::from_static(b"poison"), "a"));
    assert_eq!(record.headers.text("traceparent"), Some("t-1"));
}

#[tokio::test]
async fn a_failure_that_goes_on_is_given_up_after_the_schedule() {
    let fixture = Fixture::new(|_, _| Err(transient())).await;
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
async fn a_replayed_dead_letter_is_handled_again_and_resolved() {
    let fixture = Fixture::new(|_, attempt| {
        static BROKEN: std::sync::atomic::AtomicBool = std::sync::atomic::AtomicBool::new(true);
        match BROKEN.swap(false, std::sync::atomic::Ordering::Relaxed) {
            true => Err(Error::new(ErrorKind::PartnerRejected, "400")),
            false => {
                assert_eq!(attempt, 0);
                Ok(())
            }
        }
    })
    .await;
    fixture.publish("a", "a1").await;
    let letters = DeadLetters::new(fixture.log.clone());
    let id = fixture.letters(Status::Open).await[0].id.clone();
    let now = "2025-01-15T10:00:00Z".parse().unwrap();
    let dry = letters.replay(ReplayPlan { dry_run: true, ..ReplayPlan::default() }, now).await.unwrap();
    assert_eq!((dry.ids.clone(), fixture.effects().await.len()), (vec![id], 0));
    letters.replay(ReplayPlan::default(), now).await.unwrap();
    let resolved = fixture.letters(Status::Resolved).await;
    assert_eq!((resolved[0].replays, fixture.effects().await), (1, vec!["a1".to_owned()]));
}

/// The group must hear of a replay from before it reads what waits, or nobody tells it again.
#[tokio::test]
async fn a_replay_while_the_group_starts_is_not_missed() {
    let fixture = Fixture::new(|_, _| Err(Error::new(ErrorKind::PartnerRejected, "400"))).await;
    fixture.publish("a", "a1").await;
    fixture.letters(Status::Open).await;
    let (mut folder, mut log, mut clock) = fixture.stop().await;
    for round in 1..=20 {
        let decide = |_: &str, _| Err(Error::new(ErrorKind::PartnerRejected, "400"));
        let fixture = Fixture::start(log, clock, Arc::new(decide));
        for _ in 0..round % 4 {
            tokio::task::yield_now().await;
        }
        let now = "2025-01-15T10:00:00Z".parse().unwrap();
        DeadLetters::new(fixture.log.clone()).replay(ReplayPlan::default(), now).await.unwrap();
        fixture.saw(|seen| seen.len() == 1).await;
        fixture.letters(Status::Open).await;
        (_, log, clock) = fixture.stop().await;
    }
    drop(folder.take());
}

#[tokio::test]
async fn a_panicking_handler_is_a_failure_for_now() {
    let fixture = Fixture::new(|what, attempt| {
        assert!(what != "a1" || attempt > 0, "boom");
        Ok(())
    })
    .await;
    fixture.publish("a", "a1").await;
    fixture.publish("b", "b1").await;
    fixture.caught_up().await;
    fixture.clock.advance(Duration::from_secs(60));
    eventually(async || (fixture.effects().await.len() == 2).then_some(())).await;
}

#[tokio::test]
async fn a_refusal_by_our_own_limiter_is_no_attempt_and_waits_the_first_delay() {
    let fixture = Fixture::new(|_, attempt| {
        static CALLS: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
        assert_eq!(attempt, 0);
        match CALLS.fetch_add(1, std::sync::atomic::Ordering::Relaxed) {
            0..=4 => Err(RateLimited { retry_after: Some(Duration::from_secs(1)) }.into()),
            _ => Ok(()),
        }
    })
    .await;
    fixture.publish("a", "a1").await;
    for calls in 1..=5 {
        fixture.saw(|seen| seen.len() == calls).await;
        eventually(async || fixture.clock.next_due()).await;
        fixture.clock.advance(Duration::from_secs(60));
    }
    eventually(async || (fixture.effects().await == ["a1"]).then_some(())).await;
}

#[tokio::test]
async fn a_refusal_by_our_own_breaker_is_no_attempt() {
    let fixture = Fixture::new(|_, attempt| {
        static CALLS: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
        assert_eq!(attempt, 0);
        match CALLS.fetch_add(1, std::sync::atomic::Ordering::Relaxed) {
            0..=4 => Err(CircuitOpen { retry_after: Some(Duration::from_secs(30)) }.into()),
            _ => Ok(()),
        }
    })
    .await;
    fixture.publish("a", "a1").await;
    for calls in 1..=5 {
        fixture.saw(|seen| seen.len() == calls).await;
        eventually(async || fixture.clock.next_due()).await;
        // The hint and what spreads those that wait for the same breaker.
        fixture.clock.advance(Duration::from_secs(33));
    }
    eventually(async || (fixture.effects().await == ["a1"]).then_some(())).await;
}

#[tokio::test]
async fn a_group_that_fails_on_everything_stops_and_loses_nothing() {
    let fixture = Fixture::new(|_, _| Err(Error::new(ErrorKind::PartnerRejected, "401"))).await;
    for _ in 0..60 {
        fixture.publish("k", "x").await;
    }
    let stopped = || matches!(fixture.handle.state(), ConsumerState::Stopped { .. });
    eventually(async || stopped().then_some(())).await;
    assert_eq!(fixture.handle.lag().await.unwrap(), 60 - 19);
    let (_folder, log, clock) = fixture.stop().await;
    let mended = Fixture::start(log, clock, Arc::new(|_, _| Ok(())));
    mended.caught_up().await;
    assert_eq!(mended.effects().await.len(), 41);
}

#[tokio::test]
async fn a_stopped_group_goes_on_when_it_is_resumed() {
    let mended = Arc::new(std::sync::atomic::AtomicBool::new(false));
    let switch = Arc::clone(&mended);
    let fixture = Fixture::new(move |_, _| match switch.load(std::sync::atomic::Ordering::Relaxed) {
        true => Ok(()),
        false => Err(Error::new(ErrorKind::PartnerRejected, "401")),
    })
    .await;
    for _ in 0..30 {
        fixture.publish("k", "x").await;
    }
    eventually(async || (fixture.handle.state() != ConsumerState::Running).then_some(())).await;
    mended.store(true, std::sync::atomic::Ordering::Relaxed);
    fixture.handle.resume();
    fixture.caught_up().await;
    assert_eq!(fixture.effects().await.len(), 11);
}

#[tokio::test]
async fn a_stopped_group_leaves_the_runtime_to_others() {
    let fixture = Fixture::new(|what, _| match what {
        "parked" => Err(transient()),
        _ => Err(Error::new(ErrorKind::PartnerRejected, "401")),
    })
    .await;
    fixture.publish("p", "parked").await;
    for _ in 0..60 {
        fixture.publish("k", "x").await;
    }
    eventually(async || (fixture.handle.state() != ConsumerState::Running).then_some(())).await;
    // One thread runs this test and the group: were the group to spin, nothing here would ever go on.
    fixture.clock.advance(Duration::from_secs(3_600));
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    assert_eq!(fixture.seen.borrow().iter().filter(|what| *what == "parked").count(), 1);
}

#[tokio::test]
async fn a_replay_behind_a_busy_key_is_not_forgotten() {
    let fixture = Fixture::new(|what, attempt| match (what, attempt) {
        ("a1", 0) => Err(Error::new(ErrorKind::PartnerRejected, "400")),
        _ => Ok(()),
    })
    .await;
    fixture.publish("a", "a1").await;
    fixture.letters(Status::Open).await;
    // The replay and a fresh record of its key meet in whatever order; both are handled.
    let letters = DeadLetters::new(fixture.log.clone());
    let now = "2025-01-15T10:00:00Z".parse().unwrap();
    let replay = letters.replay(ReplayPlan::default(), now);
    let (replayed, _) = tokio::join!(replay, fixture.publish("a", "a2"));
    assert_eq!(replayed.unwrap().ids.len(), 1);
    fixture.saw(|seen| seen.iter().filter(|what| *what == "a1").count() == 2).await;
}

#[tokio::test]
async fn replayed_records_of_a_key_keep_their_order() {
    let broken = Arc::new(std::sync::atomic::AtomicBool::new(true));
    let switch = Arc::clone(&broken);
    let fixture = Fixture::new(move |what, attempt| match switch.load(std::sync::atomic::Ordering::Relaxed) {
        true => Err(Error::new(ErrorKind::PartnerRejected, "400")),
        false if what == "a1" && attempt == 0 => Err(transient()),
        false => Ok(()),
    })
    .await;
    for what in ["a1", "a2", "a3"] {
        fixture.publish("a", what).await;
    }
    fixture.caught_up().await;
    broken.store(false, std::sync::atomic::Ordering::Relaxed);
    let now = "2025-01-15T10:00:00Z".parse().unwrap();
    DeadLetters::new(fixture.log.clone()).replay(ReplayPlan::default(), now).await.unwrap();
    fixture.saw(|seen| seen.len() == 4).await;
    eventually(async || fixture.clock.next_due()).await;
    fixture.clock.advance(Duration::from_secs(60));
    eventually(async || (fixture.effects().await.len() == 3).then_some(())).await;
    assert_eq!(fixture.effects().await, ["a1", "a2", "a3"]);
}
