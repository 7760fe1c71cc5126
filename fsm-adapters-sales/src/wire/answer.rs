use fsm_integration_core::event::catalogue::Personal;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{IntakeStatus, written};

/// What a sales system hears of its order: as the answer to intake and in callbacks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OrderIntakeResponse {
    /// Our id.
    pub order_id: String,
    /// Theirs.
    pub external_order_id: String,
    /// How far it has come.
    pub status: IntakeStatus,
    /// Ties the journey together.
    pub correlation_id: String,
    /// When the order was accepted.
    #[serde(serialize_with = "written::millis")]
    pub received_at: Timestamp,
    /// The appointment, once there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub appointment: Option<Appointment>,
    /// What stands in the way, if something does.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<OrderProblem>,
}

/// When who comes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Appointment {
    /// Names the appointment.
    pub appointment_id: String,
    /// From.
    #[serde(serialize_with = "written::millis")]
    pub scheduled_start: Timestamp,
    /// To.
    #[serde(serialize_with = "written::millis")]
    pub scheduled_end: Timestamp,
    /// Who comes.
    pub technician_id: String,
    /// The technician's name.
    pub technician_name: Personal<String>,
}

/// One thing that stands in the way of an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderProblem {
    /// A code of the error table, as `NO_SLOTS_AVAILABLE`.
    pub code: String,
    /// What to do about it, for a person.
    pub message: String,
    /// The field it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
}

/// The body of `/callback/appointment-scheduled`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct AppointmentScheduled(pub OrderIntakeResponse);

/// The body of `/callback/order-status`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct OrderStatus(pub OrderIntakeResponse);
