use std::{
    fmt,
    future::Future,
    hash::Hash,
    pin::Pin,
    task::{Context, Poll, ready},
};

use pin_project_lite::pin_project;
use tower::Service;

use super::{
    Coalesce, ShareError,
    seat::{Joined, Seat},
};

pin_project! {
    /// The answer of a call that may be shared; joins or makes it when it is first polled.
    ///
    /// # Cancel safety
    /// Dropping it leaves the call to the others who wait for it; the last one drops it.
    #[must_use = "futures do nothing unless polled"]
    pub struct CoalesceFuture<S, Request, K>
    where
        S: Service<Request>,
        K: Eq,
        K: Hash,
    {
        #[pin]
        state: State<S, Request, K>,
    }
}

pin_project! {
    #[project = StateProjection]
    #[project_replace = OwnedState]
    enum State<S, Request, K>
    where
        S: Service<Request>,
        K: Eq,
        K: Hash,
    {
        Asked { ask: Ask<S, Request, K> },
        Leading { seat: Seat<K, S::Response, S::Error> },
        // Keeps its own call, to make it when the shared one panics.
        Following { seat: Seat<K, S::Response, S::Error>, ask: Ask<S, Request, K> },
        Readying { ask: Ask<S, Request, K> },
        Alone { #[pin] call: S::Future },
        Ended,
    }
}

/// A call that is not made.
struct Ask<S: Service<Request>, Request, K: Eq + Hash> {
    coalesce: Coalesce<K, S::Response, S::Error>,
    key: K,
    inner: S,
    request: Request,
}

impl<S: Service<Request>, Request, K: Eq + Hash> CoalesceFuture<S, Request, K> {
    pub(super) fn alone(call: S::Future) -> Self {
        Self { state: State::Alone { call } }
    }

    /// The service is ready.
    pub(super) fn asked(coalesce: Coalesce<K, S::Response, S::Error>, key: K, inner: S, request: Request) -> Self {
        Self { state: State::Asked { ask: Ask { coalesce, key, inner, request } } }
    }
}

impl<S, Request, K> Ask<S, Request, K>
where
    S: Service<Request, Future: Send + 'static> + Clone,
    K: Eq + Hash + Clone,
{
    /// Joins the call under way, or makes its own with the service, which is ready.
    fn join(mut self) -> State<S, Request, K> {
        match self.coalesce.join(self.key.clone()) {
            Joined::Follows(seat) => {
                // A clone, which is not ready: one that is may hold a place, or a connection, that others need.
                let inner = self.inner.clone();
                State::Following { seat, ask: Self { inner, ..self } }
            }
            Joined::Leads(seat) => {
                seat.start(self.inner.call(self.request));
                State::Leading { seat }
            }
            Joined::Alone => State::Alone { call: self.inner.call(self.request) },
        }
    }
}

impl<S, Request, K> State<S, Request, K>
where
    S: Service<
            Request,
            Response: Clone + Send + Sync + 'static,
            Error: ShareError + Send + Sync + 'static,
            Future: Send + 'static,
        > + Clone,
    K: Eq + Hash + Clone,
{
    /// The outcome, if there is one and it is not to go on.
    fn poll_here(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<S::Response, S::Error>>> {
        Poll::Ready(match self.project() {
            StateProjection::Asked { .. } => None,
            StateProjection::Alone { call } => Some(ready!(call.poll(cx))),
            StateProjection::Leading { seat } => {
                let outcome = ready!(Pin::new(seat).poll(cx));
                Some(outcome.expect("a leader gets its own panic"))
            }
            StateProjection::Following { seat, .. } => ready!(Pin::new(seat).poll(cx)),
            StateProjection::Readying { ask } => ready!(ask.inner.poll_ready(cx)).err().map(Err),
            StateProjection::Ended => panic!("polled after its end"),
        })
    }

    fn go_on(mut self: Pin<&mut Self>) {
        let next = match self.as_mut().project_replace(State::Ended) {
            OwnedState::Asked { ask } | OwnedState::Readying { ask } => ask.join(),
            OwnedState::Following { seat, ask } => {
                drop(seat);
                State::Readying { ask }
            }
            OwnedState::Leading { .. } | OwnedState::Alone { .. } | OwnedState::Ended => unreachable!("they end here"),
        };
        self.set(next);
    }
}

impl<S, Request, K> Future for CoalesceFuture<S, Request, K>
where
    S: Service<
            Request,
            Response: Clone + Send + Sync + 'static,
            Error: ShareError + Send + Sync + 'static,
            Future: Send + 'static,
        > + Clone,
    K: Eq + Hash + Clone,
{
    type Output = Result<S::Response, S::Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut state = self.project().state;
        loop {
            if let Some(outcome) = ready!(state.as_mut().poll_here(cx)) {
                // Leaves its place now, however long this future is kept.
                state.set(State::Ended);
                return Poll::Ready(outcome);
            }
            state.as_mut().go_on();
        }
    }
}

impl<S: Service<Request>, Request, K: Eq + Hash> fmt::Debug for CoalesceFuture<S, Request, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match self.state {
            State::Asked { .. } => "asked",
            State::Leading { .. } => "leading",
            State::Following { .. } => "following",
            State::Readying { .. } => "readying",
            State::Alone { .. } => "alone",
            State::Ended => "ended",
        };
        f.debug_struct("CoalesceFuture").field("state", &state).finish()
    }
}
