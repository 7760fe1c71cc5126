use std::{
    fmt,
    future::Future,
    mem,
    pin::Pin,
    task::{Context, Poll, ready},
    time::{Duration, Instant},
};

use pin_project_lite::pin_project;
use tokio::time::{Sleep, sleep};
use tower::Service;

use super::{Failure, Judge, OnError, Replay, decide, rare::Rare, schedule::Progress, service::Retry, strategy::Ends};
use crate::{
    clock::{Clock, SystemClock},
    error::ErrorClass,
    lending::{Counted, Lending},
    repeat::Kept,
};

pin_project! {
    /// The attempts of one call, one after another.
    #[must_use = "futures do nothing unless polled"]
    pub struct RetryFuture<S, Req, C = SystemClock, J = OnError, K = Counted>
    where
        S: Service<Req>,
        K: Lending<Kept<S, Retry<C, J>>>,
    {
        #[pin]
        pub(super) state: State<S::Future>,
        pub(super) again: Again<S, Req, C, J, K>,
    }
}

pin_project! {
    #[project = StateProjection]
    pub(super) enum State<F> {
        Calling { #[pin] attempt: F },
        // What for, `Later` knows.
        Waiting,
    }
}

type Outcome<S, Req> = Result<<S as Service<Req>>::Response, <S as Service<Req>>::Error>;

/// What another attempt needs.
pub(super) enum Again<S: Service<Req>, Req, C, J, K: Lending<Kept<S, Retry<C, J>>>> {
    /// While the first is under way; no more than it may need, since a call costs above all what it stores.
    First {
        kept: K::Loan,
        /// The next attempt's request.
        spare: Req,
        /// When all the time of the call is over, by the settings.
        ends: Ends,
    },
    /// Once it has failed, so that a call that succeeds at once carries no room for it; nothing when there cannot be
    /// another.
    Later(Rare<Later<S, Req, C, J, K>>),
}

pub(super) struct Later<S: Service<Req>, Req, C, J, K: Lending<Kept<S, Retry<C, J>>>> {
    kept: K::Loan,
    service: S,
    /// The next attempt's request; `None` when there cannot be one.
    spare: Option<Req>,
    progress: Progress,
    /// When all the time of the call is over, by the settings.
    ends: Option<Instant>,
    /// What the next attempt waits for before the service is asked whether it is ready.
    sleep: Option<Pin<Box<Sleep>>>,
    /// When the call has had its time, and what wakes it then if the service is not ready before.
    deadline: Option<Instant>,
    timer: Option<Pin<Box<Sleep>>>,
    /// What the failure before this attempt was.
    class: ErrorClass,
    /// What the attempt before this one came to.
    earlier: Option<Outcome<S, Req>>,
}

impl<S, Req, C, J, K> Again<S, Req, C, J, K>
where
    S: Service<Req> + Clone,
    J: Judge<S::Response, S::Error>,
    Req: Replay,
    C: Clock,
    K: Lending<Kept<S, Retry<C, J>>>,
{
    /// The outcome, if it is what there is to tell.
    #[inline]
    fn judge(&self, outcome: Outcome<S, Req>) -> Result<Outcome<S, Req>, (Failure, Outcome<S, Req>)> {
        let kept = match self {
            Self::First { kept, .. } => kept,
            Self::Later(later) => match later.get() {
                Some(later) => &later.kept,
                None => return Ok(outcome),
            },
        };
        kept.handle.judge.judge(outcome)
    }

    /// Begins the wait after a failed attempt, or returns the outcome to tell.
    #[cold]
    #[inline(never)]
    fn after(&mut self, failure: Failure, outcome: Outcome<S, Req>) -> Option<Outcome<S, Req>> {
        match self {
            Self::First { kept, spare, ends } => {
                let strategy = &kept.handle.strategy;
                let ends = strategy.deadline(*ends);
                let deadline = ends.into_iter().chain(spare.deadline()).min();
                let mut progress = Progress::default();
                // Nothing is made for a failure that is the answer, as a breaker's refusal is.
                let Some(delay) = strategy.wait_after(failure, &mut progress, deadline, true) else {
                    return Some(outcome);
                };
                if let Self::First { kept, spare, .. } = mem::replace(self, Self::Later(Rare::NONE)) {
                    let mut later = Later::new(kept, spare, ends, failure.class);
                    later.progress = progress;
                    later.wait(deadline, delay, outcome);
                    *self = Self::Later(Rare::new(later));
                }
                None
            }
            Self::Later(later) => match later.get_mut() {
                Some(later) => later.after(failure, outcome),
                None => Some(outcome),
            },
        }
    }

    fn later(&mut self) -> Option<&mut Later<S, Req, C, J, K>> {
        match self {
            Self::Later(later) => later.get_mut(),
            Self::First { .. } => None,
        }
    }
}

impl<S, Req, C, J, K> Later<S, Req, C, J, K>
where
    S: Service<Req> + Clone,
    J: Judge<S::Response, S::Error>,
    Req: Replay,
    C: Clock,
    K: Lending<Kept<S, Retry<C, J>>>,
{
    fn new(kept: K::Loan, spare: Req, ends: Option<Instant>, class: ErrorClass) -> Self {
        Self {
            service: kept.service(),
            ends,
            kept,
            spare: Some(spare),
            progress: Progress::default(),
            sleep: None,
            deadline: None,
            timer: None,
            class,
            earlier: None,
        }
    }

    fn after(&mut self, failure: Failure, outcome: Outcome<S, Req>) -> Option<Outcome<S, Req>> {
        let own = self.spare.as_ref().and_then(Replay::deadline);
        let deadline = self.ends.into_iter().chain(own).min();
        let replayable = self.spare.is_some();
        let strategy = &self.kept.handle.strategy;
        let Some(delay) = strategy.wait_after(failure, &mut self.progress, deadline, replayable) else {
            return Some(self.told(failure, outcome));
        };
        self.class = failure.class;
        self.wait(deadline, delay, outcome);
        None
    }

    fn wait(&mut self, deadline: Option<Instant>, delay: Duration, outcome: Outcome<S, Req>) {
        (self.deadline, self.timer) = (deadline, None);
        self.earlier = Some(outcome);
        self.sleep = Some(Box::pin(sleep(delay)));
    }

    /// The earlier failure, once the deadline has passed; waits for it beside a service that is not ready.
    fn overdue(&mut self, is_ready: bool, cx: &mut Context<'_>) -> Option<Outcome<S, Req>> {
        let strategy = &self.kept.handle.strategy;
        let left = strategy.left(self.deadline?);
        let mut over = left.is_zero();
        if !over && !is_ready {
            over = self.timer.get_or_insert_with(|| Box::pin(sleep(left))).as_mut().poll(cx).is_ready();
        }
        if !over {
            return None;
        }
        strategy.overtaken(self.progress, self.class);
        self.earlier.take()
    }

    /// What readiness that failed makes the outcome.
    fn refused(&mut self, error: S::Error) -> Outcome<S, Req> {
        match self.kept.handle.judge.judge(Err(error)) {
            Ok(outcome) => outcome,
            Err((failure, outcome)) => self.told(failure, outcome),
        }
    }

    fn told(&mut self, failure: Failure, last: Outcome<S, Req>) -> Outcome<S, Req> {
        decide::outcome(self.earlier.take(), last, failure.class)
    }

    fn call(&mut self) -> S::Future {
        let mut request = self.spare.take().expect("a wait begins only with a request left to send");
        let attempt = self.progress.attempt;
        if self.kept.handle.strategy.may_repeat(attempt) {
            self.spare = request.replay();
        }
        request.set_attempt(attempt);
        self.service.call(request)
    }
}

impl<S, Req, C, J, K> Future for RetryFuture<S, Req, C, J, K>
where
    S: Service<Req> + Clone,
    J: Judge<S::Response, S::Error>,
    Req: Replay,
    C: Clock,
    K: Lending<Kept<S, Retry<C, J>>>,
{
    type Output = Outcome<S, Req>;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        loop {
            let mut this = self.as_mut().project();
            if let StateProjection::Calling { attempt } = this.state.as_mut().project() {
                let outcome = ready!(attempt.poll(cx));
                match this.again.judge(outcome) {
                    Ok(answer) => return Poll::Ready(answer),
                    Err((failure, outcome)) => match this.again.after(failure, outcome) {
                        None => this.state.set(State::Waiting),
                        Some(outcome) => return Poll::Ready(outcome),
                    },
                }
            }
            if let Some(outcome) = ready!(self.as_mut().poll_again(cx)) {
                return Poll::Ready(outcome);
            }
        }
    }
}

