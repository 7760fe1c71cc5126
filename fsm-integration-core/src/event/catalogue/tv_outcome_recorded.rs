use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{
    Event, EventMeta, TopicSpec, TvOutcome,
    spec::{ANALYTICS, COMMUNICATION, MONTH},
    wire,
};
use crate::event::Topic;

const TOPIC: Topic = Topic::from_static("projects.tv_outcome.recorded");

pub(super) const SPEC: TopicSpec = TopicSpec {
    topic: TOPIC,
    schema: include_str!("../../../schemas/projects.tv_outcome.recorded.avsc"),
    released: &[include_str!("../../../schemas/released/projects.tv_outcome.recorded.1.avsc")],
    key: "{country_code}_{tv_service_order_id}",
    producers: &["execution-service"],
    consumers: &[
        "orchestration-service-tv-outcomes-v1",
        "sales-adapter-tv-outcomes-v1",
        "assignment-service-execution-tv-outcomes-v1",
        COMMUNICATION,
        ANALYTICS,
    ],
    retention: MONTH,
    schema_only: false,
};

/// The outcome of a technical visit was recorded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TvOutcomeRecorded {
    /// The fields that every event has.
    #[serde(flatten)]
    pub meta: EventMeta,
    /// The technical visit.
    #[serde(with = "wire::uuid")]
    pub tv_service_order_id: Uuid,
    /// The installation that waits for it.
    #[serde(with = "wire::uuid::option")]
    pub linked_installation_order_id: Option<Uuid>,
    /// ISO 3166-1 alpha-2; `ZZ` where it is not known.
    pub country_code: String,
    /// The outcome.
    pub outcome: TvOutcome,
    /// What has to change, where the outcome is `YES_BUT`.
    pub modifications: Option<Vec<Modification>>,
    /// Who recorded it.
    pub recorded_by: String,
}

impl Event for TvOutcomeRecorded {
    const TOPIC: Topic = TOPIC;

    fn meta(&self) -> &EventMeta {
        &self.meta
    }

    fn key(&self) -> String {
        format!("{}_{}", self.country_code, self.tv_service_order_id)
    }
}

/// Something that has to change before the installation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Modification {
    /// What changes.
    pub description: String,
    /// How much longer the work takes, in minutes.
    pub extra_duration_min: Option<i32>,
}
