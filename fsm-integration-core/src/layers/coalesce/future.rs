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
    enum State<S, Request, K>
    where
        S: Service<Request>,
        K: Eq,
        K: Hash,
    {
        Asked { coalesce: Coalesce<K, S::Response, S::Error>, key: K, own: Option<(S, Request)> },
        Leading { seat: Seat<K, S::Response, S::Error> },
        // Keeps its own call, to make it when the shared one panics.
        Following {
            seat: Seat<K, S::Response, S::Error>,
            coalesce: Coalesce<K, S::Response, S::Error>,
            key: K,
            own: Option<(S, Request)>,
        },
        Alone { #[pin] call: S::Future },
    }
}

impl<S: Service<Request>, Request, K: Eq + Hash> CoalesceFuture<S, Request, K> {
    pub(super) fn alone(call: S::Future) -> Self {
        Self { state: State::Alone { call } }
    }

    pub(super) fn asked(coalesce: Coalesce<K, S::Response, S::Error>, key: K, inner: S, request: Request) -> Self {
        Self { state: State::Asked { coalesce, key, own: Some((inner, request)) } }
    }
}

impl<S, Request, K> Future for CoalesceFuture<S, Request, K>
where
    S: Service<
            Request,
            Response: Clone + Send + Sync + 'static,
            Error: ShareError + Send + Sync + 'static,
            Future: Send + 'static,
        >,
    K: Eq + Hash + Clone,
{
    type Output = Result<S::Response, S::Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut state = self.project().state;
        loop {
            let next = match state.as_mut().project() {
                StateProjection::Asked { coalesce, key, own } => join(coalesce, key, own),
                StateProjection::Alone { call } => return call.poll(cx),
                StateProjection::Leading { seat } => {
                    let outcome = ready!(Pin::new(seat).poll(cx));
                    return Poll::Ready(outcome.expect("a leader gets its own panic"));
                }
                StateProjection::Following { seat, coalesce, key, own } => {
                    if let Some(outcome) = ready!(Pin::new(seat).poll(cx)) {
                        return Poll::Ready(outcome);
                    }
                    State::Asked { coalesce: coalesce.clone(), key: key.clone(), own: own.take() }
                }
            };
            state.set(next);
        }
    }
}

type Own<S, Request> = Option<(S, Request)>;

fn join<S, Request, K>(
    coalesce: &Coalesce<K, S::Response, S::Error>,
    key: &K,
    own: &mut Own<S, Request>,
) -> State<S, Request, K>
where
    S: Service<Request, Future: Send + 'static>,
    K: Eq + Hash + Clone,
{
    match coalesce.join(key.clone()) {
        Joined::Follows(seat) => {
            State::Following { seat, coalesce: coalesce.clone(), key: key.clone(), own: own.take() }
        }
        Joined::Leads(seat) => {
            let (mut inner, request) = own.take().expect("made once");
            seat.start(inner.call(request));
            State::Leading { seat }
        }
        Joined::Alone => {
            let (mut inner, request) = own.take().expect("made once");
            State::Alone { call: inner.call(request) }
        }
    }
}

impl<S: Service<Request>, Request, K: Eq + Hash> fmt::Debug for CoalesceFuture<S, Request, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match self.state {
            State::Asked { .. } => "asked",
            State::Leading { .. } => "leading",
            State::Following { .. } => "following",
            State::Alone { .. } => "alone",
        };
        f.debug_struct("CoalesceFuture").field("state", &state).finish()
    }
}
