use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{
    Event, EventMeta, TopicSpec,
    shared::symbols,
    spec::{ANALYTICS, COMMUNICATION, MONTH},
    wire,
};
use crate::event::Topic;

const TOPIC: Topic = Topic::from_static("contracts.wcf.signed");

pub(super) const SPEC: TopicSpec = TopicSpec {
    topic: TOPIC,
    schema: include_str!("../../../schemas/contracts.wcf.signed.avsc"),
    released: &[include_str!("../../../schemas/released/contracts.wcf.signed.1.avsc")],
    key: "{country_code}_{service_order_id}",
    producers: &["contracts-service"],
    consumers: &["orchestration-service-contracts-signed-v1", COMMUNICATION, ANALYTICS],
    retention: MONTH,
    schema_only: false,
};

/// The customer signed the work closing form.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WcfSigned {
    /// The fields that every event has.
    #[serde(flatten)]
    pub meta: EventMeta,
    /// The work closing form.
    #[serde(with = "wire::uuid")]
    pub wcf_id: Uuid,
    /// The service order.
    #[serde(with = "wire::uuid")]
    pub service_order_id: Uuid,
    /// ISO 3166-1 alpha-2; `ZZ` where it is not known.
    pub country_code: String,
    /// The visit.
    #[serde(with = "wire::uuid")]
    pub execution_id: Uuid,
    /// Whether the customer accepted the work.
    pub customer_accepted: bool,
    /// When.
    #[serde(with = "wire::millis")]
    pub signed_at: Timestamp,
    /// What the customer signed under reserve.
    pub reserves: Vec<Reserve>,
}

impl Event for WcfSigned {
    const TOPIC: Topic = TOPIC;

    fn meta(&self) -> &EventMeta {
        &self.meta
    }

    fn key(&self) -> String {
        format!("{}_{}", self.country_code, self.service_order_id)
    }
}

impl WcfSigned {
    /// Whether nothing stands in the way of the provider's payment: accepted, and no reserve is open.
    #[must_use]
    pub fn allows_payment(&self) -> bool {
        self.customer_accepted && self.reserves.iter().all(|reserve| reserve.resolved)
    }
}

/// Something that the customer does not accept yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reserve {
    /// The reserve's id.
    pub reserve_id: String,
    /// How bad it is.
    pub severity: ReserveSeverity,
    /// Whether it is settled.
    pub resolved: bool,
}

symbols! {
    /// How bad a reserve is.
    ReserveSeverity {
        /// Cosmetic.
        Minor = "MINOR",
        /// Has to be put right.
        Major = "MAJOR",
        /// The installation cannot be used.
        Blocking = "BLOCKING",
    }
}
