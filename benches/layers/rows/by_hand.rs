//! What a careful user writes to put recloser and governor into tower: two services whose futures are not boxed.

use std::{
    future::{Future, Ready, ready},
    num::NonZeroU32,
    sync::Arc,
    task::{Context, Poll},
};

use fsm_integration_core::error::BoxError;
use futures_util::{
    TryFutureExt,
    future::{Either, MapErr},
};
use governor::DefaultDirectRateLimiter;
use recloser::{AnyError, AsyncRecloser, RecloserFuture};
use tower::Service;

use crate::harness::service::MINUTE;

/// recloser before a service; clones share it.
#[derive(Clone)]
pub(crate) struct Recloser<S> {
    inner: S,
    recloser: AsyncRecloser,
}

impl<S> Recloser<S> {
    pub(crate) fn new(inner: S) -> Self {
        let recloser = recloser::Recloser::custom().error_rate(0.5).closed_len(100).open_wait(MINUTE).build();
        Self { inner, recloser: recloser.into() }
    }
}

type Outcome<E> = fn(recloser::Error<E>) -> BoxError;

fn outcome(error: recloser::Error<BoxError>) -> BoxError {
    match error {
        recloser::Error::Inner(error) => error,
        recloser::Error::Rejected => "the circuit breaker is open".into(),
    }
}

impl<S, R> Service<R> for Recloser<S>
where
    S: Service<R, Error = BoxError>,
{
    type Response = S::Response;
    type Error = BoxError;
    type Future = MapErr<RecloserFuture<S::Future, AnyError>, Outcome<BoxError>>;

    #[inline]
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.inner.poll_ready(cx)
    }

    #[inline]
    fn call(&mut self, request: R) -> Self::Future {
        self.recloser.call(self.inner.call(request)).map_err(outcome)
    }
}

/// governor before a service; clones share it.
#[derive(Clone)]
pub(crate) struct Governor<S> {
    inner: S,
    limiter: Arc<DefaultDirectRateLimiter>,
}

impl<S> Governor<S> {
    pub(crate) fn new(inner: S) -> Self {
        // A token each nanosecond: more than anybody takes.
        let plenty = NonZeroU32::new(1_000_000_000).expect("not zero");
        Self { inner, limiter: Arc::new(governor::RateLimiter::direct(governor::Quota::per_second(plenty))) }
    }
}

impl<S, R> Service<R> for Governor<S>
where
    S: Service<R, Error = BoxError, Future: Future<Output = Result<S::Response, BoxError>>>,
{
    type Response = S::Response;
    type Error = BoxError;
    type Future = Either<S::Future, Ready<Result<S::Response, BoxError>>>;

    #[inline]
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.inner.poll_ready(cx)
    }

    #[inline]
    fn call(&mut self, request: R) -> Self::Future {
        match self.limiter.check() {
            Ok(()) => Either::Left(self.inner.call(request)),
            Err(_) => Either::Right(ready(Err("the rate limit is exceeded".into()))),
        }
    }
}
