//! The point-of-sale back office: its items come hourly, each business day's sales go once.
//!
//! ```text
//! run ─┬─ every hour, or when asked ──► sync_inventory ──► inventory_items, a run, the tag     one at a time
//!      └─ 23:30 at the location ──────► push_sales ──────► the mark, a run                     oldest day first
//! ```
//!
//! * A sale is an order that was closed (`COMPLETED`) in the business day. The server has one location, so the orders
//!   of all its tenants are that location's sales.
//! * The mark is the last day pushed, written after the partner's answer. A crash in between repeats the push under the
//!   same idempotency key with the same sales: nothing that a closed order is sold for changes any more.
//! * A day that cannot be pushed is tried again, within the hour for as long as it takes, and later days wait for it.
//! * The integration is off when it is not configured, or wrongly; the server runs all the same.

mod health;
mod push;
mod routes;
mod schedule;
mod sync;
#[cfg(test)]
mod tests;

use std::{error::Error as _, fmt, iter::successors, sync::Arc};

use fsm_adapters_conexxus::{BusinessDay, Conexxus, InventorySync, SalesPush, SyncHistory};
use fsm_integration_core::{
    adapter::{AdapterService, Call, CorrelationId, IntegrationContext, TenantId},
    clock::WallClock,
    error::{Error, ErrorKind, Result},
};
use tokio::sync::{Mutex, Notify};

use self::health::Probe;
pub use self::routes::routes;
use crate::{
    partners::Partners,
    store::{Store, inventory, inventory::RunKind},
};

/// A handle on the work that is due at the back office; clones share it.
#[derive(Clone)]
pub struct PointOfSale(Arc<Inner>);

struct Inner {
    store: Store,
    clock: Arc<dyn WallClock>,
    /// The back office, or why there is none.
    office: Result<BackOffice, String>,
    syncing: Mutex<()>,
    pushing: Mutex<()>,
    sync_asked: Notify,
    probe: Probe,
}

/// The adapters of one location.
struct BackOffice {
    conexxus: Conexxus,
    inventory: AdapterService<InventorySync>,
    sales: AdapterService<SalesPush>,
}

impl PointOfSale {
    /// Prepares the work; without settings, or with wrong ones, there is none to do.
    #[must_use]
    pub fn new(store: Store, partners: &Partners, clock: Arc<dyn WallClock>) -> Self {
        let office = match partners.conexxus() {
            Ok(Some(conexxus)) => Ok(BackOffice::new(conexxus)),
            Ok(None) => Err("Conexxus integration is not enabled: set conexxus.url and conexxus.api_key".to_owned()),
            Err(error) => {
                let causes = with_causes(&error);
                tracing::error!(error = %causes, "Conexxus integration is off, its settings cannot be used");
                Err(format!("Conexxus integration is off: {}", explain(&error)))
            }
        };
        Self(Arc::new(Inner {
            store,
            clock,
            office,
            syncing: Mutex::default(),
            pushing: Mutex::default(),
            sync_asked: Notify::new(),
            probe: Probe::default(),
        }))
    }

    /// The last ten runs of a kind, oldest first.
    ///
    /// # Errors
    /// The database's own.
    pub async fn history(&self, kind: RunKind) -> Result<SyncHistory> {
        self.0.store.read(move |db| inventory::history(db, kind)).await
    }

    /// Where the integration is off there is nothing to ask, now or later: the caller reads what to set.
    fn office(&self) -> Result<&BackOffice> {
        self.0.office.as_ref().map_err(|reason| Error::new(ErrorKind::NotFound, reason.clone()))
    }

    /// A call that the system itself makes, a journey of its own.
    fn call<R>(&self, request: R) -> Call<R> {
        let system = TenantId::new("system").expect("a valid id");
        Call { request, context: IntegrationContext::system(system, CorrelationId::random(), self.0.clock.timestamp()) }
    }
}

impl BackOffice {
    fn new(conexxus: Conexxus) -> Self {
        Self {
            inventory: AdapterService::new(InventorySync::new(conexxus.clone())),
            sales: AdapterService::new(SalesPush::new(conexxus.clone())),
            conexxus,
        }
    }

    fn location(&self) -> &str {
        &self.conexxus.config().location_id
    }

    fn source(&self) -> &str {
        &self.conexxus.config().base_url
    }

    fn days(&self) -> &BusinessDay {
        self.conexxus.days()
    }
}

impl fmt::Debug for PointOfSale {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PointOfSale").field("enabled", &self.0.office.is_ok()).finish_non_exhaustive()
    }
}

/// The failure in one line, every bad field named.
fn explain(error: &Error) -> String {
    let fields = error.details().iter().map(|detail| format!("{} {}", detail.field, detail.message));
    std::iter::once(error.to_string()).chain(fields).collect::<Vec<_>>().join("; ")
}

/// The failure and what is behind it, for the log.
fn with_causes(error: &Error) -> String {
    let causes = successors(error.source(), |&cause| cause.source()).map(ToString::to_string);
    std::iter::once(explain(error)).chain(causes).collect::<Vec<_>>().join(": ")
}
