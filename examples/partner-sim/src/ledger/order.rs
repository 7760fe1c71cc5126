//! What a sales system knows of one order.

use serde::Serialize;

use super::{Delivery, EventKind};
use crate::sales::SalesSystem;

/// What makes an order one order.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct OrderKey {
    /// The tenant that it belongs to.
    pub tenant: String,
    /// The sales system's id of it.
    pub external_order_id: String,
    /// The sales system.
    pub system: SalesSystem,
}

/// All distinct deliveries about one order, by kind, in order of arrival.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct OrderRecord {
    /// Which order it is.
    #[serde(flatten)]
    pub key: OrderKey,
    /// Appointment callbacks.
    pub appointments: Vec<Delivery>,
    /// Status callbacks.
    pub statuses: Vec<Delivery>,
    /// Installation outcomes.
    pub outcomes: Vec<Delivery>,
    /// Cancellations.
    pub cancellations: Vec<Delivery>,
    /// Modifications after a technical visit.
    pub modifications: Vec<Delivery>,
}

impl OrderRecord {
    pub(crate) fn new(key: OrderKey) -> Self {
        Self {
            key,
            appointments: Vec::new(),
            statuses: Vec::new(),
            outcomes: Vec::new(),
            cancellations: Vec::new(),
            modifications: Vec::new(),
        }
    }

    /// Walks all deliveries, kind by kind.
    pub fn deliveries(&self) -> impl Iterator<Item = &Delivery> {
        [&self.appointments, &self.statuses, &self.outcomes, &self.cancellations, &self.modifications]
            .into_iter()
            .flatten()
    }

    pub(crate) fn list_mut(&mut self, kind: EventKind) -> &mut Vec<Delivery> {
        match kind {
            EventKind::AppointmentScheduled => &mut self.appointments,
            EventKind::OrderStatus => &mut self.statuses,
            EventKind::InstallationOutcome => &mut self.outcomes,
            EventKind::OrderCancelled => &mut self.cancellations,
            EventKind::TvModifications => &mut self.modifications,
        }
    }
}
