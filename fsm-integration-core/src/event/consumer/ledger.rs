use std::{collections::HashSet, sync::Arc, time::Duration};

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Params, params};
use uuid::Uuid;

use super::Commit;
use crate::{
    error::{Classify, Error, Result},
    event::{
        Topic,
        log::{self, Record},
    },
    sqlite::{Database, Tx},
};

/// What a group remembers: its offset, what it handled, what waits, what died. Every step is one transaction.
#[derive(Debug, Clone)]
pub(super) struct Ledger {
    pub(super) database: Database,
    pub(super) group: Arc<str>,
}

/// A record that waits for another try, now due.
#[derive(Debug)]
pub(super) struct Due {
    pub(super) record: Record,
    pub(super) attempts: u32,
    pub(super) replayed: bool,
}

/// Where a record came from, which decides what its end means for the group's progress.
#[derive(Debug, Clone, Copy)]
pub(super) enum Position {
    /// From the log; once it is settled, everything up to `commit` is.
    Fresh { commit: i64 },
    /// From the waiting ones; the group's progress passed it when it was put aside.
    Redelivery,
}

impl Position {
    fn advance(self, tx: &Tx<'_>, group: &str) -> Result<()> {
        match self {
            Self::Fresh { commit } => advance(tx, group, commit),
            Self::Redelivery => Ok(()),
        }
    }
}

/// What settling a record showed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Settled {
    /// Whether it was handled for the first time.
    pub(super) first: bool,
    /// Whether another record of its key still waits.
    pub(super) held: bool,
}

/// A failure worth writing down.
#[derive(Debug, Clone)]
pub(super) struct Failure {
    class: &'static str,
    kind: &'static str,
    message: String,
    attempts: u32,
    at: Timestamp,
}

impl Failure {
    pub(super) fn new(error: &Error, attempts: u32, at: Timestamp) -> Self {
        let (class, kind) = (error.class().label(), error.kind().label());
        Self { class, kind, message: error.message().to_owned(), attempts, at }
    }

    /// Of a record that has not failed itself, but stands behind one of its key that has.
    pub(super) fn held_back(at: Timestamp) -> Self {
        let message = "waits behind an earlier record of its key".to_owned();
        Self { class: "transient", kind: "held_back", message, attempts: 0, at }
    }
}

/// What is known of a group when it starts.
#[derive(Debug, Default)]
pub(super) struct Start {
    pub(super) committed: i64,
    /// Offsets beyond it that need no handling any more, or wait elsewhere.
    pub(super) settled: HashSet<i64>,
    /// Keys with a record that waits for another try.
    pub(super) held: HashSet<Arc<str>>,
}

impl Ledger {
    pub(super) async fn start(&self, topics: &[Topic]) -> Result<Start> {
        let (group, topics) = (Arc::clone(&self.group), topics.to_vec());
        let name = Arc::clone(&group);
        self.database
            .write(move |tx| Ok(tx.execute("INSERT OR IGNORE INTO consumer_groups VALUES (?1, 0)", [&*name])?))
            .await?;
        // Read beside the writer: what is long past may be much.
        self.database.read(move |db| known(db, &group, &topics)).await
    }

    /// Writes something without consequence, to see whether the store takes it.
    pub(super) async fn touch(&self) -> Result<()> {
        const TOUCH: &str = "UPDATE consumer_groups SET committed = committed WHERE name = ?1";
        let group = Arc::clone(&self.group);
        self.database.write(move |tx| Ok(tx.execute(TOUCH, [&*group]).map(drop)?)).await
    }

    /// The handler succeeded: its effects, the mark and the progress, or nothing.
    ///
    /// `Err` when the store failed; what the effects themselves answered when it did not.
    pub(super) async fn complete(&self, record: &Record, at: Position, commit: Commit) -> Result<Result<Settled>> {
        let (group, event_id, offset) = (Arc::clone(&self.group), record.event_id, record.offset);
        self.database
            .attempt(move |tx| {
                let first = mark(tx, &group, event_id)?;
                if first {
                    commit.run(tx)?;
                }
                let held = match at {
                    Position::Fresh { commit } => advance(tx, &group, commit).map(|()| false)?,
                    Position::Redelivery => settle_redelivery(tx, &group, offset)?,
                };
                Ok(Settled { first, held })
            })
            .await
    }

