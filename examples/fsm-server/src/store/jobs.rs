//! Field jobs.

use fsm_integration_core::{
    error::{Error, ErrorKind, Result},
    sqlite::Tx,
};
use jiff::Timestamp;
use rusqlite::{Connection, Row, params};
use serde::Serialize;
use uuid::Uuid;

use super::{all, json, one, run, time, time_option, to_json};

/// The one type of job there is: field service installation.
pub const FIELD_INSTALLATION: &str = "field_installation";

/// One field job.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Job {
    /// Its id.
    pub id: Uuid,
    /// Whose it is.
    pub tenant: String,
    /// [`FIELD_INSTALLATION`].
    pub job_type: String,
    /// In one line.
    pub title: String,
    /// `pending`, `assigned`, `running`, `completed` or `failed`.
    pub status: String,
    /// The ticket it follows from.
    pub ticket_id: String,
    /// The order behind that, if there is one.
    pub order_id: Option<Uuid>,
    /// Who does it.
    pub technician_id: Option<String>,
    /// What the technician needs to know: the parameters of seed 003.
    pub parameters: serde_json::Value,
    /// When somebody arrived.
    pub checked_in_at: Option<Timestamp>,
    /// When somebody left.
    pub checked_out_at: Option<Timestamp>,
    /// When it was made.
    pub created_at: Timestamp,
}

/// Writes a job; `false` when its ticket has one already.
///
/// # Errors
/// The database's own.
pub fn insert(tx: &Tx<'_>, job: &Job) -> Result<bool> {
    const INSERT: &str = "INSERT OR IGNORE INTO jobs VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, NULL, NULL, ?10)";
    let values = params![
        job.id.to_string(),
        job.tenant,
        job.job_type,
        job.title,
        job.status,
        job.ticket_id,
        job.order_id.map(|id| id.to_string()),
        job.technician_id,
        to_json(&job.parameters)?,
        job.created_at.as_millisecond(),
    ];
    Ok(run(tx, INSERT, values)? == 1)
}

/// A tenant's job.
///
/// # Errors
/// `NotFound` when the tenant has none of this id.
pub fn get(connection: &Connection, tenant: &str, id: Uuid) -> Result<Job> {
    const GET: &str = "SELECT * FROM jobs WHERE id = ?1 AND tenant = ?2";
    one(connection, GET, [&id.to_string(), tenant], job)?.ok_or_else(|| Error::new(ErrorKind::NotFound, "no such job"))
}

/// The job of an order.
///
/// # Errors
/// The database's own.
pub fn of_order(connection: &Connection, order_id: Uuid) -> Result<Option<Job>> {
    one(connection, "SELECT * FROM jobs WHERE order_id = ?1", [order_id.to_string()], job)
}

pub(super) const LIST: &str = "SELECT * FROM jobs WHERE tenant = ?1 AND (?2 IS NULL OR order_id = ?2)
    AND (?3 IS NULL OR ticket_id = ?3) ORDER BY rowid DESC LIMIT ?4";

/// A tenant's jobs, newest first; of one order or ticket, when asked for.
///
/// # Errors
/// The database's own.
pub fn list(
    connection: &Connection,
    tenant: &str,
    order_id: Option<&str>,
    ticket_id: Option<&str>,
    limit: u32,
) -> Result<Vec<Job>> {
    all(connection, LIST, params![tenant, order_id, ticket_id, limit], job)
}

/// Gives an order's job, if there is one that nobody has yet, to a technician.
///
/// # Errors
/// The database's own.
pub fn assign(tx: &Tx<'_>, order_id: Uuid, technician_id: &str) -> Result<()> {
    const ASSIGN: &str =
        "UPDATE jobs SET technician_id = ?2, status = 'assigned' WHERE order_id = ?1 AND status = 'pending'";
    run(tx, ASSIGN, params![order_id.to_string(), technician_id]).map(drop)
}

/// Notes that somebody arrived.
///
/// # Errors
/// The database's own.
pub fn check_in(tx: &Tx<'_>, id: Uuid, at: Timestamp) -> Result<()> {
    const CHECK_IN: &str = "UPDATE jobs SET status = 'running', checked_in_at = ?2 WHERE id = ?1";
    run(tx, CHECK_IN, params![id.to_string(), at.as_millisecond()]).map(drop)
}

/// Notes that somebody left, with the work done or not.
///
/// # Errors
/// The database's own.
pub fn check_out(tx: &Tx<'_>, id: Uuid, completed: bool, at: Timestamp) -> Result<()> {
    const CHECK_OUT: &str = "UPDATE jobs SET status = ?2, checked_out_at = ?3 WHERE id = ?1";
    let status = if completed { "completed" } else { "failed" };
    run(tx, CHECK_OUT, params![id.to_string(), status, at.as_millisecond()]).map(drop)
}

fn job(row: &Row<'_>) -> rusqlite::Result<Job> {
    let uuid = |text: String| Uuid::parse_str(&text).ok();
    Ok(Job {
        id: super::parsed(row, "id")?,
        tenant: row.get("tenant")?,
        job_type: row.get("job_type")?,
        title: row.get("title")?,
        status: row.get("status")?,
        ticket_id: row.get("ticket_id")?,
        order_id: row.get::<_, Option<String>>("order_id")?.and_then(uuid),
        technician_id: row.get("technician_id")?,
        parameters: json(row, "parameters")?,
        checked_in_at: time_option(row, "checked_in_at")?,
        checked_out_at: time_option(row, "checked_out_at")?,
        created_at: time(row, "created_at")?,
    })
}
