//! The stand-ins over HTTP, as a field service system would meet them.

#![expect(clippy::unwrap_used, reason = "a failed step is a failed test, in helpers too")]

mod conexxus;
mod faults;
mod journal;
mod load;
mod oracle;
mod sales;
mod support;