    /// Puts the record aside for another try; the partition goes on. Behind another of its key it waits for that one.
    pub(super) async fn park(&self, record: &Record, at: Position, due_at: Timestamp, failure: Failure) -> Result<()> {
        let (group, offset, key) = (Arc::clone(&self.group), record.offset, Arc::clone(&record.key));
        self.database
            .write(move |tx| {
                tx.prepare_cached(PARK)?.execute(params![
                    &*group,
                    offset,
                    &*key,
                    due_at.as_millisecond(),
                    failure.attempts,
                    failure.at.as_millisecond(),
                    failure.kind,
                    failure.message
                ])?;
                at.advance(tx, &group)
            })
            .await
    }

    /// Gives the record up: it goes to the dead letters, with everything needed to replay it.
    pub(super) async fn bury(&self, record: &Record, at: Position, failure: Failure) -> Result<Settled> {
        let (group, offset) = (Arc::clone(&self.group), record.offset);
        self.database
            .write(move |tx| {
                let failed_at = failure.at.as_millisecond();
                let first_failed_at = first_failure(tx, &group, offset)?.unwrap_or(failed_at);
                tx.prepare_cached(BURY)?.execute(params![
                    Uuid::now_v7().to_string(),
                    &*group,
                    offset,
                    failure.class,
                    failure.kind,
                    failure.message,
                    failure.attempts,
                    first_failed_at,
                    failed_at
                ])?;
                at.advance(tx, &group)?;
                Ok(Settled { first: true, held: release_next(tx, &group, offset)? })
            })
            .await
    }

    /// Everything up to the offset is settled.
    pub(super) async fn advance(&self, offset: i64) -> Result<()> {
        let group = Arc::clone(&self.group);
        self.database.write(move |tx| advance(tx, &group, offset)).await
    }

    /// The records whose next try is due, oldest first; of a key only the first.
    pub(super) async fn due(&self, now: Timestamp, limit: usize) -> Result<Vec<Due>> {
        let group = Arc::clone(&self.group);
        self.database.read(move |connection| due(connection, &group, now, limit)).await
    }

    /// When the next waiting record falls due after `now`.
    pub(super) async fn next_due(&self, now: Timestamp) -> Result<Option<Timestamp>> {
        let (group, now) = (Arc::clone(&self.group), now.as_millisecond());
        let sql = "SELECT min(due_at) FROM redeliveries WHERE consumer_group = ?1 AND due_at > ?2";
        let due: Option<i64> =
            self.database.read(move |db| Ok(db.query_row(sql, params![&*group, now], |row| row.get(0))?)).await?;
        Ok(due.and_then(|due| Timestamp::from_millisecond(due).ok()))
    }
}

/// How long a failed write waits before it is tried again: the record stays where it is meanwhile.
pub(super) const STORE_PAUSE: Duration = Duration::from_secs(1);

const PARK: &str = "
    INSERT INTO redeliveries VALUES (?1, ?2, ?3,
        CASE WHEN EXISTS (SELECT 1 FROM redeliveries WHERE consumer_group = ?1 AND key = ?3 AND offset < ?2)
             THEN NULL ELSE ?4 END,
        ?5, ?6, ?7, ?8, NULL)
    ON CONFLICT (consumer_group, offset) DO UPDATE SET due_at = excluded.due_at, attempts = excluded.attempts,
        error_kind = excluded.error_kind, error_message = excluded.error_message";

const BURY: &str = "
    INSERT INTO dead_letters VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, 'open', 0, NULL)
    ON CONFLICT (consumer_group, offset) DO UPDATE SET reason_class = excluded.reason_class,
        error_kind = excluded.error_kind, error_message = excluded.error_message,
        attempts = dead_letters.attempts + excluded.attempts, failed_at = excluded.failed_at, status = 'open'";

const PROCESSED: &str = "
    SELECT l.offset FROM event_log l JOIN processed_events p
        ON p.consumer_group = ?1 AND p.event_id = l.event_id WHERE l.topic = ?2 AND l.offset > ?3";

const PUT_ASIDE: &str = "
    SELECT offset FROM redeliveries WHERE consumer_group = ?1 AND offset > ?2
    UNION SELECT offset FROM dead_letters WHERE consumer_group = ?1 AND offset > ?2";

