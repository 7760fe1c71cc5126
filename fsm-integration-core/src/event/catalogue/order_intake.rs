use std::collections::BTreeMap;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{
    Event, EventMeta, Personal, SalesChannel, SourceSystem, TopicSpec,
    shared::symbols,
    spec::{ANALYTICS, MONTH, SALES_ANALYTICS},
    wire,
};
use crate::event::{Amount, Topic, netstrings};

const TOPIC: Topic = Topic::from_static("sales.order.intake");

pub(super) const SPEC: TopicSpec = TopicSpec {
    topic: TOPIC,
    schema: include_str!("../../../schemas/sales.order.intake.avsc"),
    released: &[include_str!("../../../schemas/released/sales.order.intake.1.avsc")],
    key: "netstrings of {tenant_id}, {sales_system}, {external_order_id}",
    producers: &["integration-adapters-sales"],
    consumers: &["orchestration-service-sales-intake-v1", SALES_ANALYTICS, ANALYTICS],
    retention: MONTH,
    schema_only: false,
};

/// A sales system handed in an order, which was validated and accepted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderIntakeReceived {
    /// The fields that every event has.
    #[serde(flatten)]
    pub meta: EventMeta,
    /// Our id, derived from tenant, system and external id.
    #[serde(with = "wire::uuid")]
    pub order_id: Uuid,
    /// The sales system's id.
    pub external_order_id: String,
    /// The sales system that sent it.
    pub sales_system: SourceSystem,
    /// Where the customer bought.
    pub sales_channel: SalesChannel,
    /// The order as it was validated.
    pub order_data: OrderData,
    /// The body as it came.
    pub raw_payload: Personal<String>,
}

impl Event for OrderIntakeReceived {
    const TOPIC: Topic = TOPIC;

    fn meta(&self) -> &EventMeta {
        &self.meta
    }

    /// The order's identity: whatever else happens to it at the sales system falls into the same partition.
    fn key(&self) -> String {
        netstrings([self.meta.tenant_id.as_str(), self.sales_system.as_str(), &self.external_order_id])
    }
}

/// What the sales system asks for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderData {
    /// What kind of work it is.
    pub order_type: OrderType,
    /// How urgent it is.
    pub priority: OrderPriority,
    /// Who ordered.
    pub customer: OrderCustomer,
    /// Where the work is.
    pub service_address: ServiceAddress,
    /// What was sold.
    pub service_items: Vec<ServiceItem>,
    /// What it costs.
    pub total_amount: OrderTotal,
    /// When the customer would like it.
    pub scheduling_preferences: Option<SchedulingPreferences>,
    /// What the technician must be able to do.
    pub required_skills: Vec<String>,
    /// How long the work takes, in minutes.
    pub estimated_duration: Option<i32>,
    /// What else the sales system wants kept.
    pub metadata: Personal<BTreeMap<String, String>>,
}

/// Who ordered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderCustomer {
    /// The sales system's id of the customer.
    pub customer_id: String,
    /// First name.
    pub first_name: Personal<String>,
    /// Last name.
    pub last_name: Personal<String>,
    /// E-mail address.
    pub email: Option<Personal<String>>,
    /// Telephone number.
    pub phone: Option<Personal<String>>,
    /// How the customer would like to be reached.
    pub preferred_contact_method: ContactMethod,
}

/// Where the work is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceAddress {
    /// Street and number.
    pub street: Personal<String>,
    /// What does not fit the first line.
    pub street2: Option<Personal<String>>,
    /// City.
    pub city: Personal<String>,
    /// State or province.
    pub state: Option<String>,
    /// Postal code.
    pub postal_code: Personal<String>,
    /// ISO 3166-1 alpha-2.
    pub country: String,
    /// How to get in.
    pub access_notes: Option<Personal<String>>,
    /// Where to park.
    pub parking_instructions: Option<Personal<String>>,
}

/// One thing that was sold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceItem {
    /// The line's id.
    pub item_id: String,
    /// The product's id.
    pub product_id: String,
    /// The product's name.
    pub product_name: String,
    /// How many.
    pub quantity: i32,
    /// What one costs.
    pub unit_price: Amount,
    /// The serial numbers that are known already.
    pub serial_numbers: Vec<String>,
    /// Whether it needs a technician.
    pub requires_installation: bool,
}

/// What the order costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderTotal {
    /// Before tax.
    pub subtotal: Amount,
    /// The tax.
    pub tax: Amount,
    /// With tax.
    pub total: Amount,
}

/// When the customer would like it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SchedulingPreferences {
    /// The day.
    #[serde(with = "wire::days::option")]
    pub preferred_date: Option<Date>,
    /// The time of day.
    pub time_window: Option<TimeWindow>,
    /// The days that do not suit.
    #[serde(with = "wire::days_list")]
    pub excluded_dates: Vec<Date>,
    /// The technician whom the customer would like.
    pub technician_preference: Option<String>,
    /// What else the technician should know.
    pub notes: Option<Personal<String>>,
}

/// A part of a day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TimeWindow {
    /// From when, `HH:mm`.
    pub start: String,
    /// Until when, `HH:mm`.
    pub end: String,
}

symbols! {
    /// What kind of work an order is.
    OrderType {
        /// Something new is installed.
        Installation = "INSTALLATION",
        /// Something broken is repaired.
        Repair = "REPAIR",
        /// Something is kept in order.
        Maintenance = "MAINTENANCE",
        /// Something is replaced by something better.
        Upgrade = "UPGRADE",
    }
}

symbols! {
    /// How urgent an order is.
    OrderPriority {
        /// When there is time.
        Low = "LOW",
        /// As usual.
        Medium = "MEDIUM",
        /// Before the usual.
        High = "HIGH",
        /// As soon as possible.
        Urgent = "URGENT",
        /// At once.
        Emergency = "EMERGENCY",
    }
}

symbols! {
    /// How a customer would like to be reached.
    ContactMethod {
        /// By e-mail.
        Email = "EMAIL",
        /// By text message.
        Sms = "SMS",
        /// By telephone.
        Phone = "PHONE",
    }
}
