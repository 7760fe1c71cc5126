//! Stops calling a partner that keeps failing, and finds out carefully when it is well again.
//!
//! ```text
//!            failures in a row, or a rate of a window
//!   Closed ───────────────────────────────────────► Open
//!     ▲                                            │   ▲
//!     │ success_threshold                          │   │ a failing probe, at once;
//!     │ successes              after reset_timeout │   │ probes that tell nothing,
//!     │                        the next call is    ▼   │ after half_open_timeout
//!     └──────────────────────────────────────── HalfOpen
//! ```
//!
//! What it counts: only failures that say that the other side is unwell ([`ErrorClass::trips_breaker`]), answers among
//! them if it is told how to judge them ([`CircuitBreakerLayer::judge_by`]), and, in a window and if asked to, calls that
//! took long. A refused request, a limiter's or bulkhead's refusal and a caller that
//! went away are neutral. A panic in the call is a failure. A result counts only in the period its call was admitted in.
//! A probe whose result is neutral makes room for the next one; if for `half_open_timeout` there are no others, or none
//! ends at all, the breaker is open again, since nobody knows yet whether the partner is well.
//!
//! How it counts, by [`CircuitModel`]: failures in a row (the default); the last calls, exactly; or the calls of the
//! last while. A window is judged with every result that could open the breaker, and exactly: plain successes can only
//! lower a rate, so each thread tallies them beside the lock in a word of its own, and whoever takes the lock next (a failure,
//! a slow call, the end of a bucket) takes the tally over first. Where the rate is reached already, since old successes
//! have left the window or the settings have changed, nothing opens until the next result, and that one is judged
//! whatever it is. What a call costs never depends on how many are in the window.
//!
//! How long it stays open: `reset_timeout`, growing while it opens again and again if asked to, scattered if asked to,
//! and at least as long as the `Retry-After` of the failure that opened it, up to `max_retry_after`.
//!
//! Who else decides: an operator, by [`force_open`](CircuitBreaker::force_open), [`disable`](CircuitBreaker::disable),
//! [`metrics_only`](CircuitBreaker::metrics_only) and [`reset`](CircuitBreaker::reset); and new settings, by
//! [`reconfigure`](CircuitBreaker::reconfigure).
//!
//! What it does not do: it limits no time (put a timeout inside it, or a call that hangs is never counted),
//! it does not wait, and it is not for fetching access tokens: an outage of the identity provider would
//! stop a partner that is well, so keep that outside.
//!
//! What it costs: a call through the layer looks at one word twice, and counts one reference up and down, unless the
//! layer is [leaked](CircuitBreakerLayer::leak). A window has a word of 128 bytes for each core of the machine (to the
//! next power of two, at most 64), so that threads do not wait for each other: 8 KiB for a breaker on 64 cores.
//!
//! Where to put it: inside the retry, so that each attempt counts and a refusal ends the retrying; outside the rate
//! limiter and the attempt's timeout, so that waiting for a token is not timed as a slow call.
//!
//! Which clock: the default, [`SystemClock`], costs 22 ns a look, and a call through a closed breaker looks only for a
//! time window (once) or to find slow calls (once more). A busy service gives [`CoarseClock`](crate::clock::CoarseClock).
//!
//! One breaker for what fails together, usually adapter, tenant and host: [`CircuitBreakerRegistry`], and
//! [`CircuitBreakerLayer::keyed`] to pick it by the request.

mod changes;
mod config;
mod core;
mod count_window;
mod figures;
mod future;
mod keyed;
mod layer;
mod model;
mod permit;
mod probing;
mod refusal;
mod registry;
mod service;
mod shards;
mod snapshot;
mod state;
mod tell;
#[cfg(test)]
mod tests;
mod ticket;
mod time_window;
mod wait;
mod word;

use std::{fmt, future::Future, sync::Arc};

pub use self::{
    changes::{CircuitChange, CircuitChanges},
    config::{CircuitBreakerConfig, CircuitModel},
    future::CircuitBreakerFuture,
    keyed::{KeyedCircuitBreakerFuture, KeyedCircuitBreakerLayer, KeyedCircuitBreakerService},
    layer::CircuitBreakerLayer,
    permit::{Outcome, Permit},
    registry::CircuitBreakerRegistry,
    service::CircuitBreakerService,
    snapshot::{CircuitSnapshot, Control},
};
use self::{core::Core, future::Guarded, permit::Gate, refusal::Refusal, state::Ended, ticket::Ticket};
#[cfg(doc)]
use crate::error::ErrorClass;
pub use crate::observe::CircuitState;
use crate::{
    clock::{Clock, SystemClock},
    error::{CircuitOpen, Classify, Judge, OnError},
    observe::Observers,
};

/// Decides whether a call is made, from how the calls before it went; clones share the state.
///
/// A call through a closed breaker costs two loads, and in a window one atomic addition: no lock, no allocation.
///
/// ```
/// use fsm_integration_core::{
///     error::{Error, ErrorKind},
///     layers::circuit_breaker::{CircuitBreaker, CircuitBreakerConfig, CircuitState},
/// };
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// let breaker = CircuitBreaker::new("erp", CircuitBreakerConfig { failure_threshold: 1, ..Default::default() });
/// let call = async { Err::<(), _>(Error::new(ErrorKind::Unavailable, "the ERP answered 503")) };
/// assert_eq!(breaker.call(call).await.unwrap_err().kind(), ErrorKind::Unavailable);
/// assert_eq!(breaker.state(), CircuitState::Open);
///
/// let refused = breaker.call(async { Ok::<_, Error>("never asked") }).await.unwrap_err();
/// assert_eq!(refused.kind(), ErrorKind::CircuitOpen);
/// assert!(refused.retry_after().is_some());
/// # }
/// ```
#[derive(Clone)]
pub struct CircuitBreaker<C: Clock = SystemClock> {
    core: Arc<Core<C>>,
}

