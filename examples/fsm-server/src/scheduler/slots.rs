use std::{collections::HashMap, time::Duration};

use jiff::{
    Timestamp,
    civil::{Date, Time},
    tz::TimeZone,
};
use serde::Serialize;

use super::{Booking, Coordinates, Technician, Workday, day::Day};

/// The longest range that is searched, whatever the caller asks.
const MAX_DAYS: usize = 366;
/// From here on a job takes the day (`FULL_DAY`).
const FULL_DAY: Duration = Duration::from_secs(6 * 60 * 60);

/// What a job asks of whoever does it.
#[derive(Debug, Clone, PartialEq)]
pub struct JobNeeds {
    /// Where it is.
    pub location: Coordinates,
    /// How long it takes.
    pub duration: Duration,
    /// Skills that are demanded, all of them.
    pub skills: Vec<String>,
    /// When the customer is there, local time.
    pub window: Option<TimeWindow>,
    /// Days on which the customer is not there.
    pub excluded_dates: Vec<Date>,
    /// Who should come, by id; a wish, not a condition.
    pub technician: Option<String>,
}

/// A part of the day, local time at the job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TimeWindow {
    /// Its begin.
    pub start: Time,
    /// Its end.
    pub end: Time,
}

impl TimeWindow {
    /// Whether a job suits: it lies inside, or, where it is longer than the window, begins inside.
    fn admits(&self, start: Time, duration: Duration) -> bool {
        let latest = Duration::try_from(start.duration_until(self.end)).ok();
        let length = Duration::try_from(self.start.duration_until(self.end)).unwrap_or(Duration::ZERO);
        start >= self.start && latest.is_some_and(|left| left >= duration || (duration > length && !left.is_zero()))
    }
}

/// What an availability query asks.
#[derive(Debug, Clone, PartialEq)]
pub struct SlotQuery {
    /// The job.
    pub needs: JobNeeds,
    /// First day.
    pub from: Date,
    /// Last day, itself included.
    pub to: Date,
    /// Only these days of the week; empty means all.
    pub days: Vec<Workday>,
    /// How many slots are given at most.
    pub limit: usize,
}

/// A time at which a technician could do the job.
#[derive(Debug, Clone, PartialEq)]
pub struct Slot<'a> {
    /// Who would come.
    pub technician: &'a Technician,
    /// The day, in the technician's zone.
    pub date: Date,
    /// When the job would begin.
    pub start: Timestamp,
    /// When the job would end.
    pub end: Timestamp,
    /// The part of the day.
    pub kind: SlotType,
    /// Minutes on the road from the stop before.
    pub travel_minutes: u32,
    /// How many jobs the technician could still take that day, this one included.
    pub capacity_remaining: u32,
}

impl Slot<'_> {
    /// An id that names technician and begin: the same slot has the same id in every answer.
    #[must_use]
    pub fn id(&self) -> String {
        format!("{}_{}", self.technician.id, self.start.strftime("%Y%m%dT%H%MZ"))
    }
}

/// The part of the day that a slot takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum SlotType {
    /// Begins before noon.
    Morning,
    /// Begins from noon to five.
    Afternoon,
    /// Begins at five or later.
    Evening,
    /// Takes six hours or more.
    FullDay,
}

impl SlotType {
    fn of(start: Time, duration: Duration) -> Self {
        match start.hour() {
            _ if duration >= FULL_DAY => Self::FullDay,
            ..12 => Self::Morning,
            12..17 => Self::Afternoon,
            _ => Self::Evening,
        }
    }
}

/// Every slot that suits, by day; within a day the wished technician first, then the earlier, the nearer, the smaller id.
#[must_use]
pub fn available<'a>(
    query: &SlotQuery,
    technicians: &'a [Technician],
    bookings: &[Booking],
    now: Timestamp,
) -> Vec<Slot<'a>> {
    let needs = &query.needs;
    let able: Vec<_> =
        technicians.iter().filter(|who| who.has_skills(&needs.skills) && who.reaches(needs.location)).collect();
    let calendar = Calendar::new(bookings);
    let mut slots = Vec::new();
    for date in days(query.from, query.to, now).filter(|date| query.asks_for(*date)) {
        let mut of_day: Vec<_> = able.iter().flat_map(|who| calendar.slots(who, date, needs, now)).collect();
        of_day
            .sort_by_key(|slot| (!needs.wishes(slot.technician), slot.start, slot.travel_minutes, &slot.technician.id));
        slots.extend(of_day.into_iter().take(query.limit - slots.len()));
        if slots.len() == query.limit {
            break;
        }
    }
    slots
}

