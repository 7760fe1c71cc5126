use serde::{Deserialize, Serialize};

use super::{
    Event, EventMeta, Personal, SourceSystem, TopicSpec,
    spec::{ANALYTICS, MONTH, SALES_ANALYTICS, SALES_MONITORING},
};
use crate::event::Topic;

const TOPIC: Topic = Topic::from_static("integration.sales.order.failed");

pub(super) const SPEC: TopicSpec = TopicSpec {
    topic: TOPIC,
    schema: include_str!("../../../schemas/integration.sales.order.failed.avsc"),
    released: &[include_str!("../../../schemas/released/integration.sales.order.failed.1.avsc")],
    key: "{source_system}_{external_order_id}",
    producers: &["integration-adapters-sales"],
    consumers: &["integration-adapters-sales-failures-v1", SALES_MONITORING, SALES_ANALYTICS, ANALYTICS],
    retention: MONTH,
    schema_only: false,
};

/// A sales order could not be translated or processed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SalesOrderFailed {
    /// The fields that every event has.
    #[serde(flatten)]
    pub meta: EventMeta,
    /// The sales system that the order came from.
    pub source_system: SourceSystem,
    /// The sales system's id of the order.
    pub external_order_id: String,
    /// The code on the wire, as `INVALID_ADDRESS`.
    pub error_code: String,
    /// What went wrong, without personal data.
    pub error_message: String,
    /// The body as it came.
    pub raw_payload: Personal<String>,
    /// How often it was tried again.
    pub retry_count: i32,
}

impl Event for SalesOrderFailed {
    const TOPIC: Topic = TOPIC;

    fn meta(&self) -> &EventMeta {
        &self.meta
    }

    fn key(&self) -> String {
        format!("{}_{}", self.source_system, self.external_order_id)
    }
}
