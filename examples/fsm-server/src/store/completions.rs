//! Which sales orders were completed.

use fsm_integration_core::{error::Result, sqlite::Tx};
use jiff::Timestamp;
use rusqlite::params;
use uuid::Uuid;

use super::run;

/// Notes that an order was completed; `false` when that was noted before.
///
/// # Errors
/// The database's own.
pub fn mark(tx: &Tx<'_>, order_id: Uuid, at: Timestamp) -> Result<bool> {
    let values = params![order_id.to_string(), at.as_millisecond()];
    Ok(run(tx, "INSERT OR IGNORE INTO completions VALUES (?1, ?2)", values)? == 1)
}
