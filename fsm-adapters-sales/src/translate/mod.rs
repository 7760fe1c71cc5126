//! From the sales systems' words to ours and back; pure.
//!
//! [`intake()`] makes the event of an accepted order. Everything that a sales system hears afterwards is made of an
//! [`OrderRef`], which is what one has to remember of the order, and of the event that it is about.

mod callback;
mod identity;
mod intake;
mod outcome;

pub use self::{
    callback::{
        OrderRef, appointment_scheduled, cancelled, intake_status, order_failed, order_status, tv_modifications,
    },
    identity::OrderIdentity,
    intake::{customer, intake, received, sales_system, scheduling_preferences, service_address, source_system},
    outcome::{Visit, installation_outcome, installed_items, outcome_of},
};
