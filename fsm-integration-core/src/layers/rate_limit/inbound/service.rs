use std::{
    mem,
    task::{Context, Poll},
};

use http::Response;
use tower::Service;

use super::{InboundRateLimitFuture, RateLimitPolicy, future::Held};
use crate::{
    error::RateLimited,
    layers::rate_limit::{
        Limit,
        service::{Mode, tell},
    },
};

/// Takes tokens for each request, and writes on its answer what is left.
///
/// A call that was dropped keeps its token; one that was dropped while it waited gives it back.
#[derive(Debug, Clone)]
pub struct InboundRateLimitService<S, L, F> {
    pub(super) inner: S,
    pub(super) limit: L,
    pub(super) mode: Mode,
    pub(super) policy: RateLimitPolicy,
    pub(super) answer: F,
}

impl<S, Req, Body, L, F> Service<Req> for InboundRateLimitService<S, L, F>
where
    S: Service<Req, Response = Response<Body>> + Clone,
    L: Limit<Req>,
    F: Fn(RateLimited) -> Response<Body> + Clone,
{
    type Response = Response<Body>;
    type Error = S::Error;
    type Future = InboundRateLimitFuture<S, Req, L, F>;

    #[inline]
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Req) -> Self::Future {
        let (Mode { shadow, wait, .. }, limit) = (self.mode, &self.limit);
        let (policy, answer) = (self.policy.clone(), self.answer.clone());
        let (key, cost) = (limit.key(&request), limit.cost(&request));
        match limit.decide(&key, cost) {
            Some(decision) if decision.allowed => {
                InboundRateLimitFuture::decided(Some(self.inner.call(request)), decision, policy, answer)
            }
            Some(decision) if shadow || wait.is_none() => {
                tell(limit, RateLimited { retry_after: decision.retry_after }, shadow);
                let call = shadow.then(|| self.inner.call(request));
                let decision = if shadow { decision.tried_out() } else { decision };
                InboundRateLimitFuture::decided(call, decision, policy, answer)
            }
            _ => {
                let waiting = limit.acquire(&key, cost, wait.unwrap_or_default());
                // The instance that is ready waits with the request; the clone must be readied anew.
                let clone = self.inner.clone();
                let inner = mem::replace(&mut self.inner, clone);
                let limit = self.limit.clone();
                InboundRateLimitFuture::held(
                    Box::new(Held { waiting, inner, request, limit, key, shadow }),
                    policy,
                    answer,
                )
            }
        }
    }
}
