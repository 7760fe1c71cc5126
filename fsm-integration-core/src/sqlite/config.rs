use std::path::Path;

use rusqlite::{Connection, OpenFlags};
use serde::{Deserialize, Serialize};

use crate::error::{Error, ErrorKind, Result};

/// How the file is used.
///
/// Defaults: 512 units of work a commit, 4 096 waiting, 4 readers. A 0 means 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DatabaseConfig {
    /// The most units of work that one commit carries.
    pub max_batch: usize,
    /// How many units of work may wait; more callers wait their turn.
    pub queue: usize,
    /// How many reads may run at once.
    pub readers: usize,
}

impl Default for DatabaseConfig {
    fn default() -> Self {
        Self { max_batch: 512, queue: 4_096, readers: 4 }
    }
}

const STATEMENT_CACHE: usize = 256;

/// Durable on every commit: WAL with a full sync (the WAL is flushed before a commit is reported).
const WRITER_PRAGMAS: &str = "
    PRAGMA journal_mode = WAL;
    PRAGMA synchronous = FULL;
    PRAGMA foreign_keys = ON;
    PRAGMA temp_store = MEMORY;
    PRAGMA cache_size = -65536;
    PRAGMA wal_autocheckpoint = 4000;
";

pub(super) fn open_writer(path: &Path) -> Result<Connection> {
    let connection = Connection::open(path).map_err(|error| cannot_open(path, error))?;
    connection.execute_batch(WRITER_PRAGMAS).map_err(|error| cannot_open(path, error))?;
    connection.set_prepared_statement_cache_capacity(STATEMENT_CACHE);
    Ok(connection)
}

pub(super) fn open_reader(path: &Path) -> Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(|error| cannot_open(path, error))?;
    connection.execute_batch("PRAGMA query_only = ON; PRAGMA cache_size = -16384;")?;
    connection.set_prepared_statement_cache_capacity(STATEMENT_CACHE);
    Ok(connection)
}

fn cannot_open(path: &Path, error: rusqlite::Error) -> Error {
    Error::new(ErrorKind::Unavailable, format!("cannot open the database {}", path.display())).with_source(error)
}
