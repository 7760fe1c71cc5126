//! Logs on standard error and metrics for `/metrics`.

use std::io::IsTerminal;

use fsm_integration_core::observe::metrics::{DURATION_BUCKETS, HTTP_SERVER_REQUEST_DURATION, describe};
use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};
use parking_lot::Mutex;
use tracing_subscriber::{EnvFilter, Layer, Registry, layer::SubscriberExt, util::SubscriberInitExt};

use crate::config::{LogFormat, TelemetryConfig};

/// Upper bounds for our own answers, in seconds: an accepted order takes well under a millisecond.
const ANSWER_SECONDS: &[f64] =
    &[0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1.0, 5.0, 30.0];
/// Upper bounds of counts, such as attempts and batch sizes.
const COUNTS: &[f64] = &[1.0, 2.0, 3.0, 5.0, 10.0, 20.0, 50.0, 100.0, 500.0, 1000.0];

/// The process's logs and metrics; a clone shows the same metrics.
#[derive(Clone)]
pub struct Telemetry {
    metrics: PrometheusHandle,
}

impl Telemetry {
    /// Installs both for the whole process; a second call changes nothing and gives the first one's metrics.
    ///
    /// # Errors
    /// Another metrics recorder than ours is installed already.
    pub fn install(config: &TelemetryConfig) -> Result<Self, BuildError> {
        // Held to the end: of two threads at once, one installs and the other takes what it installed.
        static INSTALLED: Mutex<Option<PrometheusHandle>> = Mutex::new(None);
        let mut installed = INSTALLED.lock();
        if let Some(metrics) = &*installed {
            return Ok(Self { metrics: metrics.clone() });
        }
        // Fails only when a subscriber is there already, as in a test: then that one keeps the logs.
        drop(subscriber(config).try_init());
        let metrics = recorder()?.install_recorder()?;
        describe();
        *installed = Some(metrics.clone());
        Ok(Self { metrics })
    }

    /// All metrics in Prometheus' text format.
    #[must_use]
    pub fn render(&self) -> String {
        self.metrics.render()
    }

    /// Empties the histograms' buffers; to be called every few seconds, or they grow until somebody renders.
    pub fn run_upkeep(&self) {
        self.metrics.run_upkeep();
    }
}

impl std::fmt::Debug for Telemetry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Telemetry").finish_non_exhaustive()
    }
}

fn subscriber(config: &TelemetryConfig) -> impl SubscriberInitExt {
    // The configuration was checked; what cannot be read falls back to what is most useful.
    let filter = config.filter.parse::<EnvFilter>().unwrap_or_else(|_| EnvFilter::new("info"));
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    let lines = match config.log_format {
        LogFormat::Json => lines.json().flatten_event(true).boxed(),
        LogFormat::Pretty => lines.with_ansi(std::io::stderr().is_terminal()).boxed(),
    };
    Registry::default().with(filter).with(lines)
}

fn recorder() -> Result<PrometheusBuilder, BuildError> {
    PrometheusBuilder::new()
        .set_buckets(COUNTS)?
        .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &DURATION_BUCKETS)?
        .set_buckets_for_metric(Matcher::Full(HTTP_SERVER_REQUEST_DURATION.name.to_owned()), ANSWER_SECONDS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn installing_twice_is_harmless_and_shows_the_same_metrics() {
        let install = || Telemetry::install(&TelemetryConfig::default()).expect("installed");
        let (first, second) = std::thread::scope(|threads| {
            let [first, second] = [threads.spawn(install), threads.spawn(install)];
            (first.join().expect("no panic"), second.join().expect("no panic"))
        });
        metrics::counter!("telemetry_test_total").increment(1);
        assert!(
            first.render().contains("telemetry_test_total 1") && second.render().contains("telemetry_test_total 1")
        );
    }

    #[test]
    fn a_histogram_has_the_buckets_of_its_unit() {
        let recorder = recorder().expect("buckets").build_recorder();
        metrics::with_local_recorder(&recorder, || {
            metrics::histogram!("integration_request_duration_seconds").record(0.2);
            metrics::histogram!("consumer_batch").record(20.0);
            metrics::histogram!("http_server_request_duration_seconds").record(0.0002);
        });
        let text = recorder.handle().render();
        assert!(text.contains("integration_request_duration_seconds_bucket{le=\"0.5\"} 1"), "{text}");
        assert!(text.contains("consumer_batch_bucket{le=\"20\"} 1"), "{text}");
        assert!(text.contains("http_server_request_duration_seconds_bucket{le=\"0.00025\"}"), "{text}");
    }
}
