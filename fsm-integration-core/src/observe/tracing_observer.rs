use std::time::Duration;

use jiff::Timestamp;

use super::{CircuitState, Observation, Observer};
use crate::error::ErrorClass;

/// Logs decisions with [`tracing`]: what an operator must act on as `warn`, changes as `info`, the rest as `debug`.
#[derive(Debug, Clone, Copy, Default)]
pub struct TracingObserver;

impl Observer for TracingObserver {
    fn observe(&self, name: &str, observation: &Observation) {
        match *observation {
            Observation::CircuitChanged { from, to, .. } if from != to => log_change(name, from, to),
            Observation::CircuitChanged { .. } | Observation::CircuitRefused { .. } => {}
            Observation::CircuitControlled { control } => log_control(name, control),
            Observation::CircuitWouldRefuse => {
                tracing::debug!(circuit_breaker.name = name, "the circuit breaker would refuse this call");
            }
            Observation::RetryScheduled { attempt, delay, class } => log_retry(name, attempt, delay, class),
            Observation::RetryStopped { attempt, class, reason } => log_last_attempt(name, attempt, class, reason),
            Observation::RateLimited { retry_after, shadow } => log_missing_token(name, retry_after, shadow),
            Observation::RateLimiterDegraded { degraded } => log_shared_store(name, degraded),
            Observation::TimedOut { after } => {
                tracing::debug!(timeout.name = name, timeout.after_ms = millis(after), "a call took too long");
            }
            Observation::BulkheadRefused { limit } => {
                tracing::debug!(bulkhead.name = name, bulkhead.limit = limit, "too many calls are under way");
            }
            Observation::ConcurrencyLimitChanged { limit } => {
                tracing::debug!(concurrency.name = name, concurrency.limit = limit, "the concurrency limit changed");
            }
            Observation::LoadShed => tracing::debug!(load_shed.name = name, "a call was refused under load"),
            Observation::HedgeSent { after } => {
                tracing::debug!(hedge.name = name, hedge.after_ms = millis(after), "a second request was sent");
            }
            Observation::HedgeWon => tracing::debug!(hedge.name = name, "the second request answered first"),
            Observation::FellBack { class } => {
                tracing::debug!(fallback.name = name, error.class = class.label(), "the fallback answered");
            }
            Observation::Coalesced => {
                tracing::trace!(coalesce.name = name, "a call was answered by one under way");
            }
            Observation::IdempotencyReplayed => {
                tracing::debug!(idempotency.name = name, "an earlier outcome was replayed");
            }
            Observation::IdempotencyRefused { reason } => {
                tracing::debug!(idempotency.name = name, idempotency.reason = reason, "a call was refused for its key");
            }
            Observation::IdempotencyLeaseLost => log_lost_lease(name),
            Observation::IdempotencyUnprotected { step } => log_missing_protection(name, step),
            Observation::WebhookRefused { reason } => {
                tracing::debug!(webhook.name = name, webhook.reason = reason, "a webhook was refused");
            }
            Observation::WebhookLarge { bytes, refused } => log_large(name, bytes, refused),
            Observation::WebhookSecretRotated { previous_valid_until, held } => {
                log_rotation(name, previous_valid_until, held);
            }
        }
    }
}

fn log_change(name: &str, from: CircuitState, to: CircuitState) {
    let (from, label) = (from.label(), to.label());
    match to {
        CircuitState::Open => tracing::warn!(
            circuit_breaker.name = name,
            circuit_breaker.from = from,
            circuit_breaker.to = label,
            "the circuit breaker refuses calls"
        ),
        CircuitState::HalfOpen => tracing::info!(
            circuit_breaker.name = name,
            circuit_breaker.from = from,
            circuit_breaker.to = label,
            "the circuit breaker probes"
        ),
        CircuitState::Closed => tracing::info!(
            circuit_breaker.name = name,
            circuit_breaker.from = from,
            circuit_breaker.to = label,
            "the circuit breaker lets calls through"
        ),
    }
}

fn log_control(name: &str, control: &'static str) {
    tracing::warn!(
        circuit_breaker.name = name,
        circuit_breaker.control = control,
        "an operator set who controls the circuit breaker"
    );
}

fn log_retry(name: &str, attempt: u32, delay: Duration, class: ErrorClass) {
    tracing::debug!(
        adapter.id = name,
        retry.attempt = attempt,
        retry.delay_ms = millis(delay),
        error.class = class.label(),
        "an attempt failed and will be repeated"
    );
}

fn log_last_attempt(name: &str, attempt: u32, class: ErrorClass, reason: &'static str) {
    tracing::debug!(
        adapter.id = name,
        retry.attempt = attempt,
        retry.stop = reason,
        error.class = class.label(),
        "an attempt failed and will not be repeated"
    );
}

fn log_missing_token(name: &str, retry_after: Option<Duration>, shadow: bool) {
    tracing::debug!(
        rate_limiter.name = name,
        rate_limiter.retry_after_ms = retry_after.map(millis),
        rate_limiter.shadow = shadow,
        "the rate limiter had no token for a call"
    );
}

fn log_shared_store(name: &str, degraded: bool) {
    if degraded {
        tracing::warn!(rate_limiter.name = name, "the rate limiter decides without its shared store");
    } else {
        tracing::info!(rate_limiter.name = name, "the rate limiter's shared store answers again");
    }
}

fn log_lost_lease(name: &str) {
    tracing::error!(
        idempotency.name = name,
        "the lease was lost while the work was under way: another owner may do the same work"
    );
}

fn log_large(name: &str, bytes: usize, refused: bool) {
    if refused {
        tracing::error!(webhook.name = name, webhook.bytes = bytes, "a webhook is too large to be sent");
    } else {
        tracing::warn!(webhook.name = name, webhook.bytes = bytes, "a large webhook is sent");
    }
}

fn log_rotation(name: &str, previous_valid_until: Timestamp, held: usize) {
    tracing::info!(
        webhook.name = name,
        webhook.previous_valid_until = %previous_valid_until,
        webhook.secrets_held = held,
        "a webhook secret was rotated"
    );
}

fn log_missing_protection(name: &str, step: &'static str) {
    tracing::warn!(
        idempotency.name = name,
        idempotency.step = step,
        "work is done although the idempotency store does not answer"
    );
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
