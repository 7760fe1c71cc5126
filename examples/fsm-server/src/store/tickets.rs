//! Installation tickets.

use std::collections::BTreeMap;

use fsm_integration_core::{
    error::Result,
    event::catalogue::{TicketType, WorkPriority},
    sqlite::Tx,
};
use jiff::Timestamp;
use rusqlite::{Connection, Row, params};
use serde::Serialize;
use uuid::Uuid;

use super::{all, json, next_number, one, run, time, to_json};

/// One ticket.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Ticket {
    /// Its id.
    pub id: String,
    /// Whose it is.
    pub tenant: String,
    /// The number people use.
    pub ticket_number: String,
    /// What is asked for.
    pub ticket_type: String,
    /// In one line.
    pub subject: String,
    /// How urgent it is.
    pub priority: String,
    /// How far it has come.
    pub status: String,
    /// Whom it is for.
    pub customer_id: String,
    /// The order it follows from.
    pub order_id: Option<String>,
    /// Whether the system made it.
    pub auto_created: bool,
    /// What else is known.
    pub metadata: BTreeMap<String, String>,
    /// When it was made.
    pub created_at: Timestamp,
}

/// The number that the next ticket gets.
///
/// # Errors
/// The database's own.
pub fn next_ticket_number(tx: &Tx<'_>) -> Result<String> {
    Ok(format!("TKT-{:05}", next_number(tx, "ticket")?))
}

/// The ticket type in the words of the API: lower case, as in seed 003.
#[must_use]
pub fn type_word(ticket_type: TicketType) -> String {
    ticket_type.as_str().to_ascii_lowercase()
}

/// The priority in the words of the API.
#[must_use]
pub fn priority_word(priority: WorkPriority) -> String {
    priority.as_str().to_ascii_lowercase()
}

/// Writes a ticket.
///
/// # Errors
/// The database's own, when its order has one already.
pub fn insert(tx: &Tx<'_>, ticket: &Ticket) -> Result<()> {
    let values = params![
        ticket.id,
        ticket.tenant,
        ticket.ticket_number,
        ticket.ticket_type,
        ticket.subject,
        ticket.priority,
        ticket.status,
        ticket.customer_id,
        ticket.order_id,
        ticket.auto_created,
        to_json(&ticket.metadata)?,
        ticket.created_at.as_millisecond(),
    ];
    run(tx, "INSERT INTO tickets VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)", values).map(drop)
}

/// The ticket of an order.
///
/// # Errors
/// The database's own.
pub fn of_order(connection: &Connection, order_id: Uuid) -> Result<Option<Ticket>> {
    one(connection, "SELECT * FROM tickets WHERE order_id = ?1", [order_id.to_string()], ticket)
}

pub(super) const LIST: &str = "SELECT * FROM tickets WHERE tenant = ?1 AND (?2 IS NULL OR order_id = ?2)
    ORDER BY rowid DESC LIMIT ?3";

/// A tenant's tickets, newest first; of one order, when asked for.
///
/// # Errors
/// The database's own.
pub fn list(connection: &Connection, tenant: &str, order_id: Option<&str>, limit: u32) -> Result<Vec<Ticket>> {
    all(connection, LIST, params![tenant, order_id, limit], ticket)
}

fn ticket(row: &Row<'_>) -> rusqlite::Result<Ticket> {
    Ok(Ticket {
        id: row.get("id")?,
        tenant: row.get("tenant")?,
        ticket_number: row.get("number")?,
        ticket_type: row.get("ticket_type")?,
        subject: row.get("subject")?,
        priority: row.get("priority")?,
        status: row.get("status")?,
        customer_id: row.get("customer_id")?,
        order_id: row.get("order_id")?,
        auto_created: row.get("auto_created")?,
        metadata: json(row, "metadata")?,
        created_at: time(row, "created_at")?,
    })
}
