use jiff::{
    civil::{Time, Weekday},
    tz::TimeZone,
};
use serde::{Deserialize, Serialize};

use super::{Coordinates, JobNeeds};

/// A technician: where the day starts, when it is worked, and what can be done.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Technician {
    /// Stable id; ties between equal slots go to the smaller one.
    pub id: String,
    /// Name that the customer is told.
    pub name: String,
    /// The company that is paid for the work, by its supplier number in the ERP.
    #[serde(default = "Technician::default_provider")]
    pub provider: String,
    /// Where every working day begins.
    pub home: Coordinates,
    /// IANA time zone of the working hours.
    #[serde(with = "jiff::fmt::serde::tz::required")]
    pub zone: TimeZone,
    /// Skills, in the words that orders use.
    #[serde(default)]
    pub skills: Vec<String>,
    /// Days that are worked; Monday to Friday by default.
    #[serde(default = "Workday::monday_to_friday")]
    pub workdays: Vec<Workday>,
    /// When the working day begins, local time; includes the way to the first job.
    pub from: Time,
    /// When the last job must have ended, local time.
    pub until: Time,
    /// How many jobs fit into one day at most.
    pub daily_capacity: u32,
    /// How far from home jobs are taken, in minutes on the road.
    pub max_travel_minutes: u32,
}

impl Technician {
    fn default_provider() -> String {
        "PROV-001".to_owned()
    }

    /// Whether every one of the skills is there.
    #[must_use]
    pub fn has_skills(&self, skills: &[String]) -> bool {
        skills.iter().all(|skill| self.skills.contains(skill))
    }

    /// Whether the place is within the area this technician serves.
    #[must_use]
    pub fn reaches(&self, place: Coordinates) -> bool {
        super::travel_minutes(self.home, place) <= self.max_travel_minutes
    }

    /// Whether a job is one for this technician, whenever it is.
    #[must_use]
    pub fn suits(&self, needs: &JobNeeds) -> bool {
        self.has_skills(&needs.skills) && self.reaches(needs.location)
    }

    /// Whether this weekday is worked.
    #[must_use]
    pub fn works_on(&self, weekday: Weekday) -> bool {
        self.workdays.iter().any(|day| Weekday::from(*day) == weekday)
    }
}

/// A day of the week, in the words of seed 000.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Workday {
    /// Monday.
    Mon,
    /// Tuesday.
    Tue,
    /// Wednesday.
    Wed,
    /// Thursday.
    Thu,
    /// Friday.
    Fri,
    /// Saturday.
    Sat,
    /// Sunday.
    Sun,
}

impl Workday {
    /// The usual working week.
    #[must_use]
    pub fn monday_to_friday() -> Vec<Self> {
        vec![Self::Mon, Self::Tue, Self::Wed, Self::Thu, Self::Fri]
    }
}

impl From<Workday> for Weekday {
    fn from(day: Workday) -> Self {
        match day {
            Workday::Mon => Self::Monday,
            Workday::Tue => Self::Tuesday,
            Workday::Wed => Self::Wednesday,
            Workday::Thu => Self::Thursday,
            Workday::Fri => Self::Friday,
            Workday::Sat => Self::Saturday,
            Workday::Sun => Self::Sunday,
        }
    }
}
