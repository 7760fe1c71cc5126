//! What a clone of a service costs.

use fsm_integration_core::{
    error::BoxError,
    layers::{
        instrument::InstrumentLayer,
        timeout::{Timeout, TimeoutLayer},
    },
    profile::{Handles, Profile, stack, stack_leaked},
};
use tower::{Layer, Service, ServiceExt};

use super::{ALLOCATIONS, Ask, MANY, MINUTE, Partner, breaker, rate_limit, retry};

/// What each of the first three calls of one clone allocates; more clones than one, so that none is the last.
fn allocations_of_a_clone<L>(layer: &L) -> [u64; 3]
where
    L: Layer<Partner, Service: Service<Ask, Response = u32, Error = BoxError> + Clone>,
{
    let first = layer.layer(Partner { keeps_waiting: false });
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
    runtime.block_on(async move {
        assert_eq!(first.clone().oneshot(Ask).await.expect("a success"), 7);
        let mut clone = first.clone();
        let mut calls = [0; 3];
        for call in &mut calls {
            let before = ALLOCATIONS.get();
            clone.ready().await.expect("ready").call(Ask).await.expect("a success");
            *call = ALLOCATIONS.get() - before;
        }
        calls
    })
}

/// A clone shares the count of references to its handle for one call, which is often its only one, and makes its own
/// for all that follow.
#[test]
fn a_clone_allocates_once_with_its_second_call_and_never_again() {
    assert_eq!(allocations_of_a_clone(&breaker()), [0, 1, 0]);
    assert_eq!(allocations_of_a_clone(&retry()), [0, 1, 0]);
    assert_eq!(allocations_of_a_clone(&rate_limit()), [0, 1, 0]);
    assert_eq!(allocations_of_a_clone(&InstrumentLayer::new("partner", "1.0.0")), [0, 1, 0]);
    assert_eq!(allocations_of_a_clone(&TimeoutLayer::new(Timeout::new(MINUTE).with_name("partner"))), [0, 1, 0]);
}

#[test]
fn a_clone_of_what_is_leaked_allocates_nothing() {
    assert_eq!(allocations_of_a_clone(&breaker().leak()), [0; 3]);
    assert_eq!(allocations_of_a_clone(&retry().leak()), [0; 3]);
}

#[test]
fn a_clone_of_the_stack_allocates_once_for_each_layer_that_counts() {
    let mut config = Profile::SalesSystem.config();
    config.rate_limit.capacity = MANY;
    let handles = Handles::new("partner", "1.0.0", &config);
    // Instrument, deadline, retry, breaker, rate limit, timeout.
    let counted = tower::layer::layer_fn(|partner| stack(&config, &handles, partner));
    assert_eq!(allocations_of_a_clone(&counted), [0, 6, 0]);
    let leaked = tower::layer::layer_fn(|partner| stack_leaked(&config, &handles, partner));
    assert_eq!(allocations_of_a_clone(&leaked), [0, 4, 0]);
}
