use std::{
    fmt,
    task::{Context, Poll},
};

use tower::Service;

use super::{Hedge, HedgeFuture, future::Again};
use crate::{
    clock::{Clock, SystemClock},
    error::Classify,
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
pub struct HedgeService<S, C = SystemClock> {
    keeper: Keeper<S, Hedge<C>>,
}

impl<S: Clone, C: Clone> HedgeService<S, C> {
    /// Wraps a service.
    pub fn new(inner: S, hedge: Hedge<C>) -> Self {
        Self { keeper: Keeper::new(inner, hedge) }
    }
}

impl<S, Req, C> Service<Req> for HedgeService<S, C>
where
    S: Service<Req, Error: Classify> + Clone,
    Req: Replay,
    C: Clock,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = HedgeFuture<S, Req, C>;

    #[inline]
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.keeper.inner.poll_ready(cx)
    }

    #[inline]
    fn call(&mut self, request: Req) -> Self::Future {
        let hedge = self.keeper.handle();
        let began = hedge.begin();
        let (after, most) = (hedge.delay(), hedge.config().max_hedges);
        let spare = if most == 0 { None } else { request.replay() };
        // The service that was polled ready makes the call; hedges take a clone and poll that.
        let first = self.keeper.inner.call(request);
        HedgeFuture::new(first, most, after, Again { kept: self.keeper.keep(), spare, began })
    }
}

impl<S: Clone, C> Clone for HedgeService<S, C> {
    fn clone(&self) -> Self {
        Self { keeper: self.keeper.clone() }
    }
}

impl<S: fmt::Debug, C> fmt::Debug for HedgeService<S, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (inner, hedge) = (&self.keeper.inner, self.keeper.handle());
        f.debug_struct("HedgeService").field("inner", inner).field("hedge", hedge).finish()
    }
}
