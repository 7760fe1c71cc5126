use std::{
    fmt,
    future::Future,
    pin::Pin,
    task::{Context, Poll, ready},
};

use http::Response;
use pin_project_lite::pin_project;
use tower::Service;

use super::RateLimitPolicy;
use crate::{
    error::RateLimited,
    layers::rate_limit::{Decision, Limit, service::tell},
};

pin_project! {
    /// A call, or its refusal, whose answer gets the headers of the decision.
    #[must_use = "futures do nothing unless polled"]
    pub struct InboundRateLimitFuture<S, Req, L, F>
    where
        S: Service<Req>,
        L: Limit<Req>,
    {
        // `None` when it waits or is refused.
        #[pin]
        call: Option<S::Future>,
        stands: Stands<S, Req, L, L::Key, L::Waiting>,
        policy: RateLimitPolicy,
        answer: F,
    }
}

enum Stands<S, Req, L, K, W> {
    Decided(Decision),
    Held(Box<Held<S, Req, L, K, W>>),
    Ended,
}

/// A call that waits, where it does not make those larger that do not.
pub(super) type HeldCall<S, Req, L> = Box<Held<S, Req, L, <L as Limit<Req>>::Key, <L as Limit<Req>>::Waiting>>;

/// A call that waits for its tokens, or for the word of a store.
pub(super) struct Held<S, Req, L, K, W> {
    pub(super) waiting: W,
    pub(super) inner: S,
    pub(super) request: Req,
    pub(super) limit: L,
    pub(super) key: K,
    pub(super) shadow: bool,
}

impl<S: Service<Req>, Req, L: Limit<Req>, F> InboundRateLimitFuture<S, Req, L, F> {
    pub(super) const fn decided(
        call: Option<S::Future>,
        decision: Decision,
        policy: RateLimitPolicy,
        answer: F,
    ) -> Self {
        Self { call, stands: Stands::Decided(decision), policy, answer }
    }

    pub(super) const fn held(held: HeldCall<S, Req, L>, policy: RateLimitPolicy, answer: F) -> Self {
        Self { call: None, stands: Stands::Held(held), policy, answer }
    }
}

impl<S: Service<Req>, Req, L: Limit<Req>> Held<S, Req, L, L::Key, L::Waiting> {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Decision> {
        let result = ready!(Pin::new(&mut self.waiting).poll(cx));
        if let Err(refusal) = result {
            tell(&self.limit, refusal, self.shadow);
        }
        Poll::Ready(self.limit.decided(&self.key, &self.waiting, result))
    }
}

impl<S: Service<Req>, Req, L: Limit<Req>> Stands<S, Req, L, L::Key, L::Waiting> {
    /// Begins a call that has waited, unless it was refused.
    #[cold]
    #[inline(never)]
    fn begin(&mut self, cx: &mut Context<'_>) -> Poll<Option<S::Future>> {
        let Self::Held(held) = self else { return Poll::Ready(None) };
        let decision = ready!(held.poll(cx));
        let Self::Held(held) = std::mem::replace(self, Self::Ended) else { unreachable!("it was there") };
        let Held { mut inner, request, shadow, .. } = *held;
        *self = Self::Decided(if shadow { decision.tried_out() } else { decision });
        Poll::Ready((decision.allowed || shadow).then(|| inner.call(request)))
    }
}

impl<S, Req, Body, L, F> Future for InboundRateLimitFuture<S, Req, L, F>
where
    S: Service<Req, Response = Response<Body>>,
    L: Limit<Req>,
    F: Fn(RateLimited) -> Response<Body>,
{
    type Output = Result<Response<Body>, S::Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        if let Stands::Held(_) = this.stands {
            let call = ready!(this.stands.begin(cx));
            this.call.set(call);
        }
        let Stands::Decided(decision) = *this.stands else { panic!("polled after its end") };
        let mut answer = match this.call.as_pin_mut() {
            Some(call) => ready!(call.poll(cx))?,
            None => (this.answer)(RateLimited { retry_after: decision.retry_after }),
        };
        *this.stands = Stands::Ended;
        this.policy.write(&decision, answer.headers_mut());
        Poll::Ready(Ok(answer))
    }
}

impl<S: Service<Req>, Req, L: Limit<Req>, F> fmt::Debug for InboundRateLimitFuture<S, Req, L, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InboundRateLimitFuture").finish_non_exhaustive()
    }
}
