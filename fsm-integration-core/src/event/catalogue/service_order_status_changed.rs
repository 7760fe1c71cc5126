use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{
    Event, EventMeta, Personal, TopicSpec,
    spec::{ANALYTICS, COMMUNICATION, MONTH},
    wire,
};
use crate::event::Topic;

const TOPIC: Topic = Topic::from_static("projects.service_order.status_changed");

pub(super) const SPEC: TopicSpec = TopicSpec {
    topic: TOPIC,
    schema: include_str!("../../../schemas/projects.service_order.status_changed.avsc"),
    released: &[include_str!("../../../schemas/released/projects.service_order.status_changed.1.avsc")],
    key: "{country_code}_{service_order_id}",
    producers: &["orchestration-service"],
    consumers: &["execution-service-status-changed-v1", COMMUNICATION, ANALYTICS],
    retention: MONTH,
    schema_only: false,
};

/// A service order went from one status to another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceOrderStatusChanged {
    /// The fields that every event has.
    #[serde(flatten)]
    pub meta: EventMeta,
    /// The service order.
    #[serde(with = "wire::uuid")]
    pub service_order_id: Uuid,
    /// ISO 3166-1 alpha-2; `ZZ` where it is not known.
    pub country_code: String,
    /// The status before.
    pub old_status: String,
    /// The status now.
    pub new_status: String,
    /// Who changed it; a person or a service.
    pub changed_by: Option<String>,
    /// Why.
    pub reason: Option<Personal<String>>,
}

impl Event for ServiceOrderStatusChanged {
    const TOPIC: Topic = TOPIC;

    fn meta(&self) -> &EventMeta {
        &self.meta
    }

    fn key(&self) -> String {
        format!("{}_{}", self.country_code, self.service_order_id)
    }
}
