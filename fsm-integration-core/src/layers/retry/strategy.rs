use std::{
    fmt,
    future::Future,
    sync::Arc,
    time::{Duration, Instant},
};

use super::{
    Failure, Judge, OnError, RetryBudget, RetryConfig,
    decide::{self, Failed, Stop},
    schedule::Progress,
};
use crate::{
    clock::{Clock, SystemClock, Ticks, nanos},
    error::{Classify, ErrorClass},
    observe::{Observation, Observers},
};

/// Calls again what failed but may pass, after a wait.
///
/// Cheap to clone; clones share the budget. `execute` is for use without tower, a
/// [`RetryLayer`](super::RetryLayer) installs it. A first attempt that succeeds costs no allocation, no look at the
/// clock (unless [`RetryConfig::total`] is set) and, with a budget, one relaxed load.
///
/// ```
/// use fsm_integration_core::{
///     error::{Error, ErrorKind},
///     layers::retry::{RetryConfig, RetryStrategy},
/// };
///
/// # #[tokio::main(flavor = "current_thread", start_paused = true)] async fn main() {
/// let strategy = RetryStrategy::new(RetryConfig::default());
/// let answer = strategy.execute(|attempt| async move {
///     if attempt < 2 { Err(Error::from(ErrorKind::Unavailable)) } else { Ok("done") }
/// });
/// assert_eq!(answer.await.unwrap(), "done");
/// # }
/// ```
#[derive(Clone)]
pub struct RetryStrategy<C = SystemClock> {
    config: RetryConfig,
    /// Most retries of any class, so that a request that has none is not copied.
    most_retries: u32,
    budget: Option<RetryBudget<C>>,
    name: Arc<str>,
    observers: Observers,
    ticks: Ticks<C>,
}

/// When a call has had all its time, in nanoseconds of its strategy's clock; never, unless its settings say so.
///
/// An `Option<Instant>` would be two words more for each call to store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Ends(u64);

impl Ends {
    const NEVER: Self = Self(u64::MAX);
}

/// A wait before another attempt, and what came before it.
struct Wait {
    delay: Duration,
    /// When the call has had its time.
    deadline: Option<Instant>,
    progress: Progress,
    /// What the failure before the wait was.
    class: ErrorClass,
}

impl RetryStrategy {
    /// Creates a strategy without budget.
    #[must_use]
    pub fn new(config: RetryConfig) -> Self {
        Self::with_clock(config, SystemClock)
    }
}

impl<C: Clock> RetryStrategy<C> {
    /// Creates a strategy that compares deadlines with this clock.
    pub fn with_clock(config: RetryConfig, clock: C) -> Self {
        let most_retries = config.most_retries();
        Self {
            config,
            most_retries,
            budget: None,
            name: "retry".into(),
            observers: Observers::default(),
            ticks: Ticks::new(clock),
        }
    }

    /// Lets retries draw on a budget; when it is exhausted, the last error is returned.
    ///
    /// A retry at a time that the refusing side named (throttled, with a hint) draws nothing.
    #[must_use]
    pub fn with_budget(mut self, budget: RetryBudget<C>) -> Self {
        self.budget = Some(budget);
        self
    }

    /// Names the adapter, under which retries are counted and logged; `retry` if it has no name.
    #[must_use]
    pub fn with_name(mut self, adapter_id: &str) -> Self {
        self.name = adapter_id.into();
        self
    }

    /// Tells these observers instead of the standard ones.
    #[must_use]
    pub fn with_observers(mut self, observers: Observers) -> Self {
        self.observers = observers;
        self
    }

    /// The settings.
    #[must_use]
    pub fn config(&self) -> &RetryConfig {
        &self.config
    }

    /// Runs the operation until it succeeds, fails for good or no retry is left; its argument counts from 0.
    ///
    /// The operation must be safe to repeat.
    ///
    /// # Errors
    /// The last attempt's error, as it came; after a refusal by a circuit breaker that of the attempt before it.
    ///
    /// # Panics
    /// When it has to wait outside a tokio runtime with time.
    ///
    /// # Cancel safety
    /// Dropping the future drops the attempt under way or ends the wait; a retry taken from the budget stays taken.
    #[inline]
    pub fn execute<T, E, F, Fut>(&self, operation: F) -> impl Future<Output = Result<T, E>>
    where
        E: Classify,
        F: FnMut(u32) -> Fut,
        Fut: Future<Output = Result<T, E>>,
    {
        // Handed on, not awaited: an outcome that passes through one future more is copied once more.
        self.execute_judged(OnError, None, operation)
    }

    /// As [`execute`](Self::execute), and begins neither a wait that would not end before the deadline nor, but for the
    /// first, an attempt after it.
    ///
    /// An attempt under way at the deadline is not cut; that is a timeout's work.
    ///
    /// # Errors
    /// As [`execute`](Self::execute).
    ///
    /// # Panics
    /// As [`execute`](Self::execute).
    ///
    /// # Cancel safety
    /// As [`execute`](Self::execute).
    #[inline]
    pub fn execute_until<T, E, F, Fut>(
        &self,
        deadline: Option<Instant>,
        operation: F,
    ) -> impl Future<Output = Result<T, E>>
    where
        E: Classify,
        F: FnMut(u32) -> Fut,
        Fut: Future<Output = Result<T, E>>,
    {
        self.execute_judged(OnError, deadline, operation)
    }

