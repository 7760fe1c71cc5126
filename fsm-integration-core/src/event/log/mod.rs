//! The embedded event log: what was published, in order, in the same file as the state.
//!
//! Appending takes the transaction of the unit of work that changed the state, so state and events commit together:
//! on the embedded bus the log *is* the outbox, and nothing has to carry events from one to the other.
//!
//! It keeps everything, unless its owner calls [`EventLog::sweep`].

mod sweep;
mod tails;

use std::{collections::HashMap, fmt, sync::Arc};

use bytes::Bytes;
use jiff::Timestamp;
use rusqlite::{Connection, Row, params, types::Type};
use tokio::sync::watch;
use uuid::Uuid;

pub use self::sweep::{Retention, Swept};
use self::tails::Tails;
use super::{Envelope, Headers, Topic};
use crate::{
    clock::WallClock,
    error::{Error, ErrorKind, Result},
    sqlite::{Database, Migration, Tx},
};

/// The tables of the log; apply them before anything is appended.
pub const MIGRATION: Migration = Migration { name: "core_0001_event_log", sql: include_str!("schema.sql") };

/// One record as it lies in the log: nothing decoded.
#[derive(Clone, PartialEq)]
pub struct Record {
    /// Its place; grows by at least one a record, over all topics.
    pub offset: i64,
    /// Its topic.
    pub topic: Topic,
    /// Its key: records with one key keep their order.
    pub key: Arc<str>,
    /// The event's id, for deduplication.
    pub event_id: Uuid,
    /// The headers as they were given.
    pub headers: Headers,
    /// The bytes as they were given.
    pub payload: Bytes,
    /// When it was appended.
    pub appended_at: Timestamp,
}

/// Shows neither the key nor the payload: both may hold personal data.
impl fmt::Debug for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Record")
            .field("offset", &self.offset)
            .field("topic", &self.topic)
            .field("event_id", &self.event_id)
            .field("headers", &self.headers)
            .field("payload_bytes", &self.payload.len())
            .field("appended_at", &self.appended_at)
            .finish_non_exhaustive()
    }
}

/// Some records of the log.
#[derive(Debug, Clone, PartialEq)]
pub struct Batch {
    /// The records, in order.
    pub records: Vec<Record>,
    /// Whether there were no more.
    pub is_all: bool,
}

/// A handle on the log; all handles on one database share it, clones or opened anew.
#[derive(Debug, Clone)]
pub struct EventLog {
    database: Database,
    clock: Arc<dyn WallClock>,
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    tails: Tails,
    woken: watch::Sender<()>,
}

impl EventLog {
    /// Opens the log in a database that has been migrated with [`MIGRATION`].
    ///
    /// # Errors
    /// The database's own, when the present ends of the topics cannot be read.
    pub async fn open(database: Database, clock: Arc<dyn WallClock>) -> Result<Self> {
        let shared = database.shared::<Shared>();
        for (topic, end) in database.read(read_ends).await? {
            shared.tails.advance(&topic, end);
        }
        Ok(Self { database, clock, shared })
    }

    /// Appends the event within the unit of work; it exists when that commits.
    ///
    /// # Errors
    /// The database's own.
    pub fn append(&self, tx: &Tx<'_>, event: &Envelope) -> Result<i64> {
        let headers = event.headers().map_err(|error| Error::from(ErrorKind::InvalidRequest).with_source(error))?;
        self.append_raw(tx, &event.topic, &event.key, event.id, &headers, &event.payload)
    }