impl SlotQuery {
    fn asks_for(&self, date: Date) -> bool {
        self.days.is_empty() || self.days.iter().any(|day| date.weekday() == (*day).into())
    }
}

impl JobNeeds {
    /// Whether this is the technician the customer would like.
    pub(super) fn wishes(&self, technician: &Technician) -> bool {
        self.technician.as_ref().is_none_or(|wished| *wished == technician.id)
    }
}

/// Bookings by technician, so that a search looks at each one's own only.
pub(super) struct Calendar<'b>(HashMap<&'b str, Vec<&'b Booking>>);

impl<'b> Calendar<'b> {
    pub(super) fn new(bookings: &'b [Booking]) -> Self {
        let mut by_technician: HashMap<&str, Vec<&Booking>> = HashMap::new();
        for booking in bookings {
            by_technician.entry(&booking.technician_id).or_default().push(booking);
        }
        Self(by_technician)
    }

    /// The slots of one technician on one day, earliest first.
    pub(super) fn slots<'a>(&self, who: &'a Technician, date: Date, needs: &JobNeeds, now: Timestamp) -> Vec<Slot<'a>> {
        let booked = self.0.get(who.id.as_str()).map_or(&[][..], Vec::as_slice);
        if needs.excluded_dates.contains(&date) {
            return Vec::new();
        }
        let Some(day) = Day::open(who, date, booked) else { return Vec::new() };
        day.starts()
            .filter(|(local, _)| needs.window.is_none_or(|window| window.admits(*local, needs.duration)))
            .filter_map(|(local, start)| {
                let end = start.checked_add(needs.duration).ok()?;
                let travel_minutes = day.way_to(needs.location, start, end, now)?;
                Some(Slot {
                    technician: who,
                    date: day.date(),
                    start,
                    end,
                    kind: SlotType::of(local, needs.duration),
                    travel_minutes,
                    capacity_remaining: day.capacity_left(),
                })
            })
            .collect()
    }
}

/// The days of a range that can still be worked; yesterday counts, because somewhere it is still today.
pub(super) fn days(from: Date, to: Date, now: Timestamp) -> impl Iterator<Item = Date> {
    let today = now.to_zoned(TimeZone::UTC).date();
    let first = from.max(today.yesterday().unwrap_or(today));
    std::iter::successors(Some(first), |date| date.tomorrow().ok()).take_while(move |date| *date <= to).take(MAX_DAYS)
}

#[cfg(test)]
mod tests {
    use jiff::civil::{date, time};

    use super::{super::Workday::*, *};

    fn technician(zone: &str) -> Technician {
        Technician {
            provider: "PROV-1".to_owned(),
            id: "t-1".to_owned(),
            name: "Tess".to_owned(),
            home: Coordinates::new(40.0, -3.0).expect("in range"),
            zone: TimeZone::get(zone).expect("a zone"),
            skills: vec![],
            workdays: vec![Mon, Tue, Wed, Thu, Fri, Sat, Sun],
            from: time(8, 0, 0, 0),
            until: time(18, 0, 0, 0),
            daily_capacity: 2,
            max_travel_minutes: 90,
        }
    }

    fn query(from: Date, to: Date) -> SlotQuery {
        let needs = JobNeeds {
            location: Coordinates::new(40.0, -3.0).expect("in range"),
            duration: Duration::from_secs(2 * 3600),
            skills: vec![],
            window: None,
            excluded_dates: vec![],
            technician: None,
        };
        SlotQuery { needs, from, to, days: vec![], limit: 1000 }
    }

    fn at(text: &str) -> Timestamp {
        text.parse().expect("a timestamp")
    }

