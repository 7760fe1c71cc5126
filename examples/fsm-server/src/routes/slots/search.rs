use std::time::Duration;

use fsm_adapters_sales::wire::{
    AvailableSlot, SlotAvailability, SlotQuery as Question, SlotType as WireType, SlotWindow, Weekday,
};
use fsm_integration_core::error::{Error, ErrorKind, Result};
use jiff::Timestamp;

use crate::scheduler::{
    Booking, Coordinates, JobNeeds, Slot, SlotQuery, SlotType, Technician, TimeWindow, Workday, available,
};

/// How many slots an answer has at most: more than anybody reads to a customer.
const MOST_SLOTS: usize = 200;

/// The free slots that a question asks for, in the words of the sales systems; `booked` looks up what some technicians
/// have to do.
pub(super) fn search(
    question: Question,
    technicians: &[Technician],
    booked: impl FnOnce(&[&str]) -> Result<Vec<Booking>>,
    now: Timestamp,
) -> Result<SlotAvailability> {
    let query = query(&question)?;
    let candidates: Vec<_> =
        technicians.iter().filter(|who| who.suits(&query.needs)).map(|who| who.id.as_str()).collect();
    let booked = booked(&candidates)?;
    let slots = available(&query, technicians, &booked, now);
    let available_slots: Vec<_> = slots.iter().map(slot).collect();
    Ok(SlotAvailability { total_slots_found: available_slots.len(), available_slots, search_criteria: question })
}

fn query(question: &Question) -> Result<SlotQuery> {
    let place = question.service_address;
    let location = Coordinates::new(place.latitude, place.longitude)
        .map_err(|error| Error::from(ErrorKind::InvalidRequest).with_source(error))?;
    let filters = question.filters.as_ref();
    let window = filters.and_then(|filters| filters.time_window.as_ref());
    Ok(SlotQuery {
        needs: JobNeeds {
            location,
            duration: Duration::from_secs(60 * u64::from(question.estimated_duration)),
            skills: question.required_skills.clone(),
            window: window.map(|window| TimeWindow { start: window.start, end: window.end }),
            excluded_dates: filters.map(|filters| filters.exclude_dates.clone()).unwrap_or_default(),
            technician: question.technician_preference.clone(),
        },
        from: question.date_range.start_date,
        to: question.date_range.end_date,
        days: filters.map(|filters| filters.preferred_days.iter().copied().map(workday).collect()).unwrap_or_default(),
        limit: MOST_SLOTS,
    })
}

fn slot(slot: &Slot<'_>) -> AvailableSlot {
    AvailableSlot {
        slot_id: slot.id(),
        date: slot.date,
        time_window: SlotWindow { start: slot.start, end: slot.end },
        slot_type: slot_type(slot.kind),
        technician_id: slot.technician.id.clone(),
        technician_name: slot.technician.name.clone().into(),
        travel_time: slot.travel_minutes,
        capacity_remaining: slot.capacity_remaining,
        price: None,
    }
}

const fn workday(day: Weekday) -> Workday {
    match day {
        Weekday::Monday => Workday::Mon,
        Weekday::Tuesday => Workday::Tue,
        Weekday::Wednesday => Workday::Wed,
        Weekday::Thursday => Workday::Thu,
        Weekday::Friday => Workday::Fri,
        Weekday::Saturday => Workday::Sat,
        Weekday::Sunday => Workday::Sun,
    }
}

const fn slot_type(kind: SlotType) -> WireType {
    match kind {
        SlotType::Morning => WireType::Morning,
        SlotType::Afternoon => WireType::Afternoon,
        SlotType::Evening => WireType::Evening,
        SlotType::FullDay => WireType::FullDay,
    }
}
