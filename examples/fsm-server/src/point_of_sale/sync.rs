//! The inventory: fetched, taken over item by item, recorded.

use fsm_adapters_conexxus::{InventoryRequest, SyncError, SyncRun};
use fsm_integration_core::{
    adapter::{Call, CorrelationId},
    error::{Error, ErrorKind, Result},
};
use tower::ServiceExt;

use super::{BackOffice, PointOfSale, with_causes};
use crate::store::inventory::{self, RunKind};

/// Items that are written at once; a whole inventory in one unit of work would hold up every other write.
const BATCH: usize = 500;

/// What came of a fetch that went through.
struct Taken {
    succeeded: usize,
    rejected: Vec<SyncError>,
    etag: Option<String>,
}

impl PointOfSale {
    /// Fetches the inventory, inserts or updates its items by SKU and records the run; never takes one away.
    ///
    /// A fetch that fails is a run that failed, not an error of this call.
    ///
    /// # Errors
    /// `InProgress` while another sync is under way, whose result will do; `NotFound` when the integration is off;
    /// the database's own when the run cannot be recorded.
    ///
    /// # Cancel safety
    /// Dropped, it records no run; the items taken over so far stay, and the next sync brings everything.
    pub async fn sync_inventory(&self) -> Result<SyncRun> {
        let office = self.office()?;
        let _syncing = self
            .0
            .syncing
            .try_lock()
            .map_err(|_| Error::new(ErrorKind::InProgress, "an inventory sync is under way; its result will do"))?;
        let start = self.0.clock.timestamp();
        let call = self.call(self.request(office).await?);
        let id = call.context.correlation_id.clone();
        let taken = self.take_over(office, call).await;
        let end = self.0.clock.timestamp();
        let (run, etag) = match taken {
            Ok(taken) => {
                let run = SyncRun::completed(start, end, taken.succeeded, taken.rejected);
                log(&run, &id);
                (run, taken.etag)
            }
            Err(error) => {
                let causes = with_causes(&error);
                tracing::error!(error = %causes, correlation.id = %id, "Conexxus inventory sync failed");
                (SyncRun::failed(start, end, &error), None)
            }
        };
        self.record(office, run, etag).await
    }

    /// Asks for everything, unless nothing has changed since the answer that is kept in full.
    async fn request(&self, office: &BackOffice) -> Result<InventoryRequest> {
        let source = office.source().to_owned();
        let etag = self.0.store.read(move |db| inventory::etag(db, &source)).await?;
        Ok(InventoryRequest { etag, ..InventoryRequest::default() })
    }

    async fn take_over(&self, office: &BackOffice, call: Call<InventoryRequest>) -> Result<Taken> {
        let inventory = office.inventory.clone().oneshot(call).await?;
        let (succeeded, at) = (inventory.items.len(), self.0.clock.timestamp());
        let mut items = inventory.items.into_iter();
        loop {
            let batch: Vec<_> = items.by_ref().take(BATCH).collect();
            if batch.is_empty() {
                break;
            }
            self.0.store.write(move |tx| inventory::upsert(tx, &batch, at)).await?;
        }
        // With refused items no tag is kept: "unchanged" would hide them from the next run.
        let etag = inventory.etag.filter(|_| inventory.rejected.is_empty());
        Ok(Taken { succeeded, rejected: inventory.rejected, etag })
    }

    async fn record(&self, office: &BackOffice, run: SyncRun, etag: Option<String>) -> Result<SyncRun> {
        let source = office.source().to_owned();
        self.0
            .store
            .write(move |tx| {
                // After a failure the tag stays if what it stands for does.
                if run.failure.is_none() {
                    inventory::set_etag(tx, &source, etag.as_deref())?;
                }
                inventory::record(tx, RunKind::Inventory, &run).map(|()| run)
            })
            .await
    }
}

fn log(run: &SyncRun, id: &CorrelationId) {
    let (processed, succeeded, failed) = (run.items_processed, run.items_succeeded, run.items_failed);
    let duration_ms = run.duration;
    if failed == 0 {
        tracing::info!(processed, succeeded, failed, duration_ms, correlation.id = %id,
            "Conexxus inventory sync completed");
    } else {
        tracing::warn!(processed, succeeded, failed, duration_ms, correlation.id = %id,
            "Conexxus inventory sync completed with errors");
    }
}
