use std::{path::Path, sync::Arc};

use parking_lot::Mutex;
use rusqlite::Connection;
use tokio::sync::Semaphore;

use super::{DatabaseConfig, config};
use crate::error::{Error, ErrorKind, Result};

/// Read connections, opened when first needed and kept.
#[derive(Clone, Debug)]
pub(super) struct Readers(Arc<Pool>);

#[derive(Debug)]
struct Pool {
    path: Box<Path>,
    idle: Mutex<Vec<Connection>>,
    permits: Arc<Semaphore>,
}

impl Readers {
    pub(super) fn new(path: &Path, config: DatabaseConfig) -> Self {
        Self(Arc::new(Pool {
            path: path.into(),
            idle: Mutex::default(),
            permits: Arc::new(Semaphore::new(config.readers.clamp(1, Semaphore::MAX_PERMITS))),
        }))
    }

    pub(super) async fn read<T, F>(&self, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T> + Send + 'static,
    {
        let pool = Arc::clone(&self.0);
        let permit = Arc::clone(&pool.permits).acquire_owned().await.expect("the semaphore is never closed");
        let query = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            let idle = pool.idle.lock().pop();
            let connection = idle.map_or_else(|| config::open_reader(&pool.path), Ok)?;
            let result = work(&connection);
            pool.idle.lock().push(connection);
            result
        });
        query.await.map_err(|panic| Error::new(ErrorKind::Internal, "a database query panicked").with_source(panic))?
    }
}
