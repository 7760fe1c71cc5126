//! Circuit breakers: closed with each model, and open.
//!
//! Ours is the layer, as a user installs it. failsafe and recloser are no tower layers: they are called around the
//! service's future, which spares them the service.

use std::time::Duration;

use failsafe::{backoff, failure_policy, futures::CircuitBreaker as _};
use fsm_integration_core::{
    clock::CoarseClock,
    layers::circuit_breaker::{CircuitBreaker, CircuitBreakerConfig, CircuitBreakerLayer, CircuitModel},
};
use recloser::{AsyncRecloser, Recloser};
use tower::{Layer, Service};
use tower_resilience_circuitbreaker::{
    CircuitBreakerConfigBuilder, CircuitBreakerLayer as TowerResilience, DefaultClassifier, SlidingWindowType,
};

use super::least;
use crate::harness::{
    contender::{Lane, Row},
    service::{Ends, Failure, HOUR, MINUTE, Noop, block_on, repeat, serve},
};

/// How many calls the count window holds, everywhere.
const CALLS: usize = 100;
const COUNT_WINDOW: CircuitModel = CircuitModel::CountWindow { size: CALLS as u32 };
/// The time window, everywhere.
const WINDOW: Duration = Duration::from_secs(30);

pub(crate) fn consecutive(row: &mut Row) {
    row.floor("tower no-op", || serve(Noop, Ends::Well)).alone();
    let breaker = ours(CircuitBreakerConfig::default());
    least::may_wait(row);
    row.ours("CircuitBreakerLayer, leaked", leaked_layer_of(&breaker, Ends::Well));
    row.also("CircuitBreakerLayer", layer_of(&breaker, Ends::Well));
    row.also("CircuitBreaker::call", move || {
        let breaker = breaker.clone();
        Box::new(move |calls| {
            block_on(async {
                for _ in 0..calls {
                    Ends::Well.check(breaker.call(std::future::ready(Ok::<_, Failure>(7))).await);
                }
            });
        })
    });
    let policy = failure_policy::consecutive_failures(5, backoff::constant(MINUTE));
    failsafe(row, policy, Ends::Well);
    tower_resilience(row, TowerResilience::builder().consecutive_failures(5));
}

pub(crate) fn count_window(row: &mut Row) {
    row.floor("tower no-op", || serve(Noop, Ends::Well)).alone();
    least::may_wait_and_counts(row);
    let breaker = ours(config_of(COUNT_WINDOW));
    row.ours("CircuitBreakerLayer, leaked", leaked_layer_of(&breaker, Ends::Well));
    row.also("CircuitBreakerLayer", layer_of(&breaker, Ends::Well));
    let recloser = AsyncRecloser::from(Recloser::custom().error_rate(0.5).closed_len(CALLS).open_wait(MINUTE).build());
    row.peer("recloser", around_recloser(recloser, Ends::Well));
    // It never slides: counts are kept until the next transition.
    tower_resilience(
        row,
        TowerResilience::builder()
            .failure_rate_threshold(0.5)
            .sliding_window_type(SlidingWindowType::CountBased)
            .sliding_window_size(CALLS)
            .minimum_number_of_calls(CALLS),
    );
}

pub(crate) fn time_window_10(row: &mut Row) {
    time_window(row, 10);
    row.peer("tower-resilience, 10 calls", || tower_resilience_with_calls(10)).alone();
}

pub(crate) fn time_window_1m(row: &mut Row) {
    time_window(row, 1_000_000);
    // Every call walks over all calls in the window: with a million of them, filling it takes minutes.
    row.peer("tower-resilience, 10 000 calls", || tower_resilience_with_calls(10_000)).alone();
}

fn time_window(row: &mut Row, calls: u64) {
    row.floor("tower no-op", || serve(Noop, Ends::Well)).alone();
    least::may_wait_and_counts_by_time(row);
    let breaker = ours(config_of(CircuitModel::TimeWindow { duration: WINDOW, buckets: 10 }));
    let task = leaked_layer_of(&breaker, Ends::Well);
    task()(calls);
    row.ours("CircuitBreakerLayer, leaked", task);
    row.also("CircuitBreakerLayer", layer_of(&breaker, Ends::Well));
    // A moving average, which needs no window; the nearest that it has.
    let policy = failure_policy::success_rate_over_time_window(0.5, 10, WINDOW, backoff::constant(MINUTE));
    failsafe(row, policy, Ends::Well);
}

pub(crate) fn slow_calls(row: &mut Row) {
    row.floor("tower no-op", || serve(Noop, Ends::Well)).alone();
    let config =
        CircuitBreakerConfig { slow_call_duration: Some(MINUTE), slow_call_rate: 0.5, ..config_of(COUNT_WINDOW) };
    // A slow call takes many ticks of the coarse clock; who wants them to the microsecond pays for the exact one.
    row.ours("CircuitBreakerLayer, coarse clock", layer_of(&ours(config), Ends::Well));
    let breaker = CircuitBreaker::new("bench", config);
    let service = CircuitBreakerLayer::new(breaker).layer(Noop);
    row.also("CircuitBreakerLayer, system clock", move || serve(service.clone(), Ends::Well));
    tower_resilience(
        row,
        TowerResilience::builder()
            .failure_rate_threshold(0.5)
            .sliding_window_size(CALLS)
            .minimum_number_of_calls(CALLS)
            .slow_call_duration_threshold(MINUTE)
            .slow_call_rate_threshold(0.5),
    );
}

