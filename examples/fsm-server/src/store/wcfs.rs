//! Work closing forms: what the customer signs when the work is done.

use fsm_integration_core::{
    error::{Error, ErrorKind, Result},
    event::catalogue::Reserve,
    sqlite::Tx,
};
use jiff::Timestamp;
use rusqlite::{Connection, Row, params};
use serde::Serialize;
use uuid::Uuid;

use super::{json, next_number, one, parsed, run, time_option, to_json};

/// One form.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Wcf {
    /// Its id.
    pub id: Uuid,
    /// The number people use.
    pub number: String,
    /// The job it closes.
    pub job_id: Uuid,
    /// The order behind that.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub order_id: Option<Uuid>,
    /// `SENT`, `SIGNED_NO_RESERVES`, `SIGNED_WITH_RESERVES` or `NOT_SIGNED`.
    pub status: String,
    /// What the customer holds against the work.
    pub reserves: Vec<Reserve>,
    /// When it was signed or refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signed_at: Option<Timestamp>,
}

/// Makes the form of a job and sends it; `None` when the job has one already.
///
/// # Errors
/// The database's own.
pub fn send(tx: &Tx<'_>, tenant: &str, id: Uuid, job_id: Uuid, order_id: Option<Uuid>, year: i16) -> Result<()> {
    if one(tx, "SELECT 1 FROM wcfs WHERE job_id = ?1", [job_id.to_string()], |_| Ok(()))?.is_some() {
        return Ok(());
    }
    let number = format!("WCF-{year}-{:06}", next_number(tx, "wcf")?);
    let values = params![id.to_string(), tenant, number, job_id.to_string(), order_id.map(|id| id.to_string())];
    run(tx, "INSERT INTO wcfs VALUES (?1, ?2, ?3, ?4, ?5, 'SENT', '[]', NULL)", values).map(drop)
}

/// A tenant's form.
///
/// # Errors
/// `NotFound` when the tenant has none of this id.
pub fn get(connection: &Connection, tenant: &str, id: Uuid) -> Result<Wcf> {
    const GET: &str = "SELECT * FROM wcfs WHERE id = ?1 AND tenant = ?2";
    one(connection, GET, [&id.to_string(), tenant], wcf)?
        .ok_or_else(|| Error::new(ErrorKind::NotFound, "no such work closing form"))
}

/// The form of an order.
///
/// # Errors
/// The database's own.
pub fn of_order(connection: &Connection, order_id: Uuid) -> Result<Option<Wcf>> {
    one(connection, "SELECT * FROM wcfs WHERE order_id = ?1", [order_id.to_string()], wcf)
}

/// Notes the customer's answer.
///
/// # Errors
/// The database's own.
pub fn sign(tx: &Tx<'_>, id: Uuid, accepted: bool, reserves: &[Reserve], at: Timestamp) -> Result<()> {
    let status = match (accepted, reserves.is_empty()) {
        (false, _) => "NOT_SIGNED",
        (true, true) => "SIGNED_NO_RESERVES",
        (true, false) => "SIGNED_WITH_RESERVES",
    };
    let values = params![id.to_string(), status, to_json(&reserves)?, at.as_millisecond()];
    run(tx, "UPDATE wcfs SET status = ?2, reserves = ?3, signed_at = ?4 WHERE id = ?1", values).map(drop)
}

/// Notes how the reserves stand now.
///
/// # Errors
/// The database's own.
pub fn set_reserves(tx: &Tx<'_>, id: Uuid, reserves: &[Reserve]) -> Result<()> {
    run(tx, "UPDATE wcfs SET reserves = ?2 WHERE id = ?1", params![id.to_string(), to_json(&reserves)?]).map(drop)
}

impl Wcf {
    /// Whether the customer accepted the work and holds nothing against it any more.
    #[must_use]
    pub fn is_clear(&self) -> bool {
        self.is_accepted() && self.reserves.iter().all(|reserve| reserve.resolved)
    }

    /// Whether the customer signed, with reserves or without.
    #[must_use]
    pub fn is_accepted(&self) -> bool {
        matches!(self.status.as_str(), "SIGNED_NO_RESERVES" | "SIGNED_WITH_RESERVES")
    }
}

fn wcf(row: &Row<'_>) -> rusqlite::Result<Wcf> {
    let order_id: Option<String> = row.get("order_id")?;
    Ok(Wcf {
        id: parsed(row, "id")?,
        number: row.get("number")?,
        job_id: parsed(row, "job_id")?,
        order_id: order_id.and_then(|id| id.parse().ok()),
        status: row.get("status")?,
        reserves: json(row, "reserves")?,
        signed_at: time_option(row, "signed_at")?,
    })
}
