//! Hedge: a second request when the first takes unusually long, and the first good answer wins.
//!
//! * It trades load for latency: what one slow instance, one lost packet or one long pause does to a call is cut to
//!   about the delay plus a usual answer (Dean and Barroso, "The Tail at Scale", 2013).
//! * The delay is by default measured: the 95th percentile of the latest answers, so that about one call in twenty is
//!   hedged. [`HedgeConfig::delay`] stands in until enough is known.
//! * A hedge draws on a [`RetryBudget`]: by default one of its own, better the one of the partner's retry strategy
//!   ([`Hedge::drawing_on`]), so that a partner that becomes slow as a whole is not asked twice as much.
//! * A request is sent twice only if [`Replay`] allows it, and as it came: it is the same attempt, with the same number.
//!   That it is a hedge stands beside it ([`Hedged`], [`Replay::set_hedge`]), for a header or a log.
//! * The first *success* wins and the others are dropped before it is returned. A failure that may pass waits for the
//!   requests under way; one of the *first* request that would come again ([`ErrorClass::Permanent`]) ends the call. No
//!   failure of a hedge does: a partner that answers 409 to a second request with the key of one under way is about to
//!   answer that one. When all have failed, the first request's failure is told, unless it was a refusal that asked
//!   nobody and a hedge's may pass and was not. What is a success can be said ([`HedgeLayer::judge_by`]): an HTTP 503
//!   that arrives as `Ok` is none.
//! * A hedge whose service fails to become ready was not sent, and changes nothing.
//!
//! It does not repeat what has failed: that is the work of [`retry`](crate::layers::retry), which stands outside of it.
//! Place it *inside* retry and *outside* the circuit breaker, the rate limit and the attempt's timeout, so that each
//! request passes all three; a dropped loser is recorded by the breaker as cancelled. Right for reads against several
//! replicas, wrong for a partner that works off one request after another.
//!
//! tower's own hedge differs: the request that *ends* first wins, even with an error; its errors are boxed; readiness
//! waits for two services; its histogram is behind a lock; there is one hedge without a budget.

mod config;
mod decide;
mod future;
mod histogram;
mod latencies;
mod layer;
mod race;
mod service;

use std::{fmt, future::Future, future::poll_fn, pin::pin, sync::Arc, time::Duration};

pub use self::{config::HedgeConfig, future::HedgeFuture, layer::HedgeLayer, service::HedgeService};
use self::{latencies::Latencies, race::Race};
#[cfg(doc)]
use crate::error::ErrorClass;
pub use crate::repeat::{Hedged, Replay, RetryBudget, RetryBudgetConfig};
use crate::{
    clock::{Clock, SystemClock, Ticks},
    error::{Classify, Judge, OnError},
    observe::{Observation, Observers},
};

/// Sends a request again that takes unusually long, and returns the first good answer.
///
/// Cheap to clone; clones share what they measured and the budget. `execute` is for use without tower, a
/// [`HedgeLayer`] installs it.
///
/// ```
/// use std::time::Duration;
/// use fsm_integration_core::{error::Error, layers::hedge::{Hedge, HedgeConfig}};
///
/// # #[tokio::main(flavor = "current_thread", start_paused = true)] async fn main() {
/// let hedge = Hedge::new(HedgeConfig { delay: Duration::from_millis(200), ..HedgeConfig::default() });
/// let answer = hedge.execute(|request| async move {
///     // The first hangs, the second is as quick as usual.
///     let takes = if request == 0 { Duration::from_secs(60) } else { Duration::from_millis(20) };
///     tokio::time::sleep(takes).await;
///     Ok::<_, Error>(request)
/// });
/// assert_eq!(answer.await.unwrap(), 1);
/// # }
/// ```
#[derive(Clone)]
pub struct Hedge<C = SystemClock> {
    config: HedgeConfig,
    latencies: Arc<Latencies>,
    budget: Option<RetryBudget<C>>,
    /// Whether calls earn hedges here, or somewhere else.
    deposits: bool,
    name: Arc<str>,
    observers: Observers,
    ticks: Ticks<C>,
}

impl Hedge {
    /// Creates a hedge with a budget of its own: one call in ten may be hedged, and ten a second beside them.
    #[must_use]
    pub fn new(config: HedgeConfig) -> Self {
        Self::with_clock(config, SystemClock)
    }
}

