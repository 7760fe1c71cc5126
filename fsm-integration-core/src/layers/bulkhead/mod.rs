//! Bounds how many calls are under way at once, so that one slow partner does not take everything.
//!
//! Calls beyond the limit wait in a bounded queue, strictly first come first served; calls beyond that, and calls that
//! waited longer than [`max_wait`](BulkheadConfig::max_wait), are refused with [`BulkheadFull`]. A caller that goes away
//! gives its place back, in the queue as well as among the calls, and a place that was just handed to it goes to the
//! next. The limit can be changed while calls are under way ([`Bulkhead::resize`]).
//!
//! It is for a limit that is known; [`adaptive_concurrency`](crate::layers::adaptive_concurrency) finds one out.
//!
//! # Where it stands
//! Inside retry and deadline, so that a call that waits for its next attempt takes no place and one that waits for a
//! place is still timed; outside the timeout of the attempt, which is not to run while the call waits. One bulkhead for
//! what shares a resource: all layers of its clones share its places.
//!
//! # Against tower's own
//! `tower::limit::ConcurrencyLimit` waits in `poll_ready`: it has no bound on who waits, refuses nobody, and a
//! service that was made ready and is not called keeps a place, so that clones that are polled ahead (by a balancer, a
//! buffer, `ServiceExt::ready`) can use up all places without any call. Here readiness is the inner service's and the
//! place is taken by the call.
//!
//! # Cost
//! Two atomic read-modify-writes, no lock, no allocation. A call that has to wait allocates twice, for its wait and for
//! its request with the service that is ready for it, and a third time for its timer if there is a longest wait; places
//! in the queue are used again.

mod config;
mod future;
mod layer;
mod permit;
mod service;
#[cfg(test)]
mod tests;

use std::{fmt, future::Future, sync::Arc};

use self::future::Call;
pub use self::{
    config::BulkheadConfig, future::BulkheadFuture, layer::BulkheadLayer, permit::BulkheadPermit,
    service::BulkheadService,
};
use crate::{
    error::BulkheadFull,
    observe::{Observation, Observers},
    semaphore::{Asked, Full, Place, Semaphore},
};

/// A limit of calls under way with a fair queue before it; clones share both.
///
/// ```
/// use fsm_integration_core::{error::Error, layers::bulkhead::Bulkhead};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// let bulkhead = Bulkhead::new(10, 100);
/// assert_eq!(bulkhead.call(async { Ok::<_, Error>("done") }).await.unwrap(), "done");
///
/// let permit = bulkhead.acquire().await.unwrap();
/// assert_eq!(bulkhead.in_flight(), 1);
/// // Work that is no future of ours; then:
/// drop(permit);
/// assert_eq!(bulkhead.in_flight(), 0);
/// # }
/// ```
#[derive(Clone)]
pub struct Bulkhead {
    shared: Arc<Shared>,
}

#[derive(Clone)]
struct Shared {
    places: Semaphore,
    config: BulkheadConfig,
    name: Arc<str>,
    observers: Observers,
}

impl Bulkhead {
    /// Lets `max_concurrent` calls be under way (at least 1) and `max_queued` more wait, as long as their callers do.
    #[must_use]
    pub fn new(max_concurrent: usize, max_queued: usize) -> Self {
        Self::with_config(BulkheadConfig { max_concurrent, max_queued, max_wait: None })
    }

    /// Creates a bulkhead with these settings.
    #[must_use]
    pub fn with_config(config: BulkheadConfig) -> Self {
        let places = Semaphore::new(config.max_concurrent);
        let (name, observers) = ("bulkhead".into(), Observers::default());
        Self { shared: Arc::new(Shared { places, config, name, observers }) }
    }

    /// Names it, for those who are told of its refusals; `bulkhead` by default.
    #[must_use]
    pub fn with_name(mut self, name: &str) -> Self {
        Arc::make_mut(&mut self.shared).name = name.into();
        self
    }

    /// Chooses who is told of its refusals.
    #[must_use]
    pub fn with_observers(mut self, observers: Observers) -> Self {
        Arc::make_mut(&mut self.shared).observers = observers;
        self
    }

    /// Makes the call as soon as there is a place for it; asks at the first poll.
    ///
    /// # Errors
    /// [`BulkheadFull`] as the caller's own error when the queue is full or the wait too long; else what the call
    /// returns.
    ///
    /// # Panics
    /// When it has to wait outside a tokio runtime with time and there is a longest wait.
    ///
    /// # Cancel safety
    /// Dropped while it waits, it leaves the queue; the call was not begun.
    #[inline]
    pub fn call<T, E, F>(&self, future: F) -> impl Future<Output = Result<T, E>> + use<'_, T, E, F>
    where
        F: Future<Output = Result<T, E>>,
        E: From<BulkheadFull>,
    {
        Call::new(self, future)
    }

    /// Takes a place as soon as there is one, for work that is no future.
    ///
    /// # Errors
    /// [`BulkheadFull`] when the queue is full or the wait too long.
    ///
    /// # Panics
    /// When it has to wait outside a tokio runtime with time and there is a longest wait.
    ///
    /// # Cancel safety
    /// Dropped while it waits, it leaves the queue.
    pub async fn acquire(&self) -> Result<BulkheadPermit, BulkheadFull> {
        if let Some(place) = self.try_place() {
            return Ok(BulkheadPermit::new(place));
        }
        let place = match self.ask()? {
            Asked::Place(place) => place,
            Asked::Waiting(waiting) => waiting.await.map_err(|Full| self.refuse())?,
        };
        Ok(BulkheadPermit::new(place))
    }

    /// Takes a place if one is free and nobody waits for it, for work that is no future.
    ///
    /// # Errors
    /// [`BulkheadFull`] when there is none now; whoever listens is told.
    pub fn try_acquire(&self) -> Result<BulkheadPermit, BulkheadFull> {
        self.try_place().map(BulkheadPermit::new).ok_or_else(|| self.refuse())
    }

    /// Changes how many calls may be under way, to at least 1, for all clones.
    ///
    /// More places are handed to those who wait at once; fewer take effect as calls end.
    pub fn resize(&self, max_concurrent: usize) {
        self.shared.places.resize(max_concurrent);
    }

    /// How many calls may be under way.
    #[must_use]
    pub fn limit(&self) -> usize {
        self.shared.places.limit()
    }

    /// How many calls are under way.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        self.shared.places.taken()
    }

    /// How many calls wait.
    #[must_use]
    pub fn queued(&self) -> usize {
        self.shared.places.queued()
    }

    #[inline]
    fn try_place(&self) -> Option<Place> {
        self.shared.places.try_take()
    }

    /// A place, or one in the queue.
    #[cold]
    #[inline(never)]
    fn ask(&self) -> Result<Asked, BulkheadFull> {
        let BulkheadConfig { max_queued, max_wait, .. } = self.shared.config;
        self.shared.places.ask(max_queued, max_wait).map_err(|Full| self.refuse())
    }

    #[cold]
    fn refuse(&self) -> BulkheadFull {
        let limit = self.limit();
        self.shared.observers.observe(&self.shared.name, Observation::BulkheadRefused { limit });
        BulkheadFull { limit }
    }
}

impl fmt::Debug for Bulkhead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Shared { places, name, .. } = &*self.shared;
        f.debug_struct("Bulkhead").field("name", name).field("places", places).finish_non_exhaustive()
    }
}
