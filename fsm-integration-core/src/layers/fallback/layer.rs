use std::{fmt, future::Future};

use tower::Layer;

use super::{Asking, Fallback, FallbackConfig, FallbackService, Judged, Keeping};
use crate::{error::OnError, observe::Observers};

/// Installs a [`Fallback`] around a service.
///
/// ```
/// use std::time::Duration;
/// use fsm_integration_core::{
///     error::{BoxError, ErrorClass},
///     layers::{fallback::FallbackLayer, timeout::TimeoutLayer},
/// };
/// use tower::{ServiceBuilder, ServiceExt};
///
/// # #[tokio::main(flavor = "current_thread", start_paused = true)] async fn main() {
/// let hangs = tower::service_fn(|_: u32| std::future::pending::<Result<&str, BoxError>>());
/// let service = ServiceBuilder::new()
///     .layer(FallbackLayer::new(|_: BoxError| Ok("an estimate")))
///     .layer(TimeoutLayer::new(Duration::from_secs(1)))
///     .service(hangs);
/// assert_eq!(service.oneshot(7).await.unwrap(), "an estimate");
/// # }
/// ```
pub struct FallbackLayer<A, J = OnError> {
    fallback: Fallback<A, J>,
}

impl<A> FallbackLayer<A> {
    /// Answers with a function from the error.
    #[must_use]
    pub fn new(answer: A) -> Self {
        Fallback::new(answer).into()
    }
}

impl<K, F, Kept> FallbackLayer<Keeping<K, F, Kept>> {
    /// Answers with a function of what is kept of the request and the error.
    ///
    /// ```
    /// use fsm_integration_core::{error::{Error, ErrorKind}, layers::fallback::FallbackLayer};
    /// use tower::{Layer, ServiceExt};
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() {
    /// let broken = tower::service_fn(|_: u32| async { Err(Error::from(ErrorKind::Unavailable)) });
    /// let layer = FallbackLayer::keeping(|id: &u32| *id, |id, _: Error| Ok(format!("what we knew of {id}")));
    /// assert_eq!(layer.layer(broken).oneshot(7).await.unwrap(), "what we knew of 7");
    /// # }
    /// ```
    #[must_use]
    pub fn keeping<Req, T, E, X>(keep: K, answer: F) -> Self
    where
        K: Fn(&Req) -> Kept,
        F: Fn(Kept, X) -> Result<T, E>,
    {
        Self::new(Keeping::new(keep, answer))
    }
}

impl<F> FallbackLayer<Asking<F>> {
    /// Asks somebody else, given the error; as [`Fallback::asking`].
    #[must_use]
    pub fn asking<T, E, X, Fut>(ask: F) -> Self
    where
        F: Fn(X) -> Fut,
        Fut: Future<Output = Result<T, E>>,
    {
        Fallback::asking(ask).into()
    }
}

impl<K, F, Kept> FallbackLayer<Keeping<K, Asking<F>, Kept>> {
    /// Asks somebody else, given what is kept of the request and the error.
    ///
    /// ```
    /// use fsm_integration_core::{error::{Error, ErrorKind}, layers::fallback::FallbackLayer};
    /// use tower::{Layer, ServiceExt};
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() {
    /// async fn ask_the_replica(id: u32) -> Result<String, Error> {
    ///     Ok(format!("slots of {id}"))
    /// }
    ///
    /// let broken = tower::service_fn(|_: u32| async { Err(Error::from(ErrorKind::Unavailable)) });
    /// let layer = FallbackLayer::keeping_to_ask(|id: &u32| *id, |id, _: Error| ask_the_replica(id));
    /// assert_eq!(layer.layer(broken).oneshot(7).await.unwrap(), "slots of 7");
    /// # }
    /// ```
    #[must_use]
    pub fn keeping_to_ask<Req, T, E, X, Fut>(keep: K, ask: F) -> Self
    where
        K: Fn(&Req) -> Kept,
        F: Fn(Kept, X) -> Fut,
        Fut: Future<Output = Result<T, E>>,
    {
        Self::new(Keeping::new(keep, Asking::new(ask)))
    }
}

impl<A: Clone, J: Clone> FallbackLayer<A, J> {
    /// Decides by this [`Judge`](crate::error::Judge) which outcomes are failures; as [`Fallback::judge_by`].
    #[must_use]
    pub fn judge_by<N>(self, judge: N) -> FallbackLayer<A, Judged<N>> {
        self.fallback.judge_by(judge).into()
    }

    /// As [`Fallback::with_config`].
    #[must_use]
    pub fn with_config(self, config: FallbackConfig) -> Self {
        self.fallback.with_config(config).into()
    }

    /// As [`Fallback::with_name`].
    #[must_use]
    pub fn with_name(self, name: &str) -> Self {
        self.fallback.with_name(name).into()
    }

    /// As [`Fallback::with_observers`].
    #[must_use]
    pub fn with_observers(self, observers: Observers) -> Self {
        self.fallback.with_observers(observers).into()
    }
}

impl<A, J> From<Fallback<A, J>> for FallbackLayer<A, J> {
    fn from(fallback: Fallback<A, J>) -> Self {
        Self { fallback }
    }
}

impl<A, J> Clone for FallbackLayer<A, J> {
    fn clone(&self) -> Self {
        self.fallback.clone().into()
    }
}

impl<S, A, J> Layer<S> for FallbackLayer<A, J> {
    type Service = FallbackService<S, A, J>;

    fn layer(&self, inner: S) -> Self::Service {
        FallbackService::new(inner, self.fallback.clone())
    }
}

impl<A, J> fmt::Debug for FallbackLayer<A, J> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FallbackLayer").field("fallback", &self.fallback).finish()
    }
}
