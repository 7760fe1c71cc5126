use std::{
    fmt,
    future::Future,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use pin_project_lite::pin_project;

use super::Limit;
use crate::error::{Classify, ErrorClass, RateLimited};

pin_project! {
    /// A call that was let through, or its refusal.
    #[must_use = "futures do nothing unless polled"]
    pub struct RateLimitFuture<F, Req, L>
    where
        L: Limit<Req>,
    {
        #[pin]
        state: State<F>,
        feedback: Option<Feedback<L, L::Key>>,
    }
}

pin_project! {
    #[project = StateProjection]
    enum State<F> {
        Refused { refusal: RateLimited },
        Calling { #[pin] call: F },
    }
}

/// Whom to pause when the other side asks for it.
pub(super) struct Feedback<L, K> {
    pub(super) limit: L,
    pub(super) key: K,
    pub(super) max_pause: Duration,
}

impl<F, Req, L: Limit<Req>> RateLimitFuture<F, Req, L> {
    pub(super) const fn refused(refusal: RateLimited) -> Self {
        Self { state: State::Refused { refusal }, feedback: None }
    }

    pub(super) const fn calling(call: F, feedback: Option<Feedback<L, L::Key>>) -> Self {
        Self { state: State::Calling { call }, feedback }
    }
}

impl<L, K> Feedback<L, K> {
    fn pause_if_asked<Req>(&self, error: &impl Classify)
    where
        L: Limit<Req, Key = K>,
    {
        match error.retry_after() {
            Some(hint) if error.class() == ErrorClass::Throttled => {
                self.limit.pause(&self.key, hint.min(self.max_pause));
            }
            _ => {}
        }
    }
}

impl<F, Req, L, T, E> Future for RateLimitFuture<F, Req, L>
where
    F: Future<Output = Result<T, E>>,
    E: From<RateLimited> + Classify,
    L: Limit<Req>,
{
    type Output = Result<T, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let result = match this.state.project() {
            StateProjection::Refused { refusal } => return Poll::Ready(Err((*refusal).into())),
            StateProjection::Calling { call } => ready!(call.poll(cx)),
        };
        if let (Err(error), Some(feedback)) = (&result, this.feedback) {
            feedback.pause_if_asked(error);
        }
        Poll::Ready(result)
    }
}

impl<F, Req, L: Limit<Req>> fmt::Debug for RateLimitFuture<F, Req, L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RateLimitFuture").finish_non_exhaustive()
    }
}
