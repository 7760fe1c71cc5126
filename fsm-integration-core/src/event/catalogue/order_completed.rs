use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{
    Event, EventMeta, Personal, TopicSpec, WorkPriority,
    spec::{ANALYTICS, MONTH},
    wire,
};
use crate::event::{Amount, Topic};

const TOPIC: Topic = Topic::from_static("order.completed");

pub(super) const SPEC: TopicSpec = TopicSpec {
    topic: TOPIC,
    schema: include_str!("../../../schemas/order.completed.avsc"),
    released: &[include_str!("../../../schemas/released/order.completed.1.avsc")],
    key: "{tenant_id}_{order_id}",
    producers: &["sales-service"],
    consumers: &["ticketing-service-order-completed-v1", ANALYTICS],
    retention: MONTH,
    schema_only: false,
};

/// A sales order is complete: an installation ticket follows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderCompleted {
    /// The fields that every event has.
    #[serde(flatten)]
    pub meta: EventMeta,
    /// The order.
    #[serde(with = "wire::uuid")]
    pub order_id: Uuid,
    /// The number that people know it by.
    pub order_number: String,
    /// What was provisioned.
    pub deployment_instance_id: Option<String>,
    /// Who ordered.
    pub customer_id: String,
    /// The company that ordered.
    pub company: Option<Personal<String>>,
    /// How urgent the ticket is.
    pub priority: WorkPriority,
    /// Where the work is, on one line.
    pub service_address: Option<Personal<String>>,
    /// What it costs.
    pub total_amount: Option<Amount>,
    /// The services that are touched.
    pub affected_services: Vec<String>,
    /// The devices that are touched.
    pub device_serial_numbers: Vec<String>,
}

impl Event for OrderCompleted {
    const TOPIC: Topic = TOPIC;

    fn meta(&self) -> &EventMeta {
        &self.meta
    }

    fn key(&self) -> String {
        format!("{}_{}", self.meta.tenant_id, self.order_id)
    }
}
