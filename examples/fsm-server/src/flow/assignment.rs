//! Books a technician: the best slot there is, or a task for an operator.

use std::time::Duration;

use fsm_integration_core::{
    error::{Error, ErrorKind, Result},
    event::{
        Envelope, Event,
        catalogue::{AssignmentConfirmed, SalesOrderFailed, ServiceOrderCreated, ServiceOrderUnblocked},
        consumer::Commit,
    },
    sqlite::Tx,
};
use jiff::civil::Time;
use rusqlite::Connection;
use uuid::Uuid;

use super::{Flow, group::Fact, orchestration};
use crate::{
    crash,
    scheduler::{
        AddressQuery, Appointment as Choice, BookingRequest, Coordinates, JobNeeds, NoSlot, TimeWindow, choose_best,
        is_free,
    },
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
    book(flow, fact.event.service_order_id, Occasion::of(fact)).await
}

/// An order that waited is booked.
pub(super) async fn on_unblocked(flow: Flow, fact: Fact<ServiceOrderUnblocked>) -> Result<Commit> {
    book(flow, fact.event.service_order_id, Occasion::of(fact)).await
}

/// Why an order is booked; each may fail in its own right, and is told once.
struct Occasion {
    event_id: Uuid,
    envelope: Envelope,
}

impl Occasion {
    /// The id within the event, which a redelivery under another id leaves as it is.
    fn of<E: Event>(fact: Fact<E>) -> Self {
        Self { event_id: fact.event.meta().event_id, envelope: fact.envelope }
    }
}

/// Finds the place and chooses the slot outside the unit of work, which may take a while; inside, where the calendar
/// stands still, the slot is taken if it is still free, and chosen anew if not.
async fn book(flow: Flow, order_id: Uuid, occasion: Occasion) -> Result<Commit> {
    let seen = flow.store().read(move |db| orders::get(db, order_id)).await?;
    let address = &seen.data.service_address;
    let query = AddressQuery { country: &address.country, postal_code: &address.postal_code, city: &address.city };
    let place = match flow.settings().geocoder.locate(query).await {
        Ok(place) => place,
        Err(error) if error.kind() == ErrorKind::InvalidAddress => {
            return Ok(Commit::with(move |tx| match bookable(tx, &seen)? {
                Some(order) => fail(&flow, tx, &order, ErrorKind::InvalidAddress, &occasion),
                None => Ok(()),
            }));
        }
        Err(error) => return Err(error),
    };
    let plan = Plan { request: request(&seen, place, flow.settings().horizon_days), flow };
    let (plan, chosen) = plan.flow.store().clone().read(move |db| plan.choose(db).map(|chosen| (plan, chosen))).await?;
    Ok(Commit::with(move |tx| {
        let Some(order) = bookable(tx, &seen)? else { return Ok(()) };
        let chosen = match chosen {
            Ok(choice) if !plan.is_free(tx, &choice)? => plan.choose(tx)?,
            chosen => chosen,
        };
        match chosen {
            Ok(choice) => confirm(&plan.flow, tx, &order, &choice, place, &occasion.envelope),
            Err(reason) => fail(&plan.flow, tx, &order, Error::from(reason).kind(), &occasion),
        }
    }))
}

/// The order, if it still waits for an appointment.
///
/// What was found for an older address or other wishes is worth nothing: the order is booked from the start again.
fn bookable(tx: &Tx<'_>, seen: &Order) -> Result<Option<Order>> {
    let order = orders::get(tx, seen.id)?;
    if order.status != Status::Created || appointments::of_order(tx, order.id)?.is_some() {
        return Ok(None);
    }
    if order.data != seen.data {
        return Err(Error::new(ErrorKind::Internal, "the order was changed while it was being booked"));
    }
    Ok(Some(order))
}

/// What is to be booked, and by whom it could be done.
struct Plan {
    request: BookingRequest,
    flow: Flow,
}

impl Plan {
    fn choose(&self, db: &Connection) -> Result<Result<Choice, NoSlot>> {
        let technicians = &self.flow.settings().technicians;
        let candidates = technicians.iter().filter(|who| who.suits(&self.request.needs)).map(|who| who.id.as_str());
        let now = self.flow.store().now();
        let booked = appointments::bookings(db, candidates, now)?;
        Ok(choose_best(&self.request, technicians, &booked, now))
    }

    fn is_free(&self, tx: &Tx<'_>, choice: &Choice) -> Result<bool> {
        let now = self.flow.store().now();
        let booked = appointments::bookings(tx, [choice.technician_id.as_str()], now)?;
        Ok(is_free(choice, &self.request, &self.flow.settings().technicians, &booked, now))
    }
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
) -> Result<()> {
    let now = flow.store().now();
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
    orders::clear_problems(tx, order.id)?;
    jobs::assign(tx, order.id, &appointment.technician_id)?;
    flow.store().change_calendar(tx);
    let (start, end) = (choice.start.to_zoned(technician.zone.clone()), choice.end.to_zoned(technician.zone.clone()));
    let event = AssignmentConfirmed {
        meta: order.next_event::<AssignmentConfirmed>(tx, now)?,
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
fn fail(flow: &Flow, tx: &Tx<'_>, order: &Order, kind: ErrorKind, occasion: &Occasion) -> Result<()> {
    let now = flow.store().now();
    let field = (kind == ErrorKind::InvalidAddress).then(|| "serviceAddress".to_owned());
    let problem = Problem { code: kind.code().to_owned(), message: kind.summary().to_owned(), field };
    // What stood in the way before the order was changed need not do so any more.
    orders::clear_problems(tx, order.id)?;
    orders::add_problem(tx, order.id, &problem, now)?;
    flow.ask_operator(tx, order, kind.code(), "HIGH", kind.summary())?;
    let event = SalesOrderFailed {
        meta: order.next_event_of::<SalesOrderFailed>(tx, &occasion.event_id.to_string(), now)?,
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
