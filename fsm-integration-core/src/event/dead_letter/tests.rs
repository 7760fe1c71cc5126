use std::sync::Arc;

use uuid::Uuid;

use super::*;
use crate::{
    event::{Headers, Topic},
    sqlite::{Database, DatabaseConfig},
    testing::VirtualClock,
};

const ORDERS: Topic = Topic::from_static("orders");

/// So many open dead letters of one group.
async fn letters(count: u32) -> (tempfile::TempDir, DeadLetters) {
    let folder = tempfile::tempdir().unwrap();
    let database = Database::open(&folder.path().join("t.db"), DatabaseConfig::default()).unwrap();
    database.migrate(&[log::MIGRATION]).await.unwrap();
    let log = EventLog::open(database, Arc::new(VirtualClock::default())).await.unwrap();
    let inner = log.clone();
    let bury = move |tx: &Tx<'_>| {
        for id in 0..count {
            let offset = inner.append_raw(tx, &ORDERS, "k", Uuid::now_v7(), &Headers::default(), b"x")?;
            let sql = "INSERT INTO dead_letters VALUES (?1, 'g', ?2, 'permanent', 'k', 'm', 1, 0, 0, 'open', 0, NULL)";
            tx.execute(sql, params![id.to_string(), offset])?;
        }
        Ok(())
    };
    log.database().write(bury).await.unwrap();
    (folder, DeadLetters::new(log))
}

#[tokio::test]
async fn a_replay_says_how_many_it_left() {
    let (_folder, letters) = letters(250).await;
    let replay = async |plan: ReplayPlan| {
        let replay = letters.replay(plan, Timestamp::UNIX_EPOCH).await.unwrap();
        (replay.ids.len(), replay.remaining)
    };
    assert_eq!(replay(ReplayPlan { dry_run: true, ..ReplayPlan::default() }).await, (100, 150));
    assert_eq!(replay(ReplayPlan::default()).await, (100, 150));
    let filter = DeadLetterFilter { limit: Some(1_000), ..DeadLetterFilter::default() };
    assert_eq!(replay(ReplayPlan { filter, ..ReplayPlan::default() }).await, (150, 0));
    assert_eq!(replay(ReplayPlan::default()).await, (0, 0));
}
