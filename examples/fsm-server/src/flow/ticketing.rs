//! Sales orders that are complete become installation tickets; tickets are also made by hand.

use std::collections::BTreeMap;

use fsm_integration_core::{
    adapter::{CorrelationId, TenantId},
    error::{Error, ErrorKind, Result},
    event::{
        Event,
        catalogue::{EventMeta, OrderCompleted, OrderPriority, TicketCreated, TicketType, WorkPriority},
    },
    sqlite::Tx,
};
use uuid::Uuid;

use super::{
    Flow,
    group::Fact,
    sales_orders::{COMPANY, DEPLOYMENT},
};
use crate::{
    crash,
    store::{
        audit,
        once::{Made, Once, to_body},
        orders::{self, Order, Status},
        reports, source,
        tickets::{self, Ticket},
    },
};

/// A ticket that somebody asks for.
#[derive(Debug, Clone)]
pub struct NewTicket {
    /// In one line.
    pub subject: String,
    /// What is asked for.
    pub ticket_type: TicketType,
    /// How urgent it is.
    pub priority: WorkPriority,
    /// Whom it is for.
    pub customer_id: String,
    /// Where the work is.
    pub service_address: Option<String>,
    /// What is affected.
    pub affected_services: Vec<String>,
    /// Which devices it is about.
    pub device_serial_numbers: Vec<String>,
    /// What else is known.
    pub metadata: BTreeMap<String, String>,
}

/// A sales order that is completed, now or before.
#[derive(Debug)]
pub struct Completed {
    /// The journey that the order began, and the ticket and the job belong to.
    pub correlation_id: CorrelationId,
    /// Whether it was completed before.
    pub replayed: bool,
}

impl Flow {
    /// Completes a sales order: the ticket and the job follow; the second time changes nothing.
    ///
    /// # Errors
    /// `NotFound`; `InvalidRequest` when the order was cancelled.
    pub async fn complete_order(&self, tenant: &TenantId, order_id: Uuid) -> Result<Completed> {
        let (flow, tenant) = (self.clone(), tenant.clone());
        self.store()
            .write(move |tx| {
                let order = orders::find(tx, order_id)?.filter(|order| order.tenant == tenant);
                let order = order.ok_or_else(|| Error::new(ErrorKind::NotFound, "no such order"))?;
                if order.status == Status::Cancelled {
                    return Err(Error::new(ErrorKind::InvalidRequest, "the order was cancelled"));
                }
                let first = reports::insert(tx, order.id, OrderCompleted::TOPIC.as_str(), flow.store().now())?;
                if first {
                    flow.publish_completed(tx, &order)?;
                }
                Ok(Completed { correlation_id: order.correlation_id, replayed: !first })
            })
            .await
    }

    fn publish_completed(&self, tx: &Tx<'_>, order: &Order) -> Result<()> {
        let data = &order.data;
        let serial_numbers = data.service_items.iter().flat_map(|item| item.serial_numbers.clone());
        let event = OrderCompleted {
            meta: order.next_event::<OrderCompleted>(tx, self.store().now())?,
            order_id: order.id,
            order_number: order.external_order_id.clone(),
            deployment_instance_id: data.metadata.get(DEPLOYMENT).cloned(),
            customer_id: data.customer.customer_id.clone(),
            company: data.metadata.get(COMPANY).cloned().map(Into::into),
            priority: work_priority(data.priority),
            service_address: Some(one_line(order).into()),
            total_amount: Some(data.total_amount.total),
            affected_services: data.service_items.iter().map(|item| item.product_id.clone()).collect(),
            device_serial_numbers: serial_numbers.collect(),
        };
        self.store().publish(tx, &event, source::SALES)
    }

    /// Makes a ticket that somebody asks for; a job follows when it asks for an installation.
    ///
    /// # Errors
    /// The store's own; `DuplicateOrder` when the key is known with other content.
    pub async fn create_ticket(
        &self,
        tenant: &TenantId,
        correlation_id: &CorrelationId,
        new: NewTicket,
        once: Option<Once>,
    ) -> Result<Made> {
        let (flow, id) = (self.clone(), Uuid::now_v7());
        let meta = EventMeta {
            event_id: Uuid::new_v5(&id, TicketCreated::TOPIC.as_str().as_bytes()),
            event_timestamp: self.store().now(),
            correlation_id: correlation_id.clone(),
            tenant_id: tenant.clone(),
            sequence: 0,
        };
        self.store().create(once, move |tx| to_body(&flow.open_ticket(tx, id, meta, new, None)?)).await
    }

