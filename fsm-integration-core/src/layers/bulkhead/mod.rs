//! Bounds how many calls are under way at once, so that one slow partner does not take everything.
//!
//! Calls beyond the limit wait in a bounded queue, first come first served; calls beyond that are refused with
//! [`BulkheadFull`]. A caller that goes away gives its place back, in the queue as well as among the calls.
//!
//! It does not bound how long a call waits: put a deadline outside it.

mod future;
mod layer;
mod service;
#[cfg(test)]
mod tests;

use std::{
    fmt,
    future::Future,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use tokio::sync::{OwnedSemaphorePermit, Semaphore, SemaphorePermit};

pub use self::{future::BulkheadFuture, layer::BulkheadLayer, service::BulkheadService};
use crate::error::BulkheadFull;

/// A limit of calls under way with a fair queue before it; clones share both.
///
/// ```
/// use fsm_integration_core::{error::Error, layers::bulkhead::Bulkhead};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// let bulkhead = Bulkhead::new(10, 100);
/// assert_eq!(bulkhead.call(async { Ok::<_, Error>("done") }).await.unwrap(), "done");
/// assert_eq!(bulkhead.in_flight(), 0);
/// # }
/// ```
#[derive(Clone)]
pub struct Bulkhead {
    places: Arc<Semaphore>,
    queue: Arc<Queue>,
}

/// Who waits for a place.
struct Queue {
    waiting: AtomicUsize,
    max_queued: usize,
    max_concurrent: usize,
}

/// A place among the calls under way, on its way.
type Waiting = Pin<Box<dyn Future<Output = OwnedSemaphorePermit> + Send + Sync>>;

impl Bulkhead {
    /// Lets `max_concurrent` calls be under way (at least 1) and `max_queued` more wait.
    #[must_use]
    pub fn new(max_concurrent: usize, max_queued: usize) -> Self {
        let max_concurrent = max_concurrent.clamp(1, Semaphore::MAX_PERMITS);
        Self {
            places: Arc::new(Semaphore::new(max_concurrent)),
            queue: Arc::new(Queue { waiting: AtomicUsize::new(0), max_queued, max_concurrent }),
        }
    }

    /// Makes the call as soon as there is a place for it.
    ///
    /// # Errors
    /// [`BulkheadFull`] as the caller's own error when the queue is full; else what the call returns.
    ///
    /// # Cancel safety
    /// Dropped while it waits, it loses its place in the queue; the call was not begun.
    pub async fn call<T, E>(&self, future: impl Future<Output = Result<T, E>>) -> Result<T, E>
    where
        E: From<BulkheadFull>,
    {
        let _place = self.place().await?;
        future.await
    }

    async fn place(&self) -> Result<SemaphorePermit<'_>, BulkheadFull> {
        if let Ok(place) = self.places.try_acquire() {
            return Ok(place);
        }
        let _queued = Queued::enter(&self.queue)?;
        Ok(self.places.acquire().await.expect("nobody closes the semaphore"))
    }

    /// A place at once, without waiting.
    fn try_place(&self) -> Option<OwnedSemaphorePermit> {
        // Never overtakes: tokio hands a freed place to the first waiter itself.
        Arc::clone(&self.places).try_acquire_owned().ok()
    }

    /// A place in the queue.
    fn wait(&self) -> Result<Waiting, BulkheadFull> {
        let queued = Queued::enter(&self.queue)?;
        let place = Arc::clone(&self.places).acquire_owned();
        Ok(Box::pin(async move {
            let _queued = queued;
            place.await.expect("nobody closes the semaphore")
        }))
    }

    /// How many calls are under way.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        self.queue.max_concurrent - self.places.available_permits()
    }

    /// How many calls wait.
    #[must_use]
    pub fn queued(&self) -> usize {
        self.queue.waiting.load(Ordering::Relaxed)
    }
}

/// One place in the queue, given back on drop.
struct Queued(Arc<Queue>);

impl Queued {
    fn enter(queue: &Arc<Queue>) -> Result<Self, BulkheadFull> {
        let Queue { waiting, max_queued, max_concurrent } = &**queue;
        waiting
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |queued| (queued < *max_queued).then_some(queued + 1))
            .map_err(|_| BulkheadFull { limit: *max_concurrent })?;
        Ok(Self(Arc::clone(queue)))
    }
}

impl Drop for Queued {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Ordering::Relaxed);
    }
}

impl fmt::Debug for Bulkhead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bulkhead").field("in_flight", &self.in_flight()).field("queued", &self.queued()).finish()
    }
}
