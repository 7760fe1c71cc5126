//! Finds out by itself how many calls a partner can take at once, and refuses or queues those beyond.
//!
//! Like a [`bulkhead`](crate::layers::bulkhead) whose limit moves: up while calls are answered as fast as usual and the limit is
//! used, down when they get slower or are refused. For partners whose capacity nobody knows or that changes; where the
//! limit is in a contract, a bulkhead is simpler.
//!
//! # The rules
//! * [`AimdConfig`]: a limit's worth of good calls raises the limit by one (TCP's congestion avoidance, RFC 5681); a
//!   sign of overload takes a tenth. Needs errors or a latency that is known to be too long. After
//!   Netflix's [`AIMDLimit`](https://github.com/Netflix/concurrency-limits), which adds one for each call.
//! * [`GradientConfig`], the default: compares the latency of the last second with the usual one, an exponential mean over ten
//!   minutes, and sets `limit := limit * gradient + sqrt(limit)`, where `gradient = tolerance * usual / present`, between
//!   0.5 and 1; smoothed. The square root leaves room for a short queue at the partner's. Needs no threshold. After
//!   Netflix's [`Gradient2Limit`](https://github.com/Netflix/concurrency-limits), with three changes: the queue is the
//!   root instead of 4; an error that tells of overload takes a tenth (Netflix's does not heed errors); and a latency
//!   beyond the tolerance becomes usual ten times slower, since Netflix's lets an overload of some minutes become the
//!   usual state, and the limit rise to its maximum. A partner that got slower for good is so believed after an hour
//!   or two; bound the limit by [`max`](AdaptiveConcurrencyConfig::max) all the same.
//!
//! Both lower the limit for errors at most once a round trip: what was sent before the limit was lowered says nothing
//! about the new one. Peers lower it for each failed call, so that one hiccup with 50 calls under way takes all (0.9 to
//! the power of 50 is 0.005).
//!
//! # What counts
//! By the error's class ([`Outcome::of`]), or that of an answer that is a failure
//! ([`AdaptiveConcurrencyLayer::judge_by`]): an answer counts with its latency; a timeout, a refusal by the partner or a
//! transient failure is a sign of overload; what is permanent or the caller's fault, or was refused by a breaker, is
//! ignored. A call whose caller goes away, as a deadline outside does, counts with the time it took until then if that
//! is longer than usual: else calls that hang would be recorded nowhere. So does a call that panics: a bug on this side
//! is no overload of the other, and no answer either. Calls raise the limit only while at least half
//! of it is used. A wait in the queue is not part of the latency.
//!
//! # Where it stands
//! Inside retry and circuit breaker, and inside a rate limiter, whose refusals would look like the partner's; outside
//! the timeout of the attempt. One for what shares a capacity, usually a host.
//!
//! # Cost
//! Two looks at the clock, a lock at the call's end, and six atomic read-modify-writes; no allocation.

mod aimd;
mod config;
mod future;
mod gradient;
mod layer;
mod limit;
mod permit;
mod service;
#[cfg(test)]
mod tests;

use std::{fmt, future::Future, sync::Arc};

pub use self::{
    config::{AdaptiveConcurrencyConfig, AimdConfig, GradientConfig, LimitAlgorithm},
    future::AdaptiveConcurrencyFuture,
    layer::AdaptiveConcurrencyLayer,
    limit::Outcome,
    permit::ConcurrencyPermit,
    service::AdaptiveConcurrencyService,
};
use self::{
    future::Call,
    limit::{Limit, Sample},
};
use crate::{
    clock::{Clock, SystemClock, Ticks},
    error::{BulkheadFull, Classify, ErrorClass, Judge, OnError},
    observe::{Observation, Observers},
    semaphore::{Asked, Full, Place, Semaphore},
    sync::Mutex,
};

/// A limit of calls under way that adapts itself; clones share it.
///
/// ```
/// use fsm_integration_core::{
///     error::Error,
///     layers::adaptive_concurrency::{AdaptiveConcurrency, AdaptiveConcurrencyConfig},
/// };
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// let concurrency = AdaptiveConcurrency::new(AdaptiveConcurrencyConfig::default()).with_name("erp");
/// assert_eq!(concurrency.call(async { Ok::<_, Error>("done") }).await.unwrap(), "done");
/// assert_eq!((concurrency.limit(), concurrency.in_flight()), (20, 0));
/// # }
/// ```
#[derive(Clone)]
pub struct AdaptiveConcurrency<C: Clock = SystemClock> {
    shared: Arc<Shared<C>>,
}

struct Shared<C> {
    state: Arc<State<C>>,
    name: Arc<str>,
    observers: Observers,
}

/// What handles with other names still share.
struct State<C> {
    places: Semaphore,
    limit: Mutex<Limit>,
    config: AdaptiveConcurrencyConfig,
    clock: Ticks<C>,
}

impl Outcome {
    /// What a result means, by its error's class.
    pub fn of<T, E: Classify>(result: &Result<T, E>) -> Self {
        Self::judged(&OnError, result)
    }

    /// What a result means, by the class of the failure that it is, answers included.
    pub fn judged<T, E>(judge: &impl Judge<T, E>, result: &Result<T, E>) -> Self {
        let Some(failure) = judge.failure(result) else { return Self::Answered };
        match failure.class {
            ErrorClass::Timeout | ErrorClass::Throttled | ErrorClass::Transient => Self::Overloaded,
            ErrorClass::Permanent | ErrorClass::Open => Self::Ignored,
            ErrorClass::Cancelled => Self::Cancelled,
        }
    }
}

