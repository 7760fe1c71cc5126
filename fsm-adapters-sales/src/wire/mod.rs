//! What the sales systems say and hear, as it is; no logic.
//!
//! Whatever holds personal data shows none of it in `Debug`.

mod answer;
mod change;
mod order;
mod outcome;
mod slots;
mod words;

pub use self::{
    answer::{Appointment, AppointmentScheduled, OrderIntakeResponse, OrderProblem, OrderStatus},
    change::{OrderCancelled, SalesChange, SalesWebhook, TvModification, TvModifications},
    order::{Customer, Order, Price, SchedulingPreferences, ServiceAddress, ServiceItem, TimeWindow, TotalAmount},
    outcome::{
        CompletionDetails, CustomerSatisfaction, InstallationOutcome, InstalledItem, OutcomeIssue, OutcomePhoto,
        TestResult,
    },
    slots::{AvailableSlot, DateRange, Location, SlotAvailability, SlotFilters, SlotPrice, SlotQuery, SlotWindow},
    words::{
        ContactMethod, InstallationStatus, IntakeStatus, OrderType, Outcome, Priority, SalesSystem, Severity, SlotType,
        TestVerdict, Weekday,
    },
};

/// Times of day as `HH:MM`, points in time with milliseconds.
mod written {
    use jiff::{Timestamp, civil::Time};
    use serde::Serializer;

    pub(super) fn hours_minutes<S: Serializer>(time: &Time, out: S) -> Result<S::Ok, S::Error> {
        out.collect_str(&format_args!("{:02}:{:02}", time.hour(), time.minute()))
    }

    pub(super) fn millis<S: Serializer>(at: &Timestamp, out: S) -> Result<S::Ok, S::Error> {
        out.collect_str(&format_args!("{at:.3}"))
    }
}
