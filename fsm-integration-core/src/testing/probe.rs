//! The probe: what every layer must pass.
//!
//! * readiness is the inner service's, and no clone is called that was not polled ready;
//! * a dropped future drops the call and gives back what it held;
//! * a panic in the inner call leaves the layer usable;
//! * errors come out as they went in, and refusals as the caller's own type;
//! * the service is `Clone + Send + Sync`, its future `Send`.
//!
//! ```
//! use fsm_integration_core::testing::probe;
//! use tower::Layer;
//! # use tower::layer::util::Identity;
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() {
//! # let layer = Identity::new();
//! probe::layer(|inner| layer.layer(inner)).await;
//! probe::layer_boxed(|inner| layer.layer(inner)).await;
//! # }
//! ```

use std::{
    fmt,
    future::{Future, poll_fn},
    panic::AssertUnwindSafe,
    pin::pin,
};

use bytes::Bytes;
use futures_util::{
    FutureExt,
    future::{Either, join, select},
};
use tower::Service;

use super::{Asked, MockPartner, MockService};
use crate::error::{
    BoxError, BulkheadFull, CircuitOpen, Classify, ErrorClass, IdempotencyConflict, InvalidSignature, RateLimited,
    TimedOut,
};

/// What the probe sends; most layers work on any request, some on HTTP only.
pub type Request = http::Request<Bytes>;

/// What the probe's inner service answers.
pub type Response = http::Response<Bytes>;

/// The service that the probe puts inside the layer.
pub type Inner<E = Failure> = MockService<Request, Response, E>;

/// An error type of a user's own, with one variant for each refusal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Failure {
    /// The inner service failed for good.
    #[error("planted by the probe")]
    Planted,
    /// The other side is unwell.
    #[error("planted by a test")]
    Transient,
    /// A circuit breaker refused.
    #[error(transparent)]
    CircuitOpen(#[from] CircuitOpen),
    /// A rate limiter refused.
    #[error(transparent)]
    RateLimited(#[from] RateLimited),
    /// Time ran out.
    #[error(transparent)]
    TimedOut(#[from] TimedOut),
    /// A bulkhead refused.
    #[error(transparent)]
    BulkheadFull(#[from] BulkheadFull),
    /// An idempotency key stood in the way.
    #[error(transparent)]
    IdempotencyConflict(#[from] IdempotencyConflict),
    /// A signature did not hold.
    #[error(transparent)]
    InvalidSignature(#[from] InvalidSignature),
}

impl Classify for Failure {
    fn class(&self) -> ErrorClass {
        match self {
            Self::Planted | Self::InvalidSignature(_) => ErrorClass::Permanent,
            Self::Transient => ErrorClass::Transient,
            Self::CircuitOpen(_) => ErrorClass::Open,
            Self::RateLimited(_) | Self::BulkheadFull(_) => ErrorClass::Throttled,
            Self::TimedOut(_) => ErrorClass::Timeout,
            Self::IdempotencyConflict(conflict) => crate::error::ErrorKind::from(conflict).class(),
        }
    }
}

/// Passes a layer through every check, with an error enum of its own.
///
/// The layer is built once per check, from handles that the closure may share.
///
/// # Panics
/// When the layer fails a check; the message says which.
pub async fn layer<S>(wrap: impl Fn(Inner) -> S)
where
    S: Service<Request, Response = Response, Error = Failure> + Clone + Send + Sync + 'static,
    S::Future: Send,
{
    Probe::default().layer(wrap).await;
}

/// Passes a layer through every check, with [`BoxError`].
///
/// # Panics
/// When the layer fails a check; the message says which.
pub async fn layer_boxed<S>(wrap: impl Fn(Inner<BoxError>) -> S)
where
    S: Service<Request, Response = Response, Error = BoxError> + Clone + Send + Sync + 'static,
    S::Future: Send,
{
    Probe::default().layer_boxed(wrap).await;
}

/// The probe for a layer that needs a special request or holds something.
pub struct Probe<'a> {
    /// Makes the next request; a plain GET by default.
    pub request: &'a dyn Fn() -> Request,
    /// How much the layer's handle holds now: permits, leases, places in a queue.
    pub held: &'a dyn Fn() -> usize,
}

impl Default for Probe<'_> {
    fn default() -> Self {
        Self { request: &|| Request::new(Bytes::from_static(b"probe")), held: &|| 0 }
    }
}

impl fmt::Debug for Probe<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Probe").field("held", &(self.held)()).finish_non_exhaustive()
    }
}

impl Probe<'_> {
    /// As [`layer()`].
    ///
    /// # Panics
    /// When the layer fails a check; the message says which.
    pub async fn layer<S>(&self, wrap: impl Fn(Inner) -> S)
    where
        S: Service<Request, Response = Response, Error = Failure> + Clone + Send + Sync + 'static,
        S::Future: Send,
    {
        self.check(wrap).await;
    }

    /// As [`layer_boxed`].
    ///
    /// # Panics
    /// When the layer fails a check; the message says which.
    pub async fn layer_boxed<S>(&self, wrap: impl Fn(Inner<BoxError>) -> S)
    where
        S: Service<Request, Response = Response, Error = BoxError> + Clone + Send + Sync + 'static,
        S::Future: Send,
    {
        self.check(wrap).await;
    }

    async fn check<E: Plant, S>(&self, wrap: impl Fn(Inner<E>) -> S)
    where
        S: Service<Request, Response = Response, Error = E> + Clone,
    {
        self.readiness_is_the_inner_services(&wrap).await;
        self.errors_stay_as_they_are(&wrap).await;
        self.a_dropped_future_gives_back(&wrap).await;
        self.a_panic_leaves_it_usable(&wrap).await;
    }

    async fn readiness_is_the_inner_services<E: Plant, S>(&self, wrap: impl Fn(Inner<E>) -> S)
    where
        S: Service<Request, Response = Response, Error = E> + Clone,
    {
        let (inner, mut partner) = MockService::new();
        let mut service = wrap(inner);
        partner.set_ready(false);
        let early = poll_fn(|cx| service.poll_ready(cx)).now_or_never();
        assert!(early.is_none(), "the layer is ready although its inner service is not");
        let opened = async {
            yield_once().await;
            partner.set_ready(true);
        };
        join(ready(&mut service), opened).await;

        let mut clone = service.clone();
        self.answered(&mut service, &mut partner).await;
        for service in [&mut clone, &mut service] {
            ready(service).await;
            self.answered(service, &mut partner).await;
        }
    }

    async fn errors_stay_as_they_are<E: Plant, S>(&self, wrap: impl Fn(Inner<E>) -> S)
    where
        S: Service<Request, Response = Response, Error = E> + Clone,
    {
        let (inner, mut partner) = MockService::new();
        let mut service = wrap(inner);
        ready(&mut service).await;
        match self.exchange(&mut service, &mut partner, |asked| asked.refuse(E::planted())).await {
            Err(error) => assert!(error.is_planted(), "the inner service's error came out as {error:?}"),
            Ok(_) => panic!("the inner service's error came out as an answer"),
        }
    }

    async fn a_dropped_future_gives_back<E: Plant, S>(&self, wrap: impl Fn(Inner<E>) -> S)
    where
        S: Service<Request, Response = Response, Error = E> + Clone,
    {
        let before = (self.held)();
        let (inner, mut partner) = MockService::new();
        let mut service = wrap(inner);

        ready(&mut service).await;
        drop(service.call((self.request)()));
        assert_eq!((self.held)(), before, "a future dropped before its first poll keeps what it held");
        while partner.try_asked().is_some() {}

        ready(&mut service).await;
        let mut asked = {
            let call = pin!(service.call((self.request)()));
            asked_by(call, &mut partner).await.0
        };
        yield_once().await;
        assert_eq!((self.held)(), before, "a future dropped while the call is under way keeps what it held");
        assert!(asked.dropped().now_or_never().is_some(), "the inner call goes on after its future was dropped");

        ready(&mut service).await;
        drop(service.clone());
        self.answered(&mut service, &mut partner).await;
        ready(&mut service).await;
        drop(service);
        assert_eq!((self.held)(), before, "a service dropped while ready keeps what it held");
    }

    async fn a_panic_leaves_it_usable<E: Plant, S>(&self, wrap: impl Fn(Inner<E>) -> S)
    where
        S: Service<Request, Response = Response, Error = E> + Clone,
    {
        let before = (self.held)();
        let (inner, mut partner) = MockService::new();
        let mut service = wrap(inner);

        let mut broken = service.clone();
        ready(&mut broken).await;
        let panicked = self.exchange(&mut broken, &mut partner, Asked::panic);
        let outcome = AssertUnwindSafe(panicked).catch_unwind().await;
        assert!(!matches!(outcome, Ok(Ok(_))), "a panic came out as an answer");

        let mut broken = service.clone();
        ready(&mut broken).await;
        partner.panic_in_next_call();
        let outcome = AssertUnwindSafe(async { broken.call((self.request)()).await }).catch_unwind().await;
        assert!(!matches!(outcome, Ok(Ok(_))), "a panic came out as an answer");

        assert_eq!((self.held)(), before, "a call that panicked keeps what it held");
        ready(&mut service).await;
        self.answered(&mut service, &mut partner).await;
    }

    async fn answered<E: Plant, S>(&self, service: &mut S, partner: &mut MockPartner<Request, Response, E>)
    where
        S: Service<Request, Response = Response, Error = E>,
    {
        let answer = self.exchange(service, partner, |asked| asked.answer(Response::new(Bytes::from_static(b"ok"))));
        assert_eq!(answer.await.expect("the layer lets an answer through").into_body(), "ok");
    }

    async fn exchange<E: Plant, S>(
        &self,
        service: &mut S,
        partner: &mut MockPartner<Request, Response, E>,
        react: impl FnOnce(Asked<Request, Response, E>),
    ) -> Result<Response, E>
    where
        S: Service<Request, Response = Response, Error = E>,
    {
        let call = pin!(service.call((self.request)()));
        let (asked, call) = asked_by(call, partner).await;
        react(asked);
        call.await
    }
}

/// Drives the call until it reaches the inner service.
async fn asked_by<E: Plant, F>(
    call: F,
    partner: &mut MockPartner<Request, Response, E>,
) -> (Asked<Request, Response, E>, F)
where
    F: Future<Output = Result<Response, E>> + Unpin,
{
    match select(call, pin!(partner.asked())).await {
        Either::Right((asked, call)) => (asked, call),
        Either::Left((Ok(_), _)) => panic!("the layer answered without calling its inner service"),
        Either::Left((Err(error), _)) => panic!("the layer refused the probe's call: {error:?}"),
    }
}

async fn ready<S: Service<Request, Error: fmt::Debug>>(service: &mut S) {
    poll_fn(|cx| service.poll_ready(cx)).await.expect("readiness does not fail");
}

async fn yield_once() {
    tokio::task::yield_now().await;
}

/// An error type that the probe can recognise.
trait Plant: fmt::Debug {
    fn planted() -> Self;
    fn is_planted(&self) -> bool;
}

impl Plant for Failure {
    fn planted() -> Self {
        Self::Planted
    }

    fn is_planted(&self) -> bool {
        *self == Self::Planted
    }
}

impl Plant for BoxError {
    fn planted() -> Self {
        Box::new(Failure::Planted)
    }

    fn is_planted(&self) -> bool {
        self.downcast_ref::<Failure>().is_some_and(Plant::is_planted)
    }
}

#[cfg(test)]
mod tests {
    use std::{
        pin::Pin,
        sync::{
            Arc,
            atomic::{AtomicUsize, Ordering::Relaxed},
        },
        task::{Context, Poll},
    };

    use tower::layer::{Layer, util::Identity};

    use super::*;

    #[tokio::test]
    async fn a_layer_that_does_nothing_passes() {
        layer(|inner| Identity::new().layer(inner)).await;
        layer_boxed(|inner| Identity::new().layer(inner)).await;
    }

    /// A layer with one fault, chosen by the test.
    #[derive(Clone)]
    struct Faulty {
        inner: Inner,
        fault: Fault,
        held: Arc<AtomicUsize>,
    }

    #[derive(Clone, Copy, PartialEq)]
    enum Fault {
        CallsAnUnreadiedClone,
        IsAlwaysReady,
        Leaks,
        Detaches,
    }

    impl Service<Request> for Faulty {
        type Response = Response;
        type Error = Failure;
        type Future = Pin<Box<dyn Future<Output = Result<Response, Failure>> + Send>>;

        fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Failure>> {
            let inner = self.inner.poll_ready(cx);
            if self.fault == Fault::IsAlwaysReady { Poll::Ready(Ok(())) } else { inner }
        }

        fn call(&mut self, request: Request) -> Self::Future {
            match self.fault {
                Fault::CallsAnUnreadiedClone => {
                    let mut inner = self.inner.clone();
                    Box::pin(async move { inner.call(request).await })
                }
                Fault::Leaks => {
                    self.held.fetch_add(1, Relaxed);
                    Box::pin(self.inner.call(request))
                }
                Fault::IsAlwaysReady => Box::pin(self.inner.call(request)),
                Fault::Detaches => {
                    let call = tokio::spawn(self.inner.call(request));
                    Box::pin(async move { call.await.expect("the task ends") })
                }
            }
        }
    }

    async fn probe(fault: Fault) {
        let held = Arc::new(AtomicUsize::new(0));
        let probe = Probe { held: &|| held.load(Relaxed), ..Probe::default() };
        probe.layer(|inner| Faulty { inner, fault, held: Arc::clone(&held) }).await;
    }

    #[tokio::test]
    #[should_panic(expected = "called without having been polled ready")]
    async fn calling_an_unreadied_clone_is_found() {
        probe(Fault::CallsAnUnreadiedClone).await;
    }

    #[tokio::test]
    #[should_panic(expected = "ready although its inner service is not")]
    async fn readiness_of_its_own_is_found() {
        probe(Fault::IsAlwaysReady).await;
    }

    #[tokio::test]
    #[should_panic(expected = "keeps what it held")]
    async fn a_leak_is_found() {
        probe(Fault::Leaks).await;
    }

    #[tokio::test]
    #[should_panic(expected = "goes on after its future was dropped")]
    async fn a_call_that_outlives_its_future_is_found() {
        probe(Fault::Detaches).await;
    }
}