    /// As [`execute_until`](Self::execute_until), for whatever outcomes are failures, answers included.
    ///
    /// # Errors
    /// As [`execute`](Self::execute); a failed answer that is not repeated any more is returned as an answer.
    ///
    /// # Panics
    /// As [`execute`](Self::execute).
    ///
    /// # Cancel safety
    /// As [`execute`](Self::execute).
    #[inline]
    pub async fn execute_judged<T, E, J, F, Fut>(
        &self,
        judge: J,
        deadline: Option<Instant>,
        mut operation: F,
    ) -> Result<T, E>
    where
        J: Judge<T, E>,
        F: FnMut(u32) -> Fut,
        Fut: Future<Output = Result<T, E>>,
    {
        self.begin();
        let ends = self.ends();
        // Nothing of the first attempt lives on beside the wait, or it would be kept in the future and copied.
        let (failure, outcome) = match judge.judge(operation(0).await) {
            Ok(answer) => return answer,
            Err(failed) => failed,
        };
        let ends = self.deadline(ends).into_iter().chain(deadline).min();
        let mut progress = Progress::default();
        // Nothing is made for a failure that is the answer, as a breaker's refusal is.
        let Some(delay) = self.wait_after(failure, &mut progress, ends, true) else {
            return outcome;
        };
        let wait = Wait { delay, deadline: ends, progress, class: failure.class };
        // Boxed, so that a call that succeeds carries no room for what comes after a failure.
        Box::pin(self.repeat(outcome, wait, judge, operation)).await
    }

    async fn repeat<T, E, F, Fut>(
        &self,
        mut outcome: Result<T, E>,
        mut wait: Wait,
        judge: impl Judge<T, E>,
        mut operation: F,
    ) -> Result<T, E>
    where
        F: FnMut(u32) -> Fut,
        Fut: Future<Output = Result<T, E>>,
    {
        loop {
            tokio::time::sleep(wait.delay).await;
            // The wait may have taken longer than it was to: as in the layer, nothing is sent after the deadline.
            if wait.deadline.is_some_and(|deadline| self.left(deadline).is_zero()) {
                self.overtaken(wait.progress, wait.class);
                return outcome;
            }
            let (failure, last) = match judge.judge(operation(wait.progress.attempt).await) {
                Ok(answer) => return answer,
                Err(failed) => failed,
            };
            let Some(delay) = self.wait_after(failure, &mut wait.progress, wait.deadline, true) else {
                return decide::outcome(Some(outcome), last, failure.class);
            };
            (wait.delay, wait.class, outcome) = (delay, failure.class, last);
        }
    }

    /// Counts a call for the budget.
    #[inline]
    pub(super) fn begin(&self) {
        if let Some(budget) = &self.budget {
            budget.deposit();
        }
    }

    /// When a call that begins now has had all its time.
    #[inline]
    pub(super) fn ends(&self) -> Ends {
        self.config.total.map_or(Ends::NEVER, |total| self.after(total))
    }

    /// Out of line: most calls have no total.
    #[inline(never)]
    fn after(&self, total: Duration) -> Ends {
        Ends(self.ticks.nanos().saturating_add(nanos(total)))
    }

    /// The same as a point in time; the present, if it has passed.
    pub(super) fn deadline(&self, Ends(ends): Ends) -> Option<Instant> {
        if Ends(ends) == Ends::NEVER {
            return None;
        }
        self.ticks.now().checked_add(Duration::from_nanos(ends.saturating_sub(self.ticks.nanos())))
    }

    /// Whether any failure of a call could be followed by a retry after `attempt` earlier ones.
    #[inline]
    pub(super) fn may_repeat(&self, attempt: u32) -> bool {
        attempt < self.most_retries
    }

    pub(super) fn left(&self, deadline: Instant) -> Duration {
        deadline.saturating_duration_since(self.ticks.now())
    }

    /// Tells that the deadline came before the attempt that had been waited for.
    pub(super) fn overtaken(&self, progress: Progress, class: ErrorClass) {
        let (attempt, reason) = (progress.attempt.saturating_sub(1), Stop::PastDeadline.label());
        self.observers.observe(&self.name, Observation::RetryStopped { attempt, class, reason });
    }

    /// How long to wait before the next attempt; `None` when this failure is the answer.
    pub(super) fn wait_after(
        &self,
        failure: Failure,
        progress: &mut Progress,
        deadline: Option<Instant>,
        replayable: bool,
    ) -> Option<Duration> {
        let left = deadline.map(|deadline| self.left(deadline));
        let failed = Failed { failure, left, replayable };
        // Last, so that nothing is taken for a retry that will not be.
        let affordable = |delay| match &self.budget {
            Some(budget) if failed.draws_on_budget() && !budget.try_withdraw_after(failure.class) => {
                Err(Stop::BudgetExhausted)
            }
            _ => Ok(delay),
        };
        let decision = self.config.decide(*progress, failed, fastrand::f64()).and_then(affordable);
        let (attempt, class) = (progress.attempt, failure.class);
        self.observers.observe(
            &self.name,
            match decision {
                Ok(delay) => Observation::RetryScheduled { attempt, delay, class },
                Err(stop) => Observation::RetryStopped { attempt, class, reason: stop.label() },
            },
        );
        let delay = decision.ok()?;
        progress.advance(delay);
        Some(delay)
    }
}

impl<C> fmt::Debug for RetryStrategy<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RetryStrategy").field("name", &self.name).field("config", &self.config).finish_non_exhaustive()
    }
}
