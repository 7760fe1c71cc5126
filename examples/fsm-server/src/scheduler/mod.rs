//! Who comes when: technicians, their calendars, and the best slot for a job.
//!
//! Everything here is a pure function of its arguments: bookings and `now` come in, slots go out. The same
//! arguments always give the same answer; ties go to the smaller technician id.
//!
//! ```text
//! address -> Geocoder -> Coordinates -+
//! technicians, bookings, now ---------+-> available   -> slots to offer, earliest first
//!                                     +-> choose_best -> Appointment | NoSlot
//! ```
//!
//! Not modelled: the way home after the last job, breaks, and traffic.

mod booking;
mod choose;
mod coordinates;
mod day;
mod gazetteer;
mod geocoder;
mod slots;
mod team;
mod technician;
mod travel;

pub use self::{
    booking::{Appointment, Booking},
    choose::{BookingRequest, NoSlot, choose_best, is_free},
    coordinates::{Coordinates, InvalidCoordinates},
    gazetteer::Gazetteer,
    geocoder::{AddressQuery, Geocoder},
    slots::{JobNeeds, Slot, SlotQuery, SlotType, TimeWindow, available},
    team::default_team,
    technician::{Technician, Workday},
    travel::{kilometres, travel_minutes},
};
