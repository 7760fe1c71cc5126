use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{
    Event, EventMeta, TopicSpec,
    spec::{ANALYTICS, COMMUNICATION, MONTH},
    wire,
};
use crate::event::{Amount, Topic};

const TOPIC: Topic = Topic::from_static("projects.service_order.closed");

pub(super) const SPEC: TopicSpec = TopicSpec {
    topic: TOPIC,
    schema: include_str!("../../../schemas/projects.service_order.closed.avsc"),
    released: &[include_str!("../../../schemas/released/projects.service_order.closed.1.avsc")],
    key: "{country_code}_{service_order_id}",
    producers: &["orchestration-service"],
    consumers: &["erp-adapter-projects-closed-v1", "sales-adapter-projects-closed-v1", COMMUNICATION, ANALYTICS],
    retention: MONTH,
    schema_only: false,
};

/// A service order is complete: warranty starts, payment may follow.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceOrderClosed {
    /// The fields that every event has.
    #[serde(flatten)]
    pub meta: EventMeta,
    /// The service order.
    #[serde(with = "wire::uuid")]
    pub service_order_id: Uuid,
    /// The project that it belongs to.
    #[serde(with = "wire::uuid")]
    pub project_id: Uuid,
    /// ISO 3166-1 alpha-2; `ZZ` where it is not known.
    pub country_code: String,
    /// The company that does the work.
    pub provider_id: String,
    /// The team that does the work.
    pub team_id: String,
    /// What the customer pays.
    pub customer_amount: Amount,
    /// What the provider gets.
    pub provider_amount: Amount,
    /// Whether the customer accepted the work closing form.
    pub wcf_accepted: bool,
    /// When the warranty starts.
    #[serde(with = "wire::days")]
    pub warranty_start_date: Date,
}

impl Event for ServiceOrderClosed {
    const TOPIC: Topic = TOPIC;

    fn meta(&self) -> &EventMeta {
        &self.meta
    }

    fn key(&self) -> String {
        format!("{}_{}", self.country_code, self.service_order_id)
    }
}
