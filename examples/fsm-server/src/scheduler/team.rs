use jiff::{civil::time, tz::TimeZone};

use super::{Coordinates, Technician, Workday};

const FIBER: &[&str] = &["FIBER_INSTALLATION", "INTERNET_INSTALLATION", "REPAIR"];
const TV: &[&str] = &["TV_INSTALLATION", "TECHNICAL_VISIT", "MAINTENANCE", "REPAIR"];
const ALL: &[&str] =
    &["FIBER_INSTALLATION", "INTERNET_INSTALLATION", "TV_INSTALLATION", "TECHNICAL_VISIT", "MAINTENANCE", "REPAIR"];

/// Id, name, latitude, longitude, zone, skills.
type Row = (&'static str, &'static str, f64, f64, &'static str, &'static [&'static str]);

#[rustfmt::skip]
const TEAM: &[Row] = &[
    ("sf-1",  "Maria Alvarez",     37.7599, -122.4148, "America/Los_Angeles", FIBER),
    ("sf-2",  "James Chen",        37.7837, -122.4090, "America/Los_Angeles", TV),
    ("la-1",  "Robert King",       34.0407, -118.2468, "America/Los_Angeles", ALL),
    ("la-2",  "Grace Park",        34.1016, -118.3269, "America/Los_Angeles", FIBER),
    ("nyc-1", "Anthony Russo",     40.7306,  -73.9866, "America/New_York",    ALL),
    ("nyc-2", "Denise Brown",      40.6782,  -73.9442, "America/New_York",    FIBER),
    ("chi-1", "Peter Nowak",       41.8827,  -87.6233, "America/Chicago",     ALL),
    ("par-1", "Camille Moreau",    48.8606,    2.3376, "Europe/Paris",        ALL),
    ("par-2", "Julien Lefebvre",   48.8924,    2.2153, "Europe/Paris",        FIBER),
    ("lyo-1", "Nicolas Girard",    45.7600,    4.8590, "Europe/Paris",        ALL),
    ("mad-1", "Lucía Fernández",   40.4237,   -3.6921, "Europe/Madrid",       ALL),
    ("mad-2", "Carlos Ruiz",       40.3929,   -3.6982, "Europe/Madrid",       FIBER),
    ("bcn-1", "Marta Puig",        41.3902,    2.1540, "Europe/Madrid",       ALL),
    ("rom-1", "Giulia Conti",      41.9028,   12.4964, "Europe/Rome",         ALL),
    ("mil-1", "Marco Ferrari",     45.4773,    9.1815, "Europe/Rome",         ALL),
    ("mil-2", "Elena Galli",       45.4510,    9.1900, "Europe/Rome",         FIBER),
    ("waw-1", "Anna Kowalska",     52.2319,   21.0067, "Europe/Warsaw",       ALL),
    ("waw-2", "Tomasz Zieliński",  52.2550,   21.0350, "Europe/Warsaw",       FIBER),
    ("lis-1", "Inês Carvalho",     38.7169,   -9.1399, "Europe/Lisbon",       ALL),
    ("ber-1", "Jonas Becker",      52.5219,   13.4132, "Europe/Berlin",       ALL),
    ("lon-1", "Oliver Hughes",     51.5145,   -0.1270, "Europe/London",       ALL),
];

/// The team of a server that configures none: one or two technicians in each of fourteen cities.
///
/// # Panics
/// Never: the time zone database is part of the program, and a test makes the team.
#[must_use]
pub fn default_team() -> Vec<Technician> {
    TEAM.iter()
        .map(|&(id, name, latitude, longitude, zone, skills)| Technician {
            id: id.to_owned(),
            name: name.to_owned(),
            provider: format!("PROV-{}", id.to_ascii_uppercase()),
            home: Coordinates::new(latitude, longitude).expect("the team's homes are on the earth"),
            zone: TimeZone::get(zone).expect("the time zone database is part of the program"),
            skills: skills.iter().map(|&skill| skill.to_owned()).collect(),
            workdays: Workday::monday_to_friday(),
            from: time(8, 0, 0, 0),
            until: time(18, 0, 0, 0),
            daily_capacity: 4,
            max_travel_minutes: 90,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn san_francisco_has_two_technicians_and_one_of_them_does_fiber() {
        let team = default_team();
        let in_city: Vec<_> = team.iter().filter(|technician| technician.id.starts_with("sf-")).collect();
        assert_eq!(in_city.len(), 2);
        let fiber = ["FIBER_INSTALLATION".to_owned()];
        assert_eq!(in_city.iter().filter(|technician| technician.has_skills(&fiber)).count(), 1);
    }

    #[test]
    fn no_id_stands_twice() {
        let mut ids: Vec<_> = default_team().into_iter().map(|technician| technician.id).collect();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), TEAM.len());
    }
}
