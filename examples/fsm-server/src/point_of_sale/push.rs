//! A business day's sales: collected, pushed, marked.

use std::collections::HashSet;

use fsm_adapters_conexxus::{DailySales, Sale, SoldItem, SyncRun};
use fsm_integration_core::{
    error::{Error, ErrorKind, Result},
    event::catalogue::ServiceItem,
};
use jiff::civil::Date;
use tower::ServiceExt;

use super::{BackOffice, PointOfSale};
use crate::store::inventory::{self, ClosedOrder, RunKind};

/// The mark of the pushes.
pub(super) const JOB: &str = "sales-push";

impl PointOfSale {
    /// Pushes the sales of a business day that is over; `false` when they have been pushed before.
    ///
    /// A location's first push may be of any day; from then on no day is left out.
    ///
    /// # Errors
    /// `InvalidRequest` for a day that is not over, or before which another one is still to be pushed; `NotFound`
    /// when the integration is off; the partner's failure, after which the day is still to be pushed.
    ///
    /// # Cancel safety
    /// Dropped, it may leave a day pushed and not marked; pushed again, the day counts once.
    pub async fn push_sales(&self, date: Date) -> Result<bool> {
        let office = self.office()?;
        let _pushing = self.0.pushing.lock().await;
        let start = self.0.clock.timestamp();
        let done = self.marked(office).await?;
        if done.is_some_and(|done| date <= done) {
            return Ok(false);
        }
        in_turn(date, done)?;
        if start < office.days().due(date) {
            return Err(refused(format!("{date} is a business day that is not over yet")));
        }
        let pushed = self.push_day(office, date).await;
        let end = self.0.clock.timestamp();
        match pushed {
            Ok(transactions) => {
                self.note(office, SyncRun::completed(start, end, transactions, Vec::new()), Some(date)).await?;
                tracing::info!(%date, transactions, "Conexxus sales push completed");
                Ok(true)
            }
            Err(error) => {
                self.note(office, SyncRun::failed(start, end, &error), None).await?;
                Err(error)
            }
        }
    }

    /// Pushes every day that is due and not marked, oldest first, and tells the last day done.
    pub(super) async fn push_due(&self, office: &BackOffice) -> Result<Date> {
        let (now, location) = (self.0.clock.timestamp(), office.location().to_owned());
        let today = office.days().date_of(now);
        let mut done = self.0.store.write(move |tx| inventory::mark_or_start(tx, JOB, &location, today)).await?;
        for due in office.days().missed(done, now) {
            self.push_sales(due.date).await?;
            done = due.date;
        }
        Ok(done)
    }

    async fn push_day(&self, office: &BackOffice, date: Date) -> Result<usize> {
        let period = office.days().period(date);
        // Behind this empty unit of work, everything closed within the day is on disk: none can come after it.
        self.0.store.write(|_| Ok(())).await?;
        let closed = self.0.store.read(move |db| inventory::closed_between(db, period.start, period.end)).await?;
        let sales = DailySales { date, transactions: transactions(&closed) };
        office.sales.clone().oneshot(self.call(sales)).await.map(|()| closed.len())
    }

    async fn marked(&self, office: &BackOffice) -> Result<Option<Date>> {
        let location = office.location().to_owned();
        self.0.store.read(move |db| inventory::mark(db, JOB, &location)).await
    }

    async fn note(&self, office: &BackOffice, run: SyncRun, done: Option<Date>) -> Result<()> {
        let location = office.location().to_owned();
        self.0
            .store
            .write(move |tx| {
                inventory::record(tx, RunKind::Sales, &run)?;
                done.map_or(Ok(()), |date| inventory::set_mark(tx, JOB, &location, date))
            })
            .await
    }
}

/// Whether no other day is left out by pushing this one now.
fn in_turn(date: Date, done: Option<Date>) -> Result<()> {
    match done {
        Some(done) if date.yesterday().ok() != Some(done) => {
            Err(refused(format!("the sales of the days after {done} are to be pushed first")))
        }
        _ => Ok(()),
    }
}

fn refused(message: String) -> Error {
    Error::new(ErrorKind::InvalidRequest, message)
}

/// The same sales for the same orders, whenever they are asked for.
fn transactions(closed: &[ClosedOrder]) -> Vec<Sale> {
    let mut taken = HashSet::new();
    let sale = |order: &ClosedOrder| {
        // Two sales systems may use the same id; our own is never used twice.
        let own = taken.insert(order.external_order_id.clone());
        Sale {
            id: if own { order.external_order_id.clone() } else { order.id.clone() },
            timestamp: order.closed_at,
            total: order.data.total_amount.total.value(),
            items: order.data.service_items.iter().map(sold).collect(),
        }
    };
    closed.iter().map(sale).collect()
}

fn sold(item: &ServiceItem) -> SoldItem {
    SoldItem { sku: item.product_id.clone(), quantity: item.quantity.into(), price: item.unit_price.value() }
}