pub(crate) fn open(row: &mut Row) {
    row.floor("tower no-op", || serve(Noop, Ends::Well)).alone().with_tail();
    least::refuses_by_time(row);
    // Opened by a failure, so that each refusal looks at the time until the next probe.
    let config = CircuitBreakerConfig { failure_threshold: 1, reset_timeout: HOUR, ..CircuitBreakerConfig::default() };
    let breaker = ours(config);
    let failed = block_on(breaker.call(std::future::ready(Err::<(), _>(Failure::Broken))));
    assert_eq!(failed, Err(Failure::Broken));
    row.ours("CircuitBreakerLayer, leaked", leaked_layer_of(&breaker, Ends::Refused)).with_tail();
    row.also("CircuitBreakerLayer", layer_of(&breaker, Ends::Refused)).with_tail();

    let policy = failure_policy::consecutive_failures(1, backoff::constant(HOUR));
    let breaker = failsafe::Config::new().failure_policy(policy).build();
    breaker.on_error();
    row.peer("failsafe", around_failsafe(breaker, Ends::Refused)).with_tail();

    let recloser = AsyncRecloser::from(Recloser::custom().error_rate(0.5).closed_len(1).open_wait(HOUR).build());
    for _ in 0..2 {
        let failed = block_on(recloser.call(std::future::ready(Err::<(), _>(Failure::Broken))));
        assert!(failed.is_err());
    }
    row.peer("recloser", around_recloser(recloser, Ends::Refused)).with_tail();

    let builder = TowerResilience::builder().wait_duration_in_open(HOUR);
    let (layer, handle) = builder.build_with_handle().expect("valid settings");
    block_on(handle.force_open());
    let service = layer.layer(Noop);
    row.peer("tower-resilience", move || serve(service.clone(), Ends::Refused)).with_tail();
}

fn config_of(model: CircuitModel) -> CircuitBreakerConfig {
    let minimum_calls = if model == COUNT_WINDOW { CALLS as u32 } else { 10 };
    CircuitBreakerConfig { model, failure_rate: 0.5, minimum_calls, ..CircuitBreakerConfig::default() }
}

fn ours(config: CircuitBreakerConfig) -> CircuitBreaker<CoarseClock> {
    CircuitBreaker::with_clock("bench", config, CoarseClock::new())
}

fn layer_of(breaker: &CircuitBreaker<CoarseClock>, ends: Ends) -> impl Fn() -> Lane + use<> {
    let service = CircuitBreakerLayer::new(breaker.clone()).layer(Noop);
    move || serve(service.clone(), ends)
}

/// As for a partner: for the life of the program.
fn leaked_layer_of(breaker: &CircuitBreaker<CoarseClock>, ends: Ends) -> impl Fn() -> Lane + use<> {
    let service = CircuitBreakerLayer::new(breaker.clone()).leak().layer(Noop);
    move || serve(service.clone(), ends)
}

fn failsafe<P>(row: &mut Row, policy: P, ends: Ends)
where
    P: failure_policy::FailurePolicy + Send + Sync + 'static,
{
    row.peer("failsafe", around_failsafe(failsafe::Config::new().failure_policy(policy).build(), ends));
}

fn around_failsafe<P>(breaker: failsafe::StateMachine<P, ()>, ends: Ends) -> impl Fn() -> Lane
where
    P: failure_policy::FailurePolicy + Send + Sync + 'static,
{
    move || {
        let (breaker, mut service) = (breaker.clone(), Noop);
        repeat(move |ask| breaker.call(service.call(ask)), ends)
    }
}

fn around_recloser(recloser: AsyncRecloser, ends: Ends) -> impl Fn() -> Lane {
    move || {
        let (recloser, mut service) = (recloser.clone(), Noop);
        repeat(move |ask| recloser.call(service.call(ask)), ends)
    }
}

/// `build_with_handle`, because services of a plain `build` share nothing.
fn tower_resilience(row: &mut Row, builder: CircuitBreakerConfigBuilder<DefaultClassifier>) {
    let (layer, _) = builder.wait_duration_in_open(MINUTE).build_with_handle().expect("valid settings");
    let service = layer.layer(Noop);
    row.peer("tower-resilience", move || serve(service.clone(), Ends::Well));
}

/// A fresh breaker for each batch, or its window would hold all calls of the rounds before.
fn tower_resilience_with_calls(calls: u64) -> Lane {
    let builder = TowerResilience::builder()
        .failure_rate_threshold(0.5)
        .sliding_window_type(SlidingWindowType::TimeBased)
        .sliding_window_duration(WINDOW)
        .minimum_number_of_calls(10);
    let (layer, _) = builder.build_with_handle().expect("valid settings");
    let mut lane = serve(layer.layer(Noop), Ends::Well);
    lane(calls);
    lane
}
