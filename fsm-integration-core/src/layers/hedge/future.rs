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

use super::{race::Race, service::Hedging};
use crate::{
    clock::{Clock, SystemClock},
    error::{Judge, OnError},
    repeat::{Kept, Replay},
};

pin_project! {
    /// The requests of one call, side by side.
    ///
    /// # Panics
    /// When it has to wait outside a tokio runtime with time.
    ///
    /// # Cancel safety
    /// Dropping it drops all requests under way; a hedge taken from the budget stays taken.
    #[must_use = "futures do nothing unless polled"]
    pub struct HedgeFuture<S, Req, C = SystemClock, J = OnError>
    where
        S: Service<Req>,
    {
        #[pin]
        race: Race<S::Future, Late<S, Req, S::Future>, Result<S::Response, S::Error>>,
        again: Again<S, Req, C, J>,
    }
}

/// What another request needs.
pub(super) struct Again<S, Req, C, J> {
    pub(super) kept: Arc<Kept<S, Hedging<C, J>>>,
    /// The next request; `None` when there cannot be one.
    pub(super) spare: Option<Req>,
    /// When the call began, by the handle's ticks, if latencies are measured.
    pub(super) began: Option<u64>,
}

impl<S: Service<Req>, Req, C, J> HedgeFuture<S, Req, C, J> {
    #[inline]
    pub(super) fn new(first: S::Future, max_hedges: u32, after: Duration, again: Again<S, Req, C, J>) -> Self {
        let most = if again.spare.is_some() { max_hedges } else { 0 };
        Self { race: Race::new(first, most, after), again }
    }
}

/// The next request, if the budget allows one.
fn next<S, Req, C, J>(
    kept: &Kept<S, Hedging<C, J>>,
    spare: &mut Option<Req>,
    number: u32,
    after: Duration,
) -> Option<Late<S, Req, S::Future>>
where
    S: Service<Req> + Clone,
    Req: Replay,
    C: Clock,
{
    let hedge = &kept.handle.hedge;
    if spare.is_none() || !hedge.may_send(after) {
        return None;
    }
    let mut request = spare.take()?;
    if number < hedge.config().max_hedges {
        *spare = request.replay();
    }
    request.set_hedge(number);
    Some(Late::Readying { service: kept.service(), request: Some(request) })
}

impl<S, Req, C, J> Future for HedgeFuture<S, Req, C, J>
where
    S: Service<Req> + Clone,
    Req: Replay,
    C: Clock,
    J: Judge<S::Response, S::Error>,
{
    type Output = Result<S::Response, S::Error>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let Again { kept, spare, began } = this.again;
        let Hedging { hedge, judge } = &kept.handle;
        let send = |number, after| next(kept, spare, number, after);
        Poll::Ready(ready!(this.race.poll_race(cx, judge, send)).told(hedge, *began))
    }
}

pin_project! {
    /// A hedge that waits until its service is ready for it; ends without outcome when that never is.
    #[project = LateProjection]
    enum Late<S, Req, F> {
        Readying { service: S, request: Option<Req> },
        Calling { #[pin] call: F },
    }
}

impl<S: Service<Req>, Req> Future for Late<S, Req, S::Future> {
    type Output = Option<Result<S::Response, S::Error>>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        loop {
            match self.as_mut().project() {
                LateProjection::Readying { service, request } => {
                    if ready!(service.poll_ready(cx)).is_err() {
                        return Poll::Ready(None);
                    }
                    let call = service.call(request.take().expect("there is one until it is called"));
                    self.set(Late::Calling { call });
                }
                LateProjection::Calling { call } => return call.poll(cx).map(Some),
            }
        }
    }
}

impl<S: Service<Req>, Req, C, J> fmt::Debug for HedgeFuture<S, Req, C, J> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HedgeFuture").finish_non_exhaustive()
    }
}
