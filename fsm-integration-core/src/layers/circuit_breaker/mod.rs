//! Stops calling a partner that keeps failing, and finds out carefully when it is well again.
//!
//! ```text
//!            failure_threshold failures in a row
//!   Closed ───────────────────────────────────────► Open
//!     ▲                                            │   ▲
//!     │ success_threshold                          │   │ a failing probe, at once;
//!     │ successes              after reset_timeout │   │ a probe that hangs, after
//!     │                        the next call is    ▼   │ half_open_timeout
//!     └──────────────────────────────────────── HalfOpen
//! ```
//!
//! What it counts: only failures that say that the other side is unwell ([`ErrorClass::trips_breaker`]).
//! A refused request, a limiter's or bulkhead's refusal and a caller that went away are neutral.
//! A panic in the call is a failure. A result counts only in the period its call was admitted in. A probe whose
//! result is neutral makes room for the next one.
//!
//! What it does not do: it limits no time (put a timeout inside it, or a call that hangs is never counted),
//! it does not wait, and it is not for fetching access tokens: an outage of the identity provider would
//! stop a partner that is well, so keep that outside.
//!
//! One breaker for what fails together, usually adapter, tenant and host: [`CircuitBreakerRegistry`].

mod config;
mod core;
mod future;
mod layer;
mod model;
mod observe;
mod permit;
mod registry;
mod service;
mod state;
#[cfg(test)]
mod tests;
mod word;

use std::{fmt, future::Future, sync::Arc};

pub use self::{
    config::CircuitBreakerConfig,
    future::CircuitBreakerFuture,
    layer::CircuitBreakerLayer,
    permit::{Outcome, Permit},
    registry::CircuitBreakerRegistry,
    service::CircuitBreakerService,
    state::{CircuitSnapshot, Control},
};
use self::{
    core::Core,
    future::Guarded,
    permit::{Admission, Gate},
};
#[cfg(doc)]
use crate::error::ErrorClass;
pub use crate::observe::CircuitState;
use crate::{
    clock::{Clock, SystemClock},
    error::{CircuitOpen, Classify},
};

/// Decides whether a call is made, from how the calls before it went; clones share the state.
///
/// A call through a closed breaker costs a few relaxed loads: no lock, no clock, no allocation.
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
        Self { core: Arc::new(Core::new(name.into(), config, clock)) }
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
        Guarded::new(future, Admission::later(&*self.core))
    }

    /// Asks for leave to make one call, for work that is no future.
    ///
    /// # Errors
    /// [`CircuitOpen`] when the call must not be made.
    pub fn try_acquire(&self) -> Result<Permit<C>, CircuitOpen> {
        let epoch = self.core.admit()?;
        Ok(Permit::new(Admission::admitted(Arc::clone(&self.core), epoch)))
    }

    /// The name given at creation.
    #[must_use]
    pub fn name(&self) -> &str {
        self.core.name()
    }

    /// The present state, by one relaxed load.
    ///
    /// An open breaker whose time is up stays open until the next call comes.
    #[must_use]
    pub fn state(&self) -> CircuitState {
        self.core.state()
    }

    /// Everything an operator wants to know, at one moment.
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

    /// Closes the breaker, forgets what was counted, and lets it work by itself again.
    pub fn reset(&self) {
        self.core.control(Control::Automatic);
    }
}

impl<C: Clock> fmt::Debug for CircuitBreaker<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CircuitBreaker").field("name", &self.name()).field("state", &self.state()).finish()
    }
}
