//! When a location's work is due, in its own time zone; pure.

use std::ops::Range;

use fsm_integration_core::error::{Error, ErrorKind, Result};
use jiff::{
    Timestamp,
    civil::{Date, Time},
    tz::{AmbiguousOffset, TimeZone},
};

/// The business days of a location: each ends at its push, and a sale belongs to the day whose push is next.
///
/// Every date has exactly one push: a local time that does not exist is replaced by the next instant that
/// does, one that comes twice counts the first time. No sale falls between two days.
///
/// ```
/// use fsm_adapters_conexxus::BusinessDay;
///
/// let days = BusinessDay::new("America/New_York", jiff::civil::time(23, 30, 0, 0))?;
/// let due = days.next_due("2026-01-02T12:00:00Z".parse()?);
/// assert_eq!((due.date.to_string(), due.at.to_string()), ("2026-01-02".into(), "2026-01-03T04:30:00Z".into()));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct BusinessDay {
    zone: TimeZone,
    push_at: Time,
}

/// A daily push and its moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DuePush {
    /// The business date that is pushed.
    pub date: Date,
    /// When it is due, and when that business day ends.
    pub at: Timestamp,
}

impl BusinessDay {
    /// Takes the location's IANA zone, as in `Europe/Madrid`, and the local time of the push.
    ///
    /// # Errors
    /// A zone that is not known.
    pub fn new(zone: &str, push_at: Time) -> Result<Self> {
        let zone = TimeZone::get(zone).map_err(|error| {
            Error::new(ErrorKind::InvalidRequest, "the time zone is not known; use an IANA name, as in Europe/Madrid")
                .with_source(error)
        })?;
        Ok(Self { zone, push_at })
    }

    /// When the push of a date is due.
    #[must_use]
    pub fn due(&self, date: Date) -> Timestamp {
        let local = self.zone.to_ambiguous_timestamp(date.to_datetime(self.push_at));
        let gap = matches!(local.offset(), AmbiguousOffset::Gap { .. });
        // Fails only at the ends of the calendar, which no push is due at.
        let first = local.earlier().unwrap_or(Timestamp::MAX);
        if gap { self.zone.following(first).next().map_or(first, |transition| transition.timestamp()) } else { first }
    }

    /// The first push after an instant.
    #[must_use]
    pub fn next_due(&self, after: Timestamp) -> DuePush {
        let mut date = self.zone.to_datetime(after).date().yesterday().unwrap_or(Date::MIN);
        loop {
            let at = self.due(date);
            match date.tomorrow() {
                Ok(next) if at <= after => date = next,
                _ => return DuePush { date, at },
            }
        }
    }

    /// The business date of a sale; one after the push belongs to the next day, none is lost.
    #[must_use]
    pub fn date_of(&self, sale: Timestamp) -> Date {
        self.next_due(sale).date
    }

    /// The instants that a business date covers; the end is the next day's.
    #[must_use]
    pub fn period(&self, date: Date) -> Range<Timestamp> {
        date.yesterday().map_or(Timestamp::MIN, |before| self.due(before))..self.due(date)
    }

    /// The pushes due by now after the last one done, oldest first: what an outage has left undone.
    pub fn missed(&self, last_done: Date, now: Timestamp) -> impl Iterator<Item = DuePush> + '_ {
        std::iter::successors(last_done.tomorrow().ok(), |date| date.tomorrow().ok())
            .map(|date| DuePush { date, at: self.due(date) })
            .take_while(move |due| due.at <= now)
    }
}

