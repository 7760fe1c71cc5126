use std::cmp::Reverse;

use fsm_integration_core::error::{Error, ErrorKind};
use jiff::{Timestamp, ToSpan, civil::Date, tz::TimeZone};

use super::{
    Appointment, Booking, JobNeeds, Slot, Technician,
    slots::{Calendar, days},
};

/// What is to be booked, and what the customer would like.
#[derive(Debug, Clone, PartialEq)]
pub struct BookingRequest {
    /// The job.
    pub needs: JobNeeds,
    /// The day the customer would like; ignored when it is past.
    pub preferred_date: Option<Date>,
    /// How many days ahead are searched.
    pub horizon_days: u32,
}

impl BookingRequest {
    /// The horizon of seed 000's scheduler, in days.
    pub const HORIZON_DAYS: u32 = 30;
}

/// Why nothing was booked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoSlot {
    /// No technician in reach is free within the horizon.
    #[error("no technician in reach is free within the horizon")]
    NoneAvailable,
    /// No technician in reach has the skills.
    #[error("no technician in reach has the required skills")]
    SkillsMissing,
}

impl From<NoSlot> for Error {
    fn from(reason: NoSlot) -> Self {
        let kind = match reason {
            NoSlot::NoneAvailable => ErrorKind::NoSlotsAvailable,
            NoSlot::SkillsMissing => ErrorKind::SkillsNotAvailable,
        };
        Self::new(kind, reason.to_string())
    }
}

/// Books the best slot within the horizon.
///
/// Skills, working hours, capacity, excluded dates and the time window are conditions. Among what is left, in this
/// order: the day nearest to the preferred one, the preferred technician, the earlier day, the shorter way, the
/// emptier calendar, the earlier hour, the smaller id.
///
/// # Errors
/// [`NoSlot`] with the reason.
pub fn choose_best(
    request: &BookingRequest,
    technicians: &[Technician],
    bookings: &[Booking],
    now: Timestamp,
) -> Result<Appointment, NoSlot> {
    let able = able(&request.needs, technicians)?;
    let calendar = Calendar::new(bookings);
    let mut best: Option<Slot<'_>> = None;
    for (days_off, date) in dates(request, now) {
        if best.as_ref().is_some_and(|slot| is_settled(slot, days_off, request, now)) {
            break;
        }
        let open = able.iter().filter(|who| is_within(date, who, request, now));
        let of_day = open.flat_map(|who| calendar.slots(who, date, &request.needs, now));
        best = best.into_iter().chain(of_day).min_by(|a, b| rank(a, request, now).cmp(&rank(b, request, now)));
    }
    best.map(Appointment::from).ok_or(NoSlot::NoneAvailable)
}

/// Whether a slot that was chosen can still be had: looks at its own day of its own technician only.
#[must_use]
pub fn is_free(
    choice: &Appointment,
    request: &BookingRequest,
    technicians: &[Technician],
    bookings: &[Booking],
    now: Timestamp,
) -> bool {
    let Some(who) = technicians.iter().find(|who| who.id == choice.technician_id) else { return false };
    let date = choice.start.to_zoned(who.zone.clone()).date();
    Calendar::new(bookings).slots(who, date, &request.needs, now).iter().any(|slot| slot.start == choice.start)
}

/// The days of the horizon, best first; the technicians' own days differ from these by one at most.
fn dates(request: &BookingRequest, now: Timestamp) -> Vec<(u32, Date)> {
    let today = now.to_zoned(TimeZone::UTC).date();
    let last = today.checked_add(i64::from(request.horizon_days + 1).days()).unwrap_or(Date::MAX);
    let mut dates: Vec<_> = days(today.yesterday().unwrap_or(today), last, now)
        .map(|date| (request.preferred_date.map_or(0, |preferred| distance(preferred, date)), date))
        .collect();
    dates.sort_unstable();
    dates
}

/// Whether no later day can bring a better slot; a preferred day that is past somewhere is past only there, so then
/// all are looked at.
fn is_settled(slot: &Slot<'_>, days_off: u32, request: &BookingRequest, now: Timestamp) -> bool {
    let tomorrow = now.to_zoned(TimeZone::UTC).date().tomorrow().unwrap_or(Date::MAX);
    let same_for_all = request.preferred_date.is_none_or(|preferred| preferred > tomorrow);
    let (found, stranger, ..) = rank(slot, request, now);
    same_for_all && (found < days_off || !stranger)
}

