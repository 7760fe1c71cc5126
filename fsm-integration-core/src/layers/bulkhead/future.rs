use std::{
    fmt,
    future::Future,
    pin::Pin,
    task::{Context, Poll, ready},
};

use pin_project_lite::pin_project;
use tower::Service;

use super::Bulkhead;
use crate::{
    error::BulkheadFull,
    semaphore::{Asked, Full, Place, Waiting},
};

// What only those need who have to wait is boxed in both futures: a call that finds a place moves nothing of it about.

pin_project! {
    /// A call that asks for its place at the first poll.
    pub(super) struct Call<'a, F> {
        // Dropped in this order: the place is free when the call has gone.
        #[pin]
        future: Option<F>,
        stage: Stage,
        bulkhead: &'a Bulkhead,
    }
}

enum Stage {
    Asks,
    Waits(Box<Waiting>),
    Begun(#[expect(dead_code, reason = "is held")] Place),
    Ended,
}

impl<'a, F> Call<'a, F> {
    #[inline]
    pub(super) const fn new(bulkhead: &'a Bulkhead, future: F) -> Self {
        Self { future: Some(future), stage: Stage::Asks, bulkhead }
    }
}

impl Stage {
    #[cold]
    fn wait(&mut self, bulkhead: &Bulkhead, cx: &mut Context<'_>) -> Poll<Result<(), BulkheadFull>> {
        loop {
            match self {
                Self::Asks => {
                    *self = match bulkhead.ask()? {
                        Asked::Place(place) => Self::Begun(place),
                        Asked::Waiting(waiting) => Self::Waits(waiting),
                    }
                }
                Self::Waits(waiting) => {
                    let place = ready!(Pin::new(waiting).poll(cx)).map_err(|Full| bulkhead.refuse())?;
                    *self = Self::Begun(place);
                }
                Self::Begun(_) => return Poll::Ready(Ok(())),
                Self::Ended => panic!("polled after its end"),
            }
        }
    }
}

impl<F, T, E> Future for Call<'_, F>
where
    F: Future<Output = Result<T, E>>,
    E: From<BulkheadFull>,
{
    type Output = Result<T, E>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        if let (Stage::Asks, Some(place)) = (&*this.stage, this.bulkhead.try_place()) {
            *this.stage = Stage::Begun(place);
        } else if !matches!(this.stage, Stage::Begun(_))
            && let Err(refusal) = ready!(this.stage.wait(this.bulkhead, cx))
        {
            // Free now, however long this future is kept.
            this.future.set(None);
            *this.stage = Stage::Ended;
            return Poll::Ready(Err(refusal.into()));
        }
        let future = this.future.as_mut().as_pin_mut().expect("there is one until it ends");
        let result = ready!(future.poll(cx));
        *this.stage = Stage::Ended;
        Poll::Ready(result)
    }
}

pin_project! {
    /// A call that waits for its place, if it must, and holds it until its end.
    ///
    /// # Panics
    /// When it has to wait outside a tokio runtime with time and there is a longest wait.
    #[must_use = "futures do nothing unless polled"]
    pub struct BulkheadFuture<S: Service<Request>, Request> {
        // Two fields and no enum of both, so that a call that is ready at once need not lie in memory; dropped in this
        // order, as above.
        #[pin]
        future: Option<S::Future>,
        standing: Standing<S, Request>,
    }
}

enum Standing<S, Request> {
    Queued(Box<Queued<S, Request>>),
    Begun(#[expect(dead_code, reason = "is held")] Place),
    Refused(BulkheadFull),
    Ended,
}

/// What waits for its place: the instance that was ready, and what to ask it.
pub(super) struct Queued<S, Request> {
    pub(super) waiting: Box<Waiting>,
    pub(super) bulkhead: Bulkhead,
    pub(super) call: Option<(S, Request)>,
}

impl<S: Service<Request>, Request> BulkheadFuture<S, Request> {
    #[inline]
    pub(super) const fn begun(future: S::Future, place: Place) -> Self {
        Self { future: Some(future), standing: Standing::Begun(place) }
    }

    #[inline]
    pub(super) const fn queued(queued: Box<Queued<S, Request>>) -> Self {
        Self { future: None, standing: Standing::Queued(queued) }
    }

    #[inline]
    pub(super) const fn refused(refusal: BulkheadFull) -> Self {
        Self { future: None, standing: Standing::Refused(refusal) }
    }
}

impl<S: Service<Request>, Request> Standing<S, Request> {
    /// Begins the call when it has its place.
    #[cold]
    #[inline(never)]
    fn begin(&mut self, cx: &mut Context<'_>) -> Poll<Result<S::Future, BulkheadFull>> {
        let queued = match self {
            Self::Queued(queued) => queued,
            Self::Refused(refusal) => return Poll::Ready(Err(*refusal)),
            Self::Begun(_) | Self::Ended => panic!("polled after its end"),
        };
        let Ok(place) = ready!(Pin::new(&mut queued.waiting).poll(cx)) else {
            let refusal = queued.bulkhead.refuse();
            // Service and request are free now, however long this future is kept.
            *self = Self::Refused(refusal);
            return Poll::Ready(Err(refusal));
        };
        let (mut inner, request) = queued.call.take().expect("taken once, on leaving the queue");
        let future = inner.call(request);
        *self = Self::Begun(place);
        Poll::Ready(Ok(future))
    }
}

impl<S, Request> Future for BulkheadFuture<S, Request>
where
    S: Service<Request>,
    S::Error: From<BulkheadFull>,
{
    type Output = Result<S::Response, S::Error>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        loop {
            if let Some(future) = this.future.as_mut().as_pin_mut() {
                let result = ready!(future.poll(cx));
                // Free now, however long this future is kept.
                *this.standing = Standing::Ended;
                return Poll::Ready(result);
            }
            let future = ready!(this.standing.begin(cx))?;
            this.future.set(Some(future));
        }
    }
}

impl<S: Service<Request>, Request> fmt::Debug for BulkheadFuture<S, Request> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let standing = match self.standing {
            Standing::Queued(_) => "queued",
            Standing::Begun(_) => "begun",
            Standing::Refused(_) => "refused",
            Standing::Ended => "ended",
        };
        f.debug_struct("BulkheadFuture").field("standing", &standing).finish()
    }
}