impl<C: Clock> Hedge<C> {
    /// Creates a hedge that measures with this clock.
    pub fn with_clock(config: HedgeConfig, clock: C) -> Self {
        Self {
            config,
            latencies: Arc::new(Latencies::new(config.quantile, config.min_samples)),
            budget: Some(RetryBudget::with_clock(RetryBudgetConfig::default(), clock.clone())),
            deposits: true,
            name: "hedge".into(),
            observers: Observers::default(),
            ticks: Ticks::new(clock),
        }
    }

    /// Draws on this budget, and lets each call earn its part.
    #[must_use]
    pub fn with_budget(self, budget: RetryBudget<C>) -> Self {
        Self { budget: Some(budget), deposits: true, ..self }
    }

    /// Draws on the budget of the retry strategy around it, where calls earn their part already.
    #[must_use]
    pub fn drawing_on(self, budget: RetryBudget<C>) -> Self {
        Self { budget: Some(budget), deposits: false, ..self }
    }

    /// Sends as many second requests as there are slow calls: a partner that slows down gets twice the load.
    #[must_use]
    pub fn without_budget(self) -> Self {
        Self { budget: None, ..self }
    }

    /// Names what is called, for observers; `hedge` if it has no name.
    #[must_use]
    pub fn with_name(self, name: &str) -> Self {
        Self { name: name.into(), ..self }
    }

    /// Tells these observers instead of the standard ones.
    #[must_use]
    pub fn with_observers(self, observers: Observers) -> Self {
        Self { observers, ..self }
    }

    /// The settings.
    #[must_use]
    pub fn config(&self) -> &HedgeConfig {
        &self.config
    }

    /// How long a request may take now before the next one is sent.
    #[must_use]
    pub fn delay(&self) -> Duration {
        self.latencies.quantile().map_or(self.config.delay, |measured| measured.max(self.config.min_delay))
    }

    /// Runs the operation, and once more beside it when it takes long; its argument counts from 0.
    ///
    /// The operation must be safe to do twice.
    ///
    /// # Errors
    /// When every request has failed, the first one's error, unless that asked nobody and another did; a permanent one of
    /// the first request at once.
    ///
    /// # Panics
    /// Outside a tokio runtime with time, if the operation does not end at its first poll.
    ///
    /// # Cancel safety
    /// Dropping the future drops all requests under way; a hedge taken from the budget stays taken.
    pub fn execute<T, E, F, Fut>(&self, operation: F) -> impl Future<Output = Result<T, E>>
    where
        E: Classify,
        F: FnMut(u32) -> Fut,
        Fut: Future<Output = Result<T, E>>,
    {
        self.execute_judged(OnError, operation)
    }

    /// As [`execute`](Self::execute), for whatever outcomes are failures, answers included.
    ///
    /// # Errors
    /// As [`execute`](Self::execute); a failed answer that nothing better came beside is returned as an answer.
    ///
    /// # Cancel safety
    /// As [`execute`](Self::execute).
    pub async fn execute_judged<T, E, J, F, Fut>(&self, judge: J, mut operation: F) -> Result<T, E>
    where
        J: Judge<T, E>,
        F: FnMut(u32) -> Fut,
        Fut: Future<Output = Result<T, E>>,
    {
        let began = self.begin();
        let mut race = pin!(Race::new(operation(0), self.config.max_hedges, self.delay()));
        poll_fn(|cx| {
            let hedge = |number, after| self.may_send(after).then(|| operation(number));
            race.as_mut().poll_race(cx, &judge, hedge)
        })
        .await
        .told(self, began)
    }

    /// Counts a call, and tells when it began if that is of use.
    fn begin(&self) -> Option<u64> {
        if let Some(budget) = self.budget.as_ref().filter(|_| self.deposits) {
            budget.deposit();
        }
        self.latencies.is_measuring().then(|| self.ticks.nanos())
    }

    /// Whether a hedge may be sent; if so, it must be.
    fn may_send(&self, after: Duration) -> bool {
        let may = self.budget.as_ref().is_none_or(RetryBudget::try_withdraw);
        if may {
            self.observers.observe(&self.name, Observation::HedgeSent { after });
        }
        may
    }

    /// Takes note of a good answer.
    ///
    /// When a hedge was faster, the first request would have taken longer than this: counted as this, it keeps slow
    /// requests from being forgotten because they are hedged, if not how slow they were.
    fn won(&self, by_hedge: bool, began: Option<u64>) {
        if let Some(began) = began {
            self.latencies.record(self.ticks.nanos().saturating_sub(began));
        }
        if by_hedge {
            self.observers.observe(&self.name, Observation::HedgeWon);
        }
    }
}

impl<C> fmt::Debug for Hedge<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hedge").field("name", &self.name).field("config", &self.config).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
