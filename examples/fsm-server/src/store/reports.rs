//! What callers reported about orders: that one is complete, how a visit ended.

use fsm_integration_core::{error::Result, sqlite::Tx};
use jiff::Timestamp;
use rusqlite::params;
use uuid::Uuid;

use super::run;

/// Notes a report; `false` when the same was reported before, and nothing more is to follow from it.
///
/// # Errors
/// The database's own.
pub fn insert(tx: &Tx<'_>, order_id: Uuid, what: &str, at: Timestamp) -> Result<bool> {
    let values = params![order_id.to_string(), what, at.as_millisecond()];
    Ok(run(tx, "INSERT OR IGNORE INTO order_reports VALUES (?1, ?2, ?3)", values)? == 1)
}
