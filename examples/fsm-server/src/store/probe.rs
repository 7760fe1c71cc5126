//! Whether the store works: a read and a write that change nothing of meaning.

use fsm_integration_core::{error::Result, sqlite::Tx};
use rusqlite::Connection;

use super::next_number;

/// Reads something.
///
/// # Errors
/// The database's own.
pub fn read(connection: &Connection) -> Result<()> {
    Ok(connection.query_row("SELECT count(*) FROM counters", [], |_| Ok(()))?)
}

/// Writes something.
///
/// # Errors
/// The database's own.
pub fn write(tx: &Tx<'_>) -> Result<()> {
    next_number(tx, "readiness-probe").map(drop)
}
