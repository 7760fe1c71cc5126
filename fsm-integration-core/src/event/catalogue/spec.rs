use std::time::Duration;

use crate::event::Topic;

/// Everything that is agreed about one topic.
#[derive(Debug, Clone)]
pub struct TopicSpec {
    /// The topic's name.
    pub topic: Topic,
    /// Its schema as it is written; shared types are referred to by their full names.
    pub schema: &'static str,
    /// Every released form of the schema, self-contained, oldest first: old records stay readable.
    pub released: &'static [&'static str],
    /// How the partition key is made of fields.
    pub key: &'static str,
    /// The services that publish it.
    pub producers: &'static [&'static str],
    /// The consumer groups that read it, those of services that are not part of this workspace included.
    pub consumers: &'static [&'static str],
    /// How long its records are kept: by a broker, and by the embedded log if it is swept by this (`EventLog::sweep`).
    pub retention: Duration,
    /// Whether only the schema is agreed yet, and nobody publishes it.
    pub schema_only: bool,
}

/// A week: what can be made again from other topics.
pub(super) const WEEK: Duration = Duration::from_secs(7 * 24 * 60 * 60);
/// Thirty days: the history of orders and of money.
pub(super) const MONTH: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// Reads every topic for search and dashboards.
pub(super) const ANALYTICS: &str = "analytics-service-all-events-v1";
/// Reads the sales topics for integration metrics.
pub(super) const SALES_ANALYTICS: &str = "analytics-service-sales-integration-v1";
/// Reads what customers, providers and operators are told of.
pub(super) const COMMUNICATION: &str = "communication-service-all-events-v1";
/// Watches the health of the sales integration.
pub(super) const SALES_MONITORING: &str = "monitoring-service-sales-integration-v1";
