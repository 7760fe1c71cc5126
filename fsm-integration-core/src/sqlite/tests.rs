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
