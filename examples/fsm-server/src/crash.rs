//! Named points at which a test lets the process die (feature `crash-points`); nothing in a normal build.

/// Ends the process here, as SIGKILL would, if `FSM_CRASH_POINT` names this point.
///
/// `FSM_CRASH_POINT=name` dies at the first pass, `name:3` at the third.
#[cfg(feature = "crash-points")]
pub fn point(name: &str) {
    use std::sync::{
        OnceLock,
        atomic::{AtomicU64, Ordering},
    };
    static CHOSEN: OnceLock<Option<(String, u64)>> = OnceLock::new();
    static PASSES: AtomicU64 = AtomicU64::new(0);
    let chosen = CHOSEN.get_or_init(|| {
        let text = std::env::var("FSM_CRASH_POINT").ok()?;
        let (name, pass) = text.split_once(':').unwrap_or((&text, "1"));
        Some((name.to_owned(), pass.parse().unwrap_or(1)))
    });
    let Some((chosen, pass)) = chosen else { return };
    if chosen == name && PASSES.fetch_add(1, Ordering::Relaxed) + 1 == *pass {
        std::process::abort();
    }
}

/// Nothing: this build has no crash points.
#[cfg(not(feature = "crash-points"))]
pub const fn point(_name: &str) {}

/// Every point there is, in the order of the story.
pub const ALL: &[&str] = &[
    INTAKE_COMMITTED,
    BETWEEN_STATE_AND_EVENTS,
    APPOINTMENT_BOOKED,
    PARTNER_ANSWERED,
    TICKET_OPENED,
    HANDLED_NOT_COMMITTED,
    UNIT_COMMITTED,
    INVOICE_CREATED,
];

/// The order is on disk, its 202 is not sent.
pub const INTAKE_COMMITTED: &str = "intake-committed";
/// The state is changed, the events that follow are not appended.
pub const BETWEEN_STATE_AND_EVENTS: &str = "between-state-and-events";
/// An appointment stands in the calendar, nobody is told of it.
pub const APPOINTMENT_BOOKED: &str = "appointment-booked";
/// A sales system took a callback, we have not recorded it.
pub const PARTNER_ANSWERED: &str = "partner-answered";
/// A ticket is written, the event that makes its job is not.
pub const TICKET_OPENED: &str = "ticket-opened";
/// A handler is done, its effects are not committed.
pub const HANDLED_NOT_COMMITTED: &str = "handled-not-committed";
/// What somebody asked for is on disk, they have no answer.
pub const UNIT_COMMITTED: &str = "unit-committed";
/// The ERP has the invoice, we have not recorded it.
pub const INVOICE_CREATED: &str = "invoice-created";