impl AdaptiveConcurrency {
    /// Creates a limit with these settings.
    #[must_use]
    pub fn new(config: AdaptiveConcurrencyConfig) -> Self {
        Self::with_clock(config, SystemClock)
    }
}

impl<C: Clock> AdaptiveConcurrency<C> {
    /// Creates a limit that measures with `clock`; one as coarse as the latencies sees no difference in them.
    #[must_use]
    pub fn with_clock(config: AdaptiveConcurrencyConfig, clock: C) -> Self {
        let limit = Limit::new(&config);
        let places = Semaphore::new(limit.get());
        let state = State { places, limit: Mutex::new(limit), config, clock: Ticks::new(clock) };
        let (name, observers) = ("adaptive_concurrency".into(), Observers::default());
        Self { shared: Arc::new(Shared { state: Arc::new(state), name, observers }) }
    }

    /// Names it, for those who are told of its decisions; `adaptive_concurrency` by default.
    #[must_use]
    pub fn with_name(self, name: &str) -> Self {
        let (state, observers) = (Arc::clone(&self.shared.state), self.shared.observers.clone());
        Self { shared: Arc::new(Shared { state, name: name.into(), observers }) }
    }

    /// Chooses who is told of its decisions.
    #[must_use]
    pub fn with_observers(self, observers: Observers) -> Self {
        let (state, name) = (Arc::clone(&self.shared.state), Arc::clone(&self.shared.name));
        Self { shared: Arc::new(Shared { state, name, observers }) }
    }

    /// Makes the call as soon as there is a place for it, and learns from how it ends; asks at the first poll.
    ///
    /// # Errors
    /// [`BulkheadFull`] as the caller's own error when there is no place and no room in the queue, or the wait is too
    /// long; else what the call returns.
    ///
    /// # Panics
    /// When it has to wait outside a tokio runtime with time, if there is a
    /// [`max_wait`](AdaptiveConcurrencyConfig::max_wait).
    ///
    /// # Cancel safety
    /// Dropped while it waits, it leaves the queue; dropped while the call is under way, that is [`Outcome::Cancelled`].
    pub fn call<T, E, F>(&self, future: F) -> impl Future<Output = Result<T, E>> + use<T, E, F, C>
    where
        F: Future<Output = Result<T, E>>,
        E: Classify + From<BulkheadFull>,
    {
        self.call_judged(OnError, future)
    }

    /// As [`call`](Self::call), for whatever results are failures, answers included.
    ///
    /// # Errors
    /// As [`call`](Self::call); a failed answer is returned as an answer.
    ///
    /// # Panics
    /// As [`call`](Self::call).
    ///
    /// # Cancel safety
    /// As [`call`](Self::call).
    pub fn call_judged<T, E, F, J>(
        &self,
        judge: J,
        future: F,
    ) -> impl Future<Output = Result<T, E>> + use<T, E, F, J, C>
    where
        F: Future<Output = Result<T, E>>,
        E: From<BulkheadFull>,
        J: Judge<T, E>,
    {
        Call::new(self.clone(), future, judge)
    }

    /// Takes a place as soon as there is one, for work that is no future; say how it ended.
    ///
    /// # Errors
    /// [`BulkheadFull`] when there is no place and no room in the queue, or the wait is too long.
    ///
    /// # Panics
    /// As [`call`](Self::call).
    ///
    /// # Cancel safety
    /// Dropped while it waits, it leaves the queue.
    pub async fn acquire(&self) -> Result<ConcurrencyPermit<C>, BulkheadFull> {
        let place = match self.ask()? {
            Asked::Place(place) => place,
            Asked::Waiting(waiting) => waiting.await.map_err(|Full| self.refuse())?,
        };
        Ok(self.begin(place))
    }

    /// How many calls may be under way now.
    #[must_use]
    pub fn limit(&self) -> usize {
        self.shared.state.places.limit()
    }

    /// How many calls are under way.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        self.shared.state.places.taken()
    }

    /// How many calls wait.
    #[must_use]
    pub fn queued(&self) -> usize {
        self.shared.state.places.queued()
    }

    /// A place, or one in the queue.
    fn ask(&self) -> Result<Asked, BulkheadFull> {
        let State { places, config, .. } = &*self.shared.state;
        if let Some(place) = places.try_take() {
            return Ok(Asked::Place(place));
        }
        places.ask(config.max_queued, config.max_wait).map_err(|Full| self.refuse())
    }

    fn begin(&self, place: Place) -> ConcurrencyPermit<C> {
        ConcurrencyPermit::new(self.clone(), place, self.shared.state.clock.nanos())
    }

    #[cold]
    fn refuse(&self) -> BulkheadFull {
        let limit = self.limit();
        self.shared.observers.observe(&self.shared.name, Observation::BulkheadRefused { limit });
        BulkheadFull { limit }
    }

    /// Learns from a call that still holds its place.
    fn record(&self, began: u64, outcome: Outcome) {
        let State { places, limit, clock, .. } = &*self.shared.state;
        let sample = Sample { began, ended: clock.nanos(), in_flight: places.taken(), outcome };
        let changed = {
            let mut limit = limit.lock();
            let changed = limit.record(&sample);
            if let Some(limit) = changed {
                // Under the lock, so that the last change is the last to take effect.
                places.set_limit(limit);
            }
            changed
        };
        if let Some(limit) = changed {
            places.hand_on();
            self.shared.observers.observe(&self.shared.name, Observation::ConcurrencyLimitChanged { limit });
        }
    }
}

impl<C: Clock> fmt::Debug for AdaptiveConcurrency<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Shared { state, name, .. } = &*self.shared;
        f.debug_struct("AdaptiveConcurrency").field("name", name).field("places", &state.places).finish_non_exhaustive()
    }
}