    /// Appends bytes as they are, for events that were encoded elsewhere.
    ///
    /// # Errors
    /// The database's own.
    pub fn append_raw(
        &self,
        tx: &Tx<'_>,
        topic: &Topic,
        key: &str,
        event_id: Uuid,
        headers: &Headers,
        payload: &[u8],
    ) -> Result<i64> {
        let appended_at = self.clock.timestamp().as_millisecond();
        tx.prepare_cached(
            "INSERT INTO event_log (topic, key, event_id, headers, payload, appended_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )?
        .execute(params![topic.as_str(), key, event_id.as_bytes(), headers.to_bytes(), payload, appended_at])?;
        let offset = tx.last_insert_rowid();
        let (shared, topic) = (Arc::clone(&self.shared), topic.clone());
        tx.after_commit(move || shared.tails.advance(&topic, offset));
        Ok(offset)
    }

    /// Appends one event in a unit of work of its own; it is on disk when this returns.
    ///
    /// # Errors
    /// The database's own.
    pub async fn publish(&self, event: Envelope) -> Result<i64> {
        let log = self.clone();
        self.database.write(move |tx| log.append(tx, &event)).await
    }

    /// The records of the topics after an offset, in order: at most `limit`, and about 16 MiB of them.
    ///
    /// # Errors
    /// The database's own.
    pub async fn read(&self, topics: Arc<[Topic]>, after: i64, limit: usize) -> Result<Batch> {
        self.database.read(move |connection| read_after(connection, &topics, after, limit)).await
    }

    /// The highest offset of any of the topics; 0 when they are empty.
    #[must_use]
    pub fn end_of(&self, topics: &[Topic]) -> i64 {
        self.shared.tails.end_of(topics)
    }

    /// Tells that something was appended to any topic.
    #[must_use]
    pub fn appended(&self) -> watch::Receiver<i64> {
        self.shared.tails.subscribe()
    }

    /// Makes every group look again at what waits for another try.
    pub(crate) fn wake(&self) {
        self.shared.woken.send_replace(());
    }

    pub(crate) fn woken(&self) -> watch::Receiver<()> {
        self.shared.woken.subscribe()
    }

    /// The database that the log lies in.
    #[must_use]
    pub fn database(&self) -> &Database {
        &self.database
    }
}

fn read_ends(connection: &Connection) -> Result<HashMap<Topic, i64>> {
    let mut statement = connection.prepare("SELECT topic, max(offset) FROM event_log GROUP BY topic")?;
    let rows = statement.query_map([], |row| Ok((topic(row, 0)?, row.get(1)?)))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// What one read takes of a topic into memory, in bytes.
const MOST_BYTES: usize = 16 * 1024 * 1024;

/// Reads each topic along its index and merges; the topics of one group are few.
fn read_after(connection: &Connection, topics: &[Topic], after: i64, limit: usize) -> Result<Batch> {
    let mut statement = connection.prepare_cached(
        "SELECT offset, topic, key, event_id, headers, payload, appended_at FROM event_log
         WHERE topic = ?1 AND offset > ?2 ORDER BY offset LIMIT ?3",
    )?;
    let mut records = Vec::new();
    // Beyond the first place at which a topic was cut, another topic's records are not the next.
    let mut cut = i64::MAX;
    for topic in topics {
        let mut bytes = 0;
        let rows =
            statement.query_map(params![topic.as_str(), after, i64::try_from(limit).unwrap_or(i64::MAX)], record)?;
        for row in rows {
            let record = row?;
            bytes += record.payload.len();
            let offset = record.offset;
            records.push(record);
            if bytes > MOST_BYTES {
                cut = cut.min(offset);
                break;
            }
        }
    }
    records.sort_unstable_by_key(|record| record.offset);
    records.retain(|record| record.offset <= cut);
    let is_all = cut == i64::MAX && records.len() < limit;
    records.truncate(limit);
    Ok(Batch { records, is_all })
}

/// Reads the seven columns of a record, in the order of the table.
pub(crate) fn record(row: &Row<'_>) -> rusqlite::Result<Record> {
    Ok(Record {
        offset: row.get(0)?,
        topic: topic(row, 1)?,
        key: row.get::<_, String>(2)?.into(),
        event_id: Uuid::from_bytes(row.get(3)?),
        headers: Headers::from_bytes(row.get_ref(4)?.as_bytes()?).unwrap_or_default(),
        payload: row.get::<_, Vec<u8>>(5)?.into(),
        appended_at: Timestamp::from_millisecond(row.get(6)?).unwrap_or(Timestamp::UNIX_EPOCH),
    })
}

fn topic(row: &Row<'_>, column: usize) -> rusqlite::Result<Topic> {
    Topic::new(row.get::<_, String>(column)?)
        .map_err(|error| rusqlite::Error::FromSqlConversionFailure(column, Type::Text, error.into()))
}

#[cfg(test)]
mod tests;
