use std::{
    fmt,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use pin_project_lite::pin_project;
use tower::Service;

use super::{
    Limit,
    service::{Mode, tell},
};
use crate::error::{Classify, ErrorClass, RateLimited};

pin_project! {
    /// A call that was let through, waits for its tokens, or its refusal.
    #[must_use = "futures do nothing unless polled"]
    pub struct RateLimitFuture<S, Req, L>
    where
        S: Service<Req>,
        L: Limit<Req>,
    {
        #[pin]
        pub(super) state: State<S, Req, L>,
        pub(super) feedback: Option<Feedback<L, L::Key>>,
    }
}

pin_project! {
    #[project = StateProjection]
    pub(super) enum State<S, Req, L>
    where
        S: Service<Req>,
        L: Limit<Req>,
    {
        Refused { refusal: RateLimited },
        Queued { queued: Option<InLine<S, Req, L>> },
        Calling { #[pin] call: S::Future },
    }
}

/// Whom to pause when the other side asks for it.
pub(super) struct Feedback<L, K> {
    pub(super) limit: Arc<L>,
    pub(super) key: K,
    pub(super) max_pause: Duration,
}

/// A call in line, where it does not make those larger that do not wait.
pub(super) type InLine<S, Req, L> = Box<Queued<S, Req, L, <L as Limit<Req>>::Key, <L as Limit<Req>>::Waiting>>;

/// A call in line.
pub(super) struct Queued<S, Req, L, K, W> {
    pub(super) waiting: W,
    pub(super) inner: S,
    pub(super) request: Req,
    pub(super) limit: Arc<L>,
    pub(super) key: K,
    pub(super) mode: Mode,
}

impl<S: Service<Req>, Req, L: Limit<Req>> RateLimitFuture<S, Req, L> {
    pub(super) const fn refused(refusal: RateLimited) -> Self {
        Self { state: State::Refused { refusal }, feedback: None }
    }

    pub(super) const fn queued(queued: InLine<S, Req, L>) -> Self {
        Self { state: State::Queued { queued: Some(queued) }, feedback: None }
    }
}

impl<S: Service<Req>, Req, L: Limit<Req>> Queued<S, Req, L, L::Key, L::Waiting> {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), RateLimited>> {
        let result = ready!(Pin::new(&mut self.waiting).poll(cx));
        let shadow = self.mode.shadow;
        let Err(refusal) = result else { return Poll::Ready(Ok(())) };
        tell(&*self.limit, refusal, shadow);
        Poll::Ready(if shadow { Ok(()) } else { Err(refusal) })
    }

    fn begin(self) -> (S::Future, Option<Feedback<L, L::Key>>) {
        let Self { mut inner, request, limit, key, mode, .. } = self;
        let feedback = mode.max_pause.map(|max_pause| Feedback { limit, key, max_pause });
        (inner.call(request), feedback)
    }
}

impl<L, K> Feedback<L, K> {
    fn pause_if_asked<Req>(&self, error: &impl Classify)
    where
        L: Limit<Req, Key = K>,
    {
        match error.retry_after() {
            Some(hint) if error.class() == ErrorClass::Throttled && !error.is_local() => {
                self.limit.pause(&self.key, hint.min(self.max_pause));
            }
            _ => {}
        }
    }
}

impl<S, Req, L> Future for RateLimitFuture<S, Req, L>
where
    S: Service<Req, Error: From<RateLimited> + Classify>,
    L: Limit<Req>,
{
    type Output = Result<S::Response, S::Error>;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        if !matches!(self.state, State::Calling { .. }) {
            ready!(self.as_mut().poll_before(cx))?;
        }
        let this = self.project();
        let StateProjection::Calling { call } = this.state.project() else { unreachable!("it was let through") };
        let result = ready!(call.poll(cx));
        if let (Err(error), Some(feedback)) = (&result, this.feedback) {
            feedback.pause_if_asked(error);
        }
        Poll::Ready(result)
    }
}

impl<S, Req, L> RateLimitFuture<S, Req, L>
where
    S: Service<Req>,
    L: Limit<Req>,
{
    /// Ready once the call is made, or refused; apart, because most calls are let through at once.
    #[cold]
    #[inline(never)]
    fn poll_before(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), RateLimited>> {
        let mut this = self.project();
        match this.state.as_mut().project() {
            StateProjection::Calling { .. } => {}
            StateProjection::Refused { refusal } => return Poll::Ready(Err(*refusal)),
            StateProjection::Queued { queued } => {
                let waits = queued.as_mut().expect("polled after it ended");
                if let Err(refusal) = ready!(waits.poll(cx)) {
                    *queued = None;
                    return Poll::Ready(Err(refusal));
                }
                let (call, feedback) = queued.take().expect("it was there").begin();
                *this.feedback = feedback;
                this.state.set(State::Calling { call });
            }
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: Service<Req>, Req, L: Limit<Req>> fmt::Debug for RateLimitFuture<S, Req, L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RateLimitFuture").finish_non_exhaustive()
    }
}
