//! Gives up on a call that takes too long, and drops it.
//!
//! * [`Timeout`] is the value: it bounds a future ([`Timeout::call`]), a [`TimeoutLayer`] installs it.
//! * [`TimeoutLayer`] bounds one attempt; it belongs inside retry and circuit breaker.
//! * [`DeadlineLayer`] bounds the whole call, retries and waits included; it belongs outside them. It also obeys an
//!   earlier deadline that the request carries ([`HasDeadline`]), and does not begin a call whose deadline is past.
//!
//! When time runs out the inner future is dropped before the refusal is returned, so that no work goes on that
//! nobody waits for ([requirement](crate::guide::requirements) E16). What had been sent may have been done all the same: [`TimedOut`] is
//! [`ErrorClass::Timeout`](crate::error::ErrorClass::Timeout), never "not done".
//!
//! A call that is ready at its first poll costs no timer: the timer is made when the call first has to wait, and
//! counts from then; a deadline that the request carries is kept to the instant, however late the call is first polled,
//! and none is sent that is first polled after it. Readiness is not timed. A call that
//! uses up tokio's cooperative budget at every poll is timed out all the same. A call that blocks its thread is not:
//! nothing can drop it.
//!
//! Nobody is told of a timeout unless it has a name or observers of its own ([`Timeout::with_name`]): a caller sees the
//! error anyway, and so a call costs no reference count (two atomics) for the rare one that takes too long. Those of a
//! [`profile::stack`](crate::profile::stack) have its partner's name.
//!
//! # Against tower's own
//! `tower::timeout` registers a timer for every call, ready or not (about 50 ns), and boxes the error.

mod deadline;
mod future;
mod layer;
mod service;
#[cfg(test)]
mod tests;

use std::{future::Future, sync::Arc, time::Duration};

pub use self::{
    deadline::{Deadline, HasDeadline},
    future::TimeoutFuture,
    layer::{DeadlineLayer, TimeoutLayer},
    service::{DeadlineService, TimeoutService},
};
use crate::{
    error::TimedOut,
    observe::{Listening, Observers},
};

/// How long a call may take, and who is told when it takes longer.
///
/// ```
/// use std::{future::pending, time::Duration};
/// use fsm_integration_core::{error::{Error, ErrorKind}, layers::timeout::Timeout};
///
/// # #[tokio::main(flavor = "current_thread", start_paused = true)] async fn main() {
/// let timeout = Timeout::new(Duration::from_secs(30)).with_name("erp");
/// assert_eq!(timeout.call(async { Ok::<_, Error>("done") }).await.unwrap(), "done");
/// let error = timeout.call(pending::<Result<(), Error>>()).await.unwrap_err();
/// assert_eq!(error.kind(), ErrorKind::Timeout);
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Timeout {
    after: Duration,
    /// `None` when nobody is told, so that a call costs no atomic.
    listening: Option<Arc<Listening>>,
}

impl Timeout {
    /// Allows each call this much time, and tells nobody.
    #[must_use]
    pub const fn new(after: Duration) -> Self {
        Self { after, listening: None }
    }

    /// Tells the standard observers, unless others are chosen, of timeouts under this name.
    #[must_use]
    pub fn with_name(mut self, name: &str) -> Self {
        self.listening().name = name.into();
        self
    }

    /// Chooses who is told of timeouts; the name is `timeout` unless it is given.
    #[must_use]
    pub fn with_observers(mut self, observers: Observers) -> Self {
        self.listening().observers = observers;
        self
    }

    fn listening(&mut self) -> &mut Listening {
        let nobody = || Arc::new(Listening::new("timeout"));
        Arc::make_mut(self.listening.get_or_insert_with(nobody))
    }

    /// How long a call may take.
    #[must_use]
    pub const fn after(&self) -> Duration {
        self.after
    }

    /// Bounds how long the future may take, from its first poll on.
    ///
    /// # Errors
    /// [`TimedOut`] as the caller's own error when time runs out; else what the future returns.
    ///
    /// # Panics
    /// When it has to wait outside a tokio runtime with time.
    ///
    /// # Cancel safety
    /// Dropping the future drops the one it bounds.
    #[inline]
    pub fn call<T, E, F>(&self, future: F) -> TimeoutFuture<F>
    where
        F: Future<Output = Result<T, E>>,
        E: From<TimedOut>,
    {
        TimeoutFuture::new(Some(future), self.clone(), ())
    }
}

impl From<Duration> for Timeout {
    fn from(after: Duration) -> Self {
        Self::new(after)
    }
}
