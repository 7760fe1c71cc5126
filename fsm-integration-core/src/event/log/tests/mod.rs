mod sweep;

use super::*;
use crate::{clock::SystemClock, sqlite::DatabaseConfig};

async fn log() -> (tempfile::TempDir, EventLog) {
    let folder = tempfile::tempdir().unwrap();
    let database = Database::open(&folder.path().join("t.db"), DatabaseConfig::default()).unwrap();
    database.migrate(&[MIGRATION]).await.unwrap();
    (folder, EventLog::open(database, Arc::new(SystemClock)).await.unwrap())
}

const ORDERS: Topic = Topic::from_static("orders");
const OTHER: Topic = Topic::from_static("other");

async fn append(log: &EventLog, topic: Topic, key: &'static str, fails: bool) -> Result<i64> {
    let inner = log.clone();
    log.database()
        .write(move |tx| {
            let offset = inner.append_raw(tx, &topic, key, Uuid::now_v7(), &Headers::default(), b"x")?;
            if fails { Err(ErrorKind::Internal.into()) } else { Ok(offset) }
        })
        .await
}

#[tokio::test]
async fn records_come_back_in_the_order_they_were_appended_over_all_topics_asked_for() {
    let (_folder, log) = log().await;
    for (topic, key) in [(ORDERS, "a"), (OTHER, "b"), (Topic::from_static("third"), "c"), (ORDERS, "d")] {
        append(&log, topic, key, false).await.unwrap();
    }
    let records = log.read([OTHER, ORDERS].into(), 0, 10).await.unwrap().records;
    assert_eq!(records.iter().map(|record| &*record.key).collect::<Vec<_>>(), ["a", "b", "d"]);
    let rest = log.read([OTHER, ORDERS].into(), records[0].offset, 1).await.unwrap().records;
    assert_eq!(&*rest[0].key, "b");
}

#[tokio::test]
async fn an_event_of_an_undone_unit_never_existed() {
    let (_folder, log) = log().await;
    let mut appended = log.appended();
    append(&log, ORDERS, "a", true).await.unwrap_err();
    assert!(!appended.has_changed().unwrap());
    assert_eq!(log.end_of(&[ORDERS]), 0);
    append(&log, ORDERS, "b", false).await.unwrap();
    assert!(appended.borrow_and_update().is_positive());
    assert_eq!(&*log.read([ORDERS].into(), 0, 10).await.unwrap().records[0].key, "b");
}

#[tokio::test]
async fn a_reopened_log_knows_where_its_topics_end() {
    let (folder, log) = log().await;
    let offset = append(&log, ORDERS, "a", false).await.unwrap();
    let path = folder.path().join("t.db");
    drop(log);
    let database = Database::open(&path, DatabaseConfig::default()).unwrap();
    let again = EventLog::open(database, Arc::new(SystemClock)).await.unwrap();
    assert_eq!((again.end_of(&[ORDERS]), again.end_of(&[OTHER])), (offset, 0));
}

#[tokio::test]
async fn what_one_handle_appends_another_one_of_the_database_hears_of() {
    let (_folder, one) = log().await;
    let other = EventLog::open(one.database().clone(), Arc::new(SystemClock)).await.unwrap();
    let (mut appended, mut woken) = (other.appended(), other.woken());
    let offset = append(&one, ORDERS, "a", false).await.unwrap();
    assert_eq!((other.end_of(&[ORDERS]), *appended.borrow_and_update()), (offset, offset));
    assert!(!woken.has_changed().unwrap());
    one.wake();
    assert!(woken.has_changed().unwrap());
    woken.mark_unchanged();
}

#[tokio::test]
async fn debug_shows_neither_key_nor_payload() {
    let (_folder, log) = log().await;
    append(&log, ORDERS, "jane@example.com", false).await.unwrap();
    let batch = log.read([ORDERS].into(), 0, 10).await.unwrap();
    let text = format!("{batch:?}");
    assert!(text.contains("payload_bytes: 1") && !text.contains("jane") && !text.contains("\"x\""), "{text}");
}

#[tokio::test]
async fn a_read_takes_so_many_bytes_and_leaves_no_gap_between_topics() {
    let (_folder, log) = log().await;
    let inner = log.clone();
    let append = move |tx: &Tx<'_>| {
        let big = vec![0; 5 * 1024 * 1024];
        for topic in [&ORDERS, &ORDERS, &ORDERS, &ORDERS, &OTHER, &ORDERS] {
            inner.append_raw(tx, topic, "k", Uuid::now_v7(), &Headers::default(), &big)?;
        }
        Ok(())
    };
    log.database().write(append).await.unwrap();
    let topics: Arc<[Topic]> = [OTHER, ORDERS].into();
    let first = log.read(Arc::clone(&topics), 0, 10).await.unwrap();
    let last = first.records.last().unwrap().offset;
    let rest = log.read(topics, last, 10).await.unwrap();
    assert_eq!((first.records.len(), first.is_all, rest.records.len(), rest.is_all), (4, false, 2, true));
    assert_eq!(rest.records[0].topic, OTHER);
}
