//! What waits for an operator.

use fsm_integration_core::{error::Result, sqlite::Tx};
use jiff::Timestamp;
use rusqlite::{Connection, params};
use serde::Serialize;
use uuid::Uuid;

use super::{all, run, time};

/// One task.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Task {
    /// Its id.
    pub id: String,
    /// Whose it is.
    pub tenant: String,
    /// The order it is about.
    pub order_id: Option<String>,
    /// What is to be done.
    pub task_type: String,
    /// How urgent it is.
    pub priority: String,
    /// Why.
    pub reason: String,
    /// Since when.
    pub created_at: Timestamp,
}

/// Writes a task; `false` when it is there already.
///
/// # Errors
/// The database's own.
pub fn insert(tx: &Tx<'_>, id: Uuid, task: &Task) -> Result<bool> {
    let values = params![
        id.to_string(),
        task.tenant,
        task.order_id,
        task.task_type,
        task.priority,
        task.reason,
        task.created_at.as_millisecond(),
    ];
    Ok(run(tx, "INSERT OR IGNORE INTO tasks VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)", values)? == 1)
}

/// The newest tasks.
///
/// # Errors
/// The database's own.
pub fn recent(connection: &Connection, limit: u32) -> Result<Vec<Task>> {
    all(connection, "SELECT * FROM tasks ORDER BY rowid DESC LIMIT ?1", [limit], |row| {
        Ok(Task {
            id: row.get("id")?,
            tenant: row.get("tenant")?,
            order_id: row.get("order_id")?,
            task_type: row.get("task_type")?,
            priority: row.get("priority")?,
            reason: row.get("reason")?,
            created_at: time(row, "created_at")?,
        })
    })
}
