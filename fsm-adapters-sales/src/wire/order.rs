use std::{collections::BTreeMap, fmt};

use fsm_integration_core::event::Currency;
use jiff::civil::{Date, Time};
use rust_decimal::Decimal;
use serde::Serialize;

use super::{ContactMethod, OrderType, Priority, SalesSystem, written};

/// An order as a sales system sends it, all fields checked (`OrderIntakeRequest`).
#[derive(Clone, PartialEq)]
pub struct Order {
    /// The sales system's id.
    pub external_order_id: String,
    /// Who sold it.
    pub sales_system: SalesSystem,
    /// What is to be done.
    pub order_type: OrderType,
    /// How urgent it is.
    pub priority: Priority,
    /// For whom.
    pub customer: Customer,
    /// Where.
    pub service_address: ServiceAddress,
    /// What was bought; at least one.
    pub service_items: Vec<ServiceItem>,
    /// What it costs.
    pub total_amount: TotalAmount,
    /// When the customer would like it.
    pub scheduling_preferences: Option<SchedulingPreferences>,
    /// What the technician must know how to do.
    pub required_skills: Vec<String>,
    /// How long it takes, in minutes.
    pub estimated_duration: Option<u32>,
    /// Whatever else the sales system wants to have kept.
    pub metadata: BTreeMap<String, String>,
    /// The body as it came.
    pub raw_payload: String,
    /// SHA-256 of the body's canonical JSON: equal for equal payloads.
    pub fingerprint: [u8; 32],
}

/// Names the order and nobody.
impl fmt::Debug for Order {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Order")
            .field("external_order_id", &self.external_order_id)
            .field("sales_system", &self.sales_system)
            .field("order_type", &self.order_type)
            .field("priority", &self.priority)
            .field("service_items", &self.service_items.len())
            .finish_non_exhaustive()
    }
}

/// The customer; an e-mail address or a telephone number is there, or both.
#[derive(Clone, PartialEq, Eq)]
pub struct Customer {
    /// The sales system's id of the customer.
    pub customer_id: String,
    /// First name.
    pub first_name: String,
    /// Last name.
    pub last_name: String,
    /// E-mail address.
    pub email: Option<String>,
    /// Telephone number, E.164 without separators.
    pub phone: Option<String>,
    /// How the customer wants to be reached.
    pub preferred_contact_method: ContactMethod,
}

impl fmt::Debug for Customer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Customer").field("customer_id", &self.customer_id).finish_non_exhaustive()
    }
}

/// Where the work is done.
#[derive(Clone, PartialEq, Eq)]
pub struct ServiceAddress {
    /// Street and number.
    pub street: String,
    /// Second line.
    pub street2: Option<String>,
    /// City.
    pub city: String,
    /// State or province; empty in countries that have none.
    pub state: String,
    /// Postal code.
    pub postal_code: String,
    /// ISO 3166-1 alpha-2.
    pub country: String,
    /// How to get in.
    pub access_notes: Option<String>,
    /// Where to park.
    pub parking_instructions: Option<String>,
}

impl fmt::Debug for ServiceAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServiceAddress").field("country", &self.country).finish_non_exhaustive()
    }
}

/// One line of the order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceItem {
    /// The line's id.
    pub item_id: String,
    /// What it is.
    pub product_id: String,
    /// What it is called.
    pub product_name: String,
    /// How many.
    pub quantity: u32,
    /// What one costs.
    pub unit_price: Price,
    /// Which ones, where that is known.
    pub serial_numbers: Vec<String>,
    /// Whether a technician has to install it.
    pub requires_installation: bool,
}

/// An exact sum of money.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Price {
    /// How much.
    pub amount: Decimal,
    /// ISO 4217.
    pub currency: Currency,
}

/// What the order costs; `subtotal` + `tax` = `total` to within 0.01.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TotalAmount {
    /// Before tax.
    pub subtotal: Decimal,
    /// The tax.
    pub tax: Decimal,
    /// After tax.
    pub total: Decimal,
    /// ISO 4217, the same as of every line.
    pub currency: Currency,
}

/// When the customer would like the visit.
#[derive(Clone, PartialEq, Eq)]
pub struct SchedulingPreferences {
    /// On which day; one in the past is accepted, and of no effect.
    pub preferred_date: Option<Date>,
    /// Between which times.
    pub time_window: Option<TimeWindow>,
    /// On which days not.
    pub excluded_dates: Vec<Date>,
    /// By whom.
    pub technician_preference: Option<String>,
    /// Anything else.
    pub notes: Option<String>,
}

impl fmt::Debug for SchedulingPreferences {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SchedulingPreferences")
            .field("preferred_date", &self.preferred_date)
            .field("time_window", &self.time_window)
            .finish_non_exhaustive()
    }
}

/// Two local times of one day, the first before the second.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct TimeWindow {
    /// From.
    #[serde(serialize_with = "written::hours_minutes")]
    pub start: Time,
    /// To.
    #[serde(serialize_with = "written::hours_minutes")]
    pub end: Time,
}