impl CircuitBreaker {
    /// Creates a closed breaker; the name is its label in metrics and logs.
    #[must_use]
    pub fn new(name: impl Into<Arc<str>>, config: CircuitBreakerConfig) -> Self {
        Self::with_clock(name, config, SystemClock)
    }
}

impl<C: Clock> CircuitBreaker<C> {
    /// Creates a closed breaker that takes the time from `clock`.
    #[must_use]
    pub fn with_clock(name: impl Into<Arc<str>>, config: CircuitBreakerConfig, clock: C) -> Self {
        let breaker = Self::create(name.into(), config, clock, Observers::default());
        breaker.core.introduce();
        breaker
    }

    /// Creates a breaker that nobody was told of.
    fn create(name: Arc<str>, config: CircuitBreakerConfig, clock: C, observers: Observers) -> Self {
        Self { core: Arc::new(Core::new(name, config, clock, observers)) }
    }

    /// Tells these observers, instead of those before, of what this breaker and its clones decide.
    ///
    /// Changes of state are told one after the other, in their order; the first says what the breaker is, as a change
    /// from that to that.
    #[must_use]
    pub fn with_observers(self, observers: Observers) -> Self {
        self.core.replace_observers(observers);
        self
    }

    /// Makes the call unless the breaker is open, and counts how it ends; asks at the first poll.
    ///
    /// # Errors
    /// [`CircuitOpen`] as the caller's own error when the call is refused; else what the call returns.
    ///
    /// # Cancel safety
    /// Dropped before its end, the call is recorded as [`Outcome::Cancelled`].
    pub fn call<T, E, F>(&self, future: F) -> impl Future<Output = Result<T, E>> + use<'_, T, E, F, C>
    where
        F: Future<Output = Result<T, E>>,
        E: Classify + From<CircuitOpen>,
    {
        self.call_judged(OnError, future)
    }

    /// As [`call`](Self::call), for whatever results are failures, answers included.
    ///
    /// # Errors
    /// As [`call`](Self::call); a failed answer is returned as an answer.
    ///
    /// # Cancel safety
    /// As [`call`](Self::call).
    pub fn call_judged<T, E, F, J>(
        &self,
        judge: J,
        future: F,
    ) -> impl Future<Output = Result<T, E>> + use<'_, T, E, F, J, C>
    where
        F: Future<Output = Result<T, E>>,
        E: From<CircuitOpen>,
        J: Judge<T, E>,
    {
        Guarded::later(future, &*self.core, judge)
    }

    /// Asks for leave to make one call, for work that is no future.
    ///
    /// # Errors
    /// [`CircuitOpen`] when the call must not be made.
    pub fn try_acquire(&self) -> Result<Permit<C>, CircuitOpen> {
        let ticket = self.core.admit()?;
        Ok(Permit::new(Arc::clone(&self.core), ticket))
    }

    /// The name given at creation.
    #[must_use]
    pub fn name(&self) -> &str {
        self.core.name()
    }

    /// What it does with a call, by one load.
    ///
    /// An open breaker whose time is up stays open until the next call comes.
    #[must_use]
    pub fn state(&self) -> CircuitState {
        self.core.state()
    }

    /// Everything an operator wants to know, at one moment; takes the lock.
    #[must_use]
    pub fn snapshot(&self) -> CircuitSnapshot {
        self.core.snapshot()
    }

    /// Refuses every call until [`reset`](Self::reset) or [`disable`](Self::disable).
    pub fn force_open(&self) {
        self.core.control(Control::ForcedOpen);
    }

    /// Admits every call and counts nothing until [`reset`](Self::reset) or [`force_open`](Self::force_open).
    pub fn disable(&self) {
        self.core.control(Control::Disabled);
    }

    /// Admits every call, and tells which it would have refused until [`reset`](Self::reset), [`force_open`](Self::force_open)
    /// or [`disable`](Self::disable).
    ///
    /// It goes through its states as ever, beginning closed, to be seen as [`CircuitSnapshot::verdict`]; a call that it
    /// would have refused is not counted.
    pub fn metrics_only(&self) {
        self.core.control(Control::MetricsOnly);
    }

    /// Closes the breaker, forgets what was counted, and lets it work by itself again.
    pub fn reset(&self) {
        self.core.control(Control::Automatic);
    }

    /// Goes on under other settings, keeping the state and what was counted.
    ///
    /// A window that becomes longer does not get back what has left it. A wait under way ends when it would have. Only
    /// another kind of [`CircuitModel`] begins to count anew.
    pub fn reconfigure(&self, config: CircuitBreakerConfig) {
        self.core.reconfigure(config);
    }

    /// The present settings.
    #[must_use]
    pub fn config(&self) -> CircuitBreakerConfig {
        self.core.config()
    }

    /// The changes of state from now on, in their order.
    #[must_use]
    pub fn subscribe(&self) -> CircuitChanges {
        self.core.subscribe()
    }
}

impl<C: Clock> Gate for CircuitBreaker<C> {
    #[inline(always)]
    fn admit(&self) -> Result<Ticket, Refusal> {
        self.core.admit()
    }

    #[inline(always)]
    fn succeed(&self, ticket: Ticket) {
        self.core.succeed(ticket);
    }

    fn settle(&self, ticket: Ticket, ended: Ended) {
        self.core.settle(ticket, ended);
    }
}

impl<C: Clock> fmt::Debug for CircuitBreaker<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CircuitBreaker").field("name", &self.name()).field("state", &self.state()).finish()
    }
}
