//! Tells the sales systems how their orders go: signed, once in effect, and only what they asked for.

use fsm_adapters_sales::{
    adapter::{Delivery, SalesMessage},
    translate::{self, OrderRef, Visit},
    wire::{CompletionDetails, InstallationOutcome},
};
use fsm_integration_core::{
    adapter::{Call, IntegrationContext},
    error::{ErrorKind, Result},
    event::{
        catalogue::{
            AssignmentConfirmed, EventMeta, SalesOrderFailed, ServiceOrderCancelled, ServiceOrderClosed,
            TvOutcomeRecorded,
        },
        consumer::Commit,
    },
};
use rusqlite::Connection;
use tower::ServiceExt;
use uuid::Uuid;

use super::{Flow, group::Fact};
use crate::{
    crash,
    store::{
        acknowledgements::{self, Acknowledgement},
        appointments, jobs,
        orders::{self, Order, Status},
        wcfs,
    },
};

/// An appointment is confirmed: the sales system is told when who comes.
pub(super) async fn appointment_scheduled(flow: Flow, fact: Fact<AssignmentConfirmed>) -> Result<Commit> {
    let order = order(&flow, fact.event.service_order_id).await?;
    // The message may have waited for hours, and the order have been called off meanwhile.
    if order.status == Status::Cancelled {
        return Ok(Commit::nothing());
    }
    let body = translate::appointment_scheduled(&reference(&order), &fact.event)?;
    tell(&flow, &order, &fact.event.meta, fact.attempt, body).await
}

/// Something stands in the way of an order, unless it was booked or called off while the message waited.
pub(super) async fn order_failed(flow: Flow, fact: Fact<SalesOrderFailed>) -> Result<Commit> {
    let event = &fact.event;
    let order_id = order_id(event);
    let look = move |db: &Connection| Ok((orders::get(db, order_id)?, appointments::of_order(db, order_id)?));
    let (order, appointment) = flow.store().read(look).await?;
    if order.status == Status::Cancelled || appointment.is_some() {
        return Ok(Commit::nothing());
    }
    let kind = ErrorKind::ALL.into_iter().find(|kind| kind.code() == event.error_code).unwrap_or(ErrorKind::Internal);
    let field = (kind == ErrorKind::InvalidAddress).then_some("serviceAddress");
    let body = translate::order_failed(&reference(&order), kind, field, &event.meta);
    tell(&flow, &order, &event.meta, fact.attempt, body).await
}

/// A technical visit ended; only modifications are for the sales system, a NO reaches it as a cancellation.
pub(super) async fn tv_outcome(flow: Flow, fact: Fact<TvOutcomeRecorded>) -> Result<Commit> {
    let Some(id) = fact.event.linked_installation_order_id else { return Ok(Commit::nothing()) };
    let order = order(&flow, id).await?;
    match translate::tv_modifications(&reference(&order), &fact.event) {
        Some(body) => tell(&flow, &order, &fact.event.meta, fact.attempt, body).await,
        None => Ok(Commit::nothing()),
    }
}

/// We called an order off. What the sales system called off itself, it knows.
pub(super) async fn cancelled(flow: Flow, fact: Fact<ServiceOrderCancelled>) -> Result<Commit> {
    if fact.event.cancelled_by.is_some() {
        return Ok(Commit::nothing());
    }
    let order = order(&flow, fact.event.service_order_id).await?;
    let body = translate::cancelled(&reference(&order), &fact.event, true);
    tell(&flow, &order, &fact.event.meta, fact.attempt, body).await
}

/// An order is closed: the sales system is told how the visit went.
pub(super) async fn closed(flow: Flow, fact: Fact<ServiceOrderClosed>) -> Result<Commit> {
    let order_id = fact.event.service_order_id;
    let meta = fact.event.meta.clone();
    let (order, body) = flow
        .store()
        .read(move |db| {
            let order = orders::get(db, order_id)?;
            let body = outcome(db, &order, &meta)?;
            Ok((order, body))
        })
        .await?;
    tell(&flow, &order, &fact.event.meta, fact.attempt, body).await
}

fn outcome(db: &Connection, order: &Order, meta: &EventMeta) -> Result<InstallationOutcome> {
    let (appointment, job) = (appointments::of_order(db, order.id)?, jobs::of_order(db, order.id)?);
    let form = wcfs::of_order(db, order.id)?;
    let open = form.iter().flat_map(|form| &form.reserves).any(|reserve| !reserve.resolved);
    let outcome = translate::outcome_of(true, open);
    let (began, ended) = job.map_or((None, None), |job| (job.checked_in_at, job.checked_out_at));
    let completed_at = ended.unwrap_or(meta.event_timestamp);
    let minutes = began.map_or(0, |began| completed_at.duration_since(began).as_secs() / 60);
    let visit = Visit {
        appointment_id: appointment.as_ref().map(|it| it.id.to_string()).unwrap_or_default(),
        outcome,
        completion: CompletionDetails {
            completed_at,
            technician_id: appointment.as_ref().map(|it| it.technician_id.clone()).unwrap_or_default(),
            technician_name: appointment.map(|it| it.technician_name).unwrap_or_default().into(),
            actual_duration: u32::try_from(minutes).unwrap_or(0),
        },
        installed_items: translate::installed_items(&order.data.service_items, outcome),
        test_results: Vec::new(),
        customer_satisfaction: None,
        photos: Vec::new(),
        issues: Vec::new(),
        follow_up_reason: open.then(|| "the customer signed with reserves".to_owned()),
    };
    Ok(translate::installation_outcome(&reference(order), visit, meta))
}

/// Sends one message through the system's adapter and records that it was taken.
async fn tell<M: SalesMessage>(flow: &Flow, order: &Order, meta: &EventMeta, attempt: u32, body: M) -> Result<Commit> {
    let Some(system) = translate::sales_system(order.source_system) else { return Ok(Commit::nothing()) };
    let Some(adapter) = flow.partners().sales::<M>(system, &order.tenant).await? else { return Ok(Commit::nothing()) };
    let request = Delivery::new(meta.event_id, body);
    let reference = request.id.as_str().to_owned();
    let context = IntegrationContext {
        retry_count: attempt,
        ..IntegrationContext::system(order.tenant.clone(), meta.correlation_id.clone(), flow.store().now())
    };
    adapter.oneshot(Call { request, context }).await?;
    crash::point(crash::PARTNER_ANSWERED);
    let (order_id, at) = (order.id, flow.store().now());
    let entry = Acknowledgement { kind: M::ADAPTER.to_owned(), reference, partner: system.partner().to_owned(), at };
    Ok(Commit::with(move |tx| acknowledgements::insert(tx, order_id, &entry)))
}

async fn order(flow: &Flow, id: Uuid) -> Result<Order> {
    flow.store().read(move |db| orders::get(db, id)).await
}

fn reference(order: &Order) -> OrderRef {
    OrderRef { order_id: order.id, external_order_id: order.external_order_id.clone(), received_at: order.received_at }
}

/// The order that a failure is about, from its identity.
fn order_id(event: &SalesOrderFailed) -> Uuid {
    fsm_integration_core::event::derived_id([
        event.meta.tenant_id.as_str(),
        event.source_system.as_str(),
        &event.external_order_id,
    ])
}
