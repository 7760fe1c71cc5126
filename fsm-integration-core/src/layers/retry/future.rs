use std::{
    fmt,
    future::Future,
    pin::Pin,
    task::{Context, Poll, ready},
    time::{Duration, Instant},
};

use pin_project_lite::pin_project;
use tokio::time::{Sleep, sleep};
use tower::Service;

use super::{Replay, RetryDelays, RetryStrategy, decide};
use crate::{
    clock::{Clock, SystemClock},
    error::Classify,
};

pin_project! {
    /// The attempts of one call, one after another.
    #[must_use = "futures do nothing unless polled"]
    pub struct RetryFuture<S, Req, C = SystemClock>
    where
        S: Service<Req>,
    {
        #[pin]
        state: State<S::Future>,
        again: Option<Again<S, Req, C>>,
    }
}

pin_project! {
    #[project = StateProjection]
    enum State<F> {
        Calling { #[pin] attempt: F },
        Waiting { sleep: Pin<Box<Sleep>> },
        Readying,
    }
}

/// What another attempt needs.
pub(super) struct Again<S: Service<Req>, Req, C> {
    pub(super) service: S,
    /// The next attempt's request; `None` when that was the last.
    pub(super) spare: Option<Req>,
    pub(super) strategy: RetryStrategy<C>,
    pub(super) delays: RetryDelays,
    pub(super) deadline: Option<Instant>,
    /// What the attempt before this one failed with.
    pub(super) earlier: Option<S::Error>,
}

impl<S: Service<Req>, Req, C> RetryFuture<S, Req, C> {
    pub(super) fn once(attempt: S::Future) -> Self {
        Self { state: State::Calling { attempt }, again: None }
    }

    pub(super) fn new(attempt: S::Future, again: Again<S, Req, C>) -> Self {
        Self { state: State::Calling { attempt }, again: Some(again) }
    }
}

impl<S, Req, C> Again<S, Req, C>
where
    S: Service<Req, Error: Classify>,
    Req: Replay,
    C: Clock,
{
    /// The wait before the next attempt, or the failure to tell of.
    fn wait_after(&mut self, error: S::Error) -> Result<Duration, S::Error> {
        let spare = self.spare.as_ref();
        match spare.and_then(|_| self.strategy.wait_after(&error, &mut self.delays, self.deadline)) {
            Some(delay) => {
                self.earlier = Some(error);
                Ok(delay)
            }
            None => Err(self.outcome(error)),
        }
    }

    fn outcome(&mut self, last: S::Error) -> S::Error {
        decide::outcome(self.earlier.take(), last)
    }

    fn call(&mut self) -> S::Future {
        let mut request = self.spare.take().expect("a wait begins only with a request left to send");
        if self.delays.attempt() < self.strategy.config().max_retries {
            self.spare = request.replay();
        }
        request.set_attempt(self.delays.attempt());
        self.service.call(request)
    }
}

impl<S, Req, C> Future for RetryFuture<S, Req, C>
where
    S: Service<Req, Error: Classify>,
    Req: Replay,
    C: Clock,
{
    type Output = Result<S::Response, S::Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        loop {
            let next = match this.state.as_mut().project() {
                StateProjection::Calling { attempt } => {
                    let error = match ready!(attempt.poll(cx)) {
                        Ok(answer) => return Poll::Ready(Ok(answer)),
                        Err(error) => error,
                    };
                    let Some(again) = this.again.as_mut() else { return Poll::Ready(Err(error)) };
                    State::Waiting { sleep: Box::pin(sleep(again.wait_after(error)?)) }
                }
                StateProjection::Waiting { sleep } => {
                    ready!(sleep.as_mut().poll(cx));
                    State::Readying
                }
                StateProjection::Readying => {
                    let again = this.again.as_mut().expect("a wait begins only with a request left to send");
                    ready!(again.service.poll_ready(cx)).map_err(|error| again.outcome(error))?;
                    State::Calling { attempt: again.call() }
                }
            };
            this.state.set(next);
        }
    }
}

impl<S: Service<Req>, Req, C> fmt::Debug for RetryFuture<S, Req, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RetryFuture").finish_non_exhaustive()
    }
}
