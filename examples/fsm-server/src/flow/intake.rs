//! The door: an order is accepted when it is on disk, and only once.

use bytes::Bytes;
use fsm_adapters_sales::{
    inbound,
    translate::{self, OrderIdentity},
    wire::{OrderIntakeResponse, SalesChange, SalesSystem, SalesWebhook},
};
use fsm_integration_core::{
    adapter::{CorrelationId, TenantId},
    error::{Error, ErrorKind, Result},
    event::catalogue::ServiceOrderCancelled,
    sqlite::Tx,
};
use jiff::Timestamp;

use super::Flow;
use crate::{
    crash,
    store::{
        orders,
        receipts::{self, Receipt},
        source,
    },
};

/// What the sales system is told.
#[derive(Debug)]
pub struct Accepted {
    /// The body of the 202.
    pub response: OrderIntakeResponse,
    /// Whether it was accepted before.
    pub replayed: bool,
}

impl Flow {
    /// Accepts an order: checks it, and publishes it with its receipt in one unit of work.
    ///
    /// # Errors
    /// `MalformedOrder`, `InvalidOrder` with every bad field, `DuplicateOrder` when the identity is known with another
    /// payload.
    pub async fn accept(&self, body: &Bytes, tenant: &TenantId, correlation_id: CorrelationId) -> Result<Accepted> {
        let order = inbound::read_order(body)?;
        let (flow, received_at) = (self.clone(), self.store().now());
        let identity = OrderIdentity::of(tenant, &order);
        let receipt = Receipt {
            fingerprint: order.fingerprint,
            correlation_id: correlation_id.clone(),
            received_at,
            tenant: tenant.to_string(),
            external_order_id: order.external_order_id.clone(),
        };
        let event = translate::intake(&identity, order, correlation_id, received_at);
        let mut envelope = self.store().codec().envelope(&event, source::SALES_ADAPTER)?;
        envelope.idempotency_key = Some(identity.key());
        let accepted = self.store().write(move |tx| {
            if let Some(known) = receipts::find(tx, identity.order_id())? {
                return replay(&identity, &known, &receipt);
            }
            receipts::insert(tx, &identity, &receipt)?;
            crash::point(crash::BETWEEN_STATE_AND_EVENTS);
            flow.store().log().append(tx, &envelope)?;
            let response = translate::received(&identity, &receipt.correlation_id, receipt.received_at);
            Ok(Accepted { response, replayed: false })
        });
        let accepted = accepted.await?;
        crash::point(crash::INTAKE_COMMITTED);
        Ok(accepted)
    }

    /// Takes what a sales system tells about an order it sent; the signature has been verified.
    ///
    /// A cancellation that comes before its order leaves a tombstone.
    ///
    /// # Errors
    /// `MalformedRequest`, `InvalidRequest`; `NotFound` when an order is updated that was never accepted, `InProgress`
    /// when it is being made just now.
    pub async fn hear(&self, body: &Bytes, system: SalesSystem, tenant: &TenantId) -> Result<()> {
        let webhook = inbound::read_sales_webhook(system, body)?;
        let (flow, tenant) = (self.clone(), tenant.clone());
        self.store().write(move |tx| flow.apply_change(tx, &tenant, &webhook)).await
    }

    fn apply_change(&self, tx: &Tx<'_>, tenant: &TenantId, webhook: &SalesWebhook) -> Result<()> {
        let identity = OrderIdentity::new(tenant.clone(), webhook.sales_system, webhook.external_order_id.clone());
        let (id, now) = (identity.order_id(), self.store().now());
        match (&webhook.change, orders::find(tx, id)?) {
            (SalesChange::Cancelled { reason }, None) => orders::add_tombstone(tx, id, reason, now),
            (SalesChange::Cancelled { reason }, Some(order)) => {
                self.cancel(tx, &order, reason, Some(webhook.sales_system.as_str()), now)
            }
            (SalesChange::Updated { .. }, Some(order)) => self.update(tx, order, webhook),
            (SalesChange::Updated { .. }, None) if receipts::find(tx, id)?.is_none() => {
                Err(Error::new(ErrorKind::NotFound, "no order with this externalOrderId was accepted"))
            }
            // Accepted, but not made yet; the sales system's retry finds it.
            (SalesChange::Updated { .. }, None) => {
                let message = "the order of this update is not known yet; send it again";
                Err(Error::new(ErrorKind::InProgress, message).with_retry_after(Some(RETRY_UPDATE)))
            }
        }
    }

    /// Calls an order off, wherever it stands; an order that has ended stays as it is.
    pub(super) fn cancel(
        &self,
        tx: &Tx<'_>,
        order: &orders::Order,
        reason: &str,
        by: Option<&str>,
        now: Timestamp,
    ) -> Result<()> {
        if order.status.is_final() {
            return Ok(());
        }
        self.change_status(tx, order, orders::Status::Cancelled, Some(reason), now)?;
        crate::store::appointments::remove(tx, order.id)?;
        self.store().change_calendar(tx);
        let event = ServiceOrderCancelled {
            meta: order.next_event::<ServiceOrderCancelled>(tx, now)?,
            service_order_id: order.id,
            project_id: Some(order.project_id()),
            country_code: order.country_code.clone(),
            reason: reason.into(),
            cancelled_by: by.map(str::to_owned),
            source_system: Some(order.source_system),
            external_order_id: Some(order.external_order_id.clone()),
        };
        self.store().publish(tx, &event, source::ORCHESTRATION)
    }
}

const RETRY_UPDATE: std::time::Duration = std::time::Duration::from_secs(1);

/// The stored answer for the same payload; a refusal for another one.
fn replay(identity: &OrderIdentity, known: &Receipt, receipt: &Receipt) -> Result<Accepted> {
    if known.fingerprint != receipt.fingerprint {
        let message = "an order with this externalOrderId was accepted with other content";
        return Err(Error::new(ErrorKind::DuplicateOrder, message));
    }
    let response = translate::received(identity, &known.correlation_id, known.received_at);
    Ok(Accepted { response, replayed: true })
}
