use std::time::Duration;

use super::*;
use crate::testing::VirtualClock;

const DAY: Duration = Duration::from_secs(86_400);

struct Fixture {
    _folder: tempfile::TempDir,
    log: EventLog,
    clock: VirtualClock,
}

impl Fixture {
    async fn new() -> Self {
        let (folder, log) = log().await;
        let clock = VirtualClock::default();
        let log = EventLog::open(log.database().clone(), Arc::new(clock.clone())).await.unwrap();
        Self { _folder: folder, log, clock }
    }

    async fn append(&self, topic: Topic, count: usize) -> Vec<i64> {
        let log = self.log.clone();
        let append = move |tx: &Tx<'_>| {
            let one = |_| log.append_raw(tx, &topic, "k", Uuid::now_v7(), &Headers::default(), b"x");
            (0..count).map(one).collect::<Result<Vec<_>>>()
        };
        self.log.database().write(append).await.unwrap()
    }

    async fn execute(&self, sql: String) {
        self.log.database().write(move |tx| Ok(tx.execute_batch(&sql)?)).await.unwrap();
    }

    /// Sweeps the orders after a day, which `reader` reads and nobody else.
    async fn sweep(&self) -> Swept {
        let groups =
            vec![("reader".into(), [ORDERS].into()), ("other".into(), [OTHER].into()), ("gone".into(), [].into())];
        self.log.sweep(Retention { topics: vec![(ORDERS, DAY)], groups }).await.unwrap()
    }

    async fn left(&self) -> Vec<i64> {
        let records = self.log.read([ORDERS, OTHER].into(), 0, 10_000).await.unwrap().records;
        records.iter().map(|record| record.offset).collect()
    }

    async fn count(&self, table: &'static str) -> i64 {
        let sql = format!("SELECT count(*) FROM {table}");
        self.log.database().read(move |db| Ok(db.query_row(&sql, [], |row| row.get(0))?)).await.unwrap()
    }
}

#[tokio::test]
async fn what_is_older_than_its_topics_retention_goes() {
    let fixture = Fixture::new().await;
    fixture.append(ORDERS, 250).await;
    let mut left = fixture.append(OTHER, 2).await;
    fixture.clock.advance(Duration::from_secs(1));
    left.extend(fixture.append(ORDERS, 150).await);
    fixture.execute("INSERT INTO consumer_groups VALUES ('reader', 1000), ('other', 0), ('gone', 0)".into()).await;
    fixture.clock.advance(DAY - Duration::from_secs(1));
    assert_eq!(fixture.sweep().await, Swept::default(), "exactly a day old is not older");
    fixture.clock.advance(Duration::from_millis(1));
    assert_eq!(fixture.sweep().await, Swept { records: 250, dead_letters: 0 });
    assert_eq!(fixture.left().await, left);
    assert_eq!(fixture.sweep().await, Swept::default());
}

#[tokio::test]
async fn what_a_reader_of_the_topic_has_not_passed_stays() {
    let fixture = Fixture::new().await;
    let all = fixture.append(ORDERS, 5).await;
    fixture.clock.advance(DAY * 2);
    assert_eq!(fixture.sweep().await.records, 0, "the reader has not even started");
    fixture
        .execute(format!("INSERT INTO consumer_groups VALUES ('reader', {}), ('other', 0), ('gone', 0)", all[3]))
        .await;
    fixture.execute(format!("INSERT INTO consumer_groups VALUES ('unnamed', {})", all[1])).await;
    assert_eq!(fixture.sweep().await.records, 2, "a group that is not named may read anything");
    fixture.execute("DELETE FROM consumer_groups WHERE name = 'unnamed'".into()).await;
    assert_eq!(fixture.sweep().await.records, 2);
    assert_eq!(fixture.left().await, all[4..]);
}

#[tokio::test]
async fn what_waits_or_is_undecided_stays_and_what_is_closed_goes_along() {
    let fixture = Fixture::new().await;
    let all = fixture.append(ORDERS, 6).await;
    fixture.execute("INSERT INTO consumer_groups VALUES ('reader', 1000)".into()).await;
    for (offset, status) in all.iter().zip(["open", "replaying", "resolved", "discarded"]) {
        fixture
            .execute(format!(
                "INSERT INTO dead_letters VALUES
                 ('{status}', 'reader', {offset}, 'permanent', 'k', 'm', 1, 0, 0, '{status}', 0, NULL)"
            ))
            .await;
    }
    let waits = format!("INSERT INTO redeliveries VALUES ('reader', {}, 'k', 0, 1, 0, 'k', 'm', NULL)", all[4]);
    fixture.execute(waits).await;
    fixture.clock.advance(DAY * 2);
    assert_eq!(fixture.sweep().await, Swept { records: 3, dead_letters: 2 });
    assert_eq!(fixture.left().await, [all[0], all[1], all[4]]);
    fixture.execute("DELETE FROM redeliveries; UPDATE dead_letters SET status = 'resolved'".into()).await;
    assert_eq!(fixture.sweep().await, Swept { records: 3, dead_letters: 2 });
    assert_eq!(fixture.count("dead_letters").await, 0);
}

#[tokio::test]
async fn the_marks_of_a_record_go_with_it_and_no_others() {
    let fixture = Fixture::new().await;
    fixture.append(ORDERS, 3).await;
    fixture.append(OTHER, 1).await;
    let groups = "INSERT INTO consumer_groups VALUES ('reader', 1000), ('other', 1000)";
    let marks = "INSERT INTO processed_events SELECT name, event_id FROM consumer_groups, event_log";
    fixture.execute(format!("{groups}; {marks}")).await;
    fixture.clock.advance(DAY * 2);
    assert_eq!(fixture.sweep().await.records, 3);
    assert_eq!(fixture.count("processed_events").await, 2, "those of the other topic");
}

#[tokio::test]
async fn an_offset_is_never_given_twice() {
    let fixture = Fixture::new().await;
    let last = fixture.append(ORDERS, 3).await[2];
    fixture.execute("INSERT INTO consumer_groups VALUES ('reader', 1000)".into()).await;
    fixture.clock.advance(DAY * 2);
    assert_eq!(fixture.sweep().await.records, 3);
    assert!(fixture.append(ORDERS, 1).await[0] > last);
}
