//! What happens on site: somebody arrives, leaves, and the customer signs.

use fsm_integration_core::{
    adapter::{CorrelationId, TenantId},
    error::{Error, ErrorKind, Result},
    event::{
        Event,
        catalogue::{CheckinCompleted, CheckoutCompleted, EventMeta, GpsCoordinates, Reserve, SourceSystem, WcfSigned},
    },
    sqlite::Tx,
};
use jiff::{Timestamp, tz::TimeZone};
use uuid::Uuid;

use super::{Flow, payment};
use crate::{
    crash,
    store::{
        jobs::{self, Job},
        orders::{self, Status},
        source,
        wcfs::{self, Wcf},
    },
};

impl Flow {
    /// Notes that somebody arrived; the second time changes nothing.
    ///
    /// # Errors
    /// `NotFound`; `InvalidRequest` when the job has ended or its order was cancelled.
    pub async fn check_in(&self, who: Actor, job_id: Uuid, gps: GpsCoordinates) -> Result<Job> {
        let flow = self.clone();
        self.store()
            .write(move |tx| {
                let job = jobs::get(tx, who.tenant.as_str(), job_id)?;
                match job.status.as_str() {
                    "running" => return Ok(job),
                    "pending" | "assigned" => {}
                    ended => return Err(refused(&format!("the job is {ended} already"))),
                }
                refuse_unready(tx, &job)?;
                let now = flow.store().now();
                jobs::check_in(tx, job.id, now)?;
                crash::point(crash::BETWEEN_STATE_AND_EVENTS);
                let event = CheckinCompleted {
                    meta: meta_of::<CheckinCompleted>(tx, &job, &who, now)?,
                    execution_id: execution_id(&job),
                    service_order_id: service_order_id(&job),
                    team_id: team(&job),
                    checked_in_at: now,
                    gps: gps.into(),
                    technician_id: job.technician_id.clone(),
                };
                flow.store().publish(tx, &event, source::EXECUTION)?;
                jobs::get(tx, who.tenant.as_str(), job_id)
            })
            .await
    }

    /// Notes that somebody left; work that is done has its closing form sent. The second time changes nothing.
    ///
    /// # Errors
    /// `NotFound`; `InvalidRequest` when nobody has checked in.
    pub async fn check_out(&self, who: Actor, job_id: Uuid, unfinished: Option<String>) -> Result<(Job, Option<Wcf>)> {
        let flow = self.clone();
        self.store()
            .write(move |tx| {
                let job = jobs::get(tx, who.tenant.as_str(), job_id)?;
                match job.status.as_str() {
                    "running" => flow.leave(tx, &who, &job, unfinished)?,
                    "completed" | "failed" => {}
                    _ => return Err(refused("nobody has checked in")),
                }
                let job = jobs::get(tx, who.tenant.as_str(), job_id)?;
                let form = (job.status == "completed").then(|| wcfs::get(tx, who.tenant.as_str(), wcf_id(&job)));
                Ok((job, form.transpose()?))
            })
            .await
    }

    fn leave(&self, tx: &Tx<'_>, who: &Actor, job: &Job, unfinished: Option<String>) -> Result<()> {
        let (now, completed) = (self.store().now(), unfinished.is_none());
        jobs::check_out(tx, job.id, completed, now)?;
        if completed {
            let year = now.to_zoned(TimeZone::UTC).year();
            wcfs::send(tx, who.tenant.as_str(), wcf_id(job), job.id, job.order_id, year)?;
        }
        let event = CheckoutCompleted {
            meta: meta_of::<CheckoutCompleted>(tx, job, who, now)?,
            execution_id: execution_id(job),
            service_order_id: service_order_id(job),
            team_id: team(job),
            checked_out_at: now,
            completed,
            incompletion_reason: unfinished.map(Into::into),
            technician_id: job.technician_id.clone(),
        };
        self.store().publish(tx, &event, source::EXECUTION)
    }

