//! The flow of an order, one file a service; every step is caused by an event and written in one unit of work.
//!
//! ```text
//! POST intake ─> sales.order.intake ─> orchestration ─> service_order.created ─> assignment
//!    assignment.confirmed ─> orchestration (SCHEDULED) · sales (callback)
//! POST complete ─> order.completed ─> ticketing ─> ticket.created ─> jobs
//! POST check-in, check-out, sign ─> execution ─> wcf.signed ─> orchestration ─> service_order.closed
//!    service_order.closed ─> sales (outcome) · payment ─> payment_ready ─> payment (invoice)
//! ```

mod assignment;
pub mod execution;
mod group;
pub mod intake;
mod jobs;
mod orchestration;
mod payment;
mod sales;
pub mod sales_orders;
pub mod technical_visit;
pub mod ticketing;
mod update;

use std::{fmt, sync::Arc};

use fsm_integration_core::{
    event::consumer::{Consumer, ConsumerConfig},
    layers::retry::DurableSchedule,
};
use rust_decimal::Decimal;

use self::group::Group;
use crate::{
    partners::Partners,
    scheduler::{Geocoder, Technician},
    store::Store,
};

/// What the steps of the flow decide by.
pub struct Settings {
    /// Who can be sent.
    pub technicians: Vec<Technician>,
    /// How far ahead they are booked, in days.
    pub horizon_days: u32,
    /// Turns addresses into places.
    pub geocoder: Box<dyn Geocoder>,
    /// What a provider gets of what the customer pays before tax, from 0 to 1.
    pub provider_share: Decimal,
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("technicians", &self.technicians.len())
            .field("horizon_days", &self.horizon_days)
            .field("provider_share", &self.provider_share)
            .finish_non_exhaustive()
    }
}

/// The steps and what they share; clones are the same flow.
#[derive(Clone)]
pub struct Flow(Arc<Inner>);

struct Inner {
    store: Store,
    partners: Partners,
    settings: Settings,
}

impl Flow {
    /// Puts the flow together.
    #[must_use]
    pub fn new(store: Store, partners: Partners, settings: Settings) -> Self {
        Self(Arc::new(Inner { store, partners, settings }))
    }

    /// The state that it works on.
    #[must_use]
    pub fn store(&self) -> &Store {
        &self.0.store
    }

    /// The partners that it calls.
    #[must_use]
    pub fn partners(&self) -> &Partners {
        &self.0.partners
    }

    /// What it decides by.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.0.settings
    }

    /// Every consumer group of the flow, ready to run; failures are tried again by the schedule.
    #[must_use]
    pub fn consumers(&self, schedule: &DurableSchedule) -> Vec<Consumer> {
        let consumer = |group: Group| {
            let config = ConsumerConfig::new(group.name, &group.topics(), schedule.clone());
            let log = self.store().log().clone();
            Consumer::new(log, self.store().clock(), config, group.handler(self.clone()))
        };
        groups().into_iter().map(consumer).collect()
    }
}

/// The groups in the order of the picture; names of seed 002 where it has one.
fn groups() -> Vec<Group> {
    vec![
        Group::new("orchestration-service-sales-intake-v1").apply(orchestration::create),
        Group::new("assignment-service-projects-orders-v1")
            .decide(assignment::on_created)
            .decide(assignment::on_unblocked),
        Group::new("orchestration-service-assignments-confirmed-v1").apply(orchestration::scheduled),
        Group::new("sales-adapter-assignments-confirmed-v1").decide(sales::appointment_scheduled),
        Group::new("integration-adapters-sales-failures-v1").decide(sales::order_failed),
        Group::new("ticketing-service-order-completed-v1").apply(ticketing::on_order_completed),
        Group::new("jobs-service-ticket-created-v1").apply(jobs::on_ticket_created),
        Group::new("orchestration-service-execution-v1")
            .apply(orchestration::checked_in)
            .apply(orchestration::checked_out),
        Group::new("orchestration-service-contracts-signed-v1").apply(orchestration::wcf_signed),
        Group::new("orchestration-service-tv-outcomes-v1").apply(technical_visit::decide),
        Group::new("sales-adapter-tv-outcomes-v1").decide(sales::tv_outcome),
        Group::new("sales-adapter-orders-cancelled-v1").decide(sales::cancelled),
        Group::new("sales-adapter-projects-closed-v1").decide(sales::closed),
        Group::new("erp-adapter-projects-closed-v1").apply(payment::ready),
        Group::new("erp-adapter-payment-ready-v1").decide(payment::invoice),
    ]
}

impl fmt::Debug for Flow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Flow").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use fsm_integration_core::event::catalogue;

    use super::*;

    #[test]
    fn the_catalogue_knows_every_group_by_its_topics() {
        for group in groups() {
            for topic in group.topics() {
                let spec = catalogue::find(topic.as_str()).expect("a topic of the catalogue");
                assert!(spec.consumers.contains(&group.name), "{} reads {topic}", group.name);
            }
        }
    }

    #[test]
    fn no_group_stands_twice() {
        let mut names: Vec<_> = groups().iter().map(|group| group.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), groups().len());
    }
}
