//! What the standard observers make of each decision.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use parking_lot::Mutex;
use tracing::{
    Level, Subscriber,
    field::{Field, Visit},
    span,
};

use super::{recorder::Seen, *};
use crate::error::ErrorClass;

/// One decision of a handle by the name of `erp`, and what becomes of it.
struct Row {
    observation: Observation,
    /// Name, labels and value of each metric.
    metrics: &'static [(&'static str, f64)],
    /// Level, text and all fields of what is logged.
    event: Option<(Level, &'static str, Written)>,
}

/// Names and values of fields.
type Written = &'static [(&'static str, &'static str)];

const SECOND: Duration = Duration::from_secs(1);

const TABLE: &[Row] = &[
    Row {
        observation: changed(CircuitState::Closed, CircuitState::Open),
        metrics: &[("circuit_breaker_transitions_total erp open", 1.0), ("integration_circuit_breaker_state erp", 2.0)],
        event: Some((
            Level::WARN,
            "the circuit breaker refuses calls",
            &[("circuit_breaker.from", "closed"), ("circuit_breaker.name", "erp"), ("circuit_breaker.to", "open")],
        )),
    },
    Row {
        observation: changed(CircuitState::Open, CircuitState::HalfOpen),
        metrics: &[
            ("circuit_breaker_transitions_total erp half_open", 1.0),
            ("integration_circuit_breaker_state erp", 1.0),
        ],
        event: Some((
            Level::INFO,
            "the circuit breaker probes",
            &[("circuit_breaker.from", "open"), ("circuit_breaker.name", "erp"), ("circuit_breaker.to", "half_open")],
        )),
    },
    Row {
        observation: changed(CircuitState::HalfOpen, CircuitState::Closed),
        metrics: &[
            ("circuit_breaker_transitions_total erp closed", 1.0),
            ("integration_circuit_breaker_state erp", 0.0),
        ],
        event: Some((
            Level::INFO,
            "the circuit breaker lets calls through",
            &[("circuit_breaker.from", "half_open"), ("circuit_breaker.name", "erp"), ("circuit_breaker.to", "closed")],
        )),
    },
    Row {
        // How a new listener learns the present state.
        observation: changed(CircuitState::Open, CircuitState::Open),
        metrics: &[("integration_circuit_breaker_state erp", 2.0)],
        event: None,
    },
    Row {
        observation: Observation::CircuitControlled { control: "forced_open" },
        metrics: &[],
        event: Some((
            Level::WARN,
            "an operator set who controls the circuit breaker",
            &[("circuit_breaker.control", "forced_open"), ("circuit_breaker.name", "erp")],
        )),
    },
    Row {
        observation: Observation::CircuitRefused { retry_after: Some(SECOND) },
        metrics: &[("circuit_breaker_refusals_total erp enforced", 1.0)],
        event: None,
    },
    Row {
        observation: Observation::CircuitWouldRefuse,
        metrics: &[("circuit_breaker_refusals_total erp shadow", 1.0)],
        event: Some((Level::DEBUG, "the circuit breaker would refuse this call", &[("circuit_breaker.name", "erp")])),
    },
    Row {
        observation: Observation::RetryScheduled {
            attempt: 1,
            delay: Duration::from_millis(1_500),
            class: ErrorClass::Timeout,
        },
        metrics: &[("integration_retries_total erp", 1.0)],
        event: Some((
            Level::DEBUG,
            "an attempt failed and will be repeated",
            &[("adapter.id", "erp"), ("error.class", "timeout"), ("retry.attempt", "1"), ("retry.delay_ms", "1500")],
        )),
    },
    Row {
        observation: Observation::RetryStopped { attempt: 3, class: ErrorClass::Transient, reason: "budget" },
        metrics: &[("retries_stopped_total erp budget", 1.0)],
        event: Some((
            Level::DEBUG,
            "an attempt failed and will not be repeated",
            &[("adapter.id", "erp"), ("error.class", "transient"), ("retry.attempt", "3"), ("retry.stop", "budget")],
        )),
    },
    Row {
        observation: Observation::RateLimited { retry_after: Some(SECOND), shadow: false },
        metrics: &[("rate_limiter_refusals_total erp enforced", 1.0)],
        event: Some((
            Level::DEBUG,
            "the rate limiter had no token for a call",
            &[("rate_limiter.name", "erp"), ("rate_limiter.retry_after_ms", "1000"), ("rate_limiter.shadow", "false")],
        )),
    },
    Row {
        observation: Observation::RateLimited { retry_after: None, shadow: true },
        metrics: &[("rate_limiter_refusals_total erp shadow", 1.0)],
        event: Some((
            Level::DEBUG,
            "the rate limiter had no token for a call",
            &[("rate_limiter.name", "erp"), ("rate_limiter.shadow", "true")],
        )),
    },
    Row {
        observation: Observation::RateLimiterDegraded { degraded: true },
        metrics: &[("rate_limiter_degraded erp", 1.0)],
        event: Some((
            Level::WARN,
            "the rate limiter decides without its shared store",
            &[("rate_limiter.name", "erp")],
        )),
    },
    Row {
        observation: Observation::RateLimiterDegraded { degraded: false },
        metrics: &[("rate_limiter_degraded erp", 0.0)],
        event: Some((Level::INFO, "the rate limiter's shared store answers again", &[("rate_limiter.name", "erp")])),
    },
    Row {
        observation: Observation::TimedOut { after: SECOND },
        metrics: &[("timeouts_total erp", 1.0)],
        event: Some((Level::DEBUG, "a call took too long", &[("timeout.after_ms", "1000"), ("timeout.name", "erp")])),
    },
    Row {
        observation: Observation::BulkheadRefused { limit: 7 },
        metrics: &[("bulkhead_refusals_total erp", 1.0)],
        event: Some((
            Level::DEBUG,
            "too many calls are under way",
            &[("bulkhead.limit", "7"), ("bulkhead.name", "erp")],
        )),
    },
    Row {
        observation: Observation::ConcurrencyLimitChanged { limit: 12 },
        metrics: &[("concurrency_limit erp", 12.0)],
        event: Some((
            Level::DEBUG,
            "the concurrency limit changed",
            &[("concurrency.limit", "12"), ("concurrency.name", "erp")],
        )),
    },
    Row {
        observation: Observation::LoadShed,
        metrics: &[("load_shed_total erp", 1.0)],
        event: Some((Level::DEBUG, "a call was refused under load", &[("load_shed.name", "erp")])),
    },
    Row {
        observation: Observation::HedgeSent { after: SECOND },
        metrics: &[("hedges_total erp sent", 1.0)],
        event: Some((Level::DEBUG, "a second request was sent", &[("hedge.after_ms", "1000"), ("hedge.name", "erp")])),
    },
    Row {
        observation: Observation::HedgeWon,
        metrics: &[("hedges_total erp won", 1.0)],
        event: Some((Level::DEBUG, "the second request answered first", &[("hedge.name", "erp")])),
    },
    Row {
        observation: Observation::FellBack { class: ErrorClass::Open },
        metrics: &[("fallbacks_total erp", 1.0)],
        event: Some((Level::DEBUG, "the fallback answered", &[("error.class", "open"), ("fallback.name", "erp")])),
    },
    Row {
        observation: Observation::Coalesced,
        metrics: &[("coalesced_calls_total erp", 1.0)],
        event: Some((Level::TRACE, "a call was answered by one under way", &[("coalesce.name", "erp")])),
    },
    Row {
        observation: Observation::IdempotencyReplayed,
        metrics: &[("idempotency_replays_total erp", 1.0)],
        event: Some((Level::DEBUG, "an earlier outcome was replayed", &[("idempotency.name", "erp")])),
    },
    Row {
        observation: Observation::IdempotencyRefused { reason: "mismatch" },
        metrics: &[("idempotency_refusals_total erp mismatch", 1.0)],
        event: Some((
            Level::DEBUG,
            "a call was refused for its key",
            &[("idempotency.name", "erp"), ("idempotency.reason", "mismatch")],
        )),
    },
    Row {
        observation: Observation::IdempotencyLeaseLost,
        metrics: &[("idempotency_leases_lost_total erp", 1.0)],
        event: Some((
            Level::ERROR,
            "the lease was lost while the work was under way: another owner may do the same work",
            &[("idempotency.name", "erp")],
        )),
    },
    Row {
        observation: Observation::WebhookRefused { reason: "replay" },
        metrics: &[("webhook_refusals_total erp replay", 1.0)],
        event: Some((Level::DEBUG, "a webhook was refused", &[("webhook.name", "erp"), ("webhook.reason", "replay")])),
    },
    Row {
        observation: Observation::IdempotencyUnprotected { step: "begin" },
        metrics: &[("idempotency_unprotected_total erp begin", 1.0)],
        event: Some((
            Level::WARN,
            "work is done although the idempotency store does not answer",
            &[("idempotency.name", "erp"), ("idempotency.step", "begin")],
        )),
    },
    Row {
        observation: Observation::WebhookLarge { bytes: 200_000, refused: false },
        metrics: &[("webhooks_large_total erp sent", 1.0)],
        event: Some((Level::WARN, "a large webhook is sent", &[("webhook.bytes", "200000"), ("webhook.name", "erp")])),
    },
    Row {
        observation: Observation::WebhookLarge { bytes: 2_000_000, refused: true },
        metrics: &[("webhooks_large_total erp refused", 1.0)],
        event: Some((
            Level::ERROR,
            "a webhook is too large to be sent",
            &[("webhook.bytes", "2000000"), ("webhook.name", "erp")],
        )),
    },
    Row {
        observation: Observation::WebhookSecretRotated { previous_valid_until: jiff::Timestamp::UNIX_EPOCH, held: 2 },
        metrics: &[("webhook_secret_rotations_total erp", 1.0)],
        event: Some((
            Level::INFO,
            "a webhook secret was rotated",
            &[
                ("webhook.name", "erp"),
                ("webhook.previous_valid_until", "1970-01-01T00:00:00Z"),
                ("webhook.secrets_held", "2"),
            ],
        )),
    },
];

