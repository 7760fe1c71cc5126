use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{
    Event, EventMeta, TopicSpec,
    spec::{ANALYTICS, MONTH},
    wire,
};
use crate::event::{Amount, Topic};

const TOPIC: Topic = Topic::from_static("integration.erp.payment_ready");

pub(super) const SPEC: TopicSpec = TopicSpec {
    topic: TOPIC,
    schema: include_str!("../../../schemas/integration.erp.payment_ready.avsc"),
    released: &[include_str!("../../../schemas/released/integration.erp.payment_ready.1.avsc")],
    key: "{provider_id}_{service_order_id}",
    producers: &["orchestration-service"],
    consumers: &["erp-adapter-payment-ready-v1", ANALYTICS],
    retention: MONTH,
    schema_only: false,
};

/// A service order is ready for the provider's payment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PaymentReady {
    /// The fields that every event has.
    #[serde(flatten)]
    pub meta: EventMeta,
    /// The service order.
    #[serde(with = "wire::uuid")]
    pub service_order_id: Uuid,
    /// The company that does the work.
    pub provider_id: String,
    /// What the provider gets.
    pub amount: Amount,
    /// When the work was complete.
    #[serde(with = "wire::days")]
    pub completion_date: Date,
    /// The project that it belongs to.
    #[serde(with = "wire::uuid::option")]
    pub project_id: Option<Uuid>,
    /// The work closing form that allows it.
    #[serde(with = "wire::uuid::option")]
    pub wcf_id: Option<Uuid>,
}

impl Event for PaymentReady {
    const TOPIC: Topic = TOPIC;

    fn meta(&self) -> &EventMeta {
        &self.meta
    }

    fn key(&self) -> String {
        format!("{}_{}", self.provider_id, self.service_order_id)
    }
}