    /// Notes the customer's answer to the closing form; the same answer again changes nothing.
    ///
    /// # Errors
    /// `NotFound`; `InvalidRequest` when the customer answered otherwise before.
    pub async fn sign(&self, who: Actor, id: Uuid, accepted: bool, reserves: Vec<Reserve>) -> Result<Wcf> {
        let flow = self.clone();
        self.store()
            .write(move |tx| {
                let form = wcfs::get(tx, who.tenant.as_str(), id)?;
                if form.signed_at.is_some() {
                    let same = form.reserves == reserves && (form.status != "NOT_SIGNED") == accepted;
                    return if same { Ok(form) } else { Err(refused("the form has been answered otherwise")) };
                }
                let now = flow.store().now();
                wcfs::sign(tx, id, accepted, &reserves, now)?;
                crash::point(crash::BETWEEN_STATE_AND_EVENTS);
                let job = jobs::get(tx, who.tenant.as_str(), form.job_id)?;
                let event = WcfSigned {
                    meta: meta_of::<WcfSigned>(tx, &job, &who, now)?,
                    wcf_id: id,
                    service_order_id: service_order_id(&job),
                    country_code: country(tx, &job)?,
                    execution_id: execution_id(&job),
                    customer_accepted: accepted,
                    signed_at: now,
                    reserves,
                };
                flow.store().publish(tx, &event, source::CONTRACTS)?;
                wcfs::get(tx, who.tenant.as_str(), id)
            })
            .await
    }
}

impl Flow {
    /// Notes that something the customer held against the work is put right; the second time changes nothing.
    ///
    /// With the last one the provider may be paid.
    ///
    /// # Errors
    /// `NotFound`; `InvalidRequest` while the form is not signed.
    pub async fn resolve_reserve(&self, who: Actor, id: Uuid, reserve_id: String) -> Result<Wcf> {
        let flow = self.clone();
        self.store()
            .write(move |tx| {
                let mut form = wcfs::get(tx, who.tenant.as_str(), id)?;
                if !form.is_accepted() {
                    return Err(refused("the customer has not signed the form"));
                }
                let reserve = form.reserves.iter_mut().find(|reserve| reserve.reserve_id == reserve_id);
                let reserve = reserve.ok_or_else(|| Error::new(ErrorKind::NotFound, "no such reserve"))?;
                if std::mem::replace(&mut reserve.resolved, true) {
                    return Ok(form);
                }
                wcfs::set_reserves(tx, id, &form.reserves)?;
                if form.is_clear()
                    && let Some(order_id) = form.order_id
                {
                    payment::cleared(&flow, tx, &orders::get(tx, order_id)?)?;
                }
                Ok(form)
            })
            .await
    }
}

/// Who does something on site, and in which journey.
#[derive(Debug, Clone)]
pub struct Actor {
    /// Whose data it is.
    pub tenant: TenantId,
    /// The journey, where the job belongs to none.
    pub correlation_id: CorrelationId,
}

/// The common fields of an event about a job: those of its order, if it has one.
fn meta_of<E: Event>(tx: &Tx<'_>, job: &Job, who: &Actor, now: Timestamp) -> Result<EventMeta> {
    if let Some(order) = job.order_id.map(|id| orders::get(tx, id)).transpose()? {
        return order.next_event::<E>(tx, now);
    }
    Ok(EventMeta {
        event_id: Uuid::new_v5(&job.id, E::TOPIC.as_str().as_bytes()),
        event_timestamp: now,
        correlation_id: who.correlation_id.clone(),
        tenant_id: who.tenant.clone(),
        sequence: 0,
    })
}

/// Nobody is on site for an order that was called off, or that has no appointment yet.
///
/// Orders that were entered here, without a sales system, are not booked by us.
fn refuse_unready(tx: &Tx<'_>, job: &Job) -> Result<()> {
    let Some(order) = job.order_id.map(|id| orders::get(tx, id)).transpose()? else { return Ok(()) };
    match order.status {
        Status::Cancelled => Err(refused("the order was cancelled")),
        Status::Created | Status::Blocked if order.source_system != SourceSystem::Custom => {
            Err(refused("the order has no appointment yet; check in once it is SCHEDULED"))
        }
        _ => Ok(()),
    }
}

fn country(tx: &Tx<'_>, job: &Job) -> Result<String> {
    let order = job.order_id.map(|id| orders::get(tx, id)).transpose()?;
    Ok(order.map_or_else(|| "ZZ".to_owned(), |order| order.country_code))
}

/// A job without an order stands for itself.
fn service_order_id(job: &Job) -> Uuid {
    job.order_id.unwrap_or(job.id)
}

fn execution_id(job: &Job) -> Uuid {
    Uuid::new_v5(&job.id, b"execution")
}

fn wcf_id(job: &Job) -> Uuid {
    Uuid::new_v5(&job.id, b"wcf")
}

fn team(job: &Job) -> String {
    job.technician_id.clone().unwrap_or_else(|| "unassigned".to_owned())
}

fn refused(why: &str) -> Error {
    Error::new(ErrorKind::InvalidRequest, why.to_owned())
}
