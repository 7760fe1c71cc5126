//! The saga of technical visits: YES unblocks the installation, NO calls it off, YES_BUT waits for a new price.

use fsm_integration_core::{
    adapter::{TenantId, json::canonical},
    error::{Error, ErrorKind, Result},
    event::catalogue::{Modification, ServiceOrderUnblocked, TvOutcome, TvOutcomeRecorded},
    sqlite::Tx,
};
use uuid::Uuid;

use super::{Flow, group::Fact};
use crate::store::{
    once::to_body,
    orders::{self, Status},
    reports, source,
};

impl Flow {
    /// Records how the visit to a blocked order ended; the same again changes nothing.
    ///
    /// # Errors
    /// `NotFound`; `InvalidRequest` when the order does not wait for a visit.
    pub async fn record_visit(
        &self,
        tenant: &TenantId,
        order_id: Uuid,
        outcome: TvOutcome,
        modifications: Vec<Modification>,
    ) -> Result<()> {
        let (flow, tenant) = (self.clone(), tenant.clone());
        self.store()
            .write(move |tx| {
                let order = orders::find(tx, order_id)?.filter(|order| order.tenant == tenant);
                let order = order.ok_or_else(|| Error::new(ErrorKind::NotFound, "no such service order"))?;
                if order.status != Status::Blocked {
                    let message = format!("the order is {}, it waits for no visit", order.status.as_str());
                    return Err(Error::new(ErrorKind::InvalidRequest, message));
                }
                let modifications = (outcome == TvOutcome::YesBut).then_some(modifications);
                let (which, now) = (which(outcome, modifications.as_deref())?, flow.store().now());
                if !reports::insert(tx, order.id, &which, now)? {
                    return Ok(());
                }
                let event = TvOutcomeRecorded {
                    meta: order.next_event_of::<TvOutcomeRecorded>(tx, &which, now)?,
                    tv_service_order_id: order.derive("technical-visit"),
                    linked_installation_order_id: Some(order.id),
                    country_code: order.country_code.clone(),
                    outcome,
                    modifications,
                    recorded_by: source::EXECUTION.to_owned(),
                };
                flow.store().publish(tx, &event, source::EXECUTION)
            })
            .await
    }
}

/// Tells outcomes apart by what they say: the same one again is the same event, other modifications are another.
fn which(outcome: TvOutcome, modifications: Option<&[Modification]>) -> Result<String> {
    let Some(modifications) = modifications else { return Ok(outcome.as_str().to_owned()) };
    let said = canonical(&to_body(&modifications)?);
    Ok(format!("{}/{}", outcome.as_str(), Uuid::new_v5(&Uuid::NAMESPACE_OID, said.as_bytes())))
}

/// What the outcome means for the installation.
pub(super) fn decide(flow: &Flow, tx: &Tx<'_>, fact: &Fact<TvOutcomeRecorded>) -> Result<()> {
    let event = &fact.event;
    let Some(id) = event.linked_installation_order_id else { return Ok(()) };
    let order = orders::get(tx, id)?;
    if order.status != Status::Blocked {
        return Ok(());
    }
    match event.outcome {
        TvOutcome::Yes => unblock(flow, tx, &order, event),
        TvOutcome::No => {
            flow.cancel(tx, &order, "the technical visit found it cannot be done", None, flow.store().now())
        }
        TvOutcome::YesBut => {
            let which = event.meta.event_id.to_string();
            let reason = "the order has to be priced anew";
            flow.ask_operator_again(tx, &order, "TV_MODIFICATIONS", &which, reason).map(drop)
        }
        TvOutcome::Unknown => Err(Error::new(ErrorKind::Undecodable, "an outcome that this version does not know")),
    }
}

fn unblock(flow: &Flow, tx: &Tx<'_>, order: &orders::Order, event: &TvOutcomeRecorded) -> Result<()> {
    let now = flow.store().now();
    flow.change_status(tx, order, Status::Created, Some("the technical visit said yes"), now)?;
    let unblocked = ServiceOrderUnblocked {
        meta: order.next_event::<ServiceOrderUnblocked>(tx, now)?,
        service_order_id: order.id,
        project_id: Some(order.project_id()),
        country_code: order.country_code.clone(),
        reason: "TV_OUTCOME_YES".to_owned(),
        unblocked_by_order_id: Some(event.tv_service_order_id),
    };
    flow.store().publish(tx, &unblocked, source::ORCHESTRATION)
}
