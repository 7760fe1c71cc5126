//! The Conexxus back office of a shop: items come hourly, a day's sales go once a business day.
//!
//! ```text
//! every hour      GET  /api/v1/inventory/items ──► items to upsert + items refused, one by one
//! 23:30 local     POST /api/v1/sales/push      ◄── the sales of one business day, under one key
//! on demand       GET  /api/v1/health
//! ```
//!
//! What is due and which business day a sale belongs to is decided by [`BusinessDay`], in the location's own
//! time zone. What came of the last ten runs is a [`SyncHistory`]. Keeping both, and the lease that lets one
//! instance run at a time, is up to whoever schedules the work.
//!
//! An inventory only ever says what to insert or update: an item that is absent from an answer is not
//! deactivated, for an empty answer may as well be a fault.
//!
//! There is no `inbound`: the back office calls nothing of ours. Answers can be large; give the client a
//! `max_body` of [`ConexxusConfig::MAX_ANSWER`].

#![deny(missing_docs)]
#![forbid(unsafe_code)]

mod adapter;
mod business_day;
mod config;
mod outbound;
mod sync_run;
mod translate;
mod wire;

use fsm_integration_core::adapter::Partner;

pub use self::{
    adapter::{Conexxus, InventorySync, SalesPush},
    business_day::{BusinessDay, DuePush, next_sync},
    config::ConexxusConfig,
    sync_run::{SyncError, SyncHistory, SyncRun, SyncStatus},
    translate::{DailySales, Inventory, InventoryRequest, Item, Sale, SoldItem},
};

/// The partner's name in labels, keys and secret paths.
///
/// # Panics
/// Never: the name is valid.
#[must_use]
pub fn partner() -> Partner {
    Partner::new("conexxus").expect("a valid name")
}
