//! The checks behind `/readyz` and `/health`: each bounded in time and cached by the registry (requirement H4).

use std::fmt::Display;

use fsm_integration_core::{
    error::Result,
    event::{
        consumer::{ConsumerHandle, ConsumerState},
        dead_letter::DeadLetters,
    },
    layers::circuit_breaker::CircuitState,
    observe::health::{Criticality, HealthRegistry, HealthStatus},
};

use crate::{
    flow::Flow,
    partners::Partners,
    store::{Store, acknowledgements, probe},
};

/// How far a group may be behind before somebody should look: some minutes of a busy day.
const LAG: u64 = 10_000;
/// How many names a message holds.
const NAMES: usize = 10;

/// What the server cannot work without: the store answers a read and takes a write.
pub(super) fn register_store(registry: &HealthRegistry, store: &Store) {
    let (reader, writer) = (store.clone(), store.clone());
    registry.register("store_read", Criticality::Critical, move || {
        let store = reader.clone();
        async move { finding(store.read(probe::read).await) }
    });
    registry.register("store_write", Criticality::Critical, move || {
        let store = writer.clone();
        async move { finding(store.write(probe::write).await) }
    });
}

/// Everything else.
pub(super) fn register_all(
    registry: &HealthRegistry,
    flow: &Flow,
    consumers: &[ConsumerHandle],
    dead_letters: &DeadLetters,
) {
    for consumer in consumers {
        let consumer = consumer.clone();
        registry.register(format!("consumer:{}", consumer.group()), Criticality::Critical, move || {
            let consumer = consumer.clone();
            async move { group(&consumer).await }
        });
    }
    let partners = flow.partners().clone();
    registry.register("breakers", Criticality::Optional, move || std::future::ready(breakers(&partners)));
    let letters = dead_letters.clone();
    registry.register("dead_letters", Criticality::Optional, move || {
        let letters = letters.clone();
        async move { open_letters(&letters).await }
    });
    let store = flow.store().clone();
    registry.register("partner_freshness", Criticality::Optional, move || {
        let store = store.clone();
        async move { freshness(&store).await }
    });
}

fn finding(done: Result<()>) -> HealthStatus {
    done.map_or_else(|error| HealthStatus::unhealthy(error.message()), |()| HealthStatus::healthy())
}

async fn group(consumer: &ConsumerHandle) -> HealthStatus {
    match consumer.state() {
        ConsumerState::Running => {}
        ConsumerState::Stopped { reason } => {
            return HealthStatus::unhealthy(format!("stopped: {reason}; resume it when the cause is mended"));
        }
        ConsumerState::Ended => return HealthStatus::unhealthy("ended; it goes on at the next start"),
    }
    match consumer.lag().await {
        Ok(lag) if lag > LAG => HealthStatus::degraded(format!("{lag} records behind")),
        Ok(_) => HealthStatus::healthy(),
        Err(error) => HealthStatus::unhealthy(error.message()),
    }
}

fn breakers(partners: &Partners) -> HealthStatus {
    let all = partners.breakers();
    let wrong = all.iter().filter(|breaker| breaker.state != CircuitState::Closed);
    let names: Vec<_> = wrong.map(|breaker| format!("{} is {}", breaker.name, breaker.state.label())).collect();
    if names.is_empty() { HealthStatus::healthy() } else { HealthStatus::degraded(some(&names)) }
}

async fn open_letters(letters: &DeadLetters) -> HealthStatus {
    match letters.summary().await {
        Ok(causes) if causes.is_empty() => HealthStatus::healthy(),
        Ok(causes) => {
            let open: u64 = causes.iter().map(|cause| cause.open).sum();
            let since = causes.iter().map(|cause| cause.oldest).min().unwrap_or_default();
            HealthStatus::degraded(format!("{open} open, the oldest since {since}"))
        }
        Err(error) => HealthStatus::unhealthy(error.message()),
    }
}

/// Tells how long ago each partner last said yes; no age is wrong by itself, for there may be nothing to tell.
async fn freshness(store: &Store) -> HealthStatus {
    let now = store.now();
    match store.read(acknowledgements::freshness).await {
        Ok(fresh) if fresh.is_empty() => HealthStatus::healthy(),
        Ok(fresh) => {
            let age = |at| now.duration_since(at).as_secs().max(0);
            let ages: Vec<_> =
                fresh.iter().map(|it| format!("{} {}: {} s ago", it.partner, it.kind, age(it.at))).collect();
            HealthStatus { message: Some(some(&ages)), ..HealthStatus::healthy() }
        }
        Err(error) => HealthStatus::unhealthy(error.message()),
    }
}

/// The first few, and how many more there are.
fn some(names: &[impl Display]) -> String {
    let shown = names.iter().take(NAMES).map(ToString::to_string).collect::<Vec<_>>().join(", ");
    match names.len().saturating_sub(NAMES) {
        0 => shown,
        more => format!("{shown}, and {more} more"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_names_a_few_and_counts_the_rest() {
        assert_eq!(some(&["a", "b"]), "a, b");
        let many: Vec<_> = (0..12).collect();
        assert!(some(&many).ends_with("9, and 2 more"));
    }
}
