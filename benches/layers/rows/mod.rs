//! The rows of the table, a module for each protection, a function for each row, a statement for each contender.
//!
//! Peers are set to the same semantics as far as they can; where they cannot, the name or a comment says so.

mod breaker;
mod bulkhead;
mod by_hand;
mod fair;
mod floors;
mod idempotency;
mod keyed;
pub(crate) mod least;
mod limiter;
mod retry;
mod stack;
mod timeout;
mod webhook;

use crate::harness::contender::Row;

/// The row that every run measures.
pub(crate) const FLOORS: &str = "floors";

/// Adds the contenders of a row.
type Fill = fn(&mut Row);

pub(crate) const ROWS: &[(&str, Fill)] = &[
    (FLOORS, floors::row),
    ("breaker/consecutive", breaker::consecutive),
    ("breaker/count-window", breaker::count_window),
    ("breaker/time-window-10", breaker::time_window_10),
    ("breaker/time-window-1M", breaker::time_window_1m),
    ("breaker/slow-calls", breaker::slow_calls),
    ("breaker/open", breaker::open),
    ("limiter/allow", limiter::allow),
    ("limiter/leases", limiter::leases),
    ("limiter/deny", limiter::deny),
    ("keyed/10k", keyed::ten_thousand),
    ("keyed/1M", keyed::million),
    ("fair-waiting", fair::row),
    ("retry/first-attempt", retry::first_attempt),
    ("retry/with-budget", retry::with_budget),
    ("timeout", timeout::row),
    ("bulkhead", bulkhead::row),
    ("stack/four-layers", stack::four_layers),
    ("stack/observed", stack::observed),
    ("idempotency/first", idempotency::first),
    ("idempotency/replay", idempotency::replay),
    ("idempotency/waiting", idempotency::waiting),
    ("webhook/sign", webhook::sign),
    ("webhook/verify", webhook::verify),
];