    fn open_ticket(
        &self,
        tx: &Tx<'_>,
        id: Uuid,
        meta: EventMeta,
        new: NewTicket,
        order: Option<(&OrderCompleted, &fsm_integration_core::event::Envelope)>,
    ) -> Result<Ticket> {
        let ticket = Ticket {
            id: id.to_string(),
            tenant: meta.tenant_id.to_string(),
            ticket_number: tickets::next_ticket_number(tx)?,
            ticket_type: tickets::type_word(new.ticket_type),
            subject: new.subject,
            priority: tickets::priority_word(new.priority),
            status: "open".to_owned(),
            customer_id: new.customer_id,
            order_id: order.map(|(order, _)| order.order_id.to_string()),
            auto_created: order.is_some(),
            metadata: new.metadata,
            created_at: meta.event_timestamp,
        };
        tickets::insert(tx, &ticket)?;
        crash::point(crash::TICKET_OPENED);
        let event = TicketCreated {
            meta,
            ticket_id: id,
            ticket_number: ticket.ticket_number.clone(),
            ticket_type: new.ticket_type,
            subject: ticket.subject.as_str().into(),
            priority: new.priority,
            customer_id: ticket.customer_id.clone(),
            service_address: new.service_address.map(Into::into),
            order_id: order.map(|(order, _)| order.order_id),
            order_number: order.map(|(order, _)| order.order_number.clone()),
            affected_services: new.affected_services,
            device_serial_numbers: new.device_serial_numbers,
            auto_created: ticket.auto_created,
            metadata: ticket.metadata.clone().into(),
        };
        match order {
            Some((_, cause)) => self.store().publish_after(tx, cause, &event, source::TICKETING)?,
            None => self.store().publish(tx, &event, source::TICKETING)?,
        }
        Ok(ticket)
    }
}

/// `handle_order_completed_create_installation_ticket` of seed 003, once an order.
pub(super) fn on_order_completed(flow: &Flow, tx: &Tx<'_>, fact: &Fact<OrderCompleted>) -> Result<()> {
    let event = &fact.event;
    if tickets::of_order(tx, event.order_id)?.is_some() {
        return Ok(());
    }
    let id = Uuid::new_v5(&event.order_id, b"ticket");
    let meta = EventMeta {
        event_id: Uuid::new_v5(&id, TicketCreated::TOPIC.as_str().as_bytes()),
        event_timestamp: flow.store().now(),
        ..event.meta.clone()
    };
    let new = NewTicket {
        subject: format!("Installation Request - Order {}", event.order_number),
        ticket_type: TicketType::InstallationRequest,
        priority: event.priority,
        customer_id: event.customer_id.clone(),
        service_address: event.service_address.as_ref().map(|address| address.to_string()),
        affected_services: event.affected_services.clone(),
        device_serial_numbers: event.device_serial_numbers.clone(),
        metadata: metadata(event),
    };
    let ticket = flow.open_ticket(tx, id, meta.clone(), new, Some((event, &fact.envelope)))?;
    let entity = ("ticket", ticket.id.as_str());
    audit::by_system(tx, &meta.tenant_id, audit::TICKET_AUTO_CREATED, entity, &meta.correlation_id, flow.store().now())
}

fn metadata(event: &OrderCompleted) -> BTreeMap<String, String> {
    let total = event.total_amount.map(|amount| format!("{} {}", amount.value(), amount.currency()));
    let entries = [
        ("order_id", Some(event.order_id.to_string())),
        ("order_number", Some(event.order_number.clone())),
        ("deployment_instance_id", event.deployment_instance_id.clone()),
        ("total_amount", total),
        ("auto_created", Some("true".to_owned())),
        ("source", Some("order_completion_workflow".to_owned())),
    ];
    entries.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect()
}

fn work_priority(priority: OrderPriority) -> WorkPriority {
    match priority {
        OrderPriority::Low => WorkPriority::Low,
        OrderPriority::High => WorkPriority::High,
        OrderPriority::Urgent | OrderPriority::Emergency => WorkPriority::Urgent,
        OrderPriority::Medium | OrderPriority::Unknown => WorkPriority::Normal,
    }
}

fn one_line(order: &Order) -> String {
    let address = &order.data.service_address;
    format!("{}, {} {}, {}", &*address.street, &*address.postal_code, &*address.city, address.country)
}
