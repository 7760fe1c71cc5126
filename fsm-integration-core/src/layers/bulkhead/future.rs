use std::{
    fmt,
    future::Future,
    pin::Pin,
    task::{Context, Poll, ready},
};

use pin_project_lite::pin_project;
use tokio::sync::OwnedSemaphorePermit;
use tower::Service;

use super::Waiting;
use crate::error::BulkheadFull;

pin_project! {
    /// A call that waits for its place, if it must, and holds it until its end.
    pub struct BulkheadFuture<S: Service<Request>, Request> {
        #[pin]
        state: State<S, Request>,
    }
}

pin_project! {
    #[project = StateProjection]
    enum State<S: Service<Request>, Request> {
        Queued { waiting: Waiting, call: Option<(S, Request)> },
        Begun { #[pin] future: S::Future, place: OwnedSemaphorePermit },
        Refused { refusal: BulkheadFull },
    }
}

impl<S: Service<Request>, Request> BulkheadFuture<S, Request> {
    pub(super) fn begun(future: S::Future, place: OwnedSemaphorePermit) -> Self {
        Self { state: State::Begun { future, place } }
    }

    pub(super) fn queued(waiting: Waiting, inner: S, request: Request) -> Self {
        Self { state: State::Queued { waiting, call: Some((inner, request)) } }
    }

    pub(super) fn refused(refusal: BulkheadFull) -> Self {
        Self { state: State::Refused { refusal } }
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
        let mut state = self.project().state;
        loop {
            let next = match state.as_mut().project() {
                StateProjection::Queued { waiting, call } => {
                    let place = ready!(waiting.as_mut().poll(cx));
                    let (mut inner, request) = call.take().expect("taken once, on leaving the queue");
                    State::Begun { future: inner.call(request), place }
                }
                StateProjection::Begun { future, .. } => return future.poll(cx),
                StateProjection::Refused { refusal } => return Poll::Ready(Err((*refusal).into())),
            };
            state.set(next);
        }
    }
}

impl<S: Service<Request>, Request> fmt::Debug for BulkheadFuture<S, Request> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match self.state {
            State::Queued { .. } => "queued",
            State::Begun { .. } => "begun",
            State::Refused { .. } => "refused",
        };
        f.debug_struct("BulkheadFuture").field("state", &state).finish()
    }
}
