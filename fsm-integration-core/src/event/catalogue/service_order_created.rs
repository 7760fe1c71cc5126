use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{
    Event, EventMeta, SourceSystem, TopicSpec,
    spec::{ANALYTICS, COMMUNICATION, MONTH},
    wire,
};
use crate::event::Topic;

const TOPIC: Topic = Topic::from_static("projects.service_order.created");

pub(super) const SPEC: TopicSpec = TopicSpec {
    topic: TOPIC,
    schema: include_str!("../../../schemas/projects.service_order.created.avsc"),
    released: &[include_str!("../../../schemas/released/projects.service_order.created.1.avsc")],
    key: "{country_code}_{service_order_id}",
    producers: &["orchestration-service"],
    consumers: &["assignment-service-projects-orders-v1", COMMUNICATION, ANALYTICS],
    retention: MONTH,
    schema_only: false,
};

/// A service order was created.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceOrderCreated {
    /// The fields that every event has.
    #[serde(flatten)]
    pub meta: EventMeta,
    /// The service order.
    #[serde(with = "wire::uuid")]
    pub service_order_id: Uuid,
    /// The project that it belongs to.
    #[serde(with = "wire::uuid")]
    pub project_id: Uuid,
    /// What is to be done, as `INSTALLATION`.
    pub service_type: String,
    /// ISO 3166-1 alpha-2.
    pub country_code: String,
    /// The business unit.
    pub bu_code: String,
    /// How long the work takes, in minutes.
    pub estimated_duration_min: i32,
    /// Whether a technical visit has to confirm it first.
    pub requires_confirmation_tv: bool,
    /// The order that has to be done first.
    #[serde(with = "wire::uuid::option")]
    pub depends_on_order_id: Option<Uuid>,
    /// The sales system that the order came from.
    pub source_system: Option<SourceSystem>,
    /// The sales system's id of the order.
    pub external_order_id: Option<String>,
}

impl Event for ServiceOrderCreated {
    const TOPIC: Topic = TOPIC;

    fn meta(&self) -> &EventMeta {
        &self.meta
    }

    fn key(&self) -> String {
        format!("{}_{}", self.country_code, self.service_order_id)
    }
}
