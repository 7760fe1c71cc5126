//! Fallback: another answer when there is none, for failures that are not the caller's fault.
//!
//! * The fallback is a function from the error to an answer or another error: an empty list, the last known price, "we
//!   will tell you later". A closure over a cache is enough; [`FallbackLayer::keeping`] also gives it what it needs of
//!   the request. One that has to wait, because it asks a cache elsewhere or a second partner, is a function to a future
//!   ([`FallbackLayer::asking`], [`FallbackLayer::keeping_to_ask`]); it costs no box.
//! * By default it answers for every class but [`ErrorClass::Permanent`], which is the caller's to mend, and
//!   [`ErrorClass::Cancelled`], for which nobody waits ([`FallbackConfig`]).
//! * What a failure is can be said ([`Fallback::judge_by`]): an HTTP 503 that arrives as `Ok`. The function is then told the
//!   outcome instead of the error.
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
mod told;

use std::{fmt, future::Future, sync::Arc};

pub use self::{
    answer::{Answer, Asking, Keeping},
    config::FallbackConfig,
    future::FallbackFuture,
    layer::FallbackLayer,
    service::FallbackService,
    told::{Judged, Tell},
};
use crate::{
    error::{ErrorClass, OnError},
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
pub struct Fallback<A, J = OnError>(Arc<Shared<A, J>>);

#[derive(Clone)]
struct Shared<A, J> {
    answer: A,
    judge: J,
    config: FallbackConfig,
    name: Arc<str>,
    observers: Observers,
}

impl<A> Fallback<A> {
    /// Creates a fallback of a function from the error, for failures that are not the caller's fault.
    #[must_use]
    pub fn new(answer: A) -> Self {
        let (config, observers) = (FallbackConfig::default(), Observers::default());
        Self(Arc::new(Shared { answer, judge: OnError, config, name: "fallback".into(), observers }))
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
    pub fn asking<T, E, X, Fut>(ask: F) -> Self
    where
        F: Fn(X) -> Fut,
        Fut: Future<Output = Result<T, E>>,
    {
        Self::new(Asking::new(ask))
    }
}

impl<A: Clone, J: Clone> Fallback<A, J> {
    /// Decides by this [`Judge`](crate::error::Judge) which outcomes are failures, instead of by [`OnError`].
    ///
    /// The fallback is then told the outcome, a `Result<T, E>`, instead of the error, since an answer can be a failure
    /// too.
    ///
    /// ```
    /// use fsm_integration_core::{error::{Error, OnStatus}, layers::fallback::Fallback};
    /// use http::{Response, StatusCode};
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() {
    /// async fn ask(status: StatusCode) -> Result<Response<&'static str>, Error> {
    ///     let mut answer = Response::new("from the partner");
    ///     *answer.status_mut() = status;
    ///     Ok(answer)
    /// }
    ///
    /// let prices = Fallback::new(|_: Result<_, Error>| Ok(Response::new("of yesterday"))).judge_by(OnStatus);
    /// assert_eq!(prices.execute(ask(StatusCode::SERVICE_UNAVAILABLE)).await.unwrap().body(), &"of yesterday");
    /// // What the caller has to mend is told.
    /// assert_eq!(prices.execute(ask(StatusCode::NOT_FOUND)).await.unwrap().status(), 404);
    /// # }
    /// ```
    #[must_use]
    pub fn judge_by<N>(self, judge: N) -> Fallback<A, Judged<N>> {
        let Shared { answer, config, name, observers, .. } = Arc::unwrap_or_clone(self.0);
        Fallback(Arc::new(Shared { answer, judge: Judged(judge), config, name, observers }))
    }

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

impl<A, J> Fallback<A, J> {
    /// Waits for the call, and answers in its place if it fails.
    ///
    /// # Errors
    /// The call's own error, if the fallback does not answer for its class; else the fallback's.
    ///
    /// # Cancel safety
    /// Dropping the future drops the call, or the fallback that is asked.
    pub async fn execute<T, E>(&self, call: impl Future<Output = Result<T, E>>) -> Result<T, E>
    where
        J: Tell<T, E>,
        A: Answer<(), T, E, J::Told>,
    {
        let kept = self.0.answer.keep(&());
        match self.0.judge.tell(call.await) {
            Ok(outcome) => outcome,
            Err((class, told)) => match self.answer(kept, class, told) {
                Ok(answer) => answer.await,
                Err(outcome) => outcome,
            },
        }
    }

    /// What answers in the place of this failure; the outcome itself if nothing does.
    #[cold]
    #[inline(never)]
    fn answer<Req, T, E>(&self, kept: A::Kept, class: ErrorClass, told: J::Told) -> Result<A::Future, Result<T, E>>
    where
        J: Tell<T, E>,
        A: Answer<Req, T, E, J::Told>,
    {
        if !self.0.config.answers(class) {
            return Err(J::untold(told));
        }
        self.0.observers.observe(&self.0.name, Observation::FellBack { class });
        Ok(self.0.answer.answer(kept, told))
    }
}

impl<A, J> Clone for Fallback<A, J> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<A, J> fmt::Debug for Fallback<A, J> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fallback").field("name", &self.0.name).field("config", &self.0.config).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
