use std::{
    fmt,
    future::Future,
    sync::Arc,
    time::{Duration, Instant},
};

use metrics::Key;

use super::{
    RetryBudget, RetryConfig, RetryDelays,
    decide::{self, Failed, Stop},
};
use crate::{
    clock::{Clock, SystemClock},
    error::Classify,
    observe::metrics::{INTEGRATION_RETRIES, counter},
};

/// Calls again what failed but may pass, after a wait.
///
/// Cheap to clone; clones share the budget. `execute` is for use without tower, a
/// [`RetryLayer`](super::RetryLayer) installs it.
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
    /// `None` when there is nothing to share, so that a clone costs no atomic.
    shared: Option<Arc<Shared<C>>>,
    clock: C,
}

#[derive(Clone)]
struct Shared<C> {
    name: Option<(Arc<str>, Key)>,
    budget: Option<RetryBudget<C>>,
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
        Self { config, shared: None, clock }
    }

    /// Lets retries draw on a budget; when it is exhausted, the last error is returned.
    ///
    /// A retry at a time that the refusing side named (throttled, with a hint) draws nothing.
    #[must_use]
    pub fn with_budget(mut self, budget: RetryBudget<C>) -> Self {
        self.change(|shared| shared.budget = Some(budget));
        self
    }

    /// Names the adapter, under which retries are counted and logged; without a name they are not counted.
    #[must_use]
    pub fn with_name(mut self, adapter_id: &str) -> Self {
        self.change(|shared| shared.name = Some((adapter_id.into(), INTEGRATION_RETRIES.key([adapter_id]))));
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
    /// # Cancel safety
    /// Dropping the future drops the attempt under way or ends the wait; a retry taken from the budget stays taken.
    pub async fn execute<T, E, F, Fut>(&self, operation: F) -> Result<T, E>
    where
        E: Classify,
        F: FnMut(u32) -> Fut,
        Fut: Future<Output = Result<T, E>>,
    {
        self.execute_until(None, operation).await
    }

    /// As [`execute`](Self::execute), and begins no wait that would not end before the deadline.
    ///
    /// An attempt under way at the deadline is not cut; that is a timeout's work.
    ///
    /// # Errors
    /// As [`execute`](Self::execute).
    ///
    /// # Cancel safety
    /// As [`execute`](Self::execute).
    pub async fn execute_until<T, E, F, Fut>(&self, deadline: Option<Instant>, mut operation: F) -> Result<T, E>
    where
        E: Classify,
        F: FnMut(u32) -> Fut,
        Fut: Future<Output = Result<T, E>>,
    {
        let mut delays = self.begin();
        let mut earlier = None;
        loop {
            let error = match operation(delays.attempt()).await {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            match self.wait_after(&error, &mut delays, deadline) {
                Some(delay) => {
                    earlier = Some(error);
                    tokio::time::sleep(delay).await;
                }
                None => return Err(decide::outcome(earlier, error)),
            }
        }
    }

    /// Counts a call for the budget and starts its schedule.
    pub(super) fn begin(&self) -> RetryDelays {
        if let Some(budget) = self.budget() {
            budget.deposit();
        }
        self.config.delays()
    }

    /// How long to wait before the next attempt; `None` when this failure is the answer.
    pub(super) fn wait_after<E: Classify>(
        &self,
        error: &E,
        delays: &mut RetryDelays,
        deadline: Option<Instant>,
    ) -> Option<Duration> {
        let left = deadline.map(|deadline| deadline.saturating_duration_since(self.clock.now()));
        let failed = Failed { class: error.class(), retry_after: error.retry_after(), left };
        // Last, so that nothing is taken for a retry that will not be.
        let affordable = |delay| match self.budget() {
            Some(budget) if failed.draws_on_budget() && !budget.try_withdraw() => Err(Stop::BudgetExhausted),
            _ => Ok(delay),
        };
        let decision = self.config.decide(delays, failed, fastrand::f64()).and_then(affordable);
        self.observe(delays.attempt(), failed, decision);
        let delay = decision.ok()?;
        delays.advance(delay);
        Some(delay)
    }

    fn observe(&self, attempt: u32, failed: Failed, decision: Result<Duration, Stop>) {
        let name = self.shared.as_ref().and_then(|shared| shared.name.as_ref());
        let adapter = name.map(|(name, _)| &**name);
        let class = failed.class.label();
        match decision {
            Ok(delay) => {
                if let Some((_, key)) = name {
                    counter(key).increment(1);
                }
                let delay_ms = u64::try_from(delay.as_millis()).unwrap_or(u64::MAX);
                tracing::debug!(
                    adapter.id = adapter,
                    retry.attempt = attempt,
                    retry.delay_ms = delay_ms,
                    error.class = class,
                    "an attempt failed and will be repeated"
                );
            }
            Err(stop) => {
                tracing::debug!(
                    adapter.id = adapter,
                    retry.attempt = attempt,
                    retry.stop = ?stop,
                    error.class = class,
                    "an attempt failed and will not be repeated"
                );
            }
        }
    }

    fn budget(&self) -> Option<&RetryBudget<C>> {
        self.shared.as_ref()?.budget.as_ref()
    }

    fn change(&mut self, change: impl FnOnce(&mut Shared<C>)) {
        let mut shared = self.shared.as_deref().cloned().unwrap_or(Shared { name: None, budget: None });
        change(&mut shared);
        self.shared = Some(Arc::new(shared));
    }
}

impl<C> fmt::Debug for RetryStrategy<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RetryStrategy").field("config", &self.config).finish_non_exhaustive()
    }
}
