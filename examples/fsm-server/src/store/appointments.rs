//! The calendar: who is where and when.

use fsm_integration_core::{error::Result, sqlite::Tx};
use jiff::Timestamp;
use rusqlite::{Connection, Row, params};
use uuid::Uuid;

use super::{all, one, parsed, run, time};
use crate::scheduler::{Booking, Coordinates};

/// One appointment.
#[derive(Debug, Clone, PartialEq)]
pub struct Appointment {
    /// Its id.
    pub id: Uuid,
    /// The order it is for.
    pub order_id: Uuid,
    /// Who comes.
    pub technician_id: String,
    /// The name that the customer is told.
    pub technician_name: String,
    /// Who is paid for it.
    pub provider_id: String,
    /// When it begins.
    pub starts_at: Timestamp,
    /// When it ends.
    pub ends_at: Timestamp,
    /// Where it is.
    pub location: Coordinates,
}

/// Writes an appointment.
///
/// # Errors
/// The database's own, when the order has one already.
pub fn insert(tx: &Tx<'_>, appointment: &Appointment) -> Result<()> {
    let values = params![
        appointment.id.to_string(),
        appointment.order_id.to_string(),
        appointment.technician_id,
        appointment.technician_name,
        appointment.provider_id,
        appointment.starts_at.as_millisecond(),
        appointment.ends_at.as_millisecond(),
        appointment.location.latitude(),
        appointment.location.longitude(),
    ];
    run(tx, "INSERT INTO appointments VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)", values).map(drop)
}

/// The appointment of an order.
///
/// # Errors
/// The database's own.
pub fn of_order(connection: &Connection, order_id: Uuid) -> Result<Option<Appointment>> {
    one(connection, "SELECT * FROM appointments WHERE order_id = ?1", [order_id.to_string()], appointment)
}

/// Frees the time of an order that was called off.
///
/// # Errors
/// The database's own.
pub fn remove(tx: &Tx<'_>, order_id: Uuid) -> Result<()> {
    run(tx, "DELETE FROM appointments WHERE order_id = ?1", [order_id.to_string()]).map(drop)
}

/// What is booked with some technicians from a point in time on.
///
/// # Errors
/// The database's own.
pub fn bookings<'a>(
    connection: &Connection,
    technician_ids: impl IntoIterator<Item = &'a str>,
    from: Timestamp,
) -> Result<Vec<Booking>> {
    // A job lasts less than a day, so what began a day before may still go on.
    const BOOKINGS: &str = "SELECT * FROM appointments WHERE technician_id = ?1 AND starts_at >= ?2";
    let since = from.as_millisecond() - DAY;
    let mut booked = Vec::new();
    for technician_id in technician_ids {
        booked.extend(
            all(connection, BOOKINGS, params![technician_id, since], appointment)?.into_iter().map(Booking::from),
        );
    }
    Ok(booked)
}

/// In milliseconds.
const DAY: i64 = 24 * 60 * 60 * 1_000;

impl From<Appointment> for Booking {
    fn from(appointment: Appointment) -> Self {
        Self {
            technician_id: appointment.technician_id,
            start: appointment.starts_at,
            end: appointment.ends_at,
            location: appointment.location,
        }
    }
}

fn appointment(row: &Row<'_>) -> rusqlite::Result<Appointment> {
    let location = Coordinates::new(row.get("latitude")?, row.get("longitude")?);
    Ok(Appointment {
        id: parsed(row, "id")?,
        order_id: parsed(row, "order_id")?,
        technician_id: row.get("technician_id")?,
        technician_name: row.get("technician_name")?,
        provider_id: row.get("provider_id")?,
        starts_at: time(row, "starts_at")?,
        ends_at: time(row, "ends_at")?,
        location: location.expect("only valid coordinates are written"),
    })
}
