//! Fallback: another answer when there is none, for failures that are not the caller's fault.
//!
//! * The fallback is a function from the error to an answer or another error: an empty list, the last known price, "we
//!   will tell you later". A closure over a cache is enough; [`FallbackLayer::keeping`] also gives it what it needs of
//!   the request. One that has to wait, because it asks a cache elsewhere or a second partner, is a function to a future
//!   ([`FallbackLayer::asking`], [`FallbackLayer::keeping_to_ask`]); it costs no box.
//! * By default it answers for every class but [`ErrorClass::Permanent`], which is the caller's to mend, and
//!   [`ErrorClass::Cancelled`], for which nobody waits ([`FallbackConfig`]).
//! * It is for answers that are *right*, if poorer. An order that was not placed must not be answered as placed.
//!
//! Place it outermost, outside retry and circuit breaker, so that it is the last resort: an open breaker then answers
//! with the fallback at once. What a fallback asks is not protected by it: a second partner has a timeout and a breaker
//! of its own, and its failure is the answer as it is. The call that failed is dropped before the fallback is asked.
//!
//! tower has no such layer: `map_result` and `then` come near, and know neither classes nor observers.

mod answer;
mod config;
mod future;
mod layer;
mod service;

use std::{fmt, future::Future, sync::Arc};

pub use self::{
    answer::{Answer, Asking, Keeping},
    config::FallbackConfig,
    future::FallbackFuture,
    layer::FallbackLayer,
    service::FallbackService,
};
#[cfg(doc)]
use crate::error::ErrorClass;
use crate::{
    error::Classify,
    observe::{Observation, Observers},
};

/// Answers for calls that failed.
///
/// Cheap to clone. `execute` is for use without tower, a [`FallbackLayer`] installs it.
///
/// ```
/// use fsm_integration_core::{error::{Error, ErrorKind}, layers::fallback::Fallback};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// async fn ask(kind: ErrorKind) -> Result<Vec<u32>, Error> {
///     Err(Error::from(kind))
/// }
///
/// let slots = Fallback::new(|_: Error| Ok(Vec::new())).with_name("slots");
/// assert!(slots.execute(ask(ErrorKind::Unavailable)).await.unwrap().is_empty());
/// // What the caller has to mend is told.
/// assert_eq!(slots.execute(ask(ErrorKind::InvalidRequest)).await.unwrap_err().kind(), ErrorKind::InvalidRequest);
/// # }
/// ```
pub struct Fallback<A>(Arc<Shared<A>>);

#[derive(Clone)]
struct Shared<A> {
    answer: A,
    config: FallbackConfig,
    name: Arc<str>,
    observers: Observers,
}

impl<A> Fallback<A> {
    /// Creates a fallback of a function from the error, for failures that are not the caller's fault.
    #[must_use]
    pub fn new(answer: A) -> Self {
        let config = FallbackConfig::default();
        Self(Arc::new(Shared { answer, config, name: "fallback".into(), observers: Observers::default() }))
    }
}

impl<F> Fallback<Asking<F>> {
    /// Creates a fallback that asks somebody else, given the error, for failures that are not the caller's fault.
    ///
    /// ```
    /// use fsm_integration_core::{error::{Error, ErrorKind}, layers::fallback::Fallback};
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() {
    /// async fn ask(replica: u32) -> Result<u32, Error> {
    ///     if replica == 0 { Err(Error::from(ErrorKind::Unavailable)) } else { Ok(replica) }
    /// }
    ///
    /// let fallback = Fallback::asking(|_: Error| ask(1));
    /// assert_eq!(fallback.execute(ask(0)).await.unwrap(), 1);
    /// # }
    /// ```
    #[must_use]
    pub fn asking<T, E, Fut>(ask: F) -> Self
    where
        F: Fn(E) -> Fut,
        Fut: Future<Output = Result<T, E>>,
    {
        Self::new(Asking::new(ask))
    }
}

impl<A: Clone> Fallback<A> {
    /// Answers for these classes of failures instead.
    #[must_use]
    pub fn with_config(mut self, config: FallbackConfig) -> Self {
        Arc::make_mut(&mut self.0).config = config;
        self
    }

    /// Names what is called, for observers; `fallback` if it has no name.
    #[must_use]
    pub fn with_name(mut self, name: &str) -> Self {
        Arc::make_mut(&mut self.0).name = name.into();
        self
    }

    /// Tells these observers instead of the standard ones.
    #[must_use]
    pub fn with_observers(mut self, observers: Observers) -> Self {
        Arc::make_mut(&mut self.0).observers = observers;
        self
    }
}

impl<A> Fallback<A> {
    /// Waits for the call, and answers in its place if it fails.
    ///
    /// # Errors
    /// The call's own error, if the fallback does not answer for its class; else the fallback's.
    ///
    /// # Cancel safety
    /// Dropping the future drops the call, or the fallback that is asked.
    pub async fn execute<T, E>(&self, call: impl Future<Output = Result<T, E>>) -> Result<T, E>
    where
        E: Classify,
        A: Answer<(), T, E>,
    {
        let kept = self.0.answer.keep(&());
        match call.await {
            Ok(answer) => Ok(answer),
            Err(error) => self.answer(kept, error)?.await,
        }
    }

    /// What answers in the place of this failure; the failure itself if nothing does.
    #[cold]
    #[inline(never)]
    fn answer<Req, T, E>(&self, kept: A::Kept, error: E) -> Result<A::Future, E>
    where
        E: Classify,
        A: Answer<Req, T, E>,
    {
        let class = error.class();
        if !self.0.config.answers(class) {
            return Err(error);
        }
        self.0.observers.observe(&self.0.name, Observation::FellBack { class });
        Ok(self.0.answer.answer(kept, error))
    }
}

impl<A> Clone for Fallback<A> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<A> fmt::Debug for Fallback<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fallback").field("name", &self.0.name).field("config", &self.0.config).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
