use std::panic::{AssertUnwindSafe, catch_unwind};

use rusqlite::Connection;
use tokio::sync::{Semaphore, mpsc, oneshot};

use super::{DatabaseConfig, Tx};
use crate::error::{Error, ErrorKind, Result};

/// The queue to the one thread that writes.
#[derive(Clone, Debug)]
pub(super) struct Writer {
    queue: mpsc::Sender<Box<dyn Job>>,
}

impl Writer {
    pub(super) fn start(connection: Connection, config: DatabaseConfig) -> Self {
        let (queue, jobs) = mpsc::channel(config.queue.clamp(1, Semaphore::MAX_PERMITS));
        std::thread::Builder::new()
            .name("fsm-sqlite-writer".to_owned())
            .spawn(move || run(&connection, jobs, config.max_batch.max(1)))
            .expect("a process that cannot start a thread cannot start");
        Self { queue }
    }

    /// `Err` when nothing was written because of the store; what the work itself answered when it was.
    pub(super) async fn write<T, F>(&self, work: F) -> Result<Result<T>>
    where
        T: Send + 'static,
        F: FnOnce(&Tx<'_>) -> Result<T> + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        let job = Box::new(UnitOfWork { work: Some(work), result: None, reply });
        let stopped = || Error::new(ErrorKind::Unavailable, "the database writer has stopped");
        self.queue.send(job).await.map_err(|_| stopped())?;
        answer.await.map_err(|_| stopped())?
    }
}

/// A unit of work with its type erased.
trait Job: Send {
    /// Does the work; `false` asks for its effects to be undone.
    fn run(&mut self, tx: &Tx<'_>) -> bool;
    /// Tells the caller, once it is known whether the batch is on disk.
    fn finish(self: Box<Self>, committed: bool);
}

struct UnitOfWork<T, F> {
    work: Option<F>,
    result: Option<Result<T>>,
    reply: oneshot::Sender<Result<Result<T>>>,
}

impl<T, F> Job for UnitOfWork<T, F>
where
    T: Send,
    F: FnOnce(&Tx<'_>) -> Result<T> + Send,
{
    fn run(&mut self, tx: &Tx<'_>) -> bool {
        let Some(work) = self.work.take() else { return false };
        let result = catch_unwind(AssertUnwindSafe(|| work(tx))).unwrap_or_else(|_| {
            Err(Error::new(ErrorKind::Internal, "a unit of work panicked; its effects are undone"))
        });
        self.result.insert(result).is_ok()
    }

    fn finish(self: Box<Self>, committed: bool) {
        // What was decided on a state that was never written, even a refusal, is no answer.
        let result = match self.result {
            Some(result) if committed => Ok(result),
            _ => Err(Error::new(ErrorKind::Unavailable, "the database could not commit; nothing was written")),
        };
        // A caller that has gone away does not change what was done.
        let _ = self.reply.send(result);
    }
}

fn run(connection: &Connection, mut jobs: mpsc::Receiver<Box<dyn Job>>, max_batch: usize) {
    let mut batch = Vec::new();
    while jobs.blocking_recv_many(&mut batch, max_batch) > 0 {
        let committed = match commit(connection, &mut batch) {
            Ok(()) => true,
            Err(error) => {
                tracing::error!(error = %error, jobs = batch.len(), "database commit failed");
                rollback(connection);
                false
            }
        };
        for job in batch.drain(..) {
            // An answer that nobody waits for is dropped in here, and may panic.
            if catch_unwind(AssertUnwindSafe(|| job.finish(committed))).is_err() {
                tracing::error!("the answer of a database write panicked when it was dropped");
            }
        }
    }
    if let Err(error) = connection.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)") {
        tracing::warn!(error = %error, "database checkpoint at close failed");
    }
}

fn commit(connection: &Connection, batch: &mut [Box<dyn Job>]) -> rusqlite::Result<()> {
    let execute = |sql: &str| connection.prepare_cached(sql)?.execute([]).map(drop);
    execute("BEGIN IMMEDIATE")?;
    let tx = Tx::new(connection);
    for job in batch {
        execute("SAVEPOINT unit")?;
        let hooks = tx.hooks();
        if !job.run(&tx) {
            tx.forget_hooks_after(hooks);
            execute("ROLLBACK TO unit")?;
        }
        execute("RELEASE unit")?;
    }
    execute("COMMIT")?;
    tx.run_hooks();
    Ok(())
}

fn rollback(connection: &Connection) {
    if !connection.is_autocommit()
        && let Err(error) = connection.execute_batch("ROLLBACK")
    {
        tracing::error!(error = %error, "database rollback failed");
    }
}
