use super::{
    Observation, Observer,
    keys::registered,
    metrics::{
        BULKHEAD_REFUSALS, CIRCUIT_BREAKER_REFUSALS, CIRCUIT_BREAKER_TRANSITIONS, COALESCED_CALLS, CONCURRENCY_LIMIT,
        FALLBACKS, HEDGES, IDEMPOTENCY_LEASES_LOST, IDEMPOTENCY_REFUSALS, IDEMPOTENCY_REPLAYS, IDEMPOTENCY_UNPROTECTED,
        INTEGRATION_CIRCUIT_BREAKER_STATE, INTEGRATION_RETRIES, LOAD_SHED, Metric, RATE_LIMITER_DEGRADED,
        RATE_LIMITER_REFUSALS, RETRIES_STOPPED, TIMEOUTS, WEBHOOK_REFUSALS, WEBHOOK_SECRET_ROTATIONS, WEBHOOKS_LARGE,
        counter, gauge,
    },
};

/// Counts decisions with whichever [`metrics`] recorder is installed.
///
/// The state gauge of a circuit breaker is written by the breaker's latest change only if changes are told in their
/// order, which the breaker sees to.
#[derive(Debug, Clone, Copy, Default)]
pub struct MetricsObserver;

impl Observer for MetricsObserver {
    fn observe(&self, name: &str, observation: &Observation) {
        match *observation {
            Observation::CircuitChanged { from, to, .. } => {
                set(&INTEGRATION_CIRCUIT_BREAKER_STATE, [name], to.gauge());
                if from != to {
                    count(&CIRCUIT_BREAKER_TRANSITIONS, [name, to.label()]);
                }
            }
            Observation::CircuitControlled { .. } => {}
            // Told only where this observer was given by name: the standard ones are not told of every refusal.
            Observation::CircuitRefused { .. } => count(&CIRCUIT_BREAKER_REFUSALS, [name, "enforced"]),
            Observation::CircuitWouldRefuse => count(&CIRCUIT_BREAKER_REFUSALS, [name, "shadow"]),
            Observation::RetryScheduled { .. } => count(&INTEGRATION_RETRIES, [name]),
            Observation::RetryStopped { reason, .. } => count(&RETRIES_STOPPED, [name, reason]),
            Observation::RateLimited { shadow, .. } => {
                count(&RATE_LIMITER_REFUSALS, [name, if shadow { "shadow" } else { "enforced" }]);
            }
            Observation::RateLimiterDegraded { degraded } => {
                set(&RATE_LIMITER_DEGRADED, [name], f64::from(u8::from(degraded)));
            }
            Observation::TimedOut { .. } => count(&TIMEOUTS, [name]),
            Observation::BulkheadRefused { .. } => count(&BULKHEAD_REFUSALS, [name]),
            Observation::ConcurrencyLimitChanged { limit } => set(&CONCURRENCY_LIMIT, [name], limit as f64),
            Observation::LoadShed => count(&LOAD_SHED, [name]),
            Observation::HedgeSent { .. } => count(&HEDGES, [name, "sent"]),
            Observation::HedgeWon => count(&HEDGES, [name, "won"]),
            Observation::FellBack { .. } => count(&FALLBACKS, [name]),
            Observation::Coalesced => count(&COALESCED_CALLS, [name]),
            Observation::IdempotencyReplayed => count(&IDEMPOTENCY_REPLAYS, [name]),
            Observation::IdempotencyRefused { reason } => count(&IDEMPOTENCY_REFUSALS, [name, reason]),
            Observation::IdempotencyLeaseLost => count(&IDEMPOTENCY_LEASES_LOST, [name]),
            Observation::IdempotencyUnprotected { step } => count(&IDEMPOTENCY_UNPROTECTED, [name, step]),
            Observation::WebhookRefused { reason } => count(&WEBHOOK_REFUSALS, [name, reason]),
            Observation::WebhookLarge { refused, .. } => {
                count(&WEBHOOKS_LARGE, [name, if refused { "refused" } else { "sent" }]);
            }
            Observation::WebhookSecretRotated { .. } => count(&WEBHOOK_SECRET_ROTATIONS, [name]),
        }
    }
}

fn count<const N: usize>(metric: &Metric, labels: [&str; N]) {
    registered(metric, labels, counter).increment(1);
}

fn set<const N: usize>(metric: &Metric, labels: [&str; N], value: f64) {
    registered(metric, labels, gauge).set(value);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::{CircuitState, Observers, recorder::Seen};

    #[test]
    fn a_recorder_counts_from_when_it_is_installed_whatever_was_told_before() {
        let told = || MetricsObserver.observe("erp", &Observation::LoadShed);
        let (outer, inner) = (Seen::default(), Seen::default());
        told();
        metrics::with_local_recorder(&outer, || {
            told();
            metrics::with_local_recorder(&inner, told);
            metrics::with_local_recorder(&metrics::NoopRecorder, told);
            told();
        });
        told();
        assert_eq!(outer.take(), [("load_shed_total erp".to_owned(), 2.0)]);
        assert_eq!(inner.take(), [("load_shed_total erp".to_owned(), 1.0)]);
    }

    #[test]
    fn what_a_breaker_refuses_is_counted_for_who_asks_and_what_it_would_refuse_always() {
        let (standard, named) = (Observers::standard(), Observers::none().with(MetricsObserver));
        assert!(!standard.listens(), "or an open breaker would tell of every call");
        let counted = |observers: &Observers| {
            let seen = Seen::default();
            metrics::with_local_recorder(&seen, || {
                observers.observe("erp", Observation::CircuitWouldRefuse);
                observers.observe("erp", Observation::CircuitRefused { retry_after: None });
            });
            seen.take()
        };
        let shadow = ("circuit_breaker_refusals_total erp shadow".to_owned(), 1.0);
        let enforced = ("circuit_breaker_refusals_total erp enforced".to_owned(), 1.0);
        assert_eq!(counted(&standard), std::slice::from_ref(&shadow));
        assert_eq!(counted(&named), [enforced, shadow]);
    }

    #[test]
    fn a_change_of_state_sets_the_gauge_and_is_counted() {
        let seen = Seen::default();
        let change = Observation::CircuitChanged { from: CircuitState::Closed, to: CircuitState::Open, sequence: 1 };
        metrics::with_local_recorder(&seen, || MetricsObserver.observe("erp", &change));
        let expected =
            [("circuit_breaker_transitions_total erp open", 1.0), ("integration_circuit_breaker_state erp", 2.0)];
        assert_eq!(seen.take(), expected.map(|(name, value)| (name.to_owned(), value)));
    }
}