fn is_within(date: Date, who: &Technician, request: &BookingRequest, now: Timestamp) -> bool {
    let today = now.to_zoned(who.zone.clone()).date();
    let last = today.checked_add(i64::from(request.horizon_days).days()).unwrap_or(Date::MAX);
    (today..=last).contains(&date)
}

fn distance(a: Date, b: Date) -> u32 {
    a.until(b).map_or(u32::MAX, |span| span.get_days().unsigned_abs())
}

fn able<'a>(needs: &JobNeeds, technicians: &'a [Technician]) -> Result<Vec<&'a Technician>, NoSlot> {
    let in_reach: Vec<_> = technicians.iter().filter(|who| who.reaches(needs.location)).collect();
    let skilled = |who: &&Technician| who.has_skills(&needs.skills);
    if in_reach.is_empty() && technicians.iter().any(|who| skilled(&who)) {
        return Err(NoSlot::NoneAvailable);
    }
    let able: Vec<_> = in_reach.into_iter().filter(skilled).collect();
    if able.is_empty() { Err(NoSlot::SkillsMissing) } else { Ok(able) }
}

type Rank<'a> = (u32, bool, Date, u32, Reverse<u32>, Timestamp, &'a str);

fn rank<'a>(slot: &Slot<'a>, request: &BookingRequest, now: Timestamp) -> Rank<'a> {
    let today = now.to_zoned(slot.technician.zone.clone()).date();
    let days_off = request
        .preferred_date
        .filter(|preferred| *preferred >= today)
        .map_or(0, |preferred| distance(preferred, slot.date));
    let stranger = !request.needs.wishes(slot.technician);
    let emptier = Reverse(slot.capacity_remaining);
    (days_off, stranger, slot.date, slot.travel_minutes, emptier, slot.start, &slot.technician.id)
}

