//! Stateful stand-ins of the partners: Pyxis and Tempo, Oracle Fusion Payables, Conexxus.
//!
//! The independent judge of the system: it shares no code with it, verifies every signature on its own, remembers all
//! it has seen in a [`Ledger`], and names what a partner would complain about ([`Ledger::violations`]).
//!
//! ```text
//!             /pyxis  /tempo        signed callbacks and webhooks ─┐
//!  fsm ─────► /oracle/fscmRestApi   invoices ──────────────────────┼─► ledger (+ journal) ─► violations
//!             /conexxus/api/v1      items, sales pushes ───────────┘
//!             /_sim                 ledger, faults, modes          every partner route passes the fault plan first
//!  fsm ◄───── sales::SalesClient, load::run
//! ```
//!
//! ```
//! # async fn demo() -> std::io::Result<()> {
//! use partner_sim::{Fault, FaultKind, Sim, SimConfig};
//!
//! let sim = Sim::start(SimConfig::default()).await?;
//! sim.inject(Fault::once("/pyxis/callback", FaultKind::LostAnswer));
//! // ... let the system call `sim.url()` ...
//! assert!(sim.ledger().violations().is_empty());
//! sim.shutdown().await;
//! # Ok(())
//! # }
//! ```

#![deny(missing_docs)]
#![forbid(unsafe_code)]

// What it is and how it is started.
mod config;
mod connection;
mod server;
mod world;

// What it plays.
mod conexxus;
mod control;
pub mod oracle;
pub mod sales;

// What it does to callers, and what it remembers of them.
mod faults;
pub mod ledger;
pub mod signature;

// What it sends.
pub mod load;

pub use config::{Now, SimConfig};
pub use faults::{Fault, FaultKind, FaultReport, RetryAfter, RouteMatch};
pub use ledger::Ledger;
pub use server::Sim;
