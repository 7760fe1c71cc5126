//! What was accepted at the door: the proof behind every 202, and what makes the second one the same.

use fsm_adapters_sales::translate::OrderIdentity;
use fsm_integration_core::{adapter::CorrelationId, error::Result, sqlite::Tx};
use jiff::Timestamp;
use rusqlite::{Connection, params};
use uuid::Uuid;

use super::{one, parsed, run, time};

/// One accepted order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    /// Its fingerprint: the same payload has the same.
    pub fingerprint: [u8; 32],
    /// The journey it began.
    pub correlation_id: CorrelationId,
    /// When it was accepted.
    pub received_at: Timestamp,
    /// Whose it is.
    pub tenant: String,
    /// The sales system's id.
    pub external_order_id: String,
}

/// Finds the receipt of an order.
///
/// # Errors
/// The database's own.
pub fn find(connection: &Connection, order_id: Uuid) -> Result<Option<Receipt>> {
    const FIND: &str = "SELECT * FROM intake_receipts WHERE order_id = ?1";
    one(connection, FIND, [order_id.to_string()], |row| {
        Ok(Receipt {
            fingerprint: row.get("fingerprint")?,
            correlation_id: parsed(row, "correlation_id")?,
            received_at: time(row, "received_at")?,
            tenant: row.get("tenant")?,
            external_order_id: row.get("external_order_id")?,
        })
    })
}

/// Writes the receipt of an order that is accepted.
///
/// # Errors
/// The database's own.
pub fn insert(tx: &Tx<'_>, identity: &OrderIdentity, receipt: &Receipt) -> Result<()> {
    let values = params![
        identity.order_id().to_string(),
        receipt.tenant,
        identity.system.as_str(),
        receipt.external_order_id,
        receipt.fingerprint,
        receipt.correlation_id.as_str(),
        receipt.received_at.as_millisecond(),
    ];
    run(tx, "INSERT INTO intake_receipts VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)", values).map(drop)
}
