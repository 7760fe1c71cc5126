use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{
    Event, EventMeta, SourceSystem, TopicSpec,
    shared::symbols,
    spec::{ANALYTICS, SALES_ANALYTICS, WEEK},
    wire,
};
use crate::event::Topic;

const TOPIC: Topic = Topic::from_static("fsm.order.status_updated");

pub(super) const SPEC: TopicSpec = TopicSpec {
    topic: TOPIC,
    schema: include_str!("../../../schemas/fsm.order.status_updated.avsc"),
    released: &[include_str!("../../../schemas/released/fsm.order.status_updated.1.avsc")],
    key: "{source_system}_{external_order_id}",
    producers: &["orchestration-service"],
    consumers: &["integration-adapters-fsm-status-updates-v1", SALES_ANALYTICS, ANALYTICS],
    retention: WEEK,
    schema_only: false,
};

/// The status of an order changed, for the sales system.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FsmOrderStatusUpdated {
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
    /// The status now.
    pub status: OrderStatus,
    /// When the technician comes.
    #[serde(with = "wire::days::option")]
    pub scheduled_date: Option<Date>,
    /// The company that does the work.
    pub provider_name: Option<String>,
}

impl Event for FsmOrderStatusUpdated {
    const TOPIC: Topic = TOPIC;

    fn meta(&self) -> &EventMeta {
        &self.meta
    }

    fn key(&self) -> String {
        format!("{}_{}", self.source_system, self.external_order_id)
    }
}

symbols! {
    /// What a sales system is told about an order.
    OrderStatus {
        /// It is known.
        Created = "CREATED",
        /// It has a date.
        Scheduled = "SCHEDULED",
        /// It has a team.
        Assigned = "ASSIGNED",
        /// The team is at work.
        InProgress = "IN_PROGRESS",
        /// It is done.
        Completed = "COMPLETED",
        /// It will not be done.
        Cancelled = "CANCELLED",
    }
}
