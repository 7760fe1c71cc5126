//! The facts that the ledger is folded from.

use jiff::Timestamp;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::OrderKey;
use crate::sales::SalesSystem;

/// One fact, as the journal keeps it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "entry", rename_all = "snake_case", rename_all_fields = "camelCase")]
pub enum Entry {
    /// A believed callback or webhook.
    Delivery(Delivery),
    /// A delivery that was refused.
    Rejection(Rejection),
    /// A created invoice.
    Invoice(Invoice),
    /// A creation refused because the number is taken.
    InvoiceRepeated {
        /// The supplier's name.
        supplier: String,
        /// The invoice's number.
        number: String,
    },
    /// An accepted sales push.
    Push(Push),
    /// A push under a known idempotency key.
    PushRepeated {
        /// The known key.
        idempotency_key: String,
        /// SHA-256 of the repeated body.
        fingerprint: String,
    },
}

/// What a sales system can be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EventKind {
    /// `POST /callback/appointment-scheduled`.
    AppointmentScheduled,
    /// `POST /callback/order-status`.
    OrderStatus,
    /// `POST /webhooks/installation-outcome`.
    InstallationOutcome,
    /// `POST /webhooks/order-cancelled`.
    OrderCancelled,
    /// `POST /webhooks/tv-modifications`.
    TvModifications,
}

/// One callback or webhook, recorded at its first arrival.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Delivery {
    /// What is told.
    pub kind: EventKind,
    /// The `webhook-id`, stable over attempts.
    pub webhook_id: String,
    /// The receiving sales system.
    pub system: SalesSystem,
    /// The tenant of `X-Tenant-Id`, or the default one.
    pub tenant: String,
    /// Whether the call named its tenant.
    pub tenant_named: bool,
    /// The sales system's order id.
    pub external_order_id: String,
    /// The order id of the field service system.
    pub order_id: Option<String>,
    /// The appointment's id, where the body names one.
    pub appointment_id: Option<String>,
    /// The body's `status` or `outcome`.
    pub status: Option<String>,
    /// The body's `eventId`.
    pub event_id: Option<String>,
    /// The `X-Correlation-ID` of the first attempt.
    pub correlation_id: Option<String>,
    /// SHA-256 of the body.
    pub fingerprint: String,
    /// The body, or null when bodies are not kept.
    pub body: Value,
    /// When the first attempt arrived.
    pub received_at: Timestamp,
    /// How many times it arrived.
    pub copies: u64,
}

impl Delivery {
    pub(crate) fn order_key(&self) -> OrderKey {
        OrderKey { tenant: self.tenant.clone(), external_order_id: self.external_order_id.clone(), system: self.system }
    }
}

/// One refused delivery.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Rejection {
    /// The path that was called.
    pub path: String,
    /// Why it was refused.
    pub reason: String,
    /// The claimed `webhook-id`.
    pub webhook_id: Option<String>,
    /// When it arrived.
    pub at: Timestamp,
}

/// One invoice of Oracle Payables.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Invoice {
    /// The hash key in its address; never made up by a client.
    pub unique_id: String,
    /// Oracle's numeric id.
    pub invoice_id: u64,
    /// The supplier's name.
    pub supplier: String,
    /// The supplier's number for it.
    pub number: String,
    /// The amount, exact.
    pub amount: Decimal,
    /// The currency's ISO code.
    pub currency: String,
    /// The order that it pays, as far as the body tells.
    pub order_reference: Option<String>,
    /// The body that created it.
    pub body: Value,
    /// When it was created.
    pub created_at: Timestamp,
}

/// One accepted push of a day's sales.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Push {
    /// The location that sold.
    pub location_id: String,
    /// The business day, `YYYY-MM-DD`.
    pub date: String,
    /// The `Idempotency-Key`, if one was sent.
    pub idempotency_key: Option<String>,
    /// How many transactions it held.
    pub transactions: usize,
    /// SHA-256 of the body.
    pub fingerprint: String,
    /// The body.
    pub body: Value,
    /// When it was accepted.
    pub received_at: Timestamp,
}
