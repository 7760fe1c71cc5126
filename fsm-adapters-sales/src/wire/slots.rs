use fsm_integration_core::event::catalogue::Personal;
use jiff::{
    Timestamp,
    civil::{Date, Weekday as CivilWeekday},
};
use serde::Serialize;

use super::{SlotType, TimeWindow, Weekday, written};

/// A question for free slots, all fields checked (`SlotAvailabilityRequest`); serializes as it is echoed.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SlotQuery {
    /// Where the work is done.
    pub service_address: Location,
    /// What kind of work it is.
    pub service_type: String,
    /// How long it takes, in minutes.
    pub estimated_duration: u32,
    /// In which days to look.
    pub date_range: DateRange,
    /// What the technician must know how to do.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub required_skills: Vec<String>,
    /// By whom.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub technician_preference: Option<String>,
    /// What else a slot must be like.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub filters: Option<SlotFilters>,
}

/// A point on the globe; 0 is as good as any other.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Location {
    /// Degrees north, -90 to 90.
    pub latitude: f64,
    /// Degrees east, -180 to 180.
    pub longitude: f64,
}

/// Days of the calendar, the first before the last, at most 90 apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DateRange {
    /// The first day.
    pub start_date: Date,
    /// The last day.
    pub end_date: Date,
}

/// What a slot must be like.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SlotFilters {
    /// Between which local times.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time_window: Option<TimeWindow>,
    /// On which days not.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub exclude_dates: Vec<Date>,
    /// On which days of the week; any when empty.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub preferred_days: Vec<Weekday>,
}

impl Weekday {
    /// The day in the calendar's own words.
    #[must_use]
    pub const fn civil(self) -> CivilWeekday {
        match self {
            Self::Monday => CivilWeekday::Monday,
            Self::Tuesday => CivilWeekday::Tuesday,
            Self::Wednesday => CivilWeekday::Wednesday,
            Self::Thursday => CivilWeekday::Thursday,
            Self::Friday => CivilWeekday::Friday,
            Self::Saturday => CivilWeekday::Saturday,
            Self::Sunday => CivilWeekday::Sunday,
        }
    }
}

/// The free slots (`SlotAvailabilityResponse`).
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SlotAvailability {
    /// Best first; may be empty.
    pub available_slots: Vec<AvailableSlot>,
    /// How many there are.
    pub total_slots_found: usize,
    /// What was asked.
    pub search_criteria: SlotQuery,
}

/// One free slot.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AvailableSlot {
    /// Names the slot.
    pub slot_id: String,
    /// The day, local to the site.
    pub date: Date,
    /// From when to when.
    pub time_window: SlotWindow,
    /// The part of the day.
    pub slot_type: SlotType,
    /// Who would come.
    pub technician_id: String,
    /// The technician's name.
    pub technician_name: Personal<String>,
    /// How long the way is, in minutes.
    pub travel_time: u32,
    /// How many more orders the slot takes.
    pub capacity_remaining: u32,
    /// What it costs extra.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub price: Option<SlotPrice>,
}

/// Two points in time, the first before the second.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct SlotWindow {
    /// From.
    #[serde(serialize_with = "written::millis")]
    pub start: Timestamp,
    /// To.
    #[serde(serialize_with = "written::millis")]
    pub end: Timestamp,
}

/// A sum of money as it is written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SlotPrice {
    /// A decimal.
    pub amount: String,
    /// ISO 4217.
    pub currency: String,
}
