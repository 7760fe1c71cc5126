//! Installation tickets become field jobs.

use fsm_integration_core::{
    error::Result,
    event::catalogue::{TicketCreated, TicketType},
    sqlite::Tx,
};
use serde_json::json;
use uuid::Uuid;

use super::{Flow, group::Fact};
use crate::store::{
    appointments, audit,
    jobs::{self, FIELD_INSTALLATION, Job},
    tickets,
};

/// `handle_installation_ticket_create_job` of seed 003, once a ticket.
pub(super) fn on_ticket_created(flow: &Flow, tx: &Tx<'_>, fact: &Fact<TicketCreated>) -> Result<()> {
    let event = &fact.event;
    if event.ticket_type != TicketType::InstallationRequest {
        return Ok(());
    }
    let now = flow.store().now();
    let appointment = event.order_id.map(|order_id| appointments::of_order(tx, order_id)).transpose()?.flatten();
    let job = Job {
        id: Uuid::new_v5(&event.ticket_id, b"job"),
        tenant: event.meta.tenant_id.to_string(),
        job_type: FIELD_INSTALLATION.to_owned(),
        title: format!("Installation - Ticket #{}", event.ticket_number),
        status: if appointment.is_some() { "assigned" } else { "pending" }.to_owned(),
        ticket_id: event.ticket_id.to_string(),
        order_id: event.order_id,
        technician_id: appointment.map(|appointment| appointment.technician_id),
        parameters: parameters(event),
        checked_in_at: None,
        checked_out_at: None,
        created_at: now,
    };
    if !jobs::insert(tx, &job)? {
        return Ok(());
    }
    let (id, meta) = (job.id.to_string(), &event.meta);
    let entity = ("job", id.as_str());
    audit::by_system(tx, &meta.tenant_id, audit::JOB_AUTO_CREATED, entity, &meta.correlation_id, now)
}

/// The job parameters of seed 003, in its spelling.
fn parameters(event: &TicketCreated) -> serde_json::Value {
    json!({
        "ticket_id": event.ticket_id,
        "ticket_number": event.ticket_number,
        "service_address": event.service_address.as_deref(),
        "customer_id": event.customer_id,
        "priority": tickets::priority_word(event.priority),
        "affected_services": event.affected_services,
        "device_serial_numbers": event.device_serial_numbers,
        "order_id": event.order_id,
        "order_number": event.order_number,
        "metadata": &*event.metadata,
    })
}
