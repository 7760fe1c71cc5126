use std::time::Duration;

use jiff::{
    Timestamp, ToSpan,
    civil::{Date, DateTime, Time},
    tz::{AmbiguousOffset, TimeZone},
};

use super::{Booking, Coordinates, Technician, travel_minutes};

/// Slots begin on the half hour.
const GRID_MINUTES: i64 = 30;

/// One working day of one technician, with what is booked already.
pub(super) struct Day<'a> {
    technician: &'a Technician,
    date: Date,
    opens: Timestamp,
    closes: Timestamp,
    bookings: Vec<&'a Booking>,
    capacity_left: u32,
}

impl<'a> Day<'a> {
    /// Opens the calendar at a date; `None` when the day is not worked or is full.
    pub(super) fn open(technician: &'a Technician, date: Date, bookings: &[&'a Booking]) -> Option<Self> {
        if !technician.works_on(date.weekday()) {
            return None;
        }
        let midnight = start_of(date, &technician.zone)?;
        let next_midnight = start_of(date.tomorrow().ok()?, &technician.zone)?;
        let bookings: Vec<_> = bookings
            .iter()
            .copied()
            .filter(|booking| booking.start < next_midnight && booking.end > midnight)
            .collect();
        let taken = bookings.iter().filter(|booking| booking.start >= midnight).count();
        let capacity_left = technician.daily_capacity.saturating_sub(u32::try_from(taken).unwrap_or(u32::MAX));
        let moment = |time: Time| technician.zone.to_timestamp(date.to_datetime(time)).ok();
        let (opens, closes) = (moment(technician.from)?, moment(technician.until)?);
        (capacity_left > 0).then_some(Self { technician, date, opens, closes, bookings, capacity_left })
    }

    pub(super) fn date(&self) -> Date {
        self.date
    }

    /// Jobs that still fit into the day's limit.
    pub(super) fn capacity_left(&self) -> u32 {
        self.capacity_left
    }

    /// Each half hour of the working day, by the wall and as a point in time.
    ///
    /// A time that the clocks skip in spring is no start; one that they show twice in autumn is the first of the two.
    pub(super) fn starts(&self) -> impl Iterator<Item = (Time, Timestamp)> + '_ {
        let first = self.date.to_datetime(self.technician.from);
        let grid = (0..24 * 60 / GRID_MINUTES).map(|step| self.date.at(0, 0, 0, 0) + (step * GRID_MINUTES).minutes());
        grid.filter(move |local| *local >= first)
            .filter_map(|local| Some((local.time(), existing(local, &self.technician.zone)?)))
            .take_while(|(_, start)| *start < self.closes)
    }

    /// Minutes on the road to a job at this time, `None` when it does not fit.
    ///
    /// It fits when it ends within working hours, overlaps nothing, can be reached from the stop before (home, if
    /// there is none, and never before `now`), and leaves time for the way to the stop after.
    pub(super) fn way_to(&self, place: Coordinates, start: Timestamp, end: Timestamp, now: Timestamp) -> Option<u32> {
        if end > self.closes || self.bookings.iter().any(|booking| booking.start < end && booking.end > start) {
            return None;
        }
        let before = self.bookings.iter().filter(|booking| booking.end <= start).max_by_key(|booking| booking.end);
        let after = self.bookings.iter().filter(|booking| booking.start >= end).min_by_key(|booking| booking.start);
        let (leaves, from) = before.map_or((self.opens, self.technician.home), |stop| (stop.end, stop.location));
        let way = travel_minutes(from, place);
        if arrival(leaves.max(now), way)? > start {
            return None;
        }
        match after {
            Some(stop) if arrival(end, travel_minutes(place, stop.location))? > stop.start => None,
            _ => Some(way),
        }
    }
}

fn start_of(date: Date, zone: &TimeZone) -> Option<Timestamp> {
    Some(date.to_zoned(zone.clone()).ok()?.timestamp())
}

fn existing(local: DateTime, zone: &TimeZone) -> Option<Timestamp> {
    let moment = zone.to_ambiguous_timestamp(local);
    match moment.offset() {
        AmbiguousOffset::Gap { .. } => None,
        _ => moment.earlier().ok(),
    }
}

fn arrival(leaves: Timestamp, minutes: u32) -> Option<Timestamp> {
    leaves.checked_add(Duration::from_secs(u64::from(minutes) * 60)).ok()
}