const fn changed(from: CircuitState, to: CircuitState) -> Observation {
    Observation::CircuitChanged { from, to, sequence: 7 }
}

/// The level and all fields of one event; its text is the field `message`.
type Logged = (Level, BTreeMap<String, String>);

/// Keeps every event.
#[derive(Clone, Default)]
struct Events(Arc<Mutex<Vec<Logged>>>);

/// The fields of one event.
#[derive(Default)]
struct Fields(BTreeMap<String, String>);

impl Visit for Fields {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.insert(field.name().to_owned(), value.to_owned());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        self.0.insert(field.name().to_owned(), format!("{value:?}"));
    }
}

impl Subscriber for Events {
    fn enabled(&self, _: &tracing::Metadata<'_>) -> bool {
        true
    }
    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }
    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}
    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}
    fn event(&self, event: &tracing::Event<'_>) {
        let mut fields = Fields::default();
        event.record(&mut fields);
        self.0.lock().push((*event.metadata().level(), fields.0));
    }
    fn enter(&self, _: &span::Id) {}
    fn exit(&self, _: &span::Id) {}
}

/// Everything that is logged of an observation.
fn logged(observation: &Observation) -> Vec<Logged> {
    let events = Events::default();
    tracing::subscriber::with_default(events.clone(), || {
        // Another test's thread may have reached this place first, without a subscriber: see the instrument layer's.
        TracingObserver.observe("erp", observation);
        tracing::callsite::rebuild_interest_cache();
        events.0.lock().clear();
        TracingObserver.observe("erp", observation);
    });
    std::mem::take(&mut *events.0.lock())
}

