//! The provider is paid: once the customer has nothing against the work, and exactly once.

use fsm_adapters_erp::ProviderInvoice;
use fsm_integration_core::{
    adapter::{Call, IntegrationContext},
    error::Result,
    event::catalogue::{PaymentReady, ServiceOrderClosed},
    event::consumer::Commit,
    sqlite::Tx,
};
use tower::ServiceExt;

use super::{Flow, group::Fact};
use crate::{
    crash,
    store::{
        acknowledgements::{self, Acknowledgement},
        orders, source, wcfs,
    },
};

/// A closed order is ready for payment if its form is signed without reserves, or all of them are resolved.
pub(super) fn ready(flow: &Flow, tx: &Tx<'_>, fact: &Fact<ServiceOrderClosed>) -> Result<()> {
    let event = &fact.event;
    let order = orders::get(tx, event.service_order_id)?;
    let form = wcfs::of_order(tx, order.id)?;
    let open = form.iter().flat_map(|form| &form.reserves).any(|reserve| !reserve.resolved);
    if !event.wcf_accepted || open || event.provider_id.is_empty() {
        return Ok(());
    }
    let ready = PaymentReady {
        meta: order.next_event(tx, "integration.erp.payment_ready", flow.store().now())?,
        service_order_id: order.id,
        provider_id: event.provider_id.clone(),
        amount: event.provider_amount,
        completion_date: event.warranty_start_date,
        project_id: Some(event.project_id),
        wcf_id: form.map(|form| form.id),
    };
    flow.store().publish_after(tx, &fact.envelope, &ready, source::ORCHESTRATION)
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
