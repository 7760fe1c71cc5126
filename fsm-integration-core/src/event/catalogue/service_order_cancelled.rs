use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{
    Event, EventMeta, Personal, SourceSystem, TopicSpec,
    spec::{ANALYTICS, COMMUNICATION, MONTH},
    wire,
};
use crate::event::Topic;

const TOPIC: Topic = Topic::from_static("projects.service_order.cancelled");

pub(super) const SPEC: TopicSpec = TopicSpec {
    topic: TOPIC,
    schema: include_str!("../../../schemas/projects.service_order.cancelled.avsc"),
    released: &[include_str!("../../../schemas/released/projects.service_order.cancelled.1.avsc")],
    key: "{country_code}_{service_order_id}",
    producers: &["orchestration-service"],
    consumers: &[
        "assignment-service-orders-cancelled-v1",
        "sales-adapter-orders-cancelled-v1",
        COMMUNICATION,
        ANALYTICS,
    ],
    retention: MONTH,
    schema_only: false,
};

/// A service order was cancelled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceOrderCancelled {
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
    /// Why.
    pub reason: Personal<String>,
    /// Who cancelled it; a person or a service.
    pub cancelled_by: Option<String>,
    /// The sales system that the order came from.
    pub source_system: Option<SourceSystem>,
    /// The sales system's id of the order.
    pub external_order_id: Option<String>,
}

impl Event for ServiceOrderCancelled {
    const TOPIC: Topic = TOPIC;

    fn meta(&self) -> &EventMeta {
        &self.meta
    }

    fn key(&self) -> String {
        format!("{}_{}", self.country_code, self.service_order_id)
    }
}
