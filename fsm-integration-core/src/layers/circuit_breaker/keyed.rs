use std::{
    borrow::Cow,
    fmt,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use pin_project_lite::pin_project;
use tower::{Layer, Service};

use super::{
    CircuitBreakerLayer, CircuitBreakerRegistry,
    core::Core,
    future::{Guarded, State},
    permit::{Gate, MayPanic},
};
use crate::{
    clock::{Clock, SystemClock},
    error::{CircuitOpen, Judge, OnError},
};

/// Puts before a service the [`CircuitBreaker`](super::CircuitBreaker) that each request has in a
/// [`CircuitBreakerRegistry`]; made by [`CircuitBreakerLayer::keyed`].
#[derive(Clone)]
pub struct KeyedCircuitBreakerLayer<F, C: Clock = SystemClock, J = OnError> {
    breakers: CircuitBreakerRegistry<C>,
    key_of: F,
    judge: J,
}

impl<C: Clock> CircuitBreakerLayer<C> {
    /// Puts a breaker for each key before a service: a partner, a tenant, a host.
    ///
    /// A key that is borrowed, from the request or the program, costs no allocation once it is known. A call keeps its
    /// breaker to its end, and a breaker with calls under way is not forgotten.
    ///
    /// ```
    /// use fsm_integration_core::{
    ///     error::{Error, ErrorKind},
    ///     layers::circuit_breaker::{CircuitBreakerConfig, CircuitBreakerLayer, CircuitBreakerRegistry},
    /// };
    /// use http::Request;
    /// use tower::{Layer, ServiceExt, service_fn};
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() {
    /// let breakers = CircuitBreakerRegistry::new(CircuitBreakerConfig { failure_threshold: 1, ..Default::default() });
    /// let layer = CircuitBreakerLayer::keyed(breakers, |request: &Request<()>| {
    ///     request.uri().host().unwrap_or_default().into()
    /// });
    /// let client = layer.layer(service_fn(async |request: Request<()>| match request.uri().host() {
    ///     Some("down.example") => Err(Error::new(ErrorKind::Unavailable, "it answered 503")),
    ///     _ => Ok("done"),
    /// }));
    /// let ask = |host| client.clone().oneshot(Request::get(format!("https://{host}/")).body(()).unwrap());
    /// assert_eq!(ask("down.example").await.unwrap_err().kind(), ErrorKind::Unavailable);
    /// assert_eq!(ask("down.example").await.unwrap_err().kind(), ErrorKind::CircuitOpen);
    /// assert_eq!(ask("well.example").await.unwrap(), "done");
    /// # }
    /// ```
    #[must_use]
    pub const fn keyed<Req, F>(breakers: CircuitBreakerRegistry<C>, key_of: F) -> KeyedCircuitBreakerLayer<F, C>
    where
        F: Fn(&Req) -> Cow<'_, str>,
    {
        KeyedCircuitBreakerLayer { breakers, key_of, judge: OnError }
    }
}

impl<F, C: Clock, J> KeyedCircuitBreakerLayer<F, C, J> {
    /// Decides by this [`Judge`] which outcomes are failures; as [`CircuitBreakerLayer::judge_by`].
    #[must_use]
    pub fn judge_by<N>(self, judge: N) -> KeyedCircuitBreakerLayer<F, C, N> {
        KeyedCircuitBreakerLayer { breakers: self.breakers, key_of: self.key_of, judge }
    }
}

impl<S, F: Clone, C: Clock, J: Clone> Layer<S> for KeyedCircuitBreakerLayer<F, C, J> {
    type Service = KeyedCircuitBreakerService<S, F, C, J>;

    fn layer(&self, inner: S) -> Self::Service {
        KeyedCircuitBreakerService { inner, keyed: self.clone() }
    }
}

impl<F, C: Clock, J: fmt::Debug> fmt::Debug for KeyedCircuitBreakerLayer<F, C, J> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut layer = f.debug_struct("KeyedCircuitBreakerLayer");
        layer.field("breakers", &self.breakers).field("judge", &self.judge).finish_non_exhaustive()
    }
}

/// A service whose calls the breaker of their key admits or refuses.
///
/// Readiness is the inner service's.
#[derive(Debug, Clone)]
pub struct KeyedCircuitBreakerService<S, F, C: Clock = SystemClock, J = OnError> {
    inner: S,
    keyed: KeyedCircuitBreakerLayer<F, C, J>,
}

impl<S, F, C, J, Request> Service<Request> for KeyedCircuitBreakerService<S, F, C, J>
where
    S: Service<Request>,
    S::Error: From<CircuitOpen>,
    F: Fn(&Request) -> Cow<'_, str>,
    C: Clock,
    J: Judge<S::Response, S::Error> + Clone,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = KeyedCircuitBreakerFuture<S::Future, C, J>;

    #[inline]
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request) -> Self::Future {
        let KeyedCircuitBreakerLayer { breakers, key_of, judge } = &self.keyed;
        let gate = breakers.get(&key_of(&request)).core;
        let mut ticket = match gate.admit() {
            Ok(ticket) => ticket,
            Err(refusal) => return KeyedCircuitBreakerFuture { call: Guarded::refused(refusal) },
        };
        let may_panic = MayPanic::new(&*gate, &mut ticket);
        let (future, judge) = (self.inner.call(request), judge.clone());
        may_panic.survived();
        KeyedCircuitBreakerFuture { call: Guarded { state: State::Running { future, gate, ticket, judge } } }
    }
}

pin_project! {
    /// The answer of a [`KeyedCircuitBreakerService`].
    pub struct KeyedCircuitBreakerFuture<F, C: Clock = SystemClock, J = OnError> {
        #[pin]
        call: Guarded<F, Arc<Core<C>>, J>,
    }
}

impl<F, C, J, T, E> Future for KeyedCircuitBreakerFuture<F, C, J>
where
    F: Future<Output = Result<T, E>>,
    C: Clock,
    J: Judge<T, E>,
    E: From<CircuitOpen>,
{
    type Output = Result<T, E>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.project().call.poll_admitted(cx)
    }
}

impl<F, C: Clock, J> fmt::Debug for KeyedCircuitBreakerFuture<F, C, J> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyedCircuitBreakerFuture").finish_non_exhaustive()
    }
}
