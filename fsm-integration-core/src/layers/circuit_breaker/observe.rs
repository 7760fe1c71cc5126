use std::sync::Arc;

use super::CircuitState;

/// The gauge of the state: 0 closed, 1 half-open, 2 open.
const STATE_GAUGE: &str = "integration_circuit_breaker_state";

/// A change of state, to be told once.
pub(super) struct Transition {
    pub(super) from: CircuitState,
    pub(super) to: CircuitState,
}

pub(super) fn log(name: &Arc<str>, Transition { from, to }: Transition) {
    let (from, label) = (from.label(), to.label());
    match to {
        CircuitState::Open => tracing::warn!(
            circuit_breaker.name = &**name,
            circuit_breaker.from = from,
            circuit_breaker.to = label,
            "the circuit breaker refuses calls"
        ),
        CircuitState::HalfOpen => tracing::info!(
            circuit_breaker.name = &**name,
            circuit_breaker.from = from,
            circuit_breaker.to = label,
            "the circuit breaker probes"
        ),
        CircuitState::Closed => tracing::info!(
            circuit_breaker.name = &**name,
            circuit_breaker.from = from,
            circuit_breaker.to = label,
            "the circuit breaker lets calls through"
        ),
    }
}

/// Sets the gauge to the present state.
///
/// Two threads may change the state one after the other and get here in the other order. Each looks again after
/// it has written, so that the last value written is the last state.
pub(super) fn publish(name: &Arc<str>, state: impl Fn() -> CircuitState) {
    let gauge = metrics::gauge!(STATE_GAUGE, "adapter_id" => Arc::clone(name));
    let mut present = state();
    loop {
        gauge.set(present.gauge());
        let next = state();
        if next == present {
            return;
        }
        present = next;
    }
}