#[test]
fn each_decision_is_counted_under_its_handles_name() {
    for Row { observation, metrics, .. } in TABLE {
        let seen = Seen::default();
        ::metrics::with_local_recorder(&seen, || MetricsObserver.observe("erp", observation));
        let expected: Vec<_> = metrics.iter().map(|(series, value)| ((*series).to_owned(), *value)).collect();
        assert_eq!(seen.take(), expected, "{observation:?}");
    }
}

/// The fields are all there are: names of handles, numbers and words of closed sets, so neither secrets nor personal data.
#[test]
fn each_decision_is_logged_at_its_level_and_says_nothing_else() {
    for Row { observation, event, .. } in TABLE {
        let expected: Vec<_> = event
            .iter()
            .map(|(level, text, fields)| {
                let all = fields.iter().copied().chain([("message", *text)]);
                (*level, all.map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
            })
            .collect();
        assert_eq!(logged(observation), expected, "{observation:?}");
    }
}

#[test]
fn counters_count_up_and_gauges_say_the_last() {
    let seen = Seen::default();
    ::metrics::with_local_recorder(&seen, || {
        for Row { observation, .. } in TABLE.iter().chain(TABLE) {
            MetricsObserver.observe("erp", observation);
        }
    });
    for (series, value) in seen.take() {
        let rows = TABLE.iter().flat_map(|row| row.metrics).filter(|(name, _)| *name == series);
        let values: Vec<_> = rows.map(|(_, value)| *value).collect();
        let expected = if series.contains("_total ") { values.len() as f64 * 2.0 } else { values[values.len() - 1] };
        assert_eq!(value, expected, "{series}");
    }
}

#[test]
fn standard_observers_count_and_log() {
    let (seen, events) = (Seen::default(), Events::default());
    let tell = || Observers::standard().observe("erp", Observation::LoadShed);
    ::metrics::with_local_recorder(&seen, || {
        tracing::subscriber::with_default(events.clone(), || {
            tell();
            tracing::callsite::rebuild_interest_cache();
            events.0.lock().clear();
            tell();
        });
    });
    assert_eq!((seen.take(), events.0.lock().len()), (vec![("load_shed_total erp".to_owned(), 2.0)], 1));
}
