use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{
    Event, EventMeta, Personal, TopicSpec, WorkPriority,
    shared::symbols,
    spec::{ANALYTICS, MONTH},
    wire,
};
use crate::event::Topic;

const TOPIC: Topic = Topic::from_static("ticket.created");

pub(super) const SPEC: TopicSpec = TopicSpec {
    topic: TOPIC,
    schema: include_str!("../../../schemas/ticket.created.avsc"),
    released: &[include_str!("../../../schemas/released/ticket.created.1.avsc")],
    key: "{tenant_id}_{ticket_id}",
    producers: &["ticketing-service"],
    consumers: &["jobs-service-ticket-created-v1", ANALYTICS],
    retention: MONTH,
    schema_only: false,
};

/// A ticket was created, by a person or from an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TicketCreated {
    /// The fields that every event has.
    #[serde(flatten)]
    pub meta: EventMeta,
    /// The ticket.
    #[serde(with = "wire::uuid")]
    pub ticket_id: Uuid,
    /// The number that people know it by.
    pub ticket_number: String,
    /// What kind of ticket it is.
    pub ticket_type: TicketType,
    /// What it is about.
    pub subject: Personal<String>,
    /// How urgent it is.
    pub priority: WorkPriority,
    /// Whom it is for.
    pub customer_id: String,
    /// Where the work is, on one line.
    pub service_address: Option<Personal<String>>,
    /// The order that it came from.
    #[serde(with = "wire::uuid::option")]
    pub order_id: Option<Uuid>,
    /// The order's number.
    pub order_number: Option<String>,
    /// The services that are touched.
    pub affected_services: Vec<String>,
    /// The devices that are touched.
    pub device_serial_numbers: Vec<String>,
    /// Whether no person made it.
    pub auto_created: bool,
    /// What else is known.
    pub metadata: Personal<BTreeMap<String, String>>,
}

impl Event for TicketCreated {
    const TOPIC: Topic = TOPIC;

    fn meta(&self) -> &EventMeta {
        &self.meta
    }

    fn key(&self) -> String {
        format!("{}_{}", self.meta.tenant_id, self.ticket_id)
    }
}

symbols! {
    /// What kind of ticket it is.
    TicketType {
        /// Something has to be installed: a field job follows.
        InstallationRequest = "INSTALLATION_REQUEST",
        /// Somebody needs help.
        Support = "SUPPORT",
        /// Something is kept in order.
        Maintenance = "MAINTENANCE",
    }
}
