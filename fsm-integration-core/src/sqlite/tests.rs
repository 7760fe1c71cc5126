use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use super::*;

const SCHEMA: &[Migration] =
    &[Migration { name: "0001", sql: "CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT UNIQUE)" }];

async fn database() -> (tempfile::TempDir, Database) {
    let folder = tempfile::tempdir().unwrap();
    let database = Database::open(&folder.path().join("t.db"), DatabaseConfig::default()).unwrap();
    database.migrate(SCHEMA).await.unwrap();
    (folder, database)
}

async fn count(database: &Database) -> i64 {
    database.read(|db| Ok(db.query_row("SELECT count(*) FROM t", [], |row| row.get(0))?)).await.unwrap()
}

#[tokio::test]
async fn a_failed_unit_is_undone_and_its_neighbours_are_not() {
    let (_folder, database) = database().await;
    let insert = |value: &'static str| {
        let database = database.clone();
        async move { database.write(move |tx| Ok(tx.execute("INSERT INTO t (v) VALUES (?1)", [value])?)).await }
    };
    let failing = database.write(|tx| {
        tx.execute("INSERT INTO t (v) VALUES ('half')", [])?;
        Err::<(), _>(Error::new(ErrorKind::Internal, "stop"))
    });
    let (a, failed, b) = tokio::join!(insert("a"), failing, insert("b"));
    assert!(a.is_ok() && b.is_ok());
    assert_eq!(failed.unwrap_err().message(), "stop");
    assert_eq!(count(&database).await, 2);
}

#[tokio::test]
async fn a_panicking_unit_is_undone_and_the_writer_lives_on() {
    let (_folder, database) = database().await;
    let panicked = database
        .write(|tx| -> Result<()> {
            tx.execute("INSERT INTO t (v) VALUES ('half')", [])?;
            panic!("boom");
        })
        .await;
    assert_eq!(panicked.unwrap_err().kind(), ErrorKind::Internal);
    assert_eq!(count(&database).await, 0);
    database.write(|tx| Ok(tx.execute("INSERT INTO t (v) VALUES ('a')", [])?)).await.unwrap();
}

#[tokio::test]
async fn hooks_run_after_the_commit_and_not_after_a_rollback() {
    let (_folder, database) = database().await;
    let runs = Arc::new(AtomicUsize::new(0));
    let hook = |runs: &Arc<AtomicUsize>| {
        let runs = Arc::clone(runs);
        move || {
            runs.fetch_add(1, Ordering::Relaxed);
        }
    };
    let (kept, dropped) = (hook(&runs), hook(&runs));
    database
        .write(move |tx| {
            tx.after_commit(kept);
            Ok(())
        })
        .await
        .unwrap();
    database
        .write(move |tx| {
            tx.after_commit(dropped);
            Err::<(), _>(ErrorKind::Internal.into())
        })
        .await
        .unwrap_err();
    assert_eq!(runs.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn a_hook_that_panics_keeps_neither_the_others_nor_the_writer() {
    let (_folder, database) = database().await;
    let ran = Arc::new(AtomicUsize::new(0));
    let other = Arc::clone(&ran);
    let work = move |tx: &Tx<'_>| {
        tx.after_commit(|| panic!("hook"));
        tx.after_commit(move || {
            other.fetch_add(1, Ordering::Relaxed);
        });
        Ok(tx.execute("INSERT INTO t (v) VALUES ('a')", [])?)
    };
    assert_eq!(database.write(work).await.unwrap(), 1);
    assert_eq!((ran.load(Ordering::Relaxed), count(&database).await), (1, 1));
    database.write(|tx| Ok(tx.execute("INSERT INTO t (v) VALUES ('b')", [])?)).await.unwrap();
}

struct Bomb;
impl Drop for Bomb {
    fn drop(&mut self) {
        panic!("dropped");
    }
}

/// Nobody takes the answer: it is dropped on the writer's thread.
#[tokio::test]
async fn an_answer_that_panics_when_it_is_dropped_does_not_end_the_writer() {
    let (_folder, database) = database().await;
    let (go, wait) = std::sync::mpsc::channel::<()>();
    let mut given_up = Box::pin(database.write(move |_| {
        let _ = wait.recv();
        Ok(Bomb)
    }));
    assert!(futures_util::poll!(&mut given_up).is_pending());
    drop(given_up);
    drop(go);
    database.write(|tx| Ok(tx.execute("INSERT INTO t (v) VALUES ('a')", [])?)).await.unwrap();
}

#[tokio::test]
async fn no_size_is_too_small_or_too_large() {
    for size in [0, usize::MAX] {
        let folder = tempfile::tempdir().unwrap();
        let config = DatabaseConfig { max_batch: size, queue: size, readers: size };
        let database = Database::open(&folder.path().join("t.db"), config).unwrap();
        database.migrate(SCHEMA).await.unwrap();
        assert_eq!(count(&database).await, 0, "{size}");
    }
}

#[test]
fn settings_that_are_not_written_are_the_defaults() {
    let config: DatabaseConfig = serde_json::from_str(r#"{"readers":2}"#).unwrap();
    assert_eq!(config, DatabaseConfig { readers: 2, ..DatabaseConfig::default() });
    assert!(serde_json::from_str::<DatabaseConfig>(r#"{"reader":2}"#).is_err());
}

#[tokio::test]
async fn a_second_opener_is_told_that_the_database_is_in_use() {
    let (folder, _database) = database().await;
    let second = Database::open(&folder.path().join("t.db"), DatabaseConfig::default());
    assert!(second.unwrap_err().message().contains("another process uses this database"));
}

#[tokio::test]
async fn a_changed_migration_is_refused() {
    const CHANGED: &[Migration] = &[Migration { name: "0001", sql: "CREATE TABLE other (id INTEGER)" }];
    let (_folder, database) = database().await;
    database.migrate(SCHEMA).await.unwrap();
    assert!(database.migrate(CHANGED).await.unwrap_err().message().contains("0001"));
}

#[tokio::test]
async fn a_read_cannot_write() {
    let (_folder, database) = database().await;
    let written = database.read(|db| Ok(db.execute("INSERT INTO t (v) VALUES ('a')", [])?)).await;
    assert!(written.is_err());
}

#[tokio::test]
async fn many_concurrent_units_all_commit() {
    let (_folder, database) = database().await;
    let writes = (0..500).map(|n| {
        let database = database.clone();
        tokio::spawn(async move {
            database.write(move |tx| Ok(tx.execute("INSERT INTO t (v) VALUES (?1)", [n.to_string()])?)).await
        })
    });
    for write in writes.collect::<Vec<_>>() {
        write.await.unwrap().unwrap();
    }
    assert_eq!(count(&database).await, 500);
}