fn known(db: &Connection, group: &str, topics: &[Topic]) -> Result<Start> {
    let committed: i64 =
        db.query_row("SELECT committed FROM consumer_groups WHERE name = ?1", [group], |row| row.get(0))?;
    let mut settled = offsets(db, PUT_ASIDE, params![group, committed])?;
    for topic in topics {
        settled.extend(offsets(db, PROCESSED, params![group, topic.as_str(), committed])?);
    }
    let held = db
        .prepare("SELECT DISTINCT key FROM redeliveries WHERE consumer_group = ?1")?
        .query_map([group], |row| Ok(row.get::<_, String>(0)?.into()))?
        .collect::<rusqlite::Result<_>>()?;
    Ok(Start { committed, settled, held })
}

fn offsets(db: &Connection, sql: &str, values: impl Params) -> Result<HashSet<i64>> {
    let mut statement = db.prepare(sql)?;
    let rows = statement.query_map(values, |row| row.get(0))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

fn mark(tx: &Tx<'_>, group: &str, event_id: Uuid) -> Result<bool> {
    let inserted = tx
        .prepare_cached("INSERT OR IGNORE INTO processed_events VALUES (?1, ?2)")?
        .execute(params![group, event_id.as_bytes()])?;
    Ok(inserted == 1)
}

fn advance(tx: &Tx<'_>, group: &str, offset: i64) -> Result<()> {
    tx.prepare_cached("UPDATE consumer_groups SET committed = ?2 WHERE name = ?1 AND committed < ?2")?
        .execute(params![group, offset])?;
    Ok(())
}

fn first_failure(tx: &Tx<'_>, group: &str, offset: i64) -> Result<Option<i64>> {
    Ok(tx
        .prepare_cached("SELECT first_failed_at FROM redeliveries WHERE consumer_group = ?1 AND offset = ?2")?
        .query_row(params![group, offset], |row| row.get(0))
        .optional()?)
}

/// A waiting record was handled: its replay is resolved, and the next of its key may go at once.
fn settle_redelivery(tx: &Tx<'_>, group: &str, offset: i64) -> Result<bool> {
    tx.prepare_cached(
        "UPDATE dead_letters SET status = 'resolved' WHERE consumer_group = ?1 AND offset = ?2 AND status = 'replaying'",
    )?
    .execute(params![group, offset])?;
    release_next(tx, group, offset)
}

/// Takes the record out of the waiting ones and makes the next of its key due; `false` when there is none.
fn release_next(tx: &Tx<'_>, group: &str, offset: i64) -> Result<bool> {
    let key: Option<String> = tx
        .prepare_cached("DELETE FROM redeliveries WHERE consumer_group = ?1 AND offset = ?2 RETURNING key")?
        .query_row(params![group, offset], |row| row.get(0))
        .optional()?;
    let Some(key) = key else { return Ok(false) };
    let next: Option<i64> = tx
        .prepare_cached("SELECT min(offset) FROM redeliveries WHERE consumer_group = ?1 AND key = ?2")?
        .query_row(params![group, key], |row| row.get(0))?;
    let Some(next) = next else { return Ok(false) };
    tx.prepare_cached(
        "UPDATE redeliveries SET due_at = coalesce(due_at, 0) WHERE consumer_group = ?1 AND offset = ?2",
    )?
    .execute(params![group, next])?;
    Ok(true)
}

fn due(connection: &Connection, group: &str, now: Timestamp, limit: usize) -> Result<Vec<Due>> {
    let mut statement = connection.prepare_cached(
        "SELECT l.offset, l.topic, l.key, l.event_id, l.headers, l.payload, l.appended_at,
                r.attempts, r.dead_letter IS NOT NULL
         FROM redeliveries r JOIN event_log l ON l.offset = r.offset
         WHERE r.consumer_group = ?1 AND r.due_at <= ?2 AND NOT EXISTS
             (SELECT 1 FROM redeliveries e WHERE e.consumer_group = ?1 AND e.key = r.key AND e.offset < r.offset)
         ORDER BY r.due_at, r.offset LIMIT ?3",
    )?;
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let rows = statement.query_map(params![group, now.as_millisecond(), limit], |row| {
        Ok(Due { record: log::record(row)?, attempts: row.get(7)?, replayed: row.get(8)? })
    })?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}
