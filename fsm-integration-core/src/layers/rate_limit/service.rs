use std::{
    mem,
    task::{Context, Poll},
    time::Duration,
};

use tower::Service;

use super::{
    Limit, RateLimitFuture, TokenBucket, WaitConfig,
    future::{Feedback, InLine, Queued, State},
};
use crate::{
    error::{Classify, RateLimited},
    lending::{Lender, Lent},
    observe::Observation,
};

/// What a layer does besides refusing.
#[derive(Debug, Clone, Copy)]
pub(super) struct Mode {
    pub(super) shadow: bool,
    pub(super) max_pause: Option<Duration>,
    pub(super) wait: Option<WaitConfig>,
}

/// Takes tokens for each request; when there are none, refuses with [`RateLimited`] or waits for them.
///
/// By default it does not wait: a retry layer outside does, so that no wait is timed as a slow call. A call that was
/// dropped keeps its token, because the other side may have seen it; one that was dropped while it waited gives it
/// back.
#[derive(Debug, Clone)]
pub struct RateLimitService<S, L = TokenBucket> {
    inner: S,
    limit: Lent<L>,
    mode: Mode,
}

impl<S, L: Clone> RateLimitService<S, L> {
    pub(super) fn new(inner: S, limit: L, mode: Mode) -> Self {
        Self { inner, limit: Lent::new(limit), mode }
    }
}

impl<S, Req, L> Service<Req> for RateLimitService<S, L>
where
    S: Service<Req, Error: From<RateLimited> + Classify> + Clone,
    L: Limit<Req>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = RateLimitFuture<S, Req, L>;

    #[inline]
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    #[inline(always)]
    fn call(&mut self, request: Req) -> Self::Future {
        let limit = self.limit.get();
        let (key, cost) = (limit.key(&request), limit.cost(&request));
        let taken = limit.try_acquire(&key, cost);
        if !matches!(taken, Some(Ok(()))) && !self.lets_pass(taken) {
            return match self.hold(taken, request, key, cost) {
                Ok(queued) => RateLimitFuture::queued(queued),
                Err(refusal) => RateLimitFuture::refused(refusal),
            };
        }
        let max_pause = self.mode.max_pause;
        let feedback = max_pause.map(|max_pause| Feedback { limit: self.limit.lend(), key, max_pause });
        // Built where it is returned, and by no function that is not inlined: moving a large future costs more than
        // this layer.
        RateLimitFuture { state: State::Calling { call: self.inner.call(request) }, feedback }
    }
}

/// What [`Limit::try_acquire`] says.
type Taken = Option<Result<(), RateLimited>>;

impl<S, L> RateLimitService<S, L> {
    /// Whether a refusal is only told of.
    #[cold]
    #[inline(never)]
    fn lets_pass<Req>(&self, taken: Taken) -> bool
    where
        L: Limit<Req>,
    {
        match taken {
            Some(Err(refusal)) if self.mode.shadow => {
                tell(self.limit.get(), refusal, true);
                true
            }
            _ => false,
        }
    }

    /// Puts a call in line that may wait, or refuses it.
    #[cold]
    #[inline(never)]
    fn hold<Req>(
        &mut self,
        taken: Taken,
        request: Req,
        key: L::Key,
        cost: u32,
    ) -> Result<InLine<S, Req, L>, RateLimited>
    where
        S: Service<Req> + Clone,
        L: Limit<Req>,
    {
        let config = match (taken, self.mode.wait) {
            (Some(Err(refusal)), None) => {
                tell(self.limit.get(), refusal, false);
                return Err(refusal);
            }
            (_, config) => config.unwrap_or_default(),
        };
        let waiting = self.limit.get().acquire(&key, cost, config);
        // The instance that is ready waits with the request; the clone must be readied anew.
        let clone = self.inner.clone();
        let inner = mem::replace(&mut self.inner, clone);
        let (limit, mode) = (self.limit.lend(), self.mode);
        Ok(Box::new(Queued { waiting, inner, request, limit, key, mode }))
    }
}

pub(super) fn tell<Req>(limit: &impl Limit<Req>, refusal: RateLimited, shadow: bool) {
    let observation = Observation::RateLimited { retry_after: refusal.retry_after, shadow };
    limit.observers().observe(limit.name(), observation);
}
