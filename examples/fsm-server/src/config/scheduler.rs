use std::collections::HashSet;

use serde::{Deserialize, Serialize};

use super::{Doc, Mistake, Mistakes};
use crate::scheduler::{BookingRequest, Technician, default_team};

/// Technicians and how far ahead they are booked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct SchedulerConfig {
    /// How many days ahead a slot is looked for.
    pub horizon_days: u32,
    /// The technicians.
    pub technicians: Vec<Technician>,
}

impl Default for SchedulerConfig {
    fn default() -> Self {
        Self { horizon_days: BookingRequest::HORIZON_DAYS, technicians: default_team() }
    }
}

pub(super) const DOCS: &[Doc] = &[
    ("horizon_days", "How many days ahead a slot is looked for."),
    (
        "technicians",
        "The technicians; a list of your own replaces this one. Each has an id, a name, the home where the day starts,\n\
         an IANA time zone, skills, workdays, working hours (from, until; the way to the first job is part of them),\n\
         the jobs a day takes at most (daily_capacity), and how far jobs may be (max_travel_minutes).",
    ),
];

impl SchedulerConfig {
    pub(super) fn check(&self, found: &mut Mistakes) {
        let bounded = (1..=366).contains(&self.horizon_days);
        found.require(bounded, "scheduler.horizon_days", "is out of range", "write 1 to 366");
        let fix = "add one, or leave the key out to have the default team";
        found.require(!self.technicians.is_empty(), "scheduler.technicians", "names nobody", fix);
        let mut ids = HashSet::new();
        for (index, who) in self.technicians.iter().enumerate() {
            let mut wrong = |problem: &str, fix: &str| {
                found.push(Mistake::of(format!("scheduler.technicians[{index}]"), problem, fix));
            };
            if who.id.is_empty() || !ids.insert(&who.id) {
                wrong("has no id, or one that stands here twice", "give every technician an id of their own");
            }
            if who.from >= who.until {
                wrong("ends the day before it begins", "write from before until, both on the same day");
            }
            if who.daily_capacity == 0 {
                wrong("can take no job", "write a daily_capacity of 1 or more");
            }
        }
    }
}