    fn starts(slots: &[Slot<'_>]) -> Vec<String> {
        slots
            .iter()
            .map(|slot| slot.start.to_zoned(slot.technician.zone.clone()).strftime("%H:%M").to_string())
            .collect()
    }

    fn booking(start: &str, end: &str, longitude: f64) -> Booking {
        let location = Coordinates::new(40.0, longitude).expect("in range");
        Booking { technician_id: "t-1".to_owned(), start: at(start), end: at(end), location }
    }

    const NOW: &str = "2025-01-10T00:00:00Z";

    #[test]
    fn an_empty_day_offers_each_half_hour_that_ends_in_time() {
        let team = [technician("UTC")];
        let slots = available(&query(date(2025, 1, 20), date(2025, 1, 20)), &team, &[], at(NOW));
        assert_eq!(slots.len(), 17);
        assert_eq!((slots[0].id().as_str(), slots[0].kind), ("t-1_20250120T0800Z", SlotType::Morning));
        assert_eq!(slots[16].end, at("2025-01-20T18:00:00Z"));
    }

    #[test]
    fn the_way_between_neighbouring_jobs_is_left_free() {
        let team = [technician("UTC")];
        // 0.5 degrees of longitude at 40 N are 42.6 km: 64 minutes.
        let booked = [booking("2025-01-20T12:00:00Z", "2025-01-20T13:00:00Z", -2.5)];
        let slots = available(&query(date(2025, 1, 20), date(2025, 1, 20)), &team, &booked, at(NOW));
        assert_eq!(starts(&slots), ["08:00", "08:30", "14:30", "15:00", "15:30", "16:00"]);
        assert_eq!((slots[0].travel_minutes, slots[2].travel_minutes), (0, 64));
        assert_eq!(slots[0].capacity_remaining, 1);
    }

    #[test]
    fn a_full_day_offers_nothing_and_the_next_one_does() {
        let team = [technician("UTC")];
        let booked = [
            booking("2025-01-20T08:00:00Z", "2025-01-20T09:00:00Z", -3.0),
            booking("2025-01-20T09:00:00Z", "2025-01-20T10:00:00Z", -3.0),
        ];
        let slots = available(&query(date(2025, 1, 20), date(2025, 1, 21)), &team, &booked, at(NOW));
        assert!(slots.iter().all(|slot| slot.date == date(2025, 1, 21)));
        assert_eq!(slots.len(), 17);
    }

    #[test]
    fn window_excluded_dates_and_days_are_conditions() {
        let team = [technician("UTC")];
        let mut query = query(date(2025, 1, 20), date(2025, 1, 24));
        query.needs.window = Some(TimeWindow { start: time(9, 0, 0, 0), end: time(12, 0, 0, 0) });
        query.needs.excluded_dates = vec![date(2025, 1, 22)];
        query.days = vec![Wed, Thu];
        let slots = available(&query, &team, &[], at(NOW));
        assert_eq!(starts(&slots), ["09:00", "09:30", "10:00"]);
        assert!(slots.iter().all(|slot| slot.date == date(2025, 1, 23)));
    }

    #[test]
    fn a_window_shorter_than_the_job_is_when_it_begins() {
        let window = TimeWindow { start: time(9, 0, 0, 0), end: time(10, 0, 0, 0) };
        let job = Duration::from_secs(2 * 3600);
        assert!(window.admits(time(9, 30, 0, 0), job));
        assert!(!window.admits(time(10, 0, 0, 0), job) && !window.admits(time(8, 30, 0, 0), job));
    }

    #[test]
    fn nobody_leaves_home_before_now() {
        let team = [technician("UTC")];
        let slots = available(&query(date(2025, 1, 1), date(2025, 1, 20)), &team, &[], at("2025-01-20T14:10:00Z"));
        assert_eq!(starts(&slots), ["14:30", "15:00", "15:30", "16:00"]);
    }

    #[test]
    fn the_hour_that_the_clocks_skip_is_no_start() {
        let mut night = technician("Europe/Madrid");
        (night.from, night.until) = (time(1, 0, 0, 0), time(6, 0, 0, 0));
        let team = [night];
        let slots = available(&query(date(2025, 3, 30), date(2025, 3, 30)), &team, &[], at(NOW));
        // From 02:00 to 03:00 there is no time that day; 01:30 and two hours is 04:30.
        assert_eq!(starts(&slots), ["01:00", "01:30", "03:00", "03:30", "04:00"]);
        assert_eq!(slots[1].end, at("2025-03-30T02:30:00Z"));
    }

    #[test]
    fn the_hour_that_the_clocks_repeat_is_offered_once() {
        let mut night = technician("Europe/Madrid");
        (night.from, night.until) = (time(1, 0, 0, 0), time(6, 0, 0, 0));
        let team = [night];
        let slots = available(&query(date(2025, 10, 26), date(2025, 10, 26)), &team, &[], at(NOW));
        assert_eq!(starts(&slots), ["01:00", "01:30", "02:00", "02:30", "03:00", "03:30", "04:00"]);
        assert_eq!(slots[2].start, at("2025-10-26T00:00:00Z"));
    }

    #[test]
    fn the_answer_is_bounded() {
        let team = [technician("UTC")];
        let mut query = query(date(2025, 1, 20), date(2025, 4, 20));
        query.limit = 40;
        assert_eq!(available(&query, &team, &[], at(NOW)).len(), 40);
    }
}
