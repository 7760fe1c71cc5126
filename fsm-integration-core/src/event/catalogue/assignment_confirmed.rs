use jiff::{Timestamp, civil::Date};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{
    Event, EventMeta, Personal, TopicSpec,
    spec::{ANALYTICS, COMMUNICATION, MONTH},
    wire,
};
use crate::event::Topic;

const TOPIC: Topic = Topic::from_static("assignments.assignment.confirmed");

pub(super) const SPEC: TopicSpec = TopicSpec {
    topic: TOPIC,
    schema: include_str!("../../../schemas/assignments.assignment.confirmed.avsc"),
    released: &[include_str!("../../../schemas/released/assignments.assignment.confirmed.1.avsc")],
    key: "{provider_id}_{service_order_id}",
    producers: &["assignment-service"],
    consumers: &[
        "orchestration-service-assignments-confirmed-v1",
        "execution-service-assignments-confirmed-v1",
        "sales-adapter-assignments-confirmed-v1",
        COMMUNICATION,
        ANALYTICS,
    ],
    retention: MONTH,
    schema_only: false,
};

/// A provider's team was assigned and the date is firm.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AssignmentConfirmed {
    /// The fields that every event has.
    #[serde(flatten)]
    pub meta: EventMeta,
    /// The service order.
    #[serde(with = "wire::uuid")]
    pub service_order_id: Uuid,
    /// The company that does the work.
    pub provider_id: String,
    /// The team that does the work.
    pub team_id: String,
    /// The day, in the site's time zone.
    #[serde(with = "wire::days")]
    pub confirmed_date: Date,
    /// From when, `HH:mm` in the site's time zone.
    pub confirmed_time_start: String,
    /// Until when, `HH:mm` in the site's time zone.
    pub confirmed_time_end: String,
    /// The appointment that sales systems know it by.
    #[serde(with = "wire::uuid::option")]
    pub appointment_id: Option<Uuid>,
    /// The instant it starts at.
    #[serde(with = "wire::millis::option")]
    pub scheduled_start: Option<Timestamp>,
    /// The instant it ends at.
    #[serde(with = "wire::millis::option")]
    pub scheduled_end: Option<Timestamp>,
    /// The technician who comes.
    pub technician_id: Option<String>,
    /// The technician's name.
    pub technician_name: Option<Personal<String>>,
}

impl Event for AssignmentConfirmed {
    const TOPIC: Topic = TOPIC;

    fn meta(&self) -> &EventMeta {
        &self.meta
    }

    fn key(&self) -> String {
        format!("{}_{}", self.provider_id, self.service_order_id)
    }
}