impl From<Slot<'_>> for Appointment {
    fn from(slot: Slot<'_>) -> Self {
        Self {
            technician_id: slot.technician.id.clone(),
            technician_name: slot.technician.name.clone(),
            start: slot.start,
            end: slot.end,
            travel_minutes: slot.travel_minutes,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use jiff::civil::{date, time};
    use proptest::prelude::*;

    use super::{
        super::{AddressQuery, Coordinates, Gazetteer, TimeWindow, default_team, travel_minutes},
        *,
    };

    const NOW: &str = "2025-01-15T18:00:00Z";

    fn at(text: &str) -> Timestamp {
        text.parse().expect("a timestamp")
    }

    fn fiber_order() -> BookingRequest {
        let address = AddressQuery { country: "US", postal_code: "94105", city: "San Francisco" };
        let needs = JobNeeds {
            location: Gazetteer::bundled().find(address).expect("a known place"),
            duration: Duration::from_secs(120 * 60),
            skills: vec!["FIBER_INSTALLATION".to_owned()],
            window: Some(TimeWindow { start: time(9, 0, 0, 0), end: time(12, 0, 0, 0) }),
            excluded_dates: vec![],
            technician: None,
        };
        BookingRequest { needs, preferred_date: Some(date(2025, 1, 21)), horizon_days: BookingRequest::HORIZON_DAYS }
    }

    fn book(appointment: &Appointment, location: Coordinates) -> Booking {
        Booking {
            technician_id: appointment.technician_id.clone(),
            start: appointment.start,
            end: appointment.end,
            location,
        }
    }

    #[test]
    fn the_sample_order_gets_its_day_its_window_and_the_one_with_the_skill() {
        let appointment = choose_best(&fiber_order(), &default_team(), &[], at(NOW)).expect("a slot");
        assert_eq!(appointment.technician_id, "sf-1");
        assert_eq!(appointment.start, at("2025-01-21T17:00:00Z"));
        assert_eq!(appointment.end, at("2025-01-21T19:00:00Z"));
    }

    #[test]
    fn the_nearest_who_can_do_it_wins() {
        let mut request = fiber_order();
        request.needs.skills.clear();
        assert_eq!(choose_best(&request, &default_team(), &[], at(NOW)).expect("a slot").technician_id, "sf-2");
        request.needs.skills = vec!["REPAIR".to_owned()];
        assert_eq!(choose_best(&request, &default_team(), &[], at(NOW)).expect("a slot").technician_id, "sf-2");
        request.needs.skills = vec!["REPAIR".to_owned(), "FIBER_INSTALLATION".to_owned()];
        assert_eq!(choose_best(&request, &default_team(), &[], at(NOW)).expect("a slot").technician_id, "sf-1");
    }

    #[test]
    fn competing_orders_get_different_slots() {
        let mut request = fiber_order();
        request.needs.skills.clear();
        let mut bookings = Vec::new();
        let mut seen = Vec::new();
        for _ in 0..3 {
            let appointment = choose_best(&request, &default_team(), &bookings, at(NOW)).expect("a slot");
            bookings.push(book(&appointment, request.needs.location));
            seen.push((appointment.technician_id, appointment.start));
        }
        // The nearer one first, then the colleague the same morning, then the nearer one on the nearest other day.
        assert_eq!(seen[0], ("sf-2".to_owned(), at("2025-01-21T17:00:00Z")));
        assert_eq!(seen[1], ("sf-1".to_owned(), at("2025-01-21T17:00:00Z")));
        assert_eq!(seen[2], ("sf-2".to_owned(), at("2025-01-20T17:00:00Z")));
    }

    #[test]
    fn a_full_calendar_is_no_slot() {
        let request = fiber_order();
        let days = days(date(2025, 1, 15), date(2025, 3, 1), at(NOW));
        let bookings: Vec<_> = days
            .map(|day| Booking {
                technician_id: "sf-1".to_owned(),
                start: day.at(0, 0, 0, 0).in_tz("UTC").expect("a time").timestamp(),
                end: day.at(23, 59, 0, 0).in_tz("UTC").expect("a time").timestamp(),
                location: request.needs.location,
            })
            .collect();
        assert_eq!(choose_best(&request, &default_team(), &bookings, at(NOW)), Err(NoSlot::NoneAvailable));
        assert_eq!(Error::from(NoSlot::NoneAvailable).kind().code(), "NO_SLOTS_AVAILABLE");
    }

    #[test]
    fn a_skill_that_nobody_near_has_is_named() {
        let mut request = fiber_order();
        request.needs.skills = vec!["WELDING".to_owned()];
        assert_eq!(choose_best(&request, &default_team(), &[], at(NOW)), Err(NoSlot::SkillsMissing));
        assert_eq!(Error::from(NoSlot::SkillsMissing).kind().code(), "SKILLS_NOT_AVAILABLE");
    }

    #[test]
    fn a_place_that_nobody_serves_has_no_slots() {
        let mut request = fiber_order();
        request.needs.location = Coordinates::new(0.0, 0.0).expect("in range");
        assert_eq!(choose_best(&request, &default_team(), &[], at(NOW)), Err(NoSlot::NoneAvailable));
    }

    #[test]
    fn a_preferred_date_in_the_past_is_ignored() {
        let mut request = fiber_order();
        request.preferred_date = Some(date(2024, 1, 20));
        let appointment = choose_best(&request, &default_team(), &[], at(NOW)).expect("a slot");
        assert_eq!(appointment.start, at("2025-01-16T17:00:00Z"));
    }

    #[test]
    fn the_wished_technician_is_worth_a_longer_way() {
        let mut request = fiber_order();
        request.needs.skills.clear();
        request.needs.technician = Some("sf-1".to_owned());
        assert_eq!(choose_best(&request, &default_team(), &[], at(NOW)).expect("a slot").technician_id, "sf-1");
        request.needs.technician = Some("nobody".to_owned());
        assert_eq!(choose_best(&request, &default_team(), &[], at(NOW)).expect("a slot").technician_id, "sf-2");
    }

    prop_compose! {
        fn any_request()(
            latitude in 37.6..37.9_f64,
            longitude in -122.6..-122.2_f64,
            minutes in 1_u64..700,
            fiber in any::<bool>(),
            opens in proptest::option::of(7_i8..16),
            preferred in proptest::option::of(0_i64..40),
        ) -> BookingRequest {
            let needs = JobNeeds {
                location: Coordinates::new(latitude, longitude).expect("in range"),
                duration: Duration::from_secs(minutes * 60),
                skills: if fiber { vec!["FIBER_INSTALLATION".to_owned()] } else { vec![] },
                window: opens.map(|hour| TimeWindow { start: time(hour, 0, 0, 0), end: time(hour + 4, 0, 0, 0) }),
                excluded_dates: vec![date(2025, 3, 12)],
                technician: None,
            };
            let preferred_date = preferred.map(|days| date(2025, 3, 1) + days.days());
            BookingRequest { needs, preferred_date, horizon_days: 8 }
        }
    }

    /// What must hold of two bookings of one technician, whoever made them.
    fn compatible(a: &Booking, b: &Booking) -> bool {
        let (first, second) = if a.start <= b.start { (a, b) } else { (b, a) };
        let way = Duration::from_secs(u64::from(travel_minutes(first.location, second.location)) * 60);
        first.end + way <= second.start
    }

    /// Looks at every slot there is.
    fn best_of_all(
        request: &BookingRequest,
        team: &[Technician],
        bookings: &[Booking],
        now: Timestamp,
    ) -> Result<Appointment, NoSlot> {
        let calendar = Calendar::new(bookings);
        let mut all = Vec::new();
        for who in able(&request.needs, team)? {
            let today = now.to_zoned(who.zone.clone()).date();
            let last = today + i64::from(request.horizon_days).days();
            all.extend(days(today, last, now).flat_map(|date| calendar.slots(who, date, &request.needs, now)));
        }
        let best = all.into_iter().min_by(|a, b| rank(a, request, now).cmp(&rank(b, request, now)));
        best.map(Appointment::from).ok_or(NoSlot::NoneAvailable)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]
        #[test]
        fn looking_no_further_than_needed_finds_the_best_of_all(
            requests in proptest::collection::vec(any_request(), 1..30),
            wished in proptest::option::of(prop_oneof![Just("sf-1"), Just("sf-2"), Just("nobody")]),
        ) {
            let team = default_team();
            let now = at("2025-03-06T20:13:00Z");
            let mut bookings: Vec<Booking> = Vec::new();
            for mut request in requests {
                request.needs.technician = wished.map(str::to_owned);
                let found = choose_best(&request, &team, &bookings, now);
                if let Ok(choice) = &found {
                    prop_assert!(is_free(choice, &request, &team, &bookings, now));
                    let taken: Vec<_> = bookings.iter().cloned().chain([book(choice, request.needs.location)]).collect();
                    prop_assert!(!is_free(choice, &request, &team, &taken, now));
                }
                prop_assert_eq!(&found, &best_of_all(&request, &team, &bookings, now));
                bookings.extend(found.iter().map(|appointment| book(appointment, request.needs.location)));
            }
        }

        // The clocks change on 9 March 2025 in San Francisco.
        #[test]
        fn bookings_never_overlap_and_never_leave_working_hours(requests in proptest::collection::vec(any_request(), 1..40)) {
            let team = default_team();
            let now = at("2025-03-06T20:13:00Z");
            let mut bookings: Vec<Booking> = Vec::new();
            for request in &requests {
                let Ok(appointment) = choose_best(request, &team, &bookings, now) else { continue };
                let booking = book(&appointment, request.needs.location);
                let who = team.iter().find(|who| who.id == booking.technician_id).expect("one of the team");
                let start = booking.start.to_zoned(who.zone.clone());
                let end = booking.end.to_zoned(who.zone.clone());
                prop_assert!(who.works_on(start.weekday()) && start.date() == end.date());
                prop_assert!(start.time() >= who.from && end.time() <= who.until);
                prop_assert!(booking.start > now && who.has_skills(&request.needs.skills));
                prop_assert!(start.date() != date(2025, 3, 12));
                let theirs = bookings.iter().filter(|other| other.technician_id == booking.technician_id);
                prop_assert!(theirs.clone().all(|other| compatible(other, &booking)));
                let same_day = theirs.filter(|other| other.start.to_zoned(who.zone.clone()).date() == start.date());
                prop_assert!(same_day.count() < who.daily_capacity as usize);
                bookings.push(booking);
            }
        }
    }
}
