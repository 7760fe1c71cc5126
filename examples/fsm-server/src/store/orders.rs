//! Orders: their state, their history, what is wrong with them.

use fsm_integration_core::{
    adapter::{CorrelationId, TenantId},
    error::{Error, ErrorKind, Result},
    event::{
        Event,
        catalogue::{EventMeta, OrderData, SourceSystem},
    },
    sqlite::Tx,
};
use jiff::Timestamp;
use rusqlite::{Connection, Row, params};
use serde::Serialize;
use uuid::Uuid;

use super::{all, json, one, parsed, run, time, to_json};

/// How far an order has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Status {
    /// It exists and waits for an appointment.
    Created,
    /// It waits for the outcome of a technical visit.
    Blocked,
    /// It has an appointment.
    Scheduled,
    /// Somebody is on site.
    InProgress,
    /// The customer signed.
    Completed,
    /// It was called off.
    Cancelled,
}

impl Status {
    const WORDS: [(Self, &str); 6] = [
        (Self::Created, "CREATED"),
        (Self::Blocked, "BLOCKED"),
        (Self::Scheduled, "SCHEDULED"),
        (Self::InProgress, "IN_PROGRESS"),
        (Self::Completed, "COMPLETED"),
        (Self::Cancelled, "CANCELLED"),
    ];

    /// The status as it is written everywhere.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        Self::WORDS.iter().find(|(status, _)| *status == self).map_or("", |(_, word)| word)
    }

    /// Whether nothing can happen to the order any more.
    #[must_use]
    pub const fn is_final(self) -> bool {
        matches!(self, Self::Completed | Self::Cancelled)
    }
}

impl std::str::FromStr for Status {
    type Err = Error;

    fn from_str(word: &str) -> Result<Self> {
        let found = Self::WORDS.iter().find(|(_, known)| *known == word);
        found.map(|(status, _)| *status).ok_or_else(|| Error::new(ErrorKind::Internal, "unknown order status"))
    }
}

/// An order as it is kept.
#[derive(Debug, Clone)]
pub struct Order {
    /// Its id; also that of its service order.
    pub id: Uuid,
    /// Whose it is.
    pub tenant: TenantId,
    /// Where it came from.
    pub source_system: SourceSystem,
    /// The id it has there.
    pub external_order_id: String,
    /// How far it has come.
    pub status: Status,
    /// ISO 3166-1 alpha-2.
    pub country_code: String,
    /// The journey it began.
    pub correlation_id: CorrelationId,
    /// When it was accepted.
    pub received_at: Timestamp,
    /// What was ordered.
    pub data: OrderData,
}

impl Order {
    /// The project that the order belongs to.
    #[must_use]
    pub fn project_id(&self) -> Uuid {
        self.derive("project")
    }

    /// An id that follows from the order: the same however often the step is repeated (requirement I15).
    #[must_use]
    pub fn derive(&self, what: &str) -> Uuid {
        Uuid::new_v5(&self.id, what.as_bytes())
    }

    /// The common fields of the one event of its kind in the order's life.
    ///
    /// # Errors
    /// The database's own.
    pub fn next_event<E: Event>(&self, tx: &Tx<'_>, at: Timestamp) -> Result<EventMeta> {
        self.meta(tx, E::TOPIC.as_str(), at)
    }

    /// The common fields of an event of which there are several in the order's life; `which` tells them apart.
    ///
    /// # Errors
    /// The database's own.
    pub fn next_event_of<E: Event>(&self, tx: &Tx<'_>, which: &str, at: Timestamp) -> Result<EventMeta> {
        self.meta(tx, &format!("{}/{which}", E::TOPIC), at)
    }

    fn meta(&self, tx: &Tx<'_>, what: &str, at: Timestamp) -> Result<EventMeta> {
        Ok(EventMeta {
            event_id: self.derive(what),
            event_timestamp: at,
            correlation_id: self.correlation_id.clone(),
            tenant_id: self.tenant.clone(),
            sequence: next_sequence(tx, self.id)?,
        })
    }
}

/// One step of an order's life.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct HistoryEntry {
    /// The status it came into.
    pub status: String,
    /// When.
    pub at: Timestamp,
    /// Why, where there is something to say.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// Something wrong with an order that was found after it was accepted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Problem {
    /// The code, as on the wire.
    pub code: String,
    /// What to know about it.
    pub message: String,
    /// The field behind it, where there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
}

/// Writes a new order and the first entry of its history; `false` when it is there already.
///
/// # Errors
/// The database's own.
pub fn insert(tx: &Tx<'_>, order: &Order, at: Timestamp) -> Result<bool> {
    const INSERT: &str = "INSERT OR IGNORE INTO orders VALUES (?1, ?2, ?3, ?4, ?5, ?6, 1, ?7, ?8, ?9)";
    let values = params![
        order.id.to_string(),
        order.tenant.as_str(),
        order.source_system.as_str(),
        order.external_order_id,
        order.status.as_str(),
        order.country_code,
        order.correlation_id.as_str(),
        order.received_at.as_millisecond(),
        to_json(&order.data)?,
    ];
    let inserted = run(tx, INSERT, values)? == 1;
    if inserted {
        note(tx, order.id, "RECEIVED", None, order.received_at)?;
        note(tx, order.id, order.status.as_str(), None, at)?;
    }
    Ok(inserted)
}

/// Finds an order.
///
/// # Errors
/// The database's own.
pub fn find(connection: &Connection, id: Uuid) -> Result<Option<Order>> {
    one(connection, "SELECT * FROM orders WHERE id = ?1", [id.to_string()], order)
}

