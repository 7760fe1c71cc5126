//! The audit trail: who did what, and whether it was the system.

use fsm_integration_core::{
    adapter::{CorrelationId, IntegrationContext, TenantId},
    error::Result,
    sqlite::Tx,
};
use jiff::Timestamp;
use rusqlite::{Connection, params};
use serde::Serialize;

use super::{all, run, time};

/// A ticket that followed from an order.
pub const TICKET_AUTO_CREATED: &str = "installation_ticket.auto_created";
/// A job that followed from a ticket.
pub const JOB_AUTO_CREATED: &str = "field_job.auto_created";

/// Who acts with the operators' token.
const OPERATOR: &str = "operator";
/// No tenant can have this id.
pub const NO_TENANT: &str = "-";

/// One row of the trail.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AuditEntry {
    /// What was done.
    pub action: String,
    /// By whom; the system itself is `0`.
    pub user_id: String,
    /// To what sort of thing.
    pub entity_type: String,
    /// To which one.
    pub entity_id: String,
    /// Whether the system did it by itself.
    pub auto_created: bool,
    /// The journey it belongs to.
    pub correlation_id: String,
    /// When.
    pub created_at: Timestamp,
}

/// Notes what the system did by itself.
///
/// # Errors
/// The database's own.
pub fn by_system(
    tx: &Tx<'_>,
    tenant: &TenantId,
    action: &str,
    (entity_type, entity_id): (&str, &str),
    correlation_id: &CorrelationId,
    at: Timestamp,
) -> Result<()> {
    const INSERT: &str = "INSERT INTO audit_logs
        (tenant, action, user_id, entity_type, entity_id, auto_created, correlation_id, created_at)
        VALUES (?1, ?2, ?3, ?4, ?5, 1, ?6, ?7)";
    let values = params![
        tenant.as_str(),
        action,
        IntegrationContext::SYSTEM_USER,
        entity_type,
        entity_id,
        correlation_id.as_str(),
        at.as_millisecond(),
    ];
    run(tx, INSERT, values).map(drop)
}

/// Notes what an operator did; without a tenant it is about the server itself, and no tenant sees it.
///
/// # Errors
/// The database's own.
pub fn by_operator(
    tx: &Tx<'_>,
    tenant: Option<&str>,
    action: &str,
    (entity_type, entity_id): (&str, &str),
    correlation_id: &CorrelationId,
    at: Timestamp,
) -> Result<()> {
    const INSERT: &str = "INSERT INTO audit_logs
        (tenant, action, user_id, entity_type, entity_id, auto_created, correlation_id, created_at)
        VALUES (?1, ?2, ?3, ?4, ?5, 0, ?6, ?7)";
    let values = params![
        tenant.unwrap_or(NO_TENANT),
        action,
        OPERATOR,
        entity_type,
        entity_id,
        correlation_id.as_str(),
        at.as_millisecond(),
    ];
    run(tx, INSERT, values).map(drop)
}

/// A tenant's trail, newest first; about one thing or one journey, when asked for.
///
/// # Errors
/// The database's own.
pub fn list(
    connection: &Connection,
    tenant: &str,
    entity_id: Option<&str>,
    correlation_id: Option<&str>,
    limit: u32,
) -> Result<Vec<AuditEntry>> {
    const LIST: &str = "SELECT * FROM audit_logs WHERE tenant = ?1 AND (?2 IS NULL OR entity_id = ?2)
        AND (?3 IS NULL OR correlation_id = ?3) ORDER BY id DESC LIMIT ?4";
    all(connection, LIST, params![tenant, entity_id, correlation_id, limit], |row| {
        Ok(AuditEntry {
            action: row.get("action")?,
            user_id: row.get("user_id")?,
            entity_type: row.get("entity_type")?,
            entity_id: row.get("entity_id")?,
            auto_created: row.get("auto_created")?,
            correlation_id: row.get("correlation_id")?,
            created_at: time(row, "created_at")?,
        })
    })
}
