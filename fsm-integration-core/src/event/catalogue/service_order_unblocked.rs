use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{
    Event, EventMeta, TopicSpec,
    spec::{ANALYTICS, COMMUNICATION, MONTH},
    wire,
};
use crate::event::Topic;

const TOPIC: Topic = Topic::from_static("projects.service_order.unblocked");

pub(super) const SPEC: TopicSpec = TopicSpec {
    topic: TOPIC,
    schema: include_str!("../../../schemas/projects.service_order.unblocked.avsc"),
    released: &[include_str!("../../../schemas/released/projects.service_order.unblocked.1.avsc")],
    key: "{country_code}_{service_order_id}",
    producers: &["orchestration-service"],
    consumers: &["assignment-service-projects-orders-v1", COMMUNICATION, ANALYTICS],
    retention: MONTH,
    schema_only: false,
};

/// What held a service order back is gone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceOrderUnblocked {
    /// The fields that every event has.
    #[serde(flatten)]
    pub meta: EventMeta,
    /// The service order.
    #[serde(with = "wire::uuid")]
    pub service_order_id: Uuid,
    /// The project that it belongs to.
    #[serde(with = "wire::uuid::option")]
    pub project_id: Option<Uuid>,
    /// ISO 3166-1 alpha-2; `ZZ` where it is not known.
    pub country_code: String,
    /// What changed.
    pub reason: String,
    /// The technical visit whose outcome freed it.
    #[serde(with = "wire::uuid::option")]
    pub unblocked_by_order_id: Option<Uuid>,
}

impl Event for ServiceOrderUnblocked {
    const TOPIC: Topic = TOPIC;

    fn meta(&self) -> &EventMeta {
        &self.meta
    }

    fn key(&self) -> String {
        format!("{}_{}", self.country_code, self.service_order_id)
    }
}
