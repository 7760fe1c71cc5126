//! The journeys, one file each, and the architecture that they rest on.
//!
//! The system as its users meet it: every call over real sockets, partners played by `partner-sim`, time moved by the
//! server's own clock. A scenario asserts what was seen from outside, never what a handler returned to itself.

#![expect(clippy::unwrap_used, reason = "a failed step is a failed test, in helpers too")]

mod architecture;
mod cancellation;
mod circuit_breaker;
mod conexxus;
mod duplicate_order;
mod happy_path;
mod invalid_data;
mod kill;
mod manual_ticket;
mod no_slots_available;
mod operator_cli;
mod operators;
mod order_completion;
mod payment;
mod rate_limiting;
mod scheduling;
mod shutdown;
mod support;
mod technical_visit;
mod tenants;
mod webhook_failure;
