//! Books a technician: the best slot there is, or a task for an operator.

use std::{sync::Arc, time::Duration};

use fsm_integration_core::{
    error::{Error, ErrorKind, Result},
    event::{
        Envelope,
        catalogue::{AssignmentConfirmed, SalesOrderFailed, ServiceOrderCreated, ServiceOrderUnblocked},
        consumer::Commit,
    },
    sqlite::Tx,
};
use jiff::{Timestamp, civil::Time};
use uuid::Uuid;

use super::{Flow, group::Fact, orchestration};
use crate::{
    crash,
    scheduler::{AddressQuery, Appointment as Choice, BookingRequest, Coordinates, JobNeeds, TimeWindow, choose_best},
    store::{
        appointments::{self, Appointment},
        jobs,
        orders::{self, Order, Problem, Status},
        source,
    },
};

/// A new order is booked, unless it waits for a technical visit.
pub(super) async fn on_created(flow: Flow, fact: Fact<ServiceOrderCreated>) -> Result<Commit> {
    if fact.event.requires_confirmation_tv {
        return Ok(Commit::nothing());
    }
    book(flow, fact.event.service_order_id, fact.envelope).await
}

/// An order that waited is booked.
pub(super) async fn on_unblocked(flow: Flow, fact: Fact<ServiceOrderUnblocked>) -> Result<Commit> {
    book(flow, fact.event.service_order_id, fact.envelope).await
}

/// Finds the place outside the unit of work, which may take a while, and chooses the slot inside, where the calendar
/// stands still.
async fn book(flow: Flow, order_id: Uuid, cause: Envelope) -> Result<Commit> {
    let order = flow.store().read(move |db| orders::get(db, order_id)).await?;
    let address = &order.data.service_address;
    let query = AddressQuery { country: &address.country, postal_code: &address.postal_code, city: &address.city };
    let located = flow.settings().geocoder.locate(query).await;
    if let Err(error) = &located
        && error.kind() != ErrorKind::InvalidAddress
    {
        return Err(located.expect_err("it is an error"));
    }
    let order = Arc::new(order);
    Ok(Commit::with(move |tx| {
        let now = flow.store().now();
        let order = orders::get(tx, order.id)?;
        if order.status != Status::Created || appointments::of_order(tx, order.id)?.is_some() {
            return Ok(());
        }
        let Ok(place) = located else { return fail(&flow, tx, &order, ErrorKind::InvalidAddress, now) };
        let request = request(&order, place, flow.settings().horizon_days);
        let technicians = &flow.settings().technicians;
        let candidates = technicians.iter().filter(|who| who.suits(&request.needs)).map(|who| who.id.as_str());
        let booked = appointments::bookings(tx, candidates, now)?;
        match choose_best(&request, technicians, &booked, now) {
            Ok(choice) => confirm(&flow, tx, &order, &choice, place, &cause, now),
            Err(reason) => fail(&flow, tx, &order, Error::from(reason).kind(), now),
        }
    }))
}

fn request(order: &Order, place: Coordinates, horizon_days: u32) -> BookingRequest {
    let preferences = order.data.scheduling_preferences.clone().unwrap_or_default();
    let window = preferences.time_window.and_then(|window| {
        let time = |text: &str| text.parse::<Time>().ok();
        Some(TimeWindow { start: time(&window.start)?, end: time(&window.end)? })
    });
    BookingRequest {
        needs: JobNeeds {
            location: place,
            duration: Duration::from_secs(60 * u64::from(orchestration::duration(order).unsigned_abs())),
            skills: order.data.required_skills.clone(),
            window,
            excluded_dates: preferences.excluded_dates,
            technician: preferences.technician_preference,
        },
        preferred_date: preferences.preferred_date,
        horizon_days,
    }
}

fn confirm(
    flow: &Flow,
    tx: &Tx<'_>,
    order: &Order,
    choice: &Choice,
    location: Coordinates,
    cause: &Envelope,
    now: Timestamp,
) -> Result<()> {
    let technicians = &flow.settings().technicians;
    let technician = technicians.iter().find(|who| who.id == choice.technician_id);
    let technician = technician.expect("the choice is among the technicians");
    let appointment = Appointment {
        id: order.derive("appointment"),
        order_id: order.id,
        technician_id: choice.technician_id.clone(),
        technician_name: choice.technician_name.clone(),
        provider_id: technician.provider.clone(),
        starts_at: choice.start,
        ends_at: choice.end,
        location,
    };
    appointments::insert(tx, &appointment)?;
    crash::point(crash::APPOINTMENT_BOOKED);
    jobs::assign(tx, order.id, &appointment.technician_id)?;
    flow.store().change_calendar(tx);
    let (start, end) = (choice.start.to_zoned(technician.zone.clone()), choice.end.to_zoned(technician.zone.clone()));
    let event = AssignmentConfirmed {
        meta: order.next_event(tx, "assignments.assignment.confirmed", now)?,
        service_order_id: order.id,
        provider_id: appointment.provider_id,
        team_id: choice.technician_id.clone(),
        confirmed_date: start.date(),
        confirmed_time_start: start.strftime("%H:%M").to_string(),
        confirmed_time_end: end.strftime("%H:%M").to_string(),
        appointment_id: Some(appointment.id),
        scheduled_start: Some(choice.start),
        scheduled_end: Some(choice.end),
        technician_id: Some(choice.technician_id.clone()),
        technician_name: Some(choice.technician_name.clone().into()),
    };
    flow.store().publish_after(tx, cause, &event, source::ASSIGNMENT)
}

/// Nothing fails: the order stays, an operator is asked, and the sales system hears what stands in the way.
fn fail(flow: &Flow, tx: &Tx<'_>, order: &Order, kind: ErrorKind, now: Timestamp) -> Result<()> {
    let field = (kind == ErrorKind::InvalidAddress).then(|| "serviceAddress".to_owned());
    let problem = Problem { code: kind.code().to_owned(), message: kind.summary().to_owned(), field };
    orders::add_problem(tx, order.id, &problem, now)?;
    flow.ask_operator(tx, order, kind.code(), "HIGH", kind.summary())?;
    let event = SalesOrderFailed {
        meta: order.next_event(tx, "integration.sales.order.failed", now)?,
        source_system: order.source_system,
        external_order_id: order.external_order_id.clone(),
        error_code: kind.code().to_owned(),
        error_message: kind.summary().to_owned(),
        // The order itself is kept; a second copy of personal data would help nobody.
        raw_payload: String::new().into(),
        retry_count: 0,
    };
    flow.store().publish(tx, &event, source::SALES_ADAPTER)
}