/// The first hourly sync after an instant.
///
/// By the hours of UTC, so that no change of local time skips or doubles one, and up to five minutes past the
/// hour, always the same for a location, so that all locations do not ask at once. Missed hours need no
/// catching up: the next sync brings everything.
#[must_use]
pub fn next_sync(after: Timestamp, location_id: &str) -> Timestamp {
    const HOUR: i64 = 3600;
    const SPREAD: u128 = 300;
    let name = uuid::Uuid::new_v5(&uuid::Uuid::NAMESPACE_OID, location_id.as_bytes());
    let offset = i64::try_from(name.as_u128() % SPREAD).expect("less than the spread");
    let hours = (after.as_second() - offset).div_euclid(HOUR) + 1;
    Timestamp::from_second(hours * HOUR + offset).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use jiff::civil::{date, time};
    use proptest::prelude::*;

    use super::*;

    fn days(zone: &str) -> BusinessDay {
        BusinessDay::new(zone, time(23, 30, 0, 0)).expect("a zone")
    }

    fn at(text: &str) -> Timestamp {
        text.parse().expect("a timestamp")
    }

    /// Every push from the day before to the day after.
    fn pushes_around(zone: &str, date: Date) -> Vec<DuePush> {
        let days = days(zone);
        let first = days.next_due(days.due(date.yesterday().expect("a date")) - jiff::SignedDuration::from_secs(1));
        let next = |due: &DuePush| Some(days.next_due(due.at));
        std::iter::successors(Some(first), next).take(3).collect()
    }

    #[test]
    fn a_local_time_that_comes_twice_is_pushed_the_first_time_only() {
        for (zone, dates) in [
            ("America/Santiago", ["2025-04-05", "2026-04-04", "2027-04-03"]),
            ("Africa/Cairo", ["2025-10-30", "2026-10-29", "2027-10-28"]),
            ("Asia/Beirut", ["2025-10-25", "2026-10-24", "2027-10-30"]),
            ("America/Nuuk", ["2025-10-25", "2026-10-24", "2027-10-30"]),
            ("America/Scoresbysund", ["2025-10-25", "2026-10-24", "2027-10-30"]),
        ] {
            for text in dates {
                let date: Date = text.parse().expect("a date");
                let pushes = pushes_around(zone, date);
                let dates: Vec<_> = pushes.iter().map(|due| due.date).collect();
                assert_eq!(
                    dates,
                    [date.yesterday().expect("a date"), date, date.tomorrow().expect("a date")],
                    "{zone}"
                );
                let hours: Vec<_> = pushes.windows(2).map(|w| w[0].at.duration_until(w[1].at).as_hours()).collect();
                assert_eq!(hours, [24, 25], "{zone} {text}");
            }
        }
    }

    #[test]
    fn a_local_time_that_does_not_exist_is_pushed_at_the_next_instant_that_does() {
        for zone in ["America/Nuuk", "America/Scoresbysund"] {
            for text in ["2025-03-29", "2026-03-28", "2027-03-27"] {
                let date: Date = text.parse().expect("a date");
                let pushes = pushes_around(zone, date);
                assert_eq!(pushes.iter().filter(|due| due.date == date).count(), 1, "{zone} {text}");
                let local = days(zone).zone.to_datetime(pushes[1].at);
                assert_eq!(local, date.tomorrow().expect("a date").at(0, 0, 0, 0), "{zone} {text}");
            }
        }
    }

    #[test]
    fn a_date_that_a_zone_skipped_is_pushed_once_all_the_same() {
        let skipped = date(2011, 12, 30);
        let pushes = pushes_around("Pacific/Apia", skipped);
        assert_eq!(pushes[1], DuePush { date: skipped, at: at("2011-12-30T10:00:00Z") });
        assert_eq!(pushes[2].date, date(2011, 12, 31));
    }

    /// F-X2: the source took the date from UTC, where 23:30 in New York is tomorrow.
    #[test]
    fn the_business_date_is_the_locations_own() {
        let new_york = days("America/New_York");
        assert_eq!(new_york.date_of(at("2026-01-03T04:29:59Z")), date(2026, 1, 2));
        assert_eq!(days("Pacific/Auckland").date_of(at("2026-01-02T10:00:00Z")), date(2026, 1, 2));
    }

    /// F-X2: the source lost what was sold between the push and midnight.
    #[test]
    fn a_sale_after_the_push_belongs_to_the_next_day() {
        let days = days("America/New_York");
        assert_eq!(days.date_of(at("2026-01-03T04:30:00Z")), date(2026, 1, 3));
        assert_eq!(days.period(date(2026, 1, 3)), at("2026-01-03T04:30:00Z")..at("2026-01-04T04:30:00Z"));
    }

    /// F-X2: no catch-up.
    #[test]
    fn pushes_missed_in_an_outage_are_caught_up_oldest_first() {
        let days = days("America/Nuuk");
        let now = days.due(date(2026, 3, 29));
        let dates: Vec<_> = days.missed(date(2026, 3, 26), now).map(|due| due.date).collect();
        assert_eq!(dates, [date(2026, 3, 27), date(2026, 3, 28), date(2026, 3, 29)]);
        assert_eq!(days.missed(date(2026, 3, 29), now).count(), 0);
    }

    #[test]
    fn an_unknown_zone_is_refused() {
        assert!(BusinessDay::new("Europe/Atlantis", time(23, 30, 0, 0)).is_err());
    }

    /// F-X3: no jitter; and no hour is skipped or doubled when local time changes.
    #[test]
    fn syncs_are_an_hour_apart_and_spread_by_location() {
        let mut last = next_sync(at("2026-03-28T00:00:00Z"), "loc-001");
        for _ in 0..48 {
            let next = next_sync(last, "loc-001");
            assert_eq!(last.duration_until(next).as_secs(), 3600);
            last = next;
        }
        assert_ne!(next_sync(last, "loc-001"), next_sync(last, "loc-002"));
        assert!(next_sync(at("2026-03-28T00:00:00Z"), "loc-002") < at("2026-03-28T01:05:00Z"));
    }

    proptest! {
        #[test]
        fn every_instant_is_in_exactly_one_business_day(
            second in 0i64..4_000_000_000,
            zone in prop::sample::select(vec!["America/Nuuk", "America/Santiago", "Australia/Lord_Howe", "Pacific/Apia", "UTC"]),
            hour in 0i8..24,
        ) {
            let days = BusinessDay::new(zone, time(hour, 30, 0, 0)).expect("a zone");
            let sale = Timestamp::from_second(second).expect("in range");
            let date = days.date_of(sale);
            prop_assert!(days.period(date).contains(&sale));
            prop_assert!(!days.period(date.tomorrow().expect("a date")).contains(&sale));
            prop_assert_eq!(days.next_due(sale), DuePush { date, at: days.due(date) });
        }
    }
}
