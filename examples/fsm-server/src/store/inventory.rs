//! Point-of-sale items, the day's closed orders, and how each run of the Conexxus schedules went.

use fsm_adapters_conexxus::{Item, SyncHistory, SyncRun};
use fsm_integration_core::{
    error::{Error, ErrorKind, Result},
    event::catalogue::OrderData,
    sqlite::Tx,
};
use jiff::{Timestamp, civil::Date};
use rusqlite::{Connection, Row, params};

use super::{all, json, one, parsed, run, time, to_json};

/// Which of the schedules a run belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunKind {
    /// The inventory was fetched.
    Inventory,
    /// A day's sales were pushed.
    Sales,
}

impl RunKind {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Inventory => "inventory",
            Self::Sales => "sales",
        }
    }
}

/// An order that was closed, as the point of sale sees it.
#[derive(Debug, Clone)]
pub struct ClosedOrder {
    /// Its id.
    pub id: String,
    /// The id it has where it was sold.
    pub external_order_id: String,
    /// When it was closed.
    pub closed_at: Timestamp,
    /// What was sold.
    pub data: OrderData,
}

/// Inserts or updates items by SKU; none is ever taken away.
///
/// The tag is forgotten until everything has come: half an answer must not pass for the whole.
///
/// # Errors
/// The database's own.
pub fn upsert(tx: &Tx<'_>, items: &[Item], at: Timestamp) -> Result<()> {
    const UPSERT: &str = "INSERT INTO inventory_items VALUES (?1, ?2, ?3, ?4, ?5, ?6)
        ON CONFLICT (sku) DO UPDATE SET name = excluded.name, price = excluded.price, category = excluded.category,
            description = excluded.description, updated_at = excluded.updated_at
        WHERE (name, price, category, description)
            IS NOT (excluded.name, excluded.price, excluded.category, excluded.description)";
    run(tx, "DELETE FROM inventory_tags", [])?;
    let at = at.as_millisecond();
    for item in items {
        let price = item.price.to_string();
        run(tx, UPSERT, params![item.sku, item.name, price, item.category, item.description, at])?;
    }
    Ok(())
}

/// Every item, by SKU.
///
/// # Errors
/// The database's own.
pub fn items(connection: &Connection) -> Result<Vec<Item>> {
    all(connection, "SELECT * FROM inventory_items ORDER BY sku", [], |row| {
        Ok(Item {
            sku: row.get("sku")?,
            name: row.get("name")?,
            price: parsed(row, "price")?,
            category: row.get("category")?,
            description: row.get("description")?,
        })
    })
}

/// The tag of the source's answer that is kept in full, if one is.
///
/// # Errors
/// The database's own.
pub fn etag(connection: &Connection, source: &str) -> Result<Option<String>> {
    one(connection, "SELECT etag FROM inventory_tags WHERE source = ?1", [source], |row| row.get(0))
}

/// Keeps the tag of the source's answer, or forgets it.
///
/// # Errors
/// The database's own.
pub fn set_etag(tx: &Tx<'_>, source: &str, etag: Option<&str>) -> Result<()> {
    run(tx, "DELETE FROM inventory_tags", [])?;
    match etag {
        Some(etag) => run(tx, "INSERT INTO inventory_tags VALUES (?1, ?2)", [source, etag]).map(drop),
        None => Ok(()),
    }
}

/// Records a run and forgets those before the last ten of its kind.
///
/// # Errors
/// The database's own.
pub fn record(tx: &Tx<'_>, kind: RunKind, record: &SyncRun) -> Result<()> {
    const PRUNE: &str = "DELETE FROM sync_runs WHERE kind = ?1
        AND id NOT IN (SELECT id FROM sync_runs WHERE kind = ?1 ORDER BY id DESC LIMIT ?2)";
    run(tx, "INSERT INTO sync_runs (kind, run) VALUES (?1, ?2)", params![kind.as_str(), to_json(record)?])?;
    run(tx, PRUNE, params![kind.as_str(), SyncHistory::KEPT as i64]).map(drop)
}

/// The last ten runs of a kind.
///
/// # Errors
/// The database's own.
pub fn history(connection: &Connection, kind: RunKind) -> Result<SyncHistory> {
    const RUNS: &str = "SELECT run FROM sync_runs WHERE kind = ?1 ORDER BY id";
    let mut history = SyncHistory::default();
    for run in all(connection, RUNS, [kind.as_str()], |row| json::<SyncRun>(row, "run"))? {
        history.record(run);
    }
    Ok(history)
}

/// The date up to which a job of a location has been done.
///
/// # Errors
/// The database's own.
pub fn mark(connection: &Connection, job: &str, location: &str) -> Result<Option<Date>> {
    const MARK: &str = "SELECT done FROM schedule_marks WHERE job = ?1 AND location = ?2";
    one(connection, MARK, [job, location], |row| parsed(row, "done"))
}

/// Moves the mark to a date.
///
/// # Errors
/// The database's own.
pub fn set_mark(tx: &Tx<'_>, job: &str, location: &str, done: Date) -> Result<()> {
    let values = params![job, location, done.to_string()];
    run(tx, "INSERT OR REPLACE INTO schedule_marks VALUES (?1, ?2, ?3)", values).map(drop)
}

/// The orders that were closed in a time, its end not included, in the order of closing.
///
/// # Errors
/// The database's own.
pub fn closed_between(connection: &Connection, from: Timestamp, to: Timestamp) -> Result<Vec<ClosedOrder>> {
    const CLOSED: &str = "SELECT orders.id, external_order_id, history.at, data
        FROM order_history history JOIN orders ON orders.id = history.order_id
        WHERE history.status = 'COMPLETED' AND history.at >= ?1 AND history.at < ?2
        ORDER BY history.at, orders.id";
    all(connection, CLOSED, [from.as_millisecond(), to.as_millisecond()], closed)
}

fn closed(row: &Row<'_>) -> rusqlite::Result<ClosedOrder> {
    Ok(ClosedOrder {
        id: row.get("id")?,
        external_order_id: row.get("external_order_id")?,
        closed_at: time(row, "at")?,
        data: json(row, "data")?,
    })
}

/// The day before which nothing is due: the mark, which is set here when the location has none.
///
/// # Errors
/// The database's own.
pub fn mark_or_start(tx: &Tx<'_>, job: &str, location: &str, start: Date) -> Result<Date> {
    match mark(tx, job, location)? {
        Some(done) => Ok(done),
        None => {
            let before = start.yesterday().map_err(|error| Error::from(ErrorKind::Internal).with_source(error))?;
            set_mark(tx, job, location, before).map(|()| before)
        }
    }
}
