//! Oracle Fusion Payables: a provider's invoice, created exactly once.
//!
//! When a service order is closed and its payment may go out, the provider's invoice is created in Oracle
//! Fusion (`integration.erp.payment_ready`). Fusion has no idempotency key, so the natural key is one: the
//! invoice number is made from the service order's id, and Oracle takes a number once per supplier.
//!
//! ```text
//!              found, same amount ─────────────────────────────┐
//!              found, other amount ──► conflict, for a person   ▼
//! look up ──►  not found ──► POST ──► 201 ───────────────────► done
//!    ▲                        │ timeout, 5xx, reset,            ▲
//!    │                        │ unreadable, AP-810776           │
//!    │                        ▼                                 │
//!    └── later attempt ◄── look up ── found ────────────────────┘
//! ```
//!
//! The look-up comes first **always**, not only on a retry: after a crash between the POST and the record of
//! it, the redelivery cannot be told from a first delivery. A second POST is therefore never blind, and if two
//! processes race all the same, Oracle refuses the slower one (AP-810776), which is then looked up.
//!
//! There is no `inbound`: Oracle Fusion calls nothing of ours.

#![deny(missing_docs)]
#![forbid(unsafe_code)]

mod adapter;
mod config;
mod outbound;
mod translate;
mod wire;

use fsm_integration_core::adapter::Partner;

pub use self::{
    adapter::{OracleErp, basic_authorization},
    config::ErpConfig,
    translate::{InvoiceReceipt, ProviderInvoice, invoice_number},
};

/// The partner's name in labels, keys and secret paths.
///
/// # Panics
/// Never: the name is valid.
#[must_use]
pub fn partner() -> Partner {
    Partner::new("oracle-erp").expect("a valid name")
}
