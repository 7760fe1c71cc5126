//! The order's state: made, scheduled, worked on, closed.

use fsm_integration_core::{
    error::{Error, ErrorKind, Result},
    event::Amount,
    event::catalogue::{
        AssignmentConfirmed, CheckinCompleted, CheckoutCompleted, FsmOrderStatusUpdated, OrderIntakeReceived,
        OrderStatus, SalesOrderNormalized, ServiceOrderClosed, ServiceOrderCreated, ServiceOrderStatusChanged,
        TaskCreated, WcfSigned,
    },
    sqlite::Tx,
};
use jiff::{Timestamp, tz::TimeZone};
use rust_decimal::RoundingStrategy;

use super::{Flow, group::Fact};
use crate::{
    crash,
    store::{
        appointments,
        orders::{self, Order, Status},
        source,
        tasks::{self, Task},
    },
};

/// The order's metadata that asks for a technical visit before anything is booked.
pub(super) const REQUIRES_VISIT: &str = "requiresTechnicalVisit";
/// The version of the translation from a sales order to ours.
const TRANSFORMATION_VERSION: &str = "2.1.0";
/// What an order takes whose sales system does not say, in minutes.
const DEFAULT_DURATION: i32 = 120;

/// An accepted order becomes a service order.
pub(super) fn create(flow: &Flow, tx: &Tx<'_>, fact: &Fact<OrderIntakeReceived>) -> Result<()> {
    let now = flow.store().now();
    let order = order_of(&fact.event);
    if !orders::insert(tx, &order, now)? {
        return Ok(());
    }
    crash::point(crash::BETWEEN_STATE_AND_EVENTS);
    let normalized = SalesOrderNormalized {
        meta: order.next_event::<SalesOrderNormalized>(tx, now)?,
        source_system: order.source_system,
        external_order_id: order.external_order_id.clone(),
        fsm_service_order_id: order.id,
        sales_channel: fact.event.sales_channel,
        country_code: order.country_code.clone(),
        transformation_version: TRANSFORMATION_VERSION.to_owned(),
    };
    flow.store().publish_after(tx, &fact.envelope, &normalized, source::SALES_ADAPTER)?;
    let created = ServiceOrderCreated {
        meta: order.next_event::<ServiceOrderCreated>(tx, now)?,
        service_order_id: order.id,
        project_id: order.project_id(),
        service_type: order.data.order_type.as_str().to_owned(),
        country_code: order.country_code.clone(),
        bu_code: order.country_code.clone(),
        estimated_duration_min: duration(&order),
        requires_confirmation_tv: order.status == Status::Blocked,
        depends_on_order_id: None,
        source_system: Some(order.source_system),
        external_order_id: Some(order.external_order_id.clone()),
    };
    flow.store().publish_after(tx, &fact.envelope, &created, source::ORCHESTRATION)?;
    tell_status(flow, tx, &order, OrderStatus::Created, now)?;
    match orders::tombstone(tx, order.id)? {
        Some(reason) => flow.cancel(tx, &order, &reason, Some(order.source_system.as_str()), now),
        None => Ok(()),
    }
}

fn order_of(event: &OrderIntakeReceived) -> Order {
    let needs_visit = event.order_data.metadata.get(REQUIRES_VISIT).is_some_and(|value| value == "true");
    Order {
        id: event.order_id,
        tenant: event.meta.tenant_id.clone(),
        source_system: event.sales_system,
        external_order_id: event.external_order_id.clone(),
        status: if needs_visit { Status::Blocked } else { Status::Created },
        country_code: event.order_data.service_address.country.clone(),
        correlation_id: event.meta.correlation_id.clone(),
        received_at: event.meta.event_timestamp,
        data: event.order_data.clone(),
    }
}

/// How long the work takes, in minutes.
pub(super) fn duration(order: &Order) -> i32 {
    order.data.estimated_duration.unwrap_or(DEFAULT_DURATION)
}

