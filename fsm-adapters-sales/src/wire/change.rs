use fsm_integration_core::event::catalogue::Personal;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Customer, SalesSystem, SchedulingPreferences, ServiceAddress, written};

/// What a sales system tells about an order it has sent before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SalesWebhook {
    /// The same on every attempt.
    pub event_id: String,
    /// When it happened.
    pub timestamp: Timestamp,
    /// Who says it.
    pub sales_system: SalesSystem,
    /// The sales system's id of the order.
    pub external_order_id: String,
    /// What happened.
    pub change: SalesChange,
}

/// What happened to the order at the sales system.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SalesChange {
    /// Something about it changed (`ORDER_UPDATED`); at least one of these is there.
    Updated {
        /// Another customer, or other ways to reach the same one.
        customer: Option<Box<Customer>>,
        /// Another place.
        service_address: Option<Box<ServiceAddress>>,
        /// Another time.
        scheduling_preferences: Option<Box<SchedulingPreferences>>,
    },
    /// It is called off (`ORDER_CANCELLED`).
    Cancelled {
        /// Why.
        reason: Personal<String>,
    },
}

/// Tells the sales system that we have called the order off; the body of `/callback/order-cancelled`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OrderCancelled {
    /// The same on every attempt.
    pub event_id: String,
    /// Ties the journey together.
    pub correlation_id: String,
    /// When it was called off.
    #[serde(serialize_with = "written::millis")]
    pub timestamp: Timestamp,
    /// Our id.
    pub order_id: String,
    /// Theirs.
    pub external_order_id: String,
    /// Why.
    pub reason: Personal<String>,
    /// Whether the customer has to get the money back.
    pub refund_required: bool,
}

/// Tells the sales system what a technical visit found, for another price; the body of `/callback/tv-modifications`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TvModifications {
    /// The same on every attempt.
    pub event_id: String,
    /// Ties the journey together.
    pub correlation_id: String,
    /// When the outcome of the visit was recorded.
    #[serde(serialize_with = "written::millis")]
    pub timestamp: Timestamp,
    /// Our id.
    pub order_id: String,
    /// Theirs.
    pub external_order_id: String,
    /// What has to be done otherwise; at least one.
    pub modifications: Vec<TvModification>,
}

/// One thing that has to be done otherwise.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TvModification {
    /// What.
    pub description: String,
    /// How much longer it takes, in minutes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub extra_duration_min: Option<u32>,
    /// Whether the price changes.
    pub requires_repricing: bool,
}