impl<S, Req, C, J, K> RetryFuture<S, Req, C, J, K>
where
    S: Service<Req> + Clone,
    J: Judge<S::Response, S::Error>,
    Req: Replay,
    C: Clock,
    K: Lending<Kept<S, Retry<C, J>>>,
{
    /// Ready when the next attempt is under way, or with what there is to tell if it cannot be.
    #[cold]
    #[inline(never)]
    fn poll_again(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Outcome<S, Req>>> {
        let mut this = self.project();
        let later = this.again.later().expect("a wait begins only after a failure");
        if let Some(sleep) = &mut later.sleep {
            ready!(sleep.as_mut().poll(cx));
            later.sleep = None;
        }
        let readiness = later.service.poll_ready(cx);
        if let Some(earlier) = later.overdue(readiness.is_ready(), cx) {
            return Poll::Ready(Some(earlier));
        }
        if let Err(error) = ready!(readiness) {
            return Poll::Ready(Some(later.refused(error)));
        }
        this.state.set(State::Calling { attempt: later.call() });
        Poll::Ready(None)
    }
}

impl<S: Service<Req>, Req, C, J, K: Lending<Kept<S, Retry<C, J>>>> fmt::Debug for RetryFuture<S, Req, C, J, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RetryFuture").finish_non_exhaustive()
    }
}
