//! The server's state: one database, one event log, and the only SQL of the domain.
//!
//! Functions that take a [`Tx`] are steps of one unit of work; what they change and what they publish commits
//! together. Every table has its file.

pub mod acknowledgements;
pub mod appointments;
pub mod audit;
pub mod inventory;
pub mod jobs;
pub mod once;
pub mod orders;
pub mod payments;
pub mod probe;
pub mod receipts;
pub mod reports;
pub mod tasks;
pub mod tickets;
pub mod wcfs;

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use fsm_integration_core::{
    clock::WallClock,
    error::{Error, ErrorKind, Result},
    event::{Envelope, Event, codec::AvroCodec, consumer::Delivery, log, log::EventLog},
    layers::idempotency::SqliteIdempotencyStore,
    sqlite::{Database, DatabaseConfig, Migration, Tx},
};
use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Params, Row};
use serde::{Serialize, de::DeserializeOwned};

use crate::crash;

const MIGRATIONS: &[Migration] =
    &[log::MIGRATION, Migration { name: "server_0001_domain", sql: include_str!("schema.sql") }];

/// How many expired idempotency keys one sweep removes at most.
const SWEEP: u32 = 1_000;

/// The services of this one binary, as the catalogue names the producers.
pub mod source {
    /// Takes orders in from sales systems, and tells them how orders go.
    pub const SALES_ADAPTER: &str = "integration-adapters-sales";
    /// Keeps the state of orders.
    pub const ORCHESTRATION: &str = "orchestration-service";
    /// Books technicians.
    pub const ASSIGNMENT: &str = "assignment-service";
    /// Knows what happens on site.
    pub const EXECUTION: &str = "execution-service";
    /// Keeps work closing forms.
    pub const CONTRACTS: &str = "contracts-service";
    /// Completes sales orders.
    pub const SALES: &str = "sales-service";
    /// Keeps tickets.
    pub const TICKETING: &str = "ticketing-service";
}

/// A handle on everything that is kept; clones share it.
#[derive(Debug, Clone)]
pub struct Store {
    database: Database,
    log: EventLog,
    codec: AvroCodec,
    idempotency: SqliteIdempotencyStore,
    calendar: Arc<AtomicU64>,
    clock: Arc<dyn WallClock>,
}

impl Store {
    /// Opens or creates the store in a directory.
    ///
    /// # Errors
    /// `Unavailable` when the directory or the file in it cannot be used, or another process uses it.
    pub async fn open(directory: &Path, clock: Arc<dyn WallClock>) -> Result<Self> {
        std::fs::create_dir_all(directory).map_err(|error| {
            let message = format!("cannot create the data directory {}", directory.display());
            Error::new(ErrorKind::Unavailable, message).with_source(error)
        })?;
        let database = Database::open(&directory.join("fsm.db"), DatabaseConfig::default())?;
        database.migrate(MIGRATIONS).await?;
        database.migrate(SqliteIdempotencyStore::MIGRATIONS).await?;
        let log = EventLog::open(database.clone(), Arc::clone(&clock)).await?;
        let idempotency = SqliteIdempotencyStore::new(database.clone(), Arc::clone(&clock));
        Ok(Self { database, log, codec: AvroCodec::bundled(), idempotency, calendar: Arc::default(), clock })
    }

