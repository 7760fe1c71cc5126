use std::{
    fmt,
    future::Future,
    pin::Pin,
    task::{Context, Poll, ready},
};

use pin_project_lite::pin_project;
use tower::Service;

use super::{AdaptiveConcurrency, ConcurrencyPermit, Outcome};
use crate::{
    clock::{Clock, SystemClock},
    error::{BulkheadFull, Judge, OnError},
    semaphore::{Asked, Full, Waiting},
};

pin_project! {
    /// A call that asks for its place at the first poll.
    pub(super) struct Call<F, C: Clock, J> {
        // Dropped in this order: the place is free when the call has gone.
        #[pin]
        future: F,
        permit: Option<ConcurrencyPermit<C>>,
        waiting: Option<Box<Waiting>>,
        concurrency: AdaptiveConcurrency<C>,
        judge: J,
    }
}

impl<F, C: Clock, J> Call<F, C, J> {
    pub(super) const fn new(concurrency: AdaptiveConcurrency<C>, future: F, judge: J) -> Self {
        Self { future, permit: None, waiting: None, concurrency, judge }
    }
}

fn enter<C: Clock>(
    concurrency: &AdaptiveConcurrency<C>,
    waiting: &mut Option<Box<Waiting>>,
    cx: &mut Context<'_>,
) -> Poll<Result<ConcurrencyPermit<C>, BulkheadFull>> {
    let waits = match waiting {
        Some(waits) => waits,
        None => match concurrency.ask()? {
            Asked::Place(place) => return Poll::Ready(Ok(concurrency.begin(place))),
            Asked::Waiting(waits) => waiting.insert(waits),
        },
    };
    let place = ready!(Pin::new(waits).poll(cx)).map_err(|Full| concurrency.refuse())?;
    Poll::Ready(Ok(concurrency.begin(place)))
}

impl<F, C, J, T, E> Future for Call<F, C, J>
where
    F: Future<Output = Result<T, E>>,
    C: Clock,
    J: Judge<T, E>,
    E: From<BulkheadFull>,
{
    type Output = Result<T, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let permit = match this.permit {
            Some(permit) => permit,
            None => this.permit.insert(ready!(enter(this.concurrency, this.waiting, cx))?),
        };
        let result = ready!(this.future.poll(cx));
        permit.settle(Outcome::judged(this.judge, &result));
        Poll::Ready(result)
    }
}

pin_project! {
    /// A call that waits for its place, if it must, and says how it ended.
    #[must_use = "futures do nothing unless polled"]
    pub struct AdaptiveConcurrencyFuture<S: Service<Request>, Request, C: Clock = SystemClock, J = OnError> {
        // Dropped in this order, as above.
        #[pin]
        future: Option<S::Future>,
        standing: Standing<S, Request, C>,
        judge: J,
    }
}

enum Standing<S, Request, C: Clock> {
    Queued(Box<Queued<S, Request, C>>),
    Begun(ConcurrencyPermit<C>),
    Refused(BulkheadFull),
}

/// What waits for its place: the instance that was ready, and what to ask it.
pub(super) struct Queued<S, Request, C: Clock> {
    pub(super) waiting: Box<Waiting>,
    pub(super) concurrency: AdaptiveConcurrency<C>,
    pub(super) call: Option<(S, Request)>,
}

impl<S: Service<Request>, Request, C: Clock, J> AdaptiveConcurrencyFuture<S, Request, C, J> {
    pub(super) const fn begun(future: S::Future, permit: ConcurrencyPermit<C>, judge: J) -> Self {
        Self { future: Some(future), standing: Standing::Begun(permit), judge }
    }

    pub(super) const fn queued(queued: Box<Queued<S, Request, C>>, judge: J) -> Self {
        Self { future: None, standing: Standing::Queued(queued), judge }
    }

    pub(super) const fn refused(refusal: BulkheadFull, judge: J) -> Self {
        Self { future: None, standing: Standing::Refused(refusal), judge }
    }
}

impl<S: Service<Request>, Request, C: Clock> Standing<S, Request, C> {
    /// Begins the call when it has its place.
    fn begin(&mut self, cx: &mut Context<'_>) -> Poll<Result<S::Future, BulkheadFull>> {
        let queued = match self {
            Self::Queued(queued) => queued,
            Self::Refused(refusal) => return Poll::Ready(Err(*refusal)),
            Self::Begun(_) => panic!("polled after its end"),
        };
        let Ok(place) = ready!(Pin::new(&mut queued.waiting).poll(cx)) else {
            let refusal = queued.concurrency.refuse();
            // Service and request are free now, however long this future is kept.
            *self = Self::Refused(refusal);
            return Poll::Ready(Err(refusal));
        };
        let permit = queued.concurrency.begin(place);
        let (mut inner, request) = queued.call.take().expect("taken once, on leaving the queue");
        let future = inner.call(request);
        *self = Self::Begun(permit);
        Poll::Ready(Ok(future))
    }
}

impl<S, Request, C, J> Future for AdaptiveConcurrencyFuture<S, Request, C, J>
where
    S: Service<Request>,
    S::Error: From<BulkheadFull>,
    C: Clock,
    J: Judge<S::Response, S::Error>,
{
    type Output = Result<S::Response, S::Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        loop {
            if let Some(future) = this.future.as_mut().as_pin_mut() {
                let result = ready!(future.poll(cx));
                if let Standing::Begun(permit) = this.standing {
                    permit.settle(Outcome::judged(this.judge, &result));
                }
                return Poll::Ready(result);
            }
            let future = ready!(this.standing.begin(cx))?;
            this.future.set(Some(future));
        }
    }
}

impl<S: Service<Request>, Request, C: Clock, J> fmt::Debug for AdaptiveConcurrencyFuture<S, Request, C, J> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let standing = match self.standing {
            Standing::Queued(_) => "queued",
            Standing::Begun(_) => "begun",
            Standing::Refused(_) => "refused",
        };
        f.debug_struct("AdaptiveConcurrencyFuture").field("standing", &standing).finish()
    }
}
