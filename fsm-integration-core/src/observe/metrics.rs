//! Every metric of the workspace, in one list: name, kind, unit, help and labels.

use metrics::{Counter, Gauge, Histogram, Key, KeyName, Level, Metadata, Recorder, SharedString, Unit, with_recorder};

/// What a metric does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Only grows.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Counts observations in buckets.
    Histogram,
}

/// One metric as it is exported.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Metric {
    /// The exported name.
    pub name: &'static str,
    /// What it does.
    pub kind: Kind,
    /// The unit of its values.
    pub unit: Unit,
    /// What it tells, for the reader of a dashboard.
    pub help: &'static str,
    /// The names of its labels.
    pub labels: &'static [&'static str],
}

/// Upper bounds in seconds for every duration histogram, past the longest timeout of the presets: the ERP's total
/// deadline of 170 s.
pub const DURATION_BUCKETS: [f64; 11] = [0.1, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 120.0, 180.0, 300.0];

macro_rules! metrics_list {
    ($($(#[$doc:meta])* $constant:ident = $kind:ident $name:literal [$($label:literal),*] $unit:ident $help:literal;)*) => {
        $($(#[$doc])* pub const $constant: Metric = Metric {
            name: $name,
            kind: Kind::$kind,
            unit: Unit::$unit,
            help: $help,
            labels: &[$($label),*],
        };)*

        /// Every metric, in the order of this list.
        pub const ALL: &[Metric] = &[$($constant),*];
    };
}

metrics_list! {
    /// Calls of an adapter that ended, by outcome.
    INTEGRATION_REQUESTS = Counter "integration_requests_total" ["adapter_id", "status"] Count
        "Total number of integration requests";
    /// How long a call of an adapter took, its retries included.
    INTEGRATION_REQUEST_DURATION = Histogram "integration_request_duration_seconds" ["adapter_id"] Seconds
        "Integration request duration in seconds";
    /// Calls of an adapter that failed, by class of failure.
    INTEGRATION_ERRORS = Counter "integration_errors_total" ["adapter_id", "error_type"] Count
        "Total number of integration errors";
    /// The state of an adapter's circuit breaker.
    INTEGRATION_CIRCUIT_BREAKER_STATE = Gauge "integration_circuit_breaker_state" ["adapter_id"] Count
        "Circuit breaker state (0=CLOSED, 1=HALF_OPEN, 2=OPEN)";
    /// Attempts after the first.
    INTEGRATION_RETRIES = Counter "integration_retries_total" ["adapter_id"] Count
        "Total number of retry attempts";
    /// How long the server took to answer; `route` is the route's pattern, never the path.
    HTTP_SERVER_REQUEST_DURATION = Histogram "http_server_request_duration_seconds" ["method", "route", "status"] Seconds
        "Duration of requests to the server in seconds";
    /// Events that a consumer handled, by outcome.
    EVENTS_PROCESSED = Counter "kafka_events_processed_total" ["topic", "status"] Count
        "Total number of events processed";
    /// How long handling an event took.
    EVENT_PROCESSING_DURATION = Histogram "kafka_event_processing_duration_seconds" ["topic"] Seconds
        "Event processing duration in seconds";
    /// How many events a consumer group has not handled yet.
    CONSUMER_LAG = Gauge "kafka_consumer_lag" ["group", "topic"] Count
        "Events published and not yet handled by the consumer group";
    /// Events that a consumer group gave up, by kind of failure.
    DEAD_LETTERED = Counter "dead_letters_total" ["group", "error_type"] Count
        "Total number of events dead-lettered";
    /// How many dead letters wait for an operator.
    DEAD_LETTER_DEPTH = Gauge "dead_letter_depth" ["topic"] Count
        "Dead letters that wait for an operator";
    /// How old the oldest waiting dead letter is.
    DEAD_LETTER_OLDEST_AGE = Gauge "dead_letter_oldest_age_seconds" ["topic"] Seconds
        "Age of the oldest dead letter that waits";
    /// Whether a limiter decides without its shared store.
    RATE_LIMITER_DEGRADED = Gauge "rate_limiter_degraded" ["limiter"] Count
        "1 while the limiter's shared store cannot be asked, else 0";
    /// Calls that a limiter refused, or would have in shadow mode.
    RATE_LIMITER_REFUSALS = Counter "rate_limiter_refusals_total" ["limiter", "mode"] Count
        "Calls over the limit (mode: enforced, shadow)";
    /// How often a circuit breaker came into a state.
    CIRCUIT_BREAKER_TRANSITIONS = Counter "circuit_breaker_transitions_total" ["adapter_id", "to"] Count
        "Changes of a circuit breaker's state (to: closed, half_open, open)";
    /// Calls that a circuit breaker refused, or would have if it did more than measure.
    ///
    /// The standard observers count only the latter: an open breaker refuses every call, in a few nanoseconds, and
    /// counting each would cost more than refusing it. Who wants them all names the observers:
    /// `Observers::none().with(MetricsObserver).with(TracingObserver)`.
    CIRCUIT_BREAKER_REFUSALS = Counter "circuit_breaker_refusals_total" ["adapter_id", "mode"] Count
        "Calls that a circuit breaker refused (mode: enforced, shadow)";
    /// Failed attempts that were not repeated, by reason.
    RETRIES_STOPPED = Counter "retries_stopped_total" ["adapter_id", "reason"] Count
        "Failed attempts that were not repeated";
    /// Calls that were dropped because their time was over.
    TIMEOUTS = Counter "timeouts_total" ["name"] Count
        "Calls that took too long";
    /// Calls that found no place among those under way.
    BULKHEAD_REFUSALS = Counter "bulkhead_refusals_total" ["name"] Count
        "Calls refused because too many were under way";
    /// The present limit of calls under way, where it adapts itself.
    CONCURRENCY_LIMIT = Gauge "concurrency_limit" ["name"] Count
        "Calls that may be under way at once";
    /// Calls refused because the service behind was not ready.
    LOAD_SHED = Counter "load_shed_total" ["name"] Count
        "Calls refused because the service was not ready";
    /// Second requests, sent and answered first.
    HEDGES = Counter "hedges_total" ["name", "event"] Count
        "Second requests for slow calls (event: sent, won)";
    /// Failed calls that a fallback answered.
    FALLBACKS = Counter "fallbacks_total" ["name"] Count
        "Failed calls answered by their fallback";
    /// Calls answered by another one under way.
    COALESCED_CALLS = Counter "coalesced_calls_total" ["name"] Count
        "Calls answered by one already under way";
    /// Calls answered by a stored outcome.
    IDEMPOTENCY_REPLAYS = Counter "idempotency_replays_total" ["name"] Count
        "Calls answered by the stored outcome of an earlier one";
    /// Calls refused for their idempotency key.
    IDEMPOTENCY_REFUSALS = Counter "idempotency_refusals_total" ["name", "reason"] Count
        "Calls refused for their idempotency key";
    /// Leases lost while their work was under way.
    IDEMPOTENCY_LEASES_LOST = Counter "idempotency_leases_lost_total" ["name"] Count
        "Leases lost while their work was under way";
    /// Work done although its idempotency store did not answer.
    IDEMPOTENCY_UNPROTECTED = Counter "idempotency_unprotected_total" ["name", "step"] Count
        "Work done without its idempotency store (step that failed: begin, complete)";
    /// Webhooks refused, by reason.
    WEBHOOK_REFUSALS = Counter "webhook_refusals_total" ["name", "reason"] Count
        "Webhooks refused at verification";
    /// Webhooks to be sent whose body is large, sent or refused.
    WEBHOOKS_LARGE = Counter "webhooks_large_total" ["name", "outcome"] Count
        "Webhooks with a large body (outcome: sent, refused)";
    /// Secrets of webhook endpoints that were replaced.
    WEBHOOK_SECRET_ROTATIONS = Counter "webhook_secret_rotations_total" ["name"] Count
        "Webhook secrets replaced by a new one";
}

/// Tells the installed recorder the unit and help of every metric; call it once, after installing one.
pub fn describe() {
    with_recorder(|recorder| ALL.iter().for_each(|metric| describe_one(recorder, metric)));
}

fn describe_one(recorder: &dyn Recorder, metric: &Metric) {
    let (name, help) = (KeyName::from_const_str(metric.name), SharedString::const_str(metric.help));
    match metric.kind {
        Kind::Counter => recorder.describe_counter(name, Some(metric.unit), help),
        Kind::Gauge => recorder.describe_gauge(name, Some(metric.unit), help),
        Kind::Histogram => recorder.describe_histogram(name, Some(metric.unit), help),
    }
}

const METADATA: Metadata<'static> = Metadata::new("fsm_integration_core", Level::INFO, None);

impl Metric {
    /// A key made ahead, so that recording under it allocates nothing; `values` in the order of the labels.
    ///
    /// # Panics
    /// When there are not as many values as labels.
    pub fn key<const N: usize>(&self, values: [&str; N]) -> Key {
        assert_eq!(N, self.labels.len(), "{} has the labels {:?}", self.name, self.labels);
        let labels = self.labels.iter().zip(values).map(|(label, value)| metrics::Label::new(*label, value.to_owned()));
        Key::from_parts(self.name, labels.collect::<Vec<_>>())
    }
}

/// The counter of a key, from whichever recorder is installed by now.
pub fn counter(key: &Key) -> Counter {
    with_recorder(|recorder| recorder.register_counter(key, &METADATA))
}

/// The gauge of a key, from whichever recorder is installed by now.
pub fn gauge(key: &Key) -> Gauge {
    with_recorder(|recorder| recorder.register_gauge(key, &METADATA))
}

/// The histogram of a key, from whichever recorder is installed by now.
pub fn histogram(key: &Key) -> Histogram {
    with_recorder(|recorder| recorder.register_histogram(key, &METADATA))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_stands_twice_and_every_name_carries_its_unit() {
        let mut names: Vec<_> = ALL.iter().map(|metric| metric.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), ALL.len());
        for metric in ALL {
            assert_eq!(metric.unit == Unit::Seconds, metric.name.ends_with("_seconds"), "{}", metric.name);
            assert_eq!(metric.kind == Kind::Counter, metric.name.ends_with("_total"), "{}", metric.name);
        }
    }

    #[test]
    fn a_key_has_the_labels_of_its_metric() {
        let key = INTEGRATION_REQUESTS.key(["erp", "success"]);
        let labels: Vec<_> = key.labels().map(|label| (label.key(), label.value())).collect();
        assert_eq!(labels, [("adapter_id", "erp"), ("status", "success")]);
    }
}
