use std::fmt;

use tower::Layer;

use super::{CircuitBreaker, CircuitBreakerService};
use crate::{
    clock::{Clock, SystemClock},
    error::OnError,
    lending::{Counted, Leaked, Lender, Lending},
};

/// Puts a [`CircuitBreaker`] before a service; layers of one breaker's clones share its state.
///
/// Inside a retry, so that each attempt counts; outside the timeout of an attempt, so that a call that hangs counts.
///
/// ```
/// use fsm_integration_core::{
///     error::{Error, ErrorKind},
///     layers::circuit_breaker::{CircuitBreaker, CircuitBreakerConfig, CircuitBreakerLayer},
/// };
/// use tower::{Service, ServiceBuilder, ServiceExt, service_fn};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// let breaker = CircuitBreaker::new("erp", CircuitBreakerConfig { failure_threshold: 1, ..Default::default() });
/// let erp = service_fn(async |()| Err::<(), _>(Error::new(ErrorKind::Timeout, "no answer")));
/// let mut erp = ServiceBuilder::new().layer(CircuitBreakerLayer::new(breaker)).service(erp);
///
/// assert_eq!(erp.ready().await.unwrap().call(()).await.unwrap_err().kind(), ErrorKind::Timeout);
/// assert_eq!(erp.ready().await.unwrap().call(()).await.unwrap_err().kind(), ErrorKind::CircuitOpen);
/// # }
/// ```
pub struct CircuitBreakerLayer<C: Clock = SystemClock, J = OnError, K: Lending<CircuitBreaker<C>> = Counted> {
    breaker: K::Lender,
    judge: J,
}

impl<C: Clock> CircuitBreakerLayer<C> {
    /// Installs the breaker.
    #[must_use]
    pub fn new(breaker: CircuitBreaker<C>) -> Self {
        Self { breaker: Lender::new(breaker), judge: OnError }
    }
}

impl<C: Clock, J, K: Lending<CircuitBreaker<C>>> CircuitBreakerLayer<C, J, K> {
    /// Decides by this [`Judge`](crate::error::Judge) which outcomes are failures, instead of by [`OnError`].
    ///
    /// A failure counts by its class, and the `Retry-After` of the one that opens the breaker lengthens the wait,
    /// whether it came as an error or as an answer.
    ///
    /// ```
    /// use fsm_integration_core::{
    ///     error::{Error, OnStatus},
    ///     layers::circuit_breaker::{CircuitBreaker, CircuitBreakerConfig, CircuitBreakerLayer, CircuitState},
    /// };
    /// use http::{Request, Response, StatusCode};
    /// use tower::{Layer, ServiceExt, service_fn};
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() {
    /// let breaker = CircuitBreaker::new("erp", CircuitBreakerConfig { failure_threshold: 1, ..Default::default() });
    /// let down = service_fn(async |_: Request<()>| {
    ///     let mut answer = Response::new(());
    ///     *answer.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
    ///     Ok::<_, Error>(answer)
    /// });
    /// let erp = CircuitBreakerLayer::new(breaker.clone()).judge_by(OnStatus).layer(down);
    /// assert_eq!(erp.oneshot(Request::new(())).await.unwrap().status(), 503);
    /// assert_eq!(breaker.state(), CircuitState::Open);
    /// # }
    /// ```
    #[must_use]
    pub fn judge_by<N>(self, judge: N) -> CircuitBreakerLayer<C, N, K> {
        CircuitBreakerLayer { breaker: self.breaker, judge }
    }

    /// Keeps the breaker for the rest of the program's life, so that its calls count no references to it.
    ///
    /// Saves about a quarter of what a call costs. A breaker that is made once for a partner is kept anyway; one that comes and goes with
    /// a tenant would stay in memory.
    #[must_use]
    pub fn leak(self) -> CircuitBreakerLayer<C, J, Leaked>
    where
        C: 'static,
    {
        CircuitBreakerLayer { breaker: Lender::new(self.breaker.get().clone()), judge: self.judge }
    }
}

impl<S, C: Clock, J: Clone, K: Lending<CircuitBreaker<C>>> Layer<S> for CircuitBreakerLayer<C, J, K> {
    type Service = CircuitBreakerService<S, C, J, K>;

    fn layer(&self, inner: S) -> Self::Service {
        CircuitBreakerService::of(inner, self.breaker.anew(), self.judge.clone())
    }
}

impl<C: Clock, J: Clone, K: Lending<CircuitBreaker<C>>> Clone for CircuitBreakerLayer<C, J, K> {
    fn clone(&self) -> Self {
        Self { breaker: self.breaker.clone(), judge: self.judge.clone() }
    }
}

impl<C: Clock, J: fmt::Debug, K: Lending<CircuitBreaker<C>>> fmt::Debug for CircuitBreakerLayer<C, J, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let breaker = self.breaker.get();
        f.debug_struct("CircuitBreakerLayer").field("breaker", breaker).field("judge", &self.judge).finish()
    }
}
