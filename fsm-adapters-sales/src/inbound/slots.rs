use fsm_integration_core::adapter::fields::{FieldReader, date, id, integer, list, number, object, one_of, text};

use super::{LONGEST_WORK, count, time_window};
use crate::wire::{DateRange, Location, SlotFilters, SlotQuery, Weekday};

/// The widest range that may be asked for, in days of the calendar.
const LONGEST_RANGE: i32 = 90;

pub(super) fn slot_query(query: &FieldReader<'_>) -> SlotQuery {
    SlotQuery {
        service_address: query.required("serviceAddress", object(location)),
        service_type: query.required("serviceType", text(100)),
        estimated_duration: count(query.required("estimatedDuration", integer(1..=LONGEST_WORK))),
        date_range: query.required("dateRange", object(date_range)),
        required_skills: query.or_default("requiredSkills", list(0..=50, id())),
        technician_preference: query.optional("technicianPreference", id()),
        filters: query.optional("filters", object(filters)),
    }
}

fn location(location: &FieldReader<'_>) -> Location {
    Location {
        latitude: location.required("latitude", number(-90.0..=90.0)),
        longitude: location.required("longitude", number(-180.0..=180.0)),
    }
}

/// Days of the calendar, not hours: a change to summer time moves no limit.
fn date_range(range: &FieldReader<'_>) -> DateRange {
    let read =
        DateRange { start_date: range.required("startDate", date()), end_date: range.required("endDate", date()) };
    if range.is_sound("startDate") && range.is_sound("endDate") {
        let days = (read.end_date - read.start_date).get_days();
        if days <= 0 {
            range.error("endDate", "must be after startDate");
        } else if days > LONGEST_RANGE {
            range.error("endDate", format!("must be at most {LONGEST_RANGE} days after startDate"));
        }
    }
    read
}

fn filters(filters: &FieldReader<'_>) -> SlotFilters {
    SlotFilters {
        time_window: filters.optional("timeWindow", time_window()),
        exclude_dates: filters.or_default("excludeDates", list(0..=90, date())),
        preferred_days: filters.or_default("preferredDays", list(0..=7, one_of(Weekday::WORDS))),
    }
}
