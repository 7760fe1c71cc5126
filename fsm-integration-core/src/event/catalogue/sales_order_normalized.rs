use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{
    Event, EventMeta, SalesChannel, SourceSystem, TopicSpec,
    spec::{ANALYTICS, SALES_ANALYTICS, SALES_MONITORING, WEEK},
    wire,
};
use crate::event::Topic;

const TOPIC: Topic = Topic::from_static("integration.sales.order.normalized");

pub(super) const SPEC: TopicSpec = TopicSpec {
    topic: TOPIC,
    schema: include_str!("../../../schemas/integration.sales.order.normalized.avsc"),
    released: &[include_str!("../../../schemas/released/integration.sales.order.normalized.1.avsc")],
    key: "{source_system}_{external_order_id}",
    producers: &["integration-adapters-sales"],
    consumers: &[SALES_MONITORING, SALES_ANALYTICS, ANALYTICS],
    retention: WEEK,
    schema_only: false,
};

/// A sales order was translated into our model.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SalesOrderNormalized {
    /// The fields that every event has.
    #[serde(flatten)]
    pub meta: EventMeta,
    /// The sales system that the order came from.
    pub source_system: SourceSystem,
    /// The sales system's id of the order.
    pub external_order_id: String,
    /// Our id of the service order.
    #[serde(with = "wire::uuid")]
    pub fsm_service_order_id: Uuid,
    /// Where the customer bought.
    pub sales_channel: SalesChannel,
    /// ISO 3166-1 alpha-2.
    pub country_code: String,
    /// The version of the adapter that translated it.
    pub transformation_version: String,
}

impl Event for SalesOrderNormalized {
    const TOPIC: Topic = TOPIC;

    fn meta(&self) -> &EventMeta {
        &self.meta
    }

    fn key(&self) -> String {
        format!("{}_{}", self.source_system, self.external_order_id)
    }
}
