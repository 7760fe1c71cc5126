//! The provider is paid: once the customer has nothing against the work, and exactly once.

use fsm_adapters_erp::ProviderInvoice;
use fsm_integration_core::{
    adapter::{Call, IntegrationContext},
    error::Result,
    event::{
        Amount, Envelope,
        catalogue::{PaymentReady, ServiceOrderClosed},
        consumer::Commit,
    },
    sqlite::Tx,
};
use jiff::{civil::Date, tz::TimeZone};
use tower::ServiceExt;

use super::{Flow, group::Fact};
use crate::{
    crash,
    store::{
        acknowledgements::{self, Acknowledgement},
        appointments,
        orders::{self, Order, Status},
        payments, source,
        wcfs::{self, Wcf},
    },
};

/// A closed order is ready for payment if its form is signed without reserves, or all of them are resolved.
pub(super) fn ready(flow: &Flow, tx: &Tx<'_>, fact: &Fact<ServiceOrderClosed>) -> Result<()> {
    let event = &fact.event;
    let order = orders::get(tx, event.service_order_id)?;
    let terms = Terms {
        provider_id: event.provider_id.clone(),
        amount: event.provider_amount,
        completion_date: event.warranty_start_date,
    };
    announce(flow, tx, &order, terms, Some(&fact.envelope))
}

/// The customer's last reserve is resolved; the order may have been closed long ago.
///
/// One that is not closed yet is announced when it is.
pub(super) fn cleared(flow: &Flow, tx: &Tx<'_>, order: &Order) -> Result<()> {
    let Some(signed_at) = wcfs::of_order(tx, order.id)?.and_then(|form| form.signed_at) else { return Ok(()) };
    if order.status != Status::Completed {
        return Ok(());
    }
    let terms = Terms {
        provider_id: appointments::of_order(tx, order.id)?.map(|it| it.provider_id).unwrap_or_default(),
        amount: flow.provider_amount(&order.data.total_amount.subtotal)?,
        completion_date: signed_at.to_zoned(TimeZone::UTC).date(),
    };
    announce(flow, tx, order, terms, None)
}

/// Who gets how much, and from when on.
struct Terms {
    /// Empty when the work was done without an appointment.
    provider_id: String,
    amount: Amount,
    completion_date: Date,
}

/// Says once that a provider may be paid; says nothing while the customer holds something against the work.
///
/// Whom to pay for work without an appointment, an operator has to find out.
fn announce(flow: &Flow, tx: &Tx<'_>, order: &Order, terms: Terms, cause: Option<&Envelope>) -> Result<()> {
    let Some(form) = wcfs::of_order(tx, order.id)?.filter(Wcf::is_clear) else { return Ok(()) };
    if terms.provider_id.is_empty() {
        let reason = "the work is done and nobody is known who has to be paid for it";
        return flow.ask_operator(tx, order, "PROVIDER_UNKNOWN", "HIGH", reason);
    }
    let now = flow.store().now();
    if !payments::mark_ready(tx, order.id, now)? {
        return Ok(());
    }
    let ready = PaymentReady {
        meta: order.next_event::<PaymentReady>(tx, now)?,
        service_order_id: order.id,
        provider_id: terms.provider_id,
        amount: terms.amount,
        completion_date: terms.completion_date,
        project_id: Some(order.project_id()),
        wcf_id: Some(form.id),
    };
    match cause {
        Some(cause) => flow.store().publish_after(tx, cause, &ready, source::ORCHESTRATION),
        None => flow.store().publish(tx, &ready, source::ORCHESTRATION),
    }
}

/// The ERP makes the invoice; what it answered is recorded.
pub(super) async fn invoice(flow: Flow, fact: Fact<PaymentReady>) -> Result<Commit> {
    let event = &fact.event;
    let Some(erp) = flow.partners().erp(&event.meta.tenant_id).await? else { return Ok(Commit::nothing()) };
    let request = ProviderInvoice {
        service_order_id: event.service_order_id.to_string(),
        provider_id: event.provider_id.clone(),
        amount: event.amount.value(),
        currency: event.amount.currency().to_string(),
        completion_date: event.completion_date,
    };
    let context = IntegrationContext {
        retry_count: fact.attempt,
        ..IntegrationContext::system(
            event.meta.tenant_id.clone(),
            event.meta.correlation_id.clone(),
            flow.store().now(),
        )
    };
    let receipt = erp.oneshot(Call { request, context }).await?;
    crash::point(crash::INVOICE_CREATED);
    let order_id = event.service_order_id;
    let entry = Acknowledgement {
        kind: "provider-invoice".to_owned(),
        reference: receipt.invoice_number,
        partner: "oracle".to_owned(),
        at: flow.store().now(),
    };
    Ok(Commit::with(move |tx| acknowledgements::insert(tx, order_id, &entry)))
}
