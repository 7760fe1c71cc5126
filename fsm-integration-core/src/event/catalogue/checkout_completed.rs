use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{
    Event, EventMeta, Personal, TopicSpec,
    spec::{ANALYTICS, COMMUNICATION, MONTH},
    wire,
};
use crate::event::Topic;

const TOPIC: Topic = Topic::from_static("execution.checkout.completed");

pub(super) const SPEC: TopicSpec = TopicSpec {
    topic: TOPIC,
    schema: include_str!("../../../schemas/execution.checkout.completed.avsc"),
    released: &[include_str!("../../../schemas/released/execution.checkout.completed.1.avsc")],
    key: "{team_id}_{service_order_id}",
    producers: &["execution-service"],
    consumers: &[
        "orchestration-service-execution-v1",
        "contracts-service-execution-checkout-v1",
        COMMUNICATION,
        ANALYTICS,
    ],
    retention: MONTH,
    schema_only: false,
};

/// A technician checked out, work complete or not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckoutCompleted {
    /// The fields that every event has.
    #[serde(flatten)]
    pub meta: EventMeta,
    /// The visit.
    #[serde(with = "wire::uuid")]
    pub execution_id: Uuid,
    /// The service order.
    #[serde(with = "wire::uuid")]
    pub service_order_id: Uuid,
    /// The team that does the work.
    pub team_id: String,
    /// When.
    #[serde(with = "wire::millis")]
    pub checked_out_at: Timestamp,
    /// Whether the work is complete.
    pub completed: bool,
    /// Why it is not complete.
    pub incompletion_reason: Option<Personal<String>>,
    /// The technician who was there.
    pub technician_id: Option<String>,
}

impl Event for CheckoutCompleted {
    const TOPIC: Topic = TOPIC;

    fn meta(&self) -> &EventMeta {
        &self.meta
    }

    fn key(&self) -> String {
        format!("{}_{}", self.team_id, self.service_order_id)
    }
}
