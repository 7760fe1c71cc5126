//! Sales systems: orders come in, appointments, states and outcomes go back.
//!
//! **Pyxis** sells installations, **Tempo** sells service requests. Both speak the same JSON with us, and both sign and
//! verify webhooks; they differ in where their callbacks live and in what they can take ([`config`]).
//!
//! ```text
//!   sales system                          this crate                               inside
//!   POST orders/intake        ──►  inbound::read_order      ─► translate::intake  ──►  sales.order.intake
//!   POST slots/availability   ──►  inbound::read_slot_query ───────────────────────►  the scheduler
//!   POST webhooks/sales/…     ──►  inbound::read_sales_webhook ─────────────────────►  order updated, cancelled
//!   /callback/appointment-scheduled ◄─┐
//!   /callback/order-status          ◄─┤  outbound::SalesClient ◄─ adapter ◄─ translate ◄── events
//!   /webhooks/installation-outcome  ◄─┤
//!   /webhooks/order-cancelled       ◄─┤
//!   /webhooks/tv-modifications      ◄─┘
//! ```
//!
//! [`adapter`] is the table of contents; [`inbound`] checks what comes in and names every wrong field at once;
//! [`translate`] is pure. Nothing here reads the environment, a file or a clock of its own.

#![deny(missing_docs)]
#![forbid(unsafe_code)]

pub mod adapter;
pub mod config;
pub mod inbound;
pub mod outbound;
pub mod translate;
pub mod wire;

pub use adapter::{PYXIS, TEMPO};