    /// The present, by the server's clock.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.clock.timestamp()
    }

    /// The server's clock.
    #[must_use]
    pub fn clock(&self) -> Arc<dyn WallClock> {
        Arc::clone(&self.clock)
    }

    /// The event log.
    #[must_use]
    pub fn log(&self) -> &EventLog {
        &self.log
    }

    /// The codec of the events.
    #[must_use]
    pub fn codec(&self) -> &AvroCodec {
        &self.codec
    }

    /// Removes what has expired, a bounded number at a time.
    ///
    /// # Errors
    /// The database's own.
    pub async fn sweep(&self) -> Result<()> {
        self.idempotency.sweep(SWEEP).await.map(drop)
    }

    /// Which calendar this is: another number after every booking and every cancellation.
    #[must_use]
    pub fn calendar(&self) -> u64 {
        self.calendar.load(Ordering::Acquire)
    }

    /// Makes what was computed from the calendar stale once the unit of work is on disk.
    pub fn change_calendar(&self, tx: &Tx<'_>) {
        let calendar = Arc::clone(&self.calendar);
        tx.after_commit(move || {
            calendar.fetch_add(1, Ordering::AcqRel);
        });
    }

    /// One unit of work, on disk when it returns.
    ///
    /// # Errors
    /// The work's own; `Unavailable` when it cannot be committed.
    pub async fn write<T, F>(&self, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&Tx<'_>) -> Result<T> + Send + 'static,
    {
        let done = self.database.write(work).await?;
        crash::point(crash::UNIT_COMMITTED);
        Ok(done)
    }

    /// A query on the last committed state.
    ///
    /// # Errors
    /// The query's own.
    pub async fn read<T, F>(&self, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T> + Send + 'static,
    {
        self.database.read(work).await
    }

    /// Publishes an event with the unit of work.
    ///
    /// # Errors
    /// When the event does not fit its schema, or the database refuses.
    pub fn publish<E: Event>(&self, tx: &Tx<'_>, event: &E, source: &'static str) -> Result<()> {
        let envelope = self.codec.envelope(event, source)?;
        self.log.append(tx, &envelope).map(drop)
    }

    /// Publishes an event that follows from another one.
    ///
    /// # Errors
    /// As [`publish`](Self::publish).
    pub fn publish_after<E: Event>(
        &self,
        tx: &Tx<'_>,
        cause: &Envelope,
        event: &E,
        source: &'static str,
    ) -> Result<()> {
        let envelope = self.codec.envelope(event, source)?.caused_by(cause);
        self.log.append(tx, &envelope).map(drop)
    }

    /// The typed event of a delivery, and what travelled with it.
    ///
    /// # Errors
    /// `Undecodable`.
    pub fn decode<E: Event>(&self, delivery: &Delivery) -> Result<(E, Envelope)> {
        let event = self.codec.decode(&delivery.record.payload)?;
        Ok((event, delivery.envelope()?))
    }
}

/// Text that the database keeps, as the type it was written from.
fn json<T: DeserializeOwned>(row: &Row<'_>, column: &str) -> rusqlite::Result<T> {
    let text: String = row.get(column)?;
    serde_json::from_str(&text)
        .map_err(|error| rusqlite::Error::FromSqlConversionFailure(0, rusqlite::types::Type::Text, error.into()))
}

fn to_json<T: Serialize>(value: &T) -> Result<String> {
    serde_json::to_string(value).map_err(|error| Error::from(ErrorKind::Internal).with_source(error))
}

/// Text that parses, because it was checked before it was written.
fn parsed<T: std::str::FromStr>(row: &Row<'_>, column: &str) -> rusqlite::Result<T>
where
    T::Err: std::error::Error + Send + Sync + 'static,
{
    let text: String = row.get(column)?;
    text.parse().map_err(|error: T::Err| {
        rusqlite::Error::FromSqlConversionFailure(0, rusqlite::types::Type::Text, error.into())
    })
}

fn time(row: &Row<'_>, column: &str) -> rusqlite::Result<Timestamp> {
    Ok(Timestamp::from_millisecond(row.get(column)?).unwrap_or(Timestamp::UNIX_EPOCH))
}

fn time_option(row: &Row<'_>, column: &str) -> rusqlite::Result<Option<Timestamp>> {
    Ok(row.get::<_, Option<i64>>(column)?.and_then(|at| Timestamp::from_millisecond(at).ok()))
}

fn one<T>(
    connection: &Connection,
    sql: &str,
    params: impl Params,
    read: impl FnOnce(&Row<'_>) -> rusqlite::Result<T>,
) -> Result<Option<T>> {
    Ok(connection.prepare_cached(sql)?.query_row(params, read).optional()?)
}

fn all<T>(
    connection: &Connection,
    sql: &str,
    params: impl Params,
    read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
) -> Result<Vec<T>> {
    let mut statement = connection.prepare_cached(sql)?;
    let rows = statement.query_map(params, read)?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

fn run(tx: &Tx<'_>, sql: &str, params: impl Params) -> Result<usize> {
    Ok(tx.prepare_cached(sql)?.execute(params)?)
}

/// The next number of a series, from 1.
fn next_number(tx: &Tx<'_>, series: &str) -> Result<i64> {
    const NEXT: &str = "INSERT INTO counters VALUES (?1, 1)
        ON CONFLICT (name) DO UPDATE SET value = value + 1 RETURNING value";
    Ok(tx.prepare_cached(NEXT)?.query_row([series], |row| row.get(0))?)
}

#[cfg(test)]
mod tests {
    use fsm_integration_core::testing::VirtualClock;

    use super::*;

    /// A small tenant's list looks at its own rows, newest first, however many the others have.
    #[tokio::test]
    async fn a_tenants_list_reads_its_own_rows_in_order() {
        let directory = tempfile::TempDir::new().unwrap();
        let clock = VirtualClock::starting_at("2025-01-15T10:00:00Z".parse().unwrap());
        let store = Store::open(directory.path(), Arc::new(clock)).await.unwrap();
        for (list, index) in [(tickets::LIST, "tickets_tenant"), (jobs::LIST, "jobs_tenant")] {
            let plan: Vec<String> = store
                .read(move |db| {
                    let mut explain = db.prepare(&format!("EXPLAIN QUERY PLAN {list}"))?;
                    let nothing = vec![rusqlite::types::Null; explain.parameter_count()];
                    let steps = explain.query_map(rusqlite::params_from_iter(nothing), |row| row.get("detail"))?;
                    Ok(steps.collect::<rusqlite::Result<_>>()?)
                })
                .await
                .unwrap();
            assert_eq!(plan.len(), 1, "no sorting: {plan:?}");
            assert!(plan[0].contains(&format!("INDEX {index} (tenant=?)")), "{plan:?}");
        }
    }
}
