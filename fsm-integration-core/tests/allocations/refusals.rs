//! What a failure costs that is not repeated.

use std::task::{Context, Poll};

use fsm_integration_core::{
    error::{Classify, ErrorClass},
    layers::retry::{RetryBudget, RetryBudgetConfig, RetryConfig, RetryLayer, RetryStrategy},
};
use tower::{Layer, Service, ServiceExt};

use super::{ALLOCATIONS, Ask, CALLS, CLONES};

/// A partner that says no for good.
#[derive(Debug)]
struct Refusing;

#[derive(Debug, PartialEq)]
struct Rejected;

impl Classify for Rejected {
    fn class(&self) -> ErrorClass {
        ErrorClass::Permanent
    }
}

impl Clone for Refusing {
    fn clone(&self) -> Self {
        CLONES.set(CLONES.get() + 1);
        Self
    }
}

impl Service<Ask> for Refusing {
    type Response = u32;
    type Error = Rejected;
    type Future = std::future::Ready<Result<u32, Rejected>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Rejected>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Ask) -> Self::Future {
        std::future::ready(Err(Rejected))
    }
}

/// As a success does: a partner that refuses each call is the one that is called most.
#[test]
fn a_failure_that_is_not_repeated_allocates_nothing_and_clones_nothing() {
    let strategy =
        RetryStrategy::new(RetryConfig::default()).with_budget(RetryBudget::new(RetryBudgetConfig::default()));
    let mut counted = RetryLayer::new(strategy.clone()).layer(Refusing);
    let mut leaked = RetryLayer::new(strategy.clone()).leak().layer(Refusing);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
    runtime.block_on(async move {
        let mut call = async || {
            assert_eq!(counted.ready().await.expect("ready").call(Ask).await, Err(Rejected));
            assert_eq!(leaked.ready().await.expect("ready").call(Ask).await, Err(Rejected));
            assert_eq!(strategy.execute(async |_| Err::<u32, _>(Rejected)).await, Err(Rejected));
        };
        // The first of a thread makes the key of its metric, which the thread keeps.
        call().await;
        let before = (ALLOCATIONS.get(), CLONES.get());
        for _ in 0..CALLS {
            call().await;
        }
        assert_eq!((ALLOCATIONS.get(), CLONES.get()), before, "after {CALLS} calls");
    });
}
