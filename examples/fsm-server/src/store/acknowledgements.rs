//! What partners acknowledged.

use fsm_integration_core::{error::Result, sqlite::Tx};
use jiff::Timestamp;
use rusqlite::{Connection, params};
use serde::Serialize;
use uuid::Uuid;

use super::{all, run, time};

/// One acknowledgement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Acknowledgement {
    /// What was told, as `appointment-scheduled` or `provider-invoice`.
    pub kind: String,
    /// The webhook's id or the invoice's number.
    pub reference: String,
    /// Whom it was told.
    pub partner: String,
    /// When the partner said yes.
    pub at: Timestamp,
}

/// Notes one; the first stays.
///
/// # Errors
/// The database's own.
pub fn insert(tx: &Tx<'_>, order_id: Uuid, entry: &Acknowledgement) -> Result<()> {
    let values = params![order_id.to_string(), entry.kind, entry.reference, entry.partner, entry.at.as_millisecond()];
    run(tx, "INSERT OR IGNORE INTO acknowledgements VALUES (?1, ?2, ?3, ?4, ?5)", values).map(drop)
}

/// What was acknowledged about an order, oldest first.
///
/// # Errors
/// The database's own.
pub fn of_order(connection: &Connection, order_id: Uuid) -> Result<Vec<Acknowledgement>> {
    const OF_ORDER: &str = "SELECT * FROM acknowledgements WHERE order_id = ?1 ORDER BY at, kind";
    all(connection, OF_ORDER, [order_id.to_string()], |row| {
        Ok(Acknowledgement {
            kind: row.get("kind")?,
            reference: row.get("reference")?,
            partner: row.get("partner")?,
            at: time(row, "at")?,
        })
    })
}

/// When a partner last acknowledged one kind of message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Freshness {
    /// Who.
    pub partner: String,
    /// What it was told.
    pub kind: String,
    /// When.
    pub at: Timestamp,
}

/// How fresh each partner's last yes is, among the newest thousand.
///
/// # Errors
/// The database's own.
pub fn freshness(connection: &Connection) -> Result<Vec<Freshness>> {
    const FRESHNESS: &str = "SELECT partner, kind, max(at) AS at FROM
        (SELECT partner, kind, at FROM acknowledgements ORDER BY at DESC LIMIT 1000) GROUP BY 1, 2 ORDER BY 1, 2";
    all(connection, FRESHNESS, [], |row| {
        Ok(Freshness { partner: row.get("partner")?, kind: row.get("kind")?, at: time(row, "at")? })
    })
}
