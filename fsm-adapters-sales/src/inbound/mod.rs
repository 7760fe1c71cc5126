//! Reads what the sales systems send: strictly, completely, all faults at once.
//!
//! What cannot be read is a 400, what was read but breaks a rule a 422 whose details name every bad field. Fields that
//! the schema does not know are ignored; absent, `null` and blank mean the same.

mod order;
mod slots;
mod webhook;

use fsm_integration_core::{
    adapter::{
        fields::{FieldReader, Kind, object, read, time},
        json::{JsonLimits, fingerprint, parse},
    },
    error::{Error, ErrorKind, Result},
};

use crate::wire::{Order, SalesSystem, SalesWebhook, SlotQuery, TimeWindow};

/// Reads an order.
///
/// # Errors
/// [`ErrorKind::MalformedOrder`] when the body is no JSON, [`ErrorKind::InvalidOrder`] with every field that is wrong.
pub fn read_order(body: &[u8]) -> Result<Order> {
    let value = parse(body, &JsonLimits::default()).map_err(|error| unreadable(ErrorKind::MalformedOrder, error))?;
    let order = read(&value, order::order).map_err(|details| Error::invalid(ErrorKind::InvalidOrder, details))?;
    let raw_payload = String::from_utf8(body.to_vec()).expect("the body was parsed, so it is UTF-8");
    Ok(Order { raw_payload, fingerprint: fingerprint(&value), ..order })
}

/// Reads a question for free slots.
///
/// # Errors
/// [`ErrorKind::MalformedRequest`] when the body is no JSON, [`ErrorKind::InvalidRequest`] with every field that is
/// wrong.
pub fn read_slot_query(body: &[u8]) -> Result<SlotQuery> {
    read_request(body, slots::slot_query)
}

/// Reads what a sales system tells about an order; its signature has been verified before.
///
/// # Errors
/// As [`read_slot_query`].
pub fn read_sales_webhook(system: SalesSystem, body: &[u8]) -> Result<SalesWebhook> {
    read_request(body, |it| webhook::sales_webhook(system, it))
}

fn read_request<T>(body: &[u8], schema: impl Fn(&FieldReader<'_>) -> T) -> Result<T> {
    let value = parse(body, &JsonLimits::default()).map_err(|error| unreadable(ErrorKind::MalformedRequest, error))?;
    read(&value, schema).map_err(|details| Error::invalid(ErrorKind::InvalidRequest, details))
}

/// The caller needs the place to find the fault; it holds no value.
fn unreadable(kind: ErrorKind, error: fsm_integration_core::adapter::json::JsonError) -> Error {
    Error::new(kind, error.to_string()).with_source(error)
}

fn time_window() -> impl Kind<Value = TimeWindow> {
    object(|window: &FieldReader<'_>| {
        let found = TimeWindow { start: window.required("start", time()), end: window.required("end", time()) };
        if window.is_sound("start") && window.is_sound("end") && found.start >= found.end {
            window.error("end", "must be after start");
        }
        found
    })
}

/// Bounds fit the target, and the placeholder of a wrong number is the lower bound.
fn count(number: i64) -> u32 {
    u32::try_from(number).expect("the bounds of the schema fit 32 bits")
}

/// The longest work that one visit may be planned for: a week, in minutes.
const LONGEST_WORK: i64 = 7 * 24 * 60;

#[cfg(test)]
mod tests;
