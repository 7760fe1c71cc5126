//! Retry around a call whose first attempt succeeds.

use std::{future::Ready, sync::Arc, time::Duration};

use backon::{ExponentialBuilder, Retryable};
use fsm_integration_core::layers::retry::{RetryBudget, RetryBudgetConfig, RetryConfig, RetryLayer, RetryStrategy};
use tower::{
    Layer, Service,
    retry::{
        Policy,
        budget::{Budget, TpsBudget},
    },
};
use tower_resilience_retry::{RetryBudgetBuilder, RetryLayer as TowerResilience};

use super::least;
use crate::harness::{
    contender::Row,
    service::{Ask, Ends, Failure, Noop, repeat, serve},
};

const RETRIES: u32 = 3;
const FIRST_WAIT: Duration = Duration::from_secs(1);

pub(crate) fn first_attempt(row: &mut Row) {
    row.floor("tower no-op", || serve(Noop, Ends::Well)).alone();
    least::may_wait(row);
    let layer = RetryLayer::new(RetryStrategy::new(RetryConfig::default()));
    let service = layer.clone().leak().layer(Noop);
    row.ours("RetryLayer, leaked", move || serve(service.clone(), Ends::Well));
    let service = layer.layer(Noop);
    row.also("RetryLayer", move || serve(service.clone(), Ends::Well));
    row.also("RetryStrategy::execute", || {
        let strategy = RetryStrategy::new(RetryConfig::default());
        let (strategy, service) = (Arc::new(strategy), Noop);
        repeat(
            move |ask| {
                let (strategy, mut service) = (Arc::clone(&strategy), service);
                async move { strategy.execute(|_| service.call(ask)).await }
            },
            Ends::Well,
        )
    });
    let backoff =
        ExponentialBuilder::default().with_max_times(RETRIES as usize).with_min_delay(FIRST_WAIT).with_jitter();
    row.peer("backon", move || repeat(move |ask| (move || { Noop }.call(ask)).retry(backoff), Ends::Well));
    let service = tower::retry::RetryLayer::new(Attempts { left: RETRIES, budget: None }).layer(Noop);
    row.peer("tower", move || serve(service.clone(), Ends::Well));
    let layer = TowerResilience::<Ask, u32, Failure>::builder()
        .max_attempts(RETRIES as usize + 1)
        .exponential_backoff(FIRST_WAIT)
        .build();
    let service = layer.layer(Noop);
    row.peer("tower-resilience", move || serve(service.clone(), Ends::Well));
}

pub(crate) fn with_budget(row: &mut Row) {
    row.floor("tower no-op", || serve(Noop, Ends::Well)).alone();
    let budget = RetryBudget::new(RetryBudgetConfig::default());
    let layer = RetryLayer::new(RetryStrategy::new(RetryConfig::default()).with_budget(budget));
    let service = layer.clone().leak().layer(Noop);
    row.ours("RetryLayer, leaked", move || serve(service.clone(), Ends::Well));
    let service = layer.layer(Noop);
    row.also("RetryLayer", move || serve(service.clone(), Ends::Well));
    // A tenth of the calls and ten a second beside them, as ours.
    let budget = Arc::new(TpsBudget::new(Duration::from_secs(10), 10, 0.1));
    let service = tower::retry::RetryLayer::new(Attempts { left: RETRIES, budget: Some(budget) }).layer(Noop);
    row.peer("tower", move || serve(service.clone(), Ends::Well));
    let budget = RetryBudgetBuilder::new().token_bucket().tokens_per_second(10.0).max_tokens(100).build();
    let layer = TowerResilience::<Ask, u32, Failure>::builder()
        .max_attempts(RETRIES as usize + 1)
        .exponential_backoff(FIRST_WAIT)
        .budget(budget.expect("valid settings"))
        .build();
    let service = layer.layer(Noop);
    row.peer("tower-resilience", move || serve(service.clone(), Ends::Well));
}

/// The policy that tower leaves to its users: so many attempts, from a budget if there is one; it has no waits.
#[derive(Clone)]
pub(crate) struct Attempts {
    pub(crate) left: u32,
    pub(crate) budget: Option<Arc<TpsBudget>>,
}

impl<R, E> Policy<Ask, R, E> for Attempts {
    type Future = Ready<()>;

    fn retry(&mut self, _: &mut Ask, result: &mut Result<R, E>) -> Option<Ready<()>> {
        if result.is_ok() {
            if let Some(budget) = &self.budget {
                budget.deposit();
            }
            return None;
        }
        self.left = self.left.checked_sub(1)?;
        self.budget.as_ref().is_none_or(|budget| budget.withdraw()).then(|| std::future::ready(()))
    }

    fn clone_request(&mut self, ask: &Ask) -> Option<Ask> {
        Some(*ask)
    }
}