/// The order has an appointment.
pub(super) fn scheduled(flow: &Flow, tx: &Tx<'_>, fact: &Fact<AssignmentConfirmed>) -> Result<()> {
    let order = orders::get(tx, fact.event.service_order_id)?;
    // Cancelled meanwhile, or somebody is there already: the appointment changes nothing any more.
    if order.status != Status::Created {
        return Ok(());
    }
    let now = flow.store().now();
    flow.change_status(tx, &order, Status::Scheduled, None, now)?;
    let updated = FsmOrderStatusUpdated {
        scheduled_date: Some(fact.event.confirmed_date),
        provider_name: Some(fact.event.provider_id.clone()),
        ..status_event(tx, &order, OrderStatus::Scheduled, now)?
    };
    flow.store().publish_after(tx, &fact.envelope, &updated, source::ORCHESTRATION)
}

/// Somebody is on site.
pub(super) fn checked_in(flow: &Flow, tx: &Tx<'_>, fact: &Fact<CheckinCompleted>) -> Result<()> {
    let Some(order) = orders::find(tx, fact.event.service_order_id)? else { return Ok(()) };
    if order.status.is_final() {
        return Ok(());
    }
    let now = flow.store().now();
    flow.change_status(tx, &order, Status::InProgress, None, now)?;
    tell_status(flow, tx, &order, OrderStatus::InProgress, now)
}

/// Somebody left; what was not finished waits for an operator.
pub(super) fn checked_out(flow: &Flow, tx: &Tx<'_>, fact: &Fact<CheckoutCompleted>) -> Result<()> {
    let Some(order) = orders::find(tx, fact.event.service_order_id)? else { return Ok(()) };
    if fact.event.completed {
        return Ok(());
    }
    flow.ask_operator(tx, &order, "WORK_INCOMPLETE", "HIGH", "the technician left before the work was done")
}

/// The customer answered the work closing form: the order closes, or somebody has to talk to the customer.
pub(super) fn wcf_signed(flow: &Flow, tx: &Tx<'_>, fact: &Fact<WcfSigned>) -> Result<()> {
    let Some(order) = orders::find(tx, fact.event.service_order_id)? else { return Ok(()) };
    let event = &fact.event;
    if !event.customer_accepted {
        return flow.ask_operator(tx, &order, "WCF_NOT_SIGNED", "URGENT", "the customer refused to sign");
    }
    if event.reserves.iter().any(|reserve| !reserve.resolved) {
        flow.ask_operator(tx, &order, "RESOLVE_WCF_RESERVES", "HIGH", "the customer signed with reserves")?;
    }
    if order.status.is_final() {
        return Ok(());
    }
    let now = flow.store().now();
    flow.change_status(tx, &order, Status::Completed, None, now)?;
    tell_status(flow, tx, &order, OrderStatus::Completed, now)?;
    let closed = closed(flow, tx, &order, event, now)?;
    flow.store().publish_after(tx, &fact.envelope, &closed, source::ORCHESTRATION)
}

fn closed(flow: &Flow, tx: &Tx<'_>, order: &Order, signed: &WcfSigned, now: Timestamp) -> Result<ServiceOrderClosed> {
    let appointment = appointments::of_order(tx, order.id)?;
    let (provider_id, team_id) = appointment.map(|it| (it.provider_id, it.technician_id)).unwrap_or_default();
    Ok(ServiceOrderClosed {
        meta: order.next_event::<ServiceOrderClosed>(tx, now)?,
        service_order_id: order.id,
        project_id: order.project_id(),
        country_code: order.country_code.clone(),
        provider_id,
        team_id,
        customer_amount: order.data.total_amount.total,
        provider_amount: flow.provider_amount(&order.data.total_amount.subtotal)?,
        wcf_accepted: signed.customer_accepted,
        warranty_start_date: signed.signed_at.to_zoned(TimeZone::UTC).date(),
    })
}

