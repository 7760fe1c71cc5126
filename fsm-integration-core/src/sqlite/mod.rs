//! The embedded database: one SQLite file, one writer with group commit, a few readers.
//!
//! ```text
//! write(closure) ──┐
//! write(closure) ──┼─> queue ─> writer thread: BEGIN · savepoint per closure · COMMIT (one fsync) ─> replies
//! write(closure) ──┘
//! read(closure)  ────> pool of read connections, each on the last committed state
//! ```
//!
//! A closure is one unit of work: it sees the effects of those before it in the same batch, commits or rolls back as
//! a whole, and its caller hears of success only when the batch is on disk. Closures run one after another, so a unit
//! of work never meets another one half-way: look up, decide and write need no locks.

mod config;
mod migration;
mod reader;
mod shared;
mod tx;
mod writer;

use std::{any::Any, fs::File, path::Path, sync::Arc};

pub use self::{config::DatabaseConfig, migration::Migration, tx::Tx};
use self::{reader::Readers, shared::Shared, writer::Writer};
use crate::error::{Error, ErrorKind, Result};

/// A handle on one SQLite file; clones share it.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use fsm_integration_core::sqlite::{Database, DatabaseConfig, Migration};
///
/// let folder = tempfile::tempdir()?;
/// let database = Database::open(&folder.path().join("fsm.db"), DatabaseConfig::default())?;
/// database.migrate(&[Migration { name: "0001_orders", sql: "CREATE TABLE orders (id TEXT PRIMARY KEY)" }]).await?;
///
/// database.write(|tx| Ok(tx.execute("INSERT INTO orders VALUES ('a')", [])?)).await?; // on disk from here on
/// let count: i64 =
///     database.read(|db| Ok(db.query_row("SELECT count(*) FROM orders", [], |row| row.get(0))?)).await?;
/// assert_eq!(count, 1);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Database {
    writer: Writer,
    readers: Readers,
    shared: Shared,
    _lock: Arc<File>,
}

impl Database {
    /// Opens the file, or creates it, and takes it for this process alone.
    ///
    /// # Errors
    /// [`ErrorKind::Unavailable`] when the file cannot be opened or another process has it.
    pub fn open(path: &Path, config: DatabaseConfig) -> Result<Self> {
        let lock = lock(path)?;
        Ok(Self {
            writer: Writer::start(config::open_writer(path)?, config),
            readers: Readers::new(path, config),
            shared: Shared::default(),
            _lock: Arc::new(lock),
        })
    }

    /// Runs one unit of work; when this returns `Ok`, its effects are on disk.
    ///
    /// The closure runs on the writer thread and delays every other write: no I/O, no waiting inside.
    ///
    /// # Errors
    /// The closure's own error, its effects undone; [`ErrorKind::Unavailable`] when the commit fails.
    ///
    /// # Cancel safety
    /// Dropping the future does not take the work back: once queued, it is done.
    pub async fn write<T, F>(&self, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&Tx<'_>) -> Result<T> + Send + 'static,
    {
        self.attempt(work).await?
    }

    /// As [`write`](Self::write), for callers that tell the store's failure, the outer one, from the closure's own.
    pub(crate) async fn attempt<T, F>(&self, work: F) -> Result<Result<T>>
    where
        T: Send + 'static,
        F: FnOnce(&Tx<'_>) -> Result<T> + Send + 'static,
    {
        self.writer.write(work).await
    }

    /// Runs a query on the last committed state, off the runtime's own threads.
    ///
    /// # Errors
    /// The closure's own error; [`ErrorKind::Unavailable`] when no connection can be opened.
    pub async fn read<T, F>(&self, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&rusqlite::Connection) -> Result<T> + Send + 'static,
    {
        self.readers.read(work).await
    }

    /// What all handles on this database keep in memory together, made when first asked for.
    pub(crate) fn shared<T: Any + Send + Sync + Default>(&self) -> Arc<T> {
        self.shared.get()
    }

    /// Brings the schema up to date: applies, in order, what has not been applied yet.
    ///
    /// # Errors
    /// [`ErrorKind::Internal`] when a statement fails or an applied migration was changed afterwards.
    pub async fn migrate(&self, migrations: &'static [Migration]) -> Result<()> {
        self.write(move |tx| migration::apply(tx, migrations)).await
    }
}

/// A second process on the same file would handle every event twice.
fn lock(path: &Path) -> Result<File> {
    let lock_path = path.with_extension("lock");
    let unavailable = |what: &str| Error::new(ErrorKind::Unavailable, format!("{what}: {}", lock_path.display()));
    let file =
        File::create(&lock_path).map_err(|error| unavailable("cannot create the lock file").with_source(error))?;
    file.try_lock().map_err(|error| unavailable("another process uses this database").with_source(error))?;
    Ok(file)
}

impl From<rusqlite::Error> for Error {
    fn from(error: rusqlite::Error) -> Self {
        use rusqlite::ErrorCode as Code;
        let kind = match error.sqlite_error_code() {
            Some(
                Code::DatabaseBusy | Code::DatabaseLocked | Code::DiskFull | Code::SystemIoFailure | Code::CannotOpen,
            ) => ErrorKind::Unavailable,
            _ => ErrorKind::Internal,
        };
        Self::new(kind, "the database refused the operation").with_source(error)
    }
}

#[cfg(test)]
mod tests;
