use std::{
    task::{Context, Poll},
    time::Duration,
};

use metrics::counter;
use tower::Service;

use super::{Limit, RateLimitFuture, TokenBucket, future::Feedback};
use crate::{
    error::{Classify, RateLimited},
    observe::metrics::RATE_LIMITER_REFUSALS,
};

/// What a layer does besides refusing.
#[derive(Debug, Clone, Copy)]
pub(super) struct Mode {
    pub(super) shadow: bool,
    pub(super) max_pause: Option<Duration>,
}

/// Takes a token for each request, and refuses with [`RateLimited`] when there is none.
///
/// It does not wait: a retry layer outside does, so that no wait is timed as a slow call. A call that was
/// dropped keeps its token, because the other side may have seen it.
#[derive(Debug, Clone)]
pub struct RateLimitService<S, L = TokenBucket> {
    inner: S,
    limit: L,
    mode: Mode,
}

impl<S, L> RateLimitService<S, L> {
    pub(super) const fn new(inner: S, limit: L, mode: Mode) -> Self {
        Self { inner, limit, mode }
    }
}

impl<S, Req, L> Service<Req> for RateLimitService<S, L>
where
    S: Service<Req, Error: From<RateLimited> + Classify>,
    L: Limit<Req>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = RateLimitFuture<S::Future, Req, L>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Req) -> Self::Future {
        let key = self.limit.key(&request);
        if let Err(refusal) = self.limit.try_acquire(&key).into_result() {
            count_refusal(self.limit.name(), self.mode.shadow);
            if !self.mode.shadow {
                return RateLimitFuture::refused(refusal);
            }
        }
        let feedback = self.mode.max_pause.map(|max_pause| Feedback { limit: self.limit.clone(), key, max_pause });
        RateLimitFuture::calling(self.inner.call(request), feedback)
    }
}

fn count_refusal(limiter: &str, shadow: bool) {
    let mode = if shadow { "shadow" } else { "enforced" };
    counter!(RATE_LIMITER_REFUSALS.name, "limiter" => limiter.to_owned(), "mode" => mode).increment(1);
}
