use std::{
    fmt,
    task::{Context, Poll},
};

use tower::Service;

use super::{
    Judge, OnError, Replay, RetryFuture, RetryStrategy,
    future::{Again, State},
    rare::Rare,
};
use crate::{
    clock::{Clock, SystemClock},
    lending::{Counted, Lending},
    repeat::{Keeper, Kept},
};

/// Sends a request again when it failed but may pass.
///
/// A call that succeeds at once costs one count up and down of what its retries would share (none if that is
/// [leaked](super::RetryLayer::leak)), and whatever [`Replay::replay`] costs; the inner service is cloned when there is a retry, and nothing is allocated before.
pub struct RetryService<S, C = SystemClock, J = OnError, K: Lending<Kept<S, Retry<C, J>>> = Counted> {
    keeper: Keeper<S, Retry<C, J>, K>,
}

/// What all calls share.
#[derive(Debug, Clone)]
pub struct Retry<C, J> {
    pub(super) strategy: RetryStrategy<C>,
    pub(super) judge: J,
}

impl<S: Clone, C: Clone, J: Clone> RetryService<S, C, J> {
    /// Wraps a service.
    pub fn new(inner: S, strategy: RetryStrategy<C>, judge: J) -> Self {
        Self::of(inner, Retry { strategy, judge })
    }
}

impl<S: Clone, C, J, K: Lending<Kept<S, Retry<C, J>>>> RetryService<S, C, J, K> {
    pub(super) fn of(inner: S, retry: Retry<C, J>) -> Self {
        Self { keeper: Keeper::new(inner, retry) }
    }
}

impl<S, Req, C, J, K> Service<Req> for RetryService<S, C, J, K>
where
    S: Service<Req> + Clone,
    J: Judge<S::Response, S::Error> + Clone,
    Req: Replay,
    C: Clock,
    K: Lending<Kept<S, Retry<C, J>>>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = RetryFuture<S, Req, C, J, K>;

    #[inline]
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.keeper.inner.poll_ready(cx)
    }

    #[inline(always)]
    fn call(&mut self, request: Req) -> Self::Future {
        let strategy = &self.keeper.handle().strategy;
        strategy.begin();
        let again = match if strategy.may_repeat(0) { request.replay() } else { None } {
            Some(spare) => {
                let ends = strategy.ends();
                Again::First { kept: self.keeper.keep(), spare, ends }
            }
            None => Again::Later(Rare::NONE),
        };
        // The service that was polled ready makes the call; retries take a clone and poll that. Last, so that what it
        // returns, which may be large, is built where it is returned.
        RetryFuture { state: State::Calling { attempt: self.keeper.inner.call(request) }, again }
    }
}

impl<S: Clone, C, J, K: Lending<Kept<S, Retry<C, J>>>> Clone for RetryService<S, C, J, K> {
    fn clone(&self) -> Self {
        Self { keeper: self.keeper.clone() }
    }
}

impl<S: fmt::Debug, C, J: fmt::Debug, K: Lending<Kept<S, Retry<C, J>>>> fmt::Debug for RetryService<S, C, J, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Retry { strategy, judge } = self.keeper.handle();
        let mut service = f.debug_struct("RetryService");
        service.field("inner", &self.keeper.inner).field("strategy", strategy).field("judge", judge).finish()
    }
}
