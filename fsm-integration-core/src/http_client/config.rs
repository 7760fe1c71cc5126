use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::egress::TargetPolicy;

/// How a [`ReqwestClient`](super::ReqwestClient) behaves.
///
/// ```
/// use fsm_integration_core::http_client::HttpClientConfig;
///
/// let config: HttpClientConfig =
///     serde_json::from_str(r#"{"total_timeout": "30s", "targets": {"ports": [443]}}"#)?;
/// assert_eq!((config.total_timeout.as_secs(), config.connect_timeout.as_secs()), (30, 5));
/// assert!(config.targets.https_only);
/// # Ok::<_, serde_json::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HttpClientConfig {
    /// Longest time to connect, TLS included; default 5 s (requirement W18).
    #[serde(with = "jiff::fmt::serde::unsigned_duration::friendly::compact::required")]
    pub connect_timeout: Duration,
    /// Longest time for a whole call, body included; default 60 s.
    ///
    /// A backstop for a client without a stack: the attempt timeout of a profile is never longer. The 30 s that
    /// requirement W18 allows a webhook are the attempt timeout of
    /// [`Profile::SalesSystem`](crate::profile::Profile::SalesSystem); without that stack set 30 s here.
    #[serde(with = "jiff::fmt::serde::unsigned_duration::friendly::compact::required")]
    pub total_timeout: Duration,
    /// How long an idle connection is kept; default 60 s.
    #[serde(with = "jiff::fmt::serde::unsigned_duration::friendly::compact::required")]
    pub idle_timeout: Duration,
    /// Most idle connections kept to one host; default 16.
    pub max_idle_per_host: usize,
    /// Largest successful answer in bytes; default 1 MiB. A larger one is a failure.
    pub max_body: usize,
    /// Bytes kept of a failed answer, the rest is not read; default 20 000 (requirement W18).
    pub max_error_body: usize,
    /// Longest time for the body of a failed answer, whose status and `Retry-After` are there already; default 1 s.
    #[serde(with = "jiff::fmt::serde::unsigned_duration::friendly::compact::required")]
    pub error_body_timeout: Duration,
    /// Longest `Retry-After` that is believed; default 1 h (requirement W11).
    #[serde(with = "jiff::fmt::serde::unsigned_duration::friendly::compact::required")]
    pub max_retry_after: Duration,
    /// `User-Agent` of requests that carry none; default the name and version of this crate.
    pub user_agent: String,
    /// Where connections may go; default public addresses over https only.
    pub targets: TargetPolicy,
}

impl Default for HttpClientConfig {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(5),
            total_timeout: Duration::from_secs(60),
            idle_timeout: Duration::from_secs(60),
            max_idle_per_host: 16,
            max_body: 1024 * 1024,
            max_error_body: 20_000,
            error_body_timeout: Duration::from_secs(1),
            max_retry_after: Duration::from_secs(3600),
            user_agent: concat!(env!("CARGO_PKG_NAME"), "/", env!("CARGO_PKG_VERSION")).to_owned(),
            targets: TargetPolicy::default(),
        }
    }
}