/// Finds an order that must be there.
///
/// # Errors
/// `Internal`, which is tried again later, when it is not: its events are kept in order, so it is about to come.
pub fn get(connection: &Connection, id: Uuid) -> Result<Order> {
    find(connection, id)?.ok_or_else(|| Error::new(ErrorKind::Internal, "the order of this event is not known yet"))
}

/// The newest orders, for the operators' page.
///
/// # Errors
/// The database's own.
pub fn recent(connection: &Connection, limit: u32) -> Result<Vec<Order>> {
    all(connection, "SELECT * FROM orders ORDER BY rowid DESC LIMIT ?1", [limit], order)
}

/// Moves an order to a status and notes it in the history.
///
/// # Errors
/// The database's own.
pub fn set_status(tx: &Tx<'_>, id: Uuid, status: Status, reason: Option<&str>, at: Timestamp) -> Result<()> {
    run(tx, "UPDATE orders SET status = ?2 WHERE id = ?1", params![id.to_string(), status.as_str()])?;
    note(tx, id, status.as_str(), reason, at)
}

/// Changes what was ordered, and with the address the country.
///
/// # Errors
/// The database's own.
pub fn set_data(tx: &Tx<'_>, id: Uuid, data: &OrderData) -> Result<()> {
    const CHANGE: &str = "UPDATE orders SET data = ?2, country_code = ?3 WHERE id = ?1";
    run(tx, CHANGE, params![id.to_string(), to_json(data)?, data.service_address.country]).map(drop)
}

/// The steps of an order's life, oldest first.
///
/// # Errors
/// The database's own.
pub fn history(connection: &Connection, id: Uuid) -> Result<Vec<HistoryEntry>> {
    const HISTORY: &str = "SELECT * FROM order_history WHERE order_id = ?1 ORDER BY sequence";
    all(connection, HISTORY, [id.to_string()], |row| {
        Ok(HistoryEntry { status: row.get("status")?, at: time(row, "at")?, reason: row.get("reason")? })
    })
}

/// Notes what is wrong with an order; once a code.
///
/// # Errors
/// The database's own.
pub fn add_problem(tx: &Tx<'_>, id: Uuid, problem: &Problem, at: Timestamp) -> Result<()> {
    let values = params![id.to_string(), problem.code, problem.message, problem.field, at.as_millisecond()];
    run(tx, "INSERT OR REPLACE INTO order_problems VALUES (?1, ?2, ?3, ?4, ?5)", values).map(drop)
}

/// What is wrong with an order.
///
/// # Errors
/// The database's own.
pub fn problems(connection: &Connection, id: Uuid) -> Result<Vec<Problem>> {
    const PROBLEMS: &str = "SELECT * FROM order_problems WHERE order_id = ?1 ORDER BY at";
    all(connection, PROBLEMS, [id.to_string()], |row| {
        Ok(Problem { code: row.get("code")?, message: row.get("message")?, field: row.get("field")? })
    })
}

/// Forgets what was wrong with an order, once nothing is any more.
///
/// # Errors
/// The database's own.
pub fn clear_problems(tx: &Tx<'_>, id: Uuid) -> Result<()> {
    run(tx, "DELETE FROM order_problems WHERE order_id = ?1", [id.to_string()]).map(drop)
}

/// Remembers a cancellation whose order has not come yet.
///
/// # Errors
/// The database's own.
pub fn add_tombstone(tx: &Tx<'_>, id: Uuid, reason: &str, at: Timestamp) -> Result<()> {
    let values = params![id.to_string(), reason, at.as_millisecond()];
    run(tx, "INSERT OR IGNORE INTO order_tombstones VALUES (?1, ?2, ?3)", values).map(drop)
}

/// Why the order was called off before it came, if it was.
///
/// # Errors
/// The database's own.
pub fn tombstone(connection: &Connection, id: Uuid) -> Result<Option<String>> {
    one(connection, "SELECT reason FROM order_tombstones WHERE order_id = ?1", [id.to_string()], |row| row.get(0))
}

fn next_sequence(tx: &Tx<'_>, id: Uuid) -> Result<i64> {
    const NEXT: &str = "UPDATE orders SET sequence = sequence + 1 WHERE id = ?1 RETURNING sequence";
    Ok(tx.prepare_cached(NEXT)?.query_row([id.to_string()], |row| row.get(0))?)
}

/// Adds an entry to the history of an order.
///
/// # Errors
/// The database's own.
pub fn note(tx: &Tx<'_>, id: Uuid, status: &str, reason: Option<&str>, at: Timestamp) -> Result<()> {
    const NOTE: &str = "INSERT INTO order_history
        SELECT ?1, coalesce(max(sequence), 0) + 1, ?2, ?3, ?4 FROM order_history WHERE order_id = ?1";
    run(tx, NOTE, params![id.to_string(), status, reason, at.as_millisecond()]).map(drop)
}

fn order(row: &Row<'_>) -> rusqlite::Result<Order> {
    Ok(Order {
        id: parsed(row, "id")?,
        tenant: parsed(row, "tenant")?,
        source_system: source_system(&row.get::<_, String>("source_system")?),
        external_order_id: row.get("external_order_id")?,
        status: parsed(row, "status")?,
        country_code: row.get("country_code")?,
        correlation_id: parsed(row, "correlation_id")?,
        received_at: time(row, "received_at")?,
        data: json(row, "data")?,
    })
}

fn source_system(word: &str) -> SourceSystem {
    let known = [SourceSystem::Pyxis, SourceSystem::Tempo, SourceSystem::Sap, SourceSystem::Custom];
    known.into_iter().find(|system| system.as_str() == word).unwrap_or(SourceSystem::Unknown)
}