impl Flow {
    /// The provider's share of what the customer pays before tax, in whole cents, halves to the even one.
    pub(super) fn provider_amount(&self, subtotal: &Amount) -> Result<Amount> {
        let share = subtotal.value() * self.settings().provider_share;
        let cents = share.round_dp_with_strategy(2, RoundingStrategy::MidpointNearestEven);
        Amount::new(cents, subtotal.currency()).map_err(|error| Error::from(ErrorKind::Internal).with_source(error))
    }

    /// Moves an order to a status, notes it and tells it.
    pub(super) fn change_status(
        &self,
        tx: &Tx<'_>,
        order: &Order,
        status: Status,
        reason: Option<&str>,
        now: Timestamp,
    ) -> Result<()> {
        orders::set_status(tx, order.id, status, reason, now)?;
        crash::point(crash::BETWEEN_STATE_AND_EVENTS);
        let event = ServiceOrderStatusChanged {
            meta: order.next_event_of::<ServiceOrderStatusChanged>(tx, status.as_str(), now)?,
            service_order_id: order.id,
            country_code: order.country_code.clone(),
            old_status: order.status.as_str().to_owned(),
            new_status: status.as_str().to_owned(),
            changed_by: Some(source::ORCHESTRATION.to_owned()),
            reason: reason.map(Into::into),
        };
        self.store().publish(tx, &event, source::ORCHESTRATION)
    }

    /// Leaves an operator something to do about an order; once of each type.
    pub(super) fn ask_operator(
        &self,
        tx: &Tx<'_>,
        order: &Order,
        task_type: &str,
        priority: &str,
        reason: &str,
    ) -> Result<()> {
        self.leave_task(tx, order, task_type, (task_type, priority), reason).map(drop)
    }

    /// As [`ask_operator`](Self::ask_operator), for what may happen several times: once of each occasion.
    ///
    /// `false` when it was asked on this occasion before.
    pub(super) fn ask_operator_again(
        &self,
        tx: &Tx<'_>,
        order: &Order,
        task_type: &str,
        occasion: &str,
        reason: &str,
    ) -> Result<bool> {
        self.leave_task(tx, order, &format!("{task_type}/{occasion}"), (task_type, "HIGH"), reason)
    }

    fn leave_task(
        &self,
        tx: &Tx<'_>,
        order: &Order,
        which: &str,
        (task_type, priority): (&str, &str),
        reason: &str,
    ) -> Result<bool> {
        let (id, now) = (order.derive(&format!("task/{which}")), self.store().now());
        let task = Task {
            id: id.to_string(),
            tenant: order.tenant.to_string(),
            order_id: Some(order.id.to_string()),
            task_type: task_type.to_owned(),
            priority: priority.to_owned(),
            reason: reason.to_owned(),
            created_at: now,
        };
        if !tasks::insert(tx, id, &task)? {
            return Ok(false);
        }
        let event = TaskCreated {
            meta: order.next_event_of::<TaskCreated>(tx, which, now)?,
            task_id: id,
            task_type: task_type.to_owned(),
            service_order_id: Some(order.id),
            country_code: order.country_code.clone(),
            priority: priority.to_owned(),
            assigned_to: None,
            reason: Some(reason.into()),
        };
        self.store().publish(tx, &event, source::ORCHESTRATION)?;
        Ok(true)
    }
}

pub(super) fn tell_status(flow: &Flow, tx: &Tx<'_>, order: &Order, status: OrderStatus, now: Timestamp) -> Result<()> {
    let event = status_event(tx, order, status, now)?;
    flow.store().publish(tx, &event, source::ORCHESTRATION)
}

fn status_event(tx: &Tx<'_>, order: &Order, status: OrderStatus, now: Timestamp) -> Result<FsmOrderStatusUpdated> {
    Ok(FsmOrderStatusUpdated {
        meta: order.next_event_of::<FsmOrderStatusUpdated>(tx, status.as_str(), now)?,
        source_system: order.source_system,
        external_order_id: order.external_order_id.clone(),
        fsm_service_order_id: order.id,
        status,
        scheduled_date: None,
        provider_name: None,
    })
}
