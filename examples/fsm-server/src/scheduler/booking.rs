use jiff::Timestamp;

use super::Coordinates;

/// Time of a technician that is taken, and where it is spent.
#[derive(Debug, Clone, PartialEq)]
pub struct Booking {
    /// Whose time it is.
    pub technician_id: String,
    /// When the job begins.
    pub start: Timestamp,
    /// When the job ends.
    pub end: Timestamp,
    /// Where the job is.
    pub location: Coordinates,
}

/// What was decided for a job: who comes and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Appointment {
    /// Who comes.
    pub technician_id: String,
    /// The name that the customer is told.
    pub technician_name: String,
    /// When the job begins.
    pub start: Timestamp,
    /// When the job ends.
    pub end: Timestamp,
    /// Minutes on the road from the stop before.
    pub travel_minutes: u32,
}
