use std::{
    fmt,
    task::{Context, Poll},
};

use tower::Service;

use super::{Hedge, HedgeFuture, future::Again};
use crate::{
    clock::{Clock, SystemClock},
    error::{Judge, OnError},
    repeat::{Keeper, Replay},
};

/// Sends a request again that takes unusually long.
///
/// Of a call that answers before the delay this allocates nothing; while latencies are measured it looks at the clock
/// twice. The copy of the request that a hedge would need is made at once, by [`Replay::replay`], and may allocate: that
/// of an [`http::Request`] with a header or an extension does.
///
/// # Panics
/// Its calls panic when they have to wait outside a tokio runtime with time.
pub struct HedgeService<S, C = SystemClock, J = OnError> {
    keeper: Keeper<S, Hedging<C, J>>,
}

/// What all calls share.
#[derive(Debug, Clone)]
pub(super) struct Hedging<C, J> {
    pub(super) hedge: Hedge<C>,
    pub(super) judge: J,
}

impl<S: Clone, C: Clone> HedgeService<S, C> {
    /// Wraps a service; for another [`Judge`] there is the [layer](super::HedgeLayer::judge_by).
    pub fn new(inner: S, hedge: Hedge<C>) -> Self {
        Self::of(inner, Hedging { hedge, judge: OnError })
    }
}

impl<S: Clone, C: Clone, J: Clone> HedgeService<S, C, J> {
    pub(super) fn of(inner: S, hedging: Hedging<C, J>) -> Self {
        Self { keeper: Keeper::new(inner, hedging) }
    }
}

impl<S, Req, C, J> Service<Req> for HedgeService<S, C, J>
where
    S: Service<Req> + Clone,
    Req: Replay,
    C: Clock,
    J: Judge<S::Response, S::Error> + Clone,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = HedgeFuture<S, Req, C, J>;

    #[inline]
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.keeper.inner.poll_ready(cx)
    }

    #[inline]
    fn call(&mut self, request: Req) -> Self::Future {
        let hedge = &self.keeper.handle().hedge;
        let began = hedge.begin();
        let (after, most) = (hedge.delay(), hedge.config().max_hedges);
        let spare = if most == 0 { None } else { request.replay() };
        // The service that was polled ready makes the call; hedges take a clone and poll that.
        let first = self.keeper.inner.call(request);
        HedgeFuture::new(first, most, after, Again { kept: self.keeper.keep(), spare, began })
    }
}

impl<S: Clone, C, J> Clone for HedgeService<S, C, J> {
    fn clone(&self) -> Self {
        Self { keeper: self.keeper.clone() }
    }
}

impl<S: fmt::Debug, C, J: fmt::Debug> fmt::Debug for HedgeService<S, C, J> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Hedging { hedge, judge } = self.keeper.handle();
        let mut service = f.debug_struct("HedgeService");
        service.field("inner", &self.keeper.inner).field("hedge", hedge).field("judge", judge).finish()
    }
}
