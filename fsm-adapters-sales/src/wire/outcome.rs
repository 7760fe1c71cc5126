use fsm_integration_core::event::catalogue::Personal;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{InstallationStatus, Outcome, Severity, TestVerdict, written};

/// How the visit ended, told to whoever sold it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct InstallationOutcome {
    /// The same on every attempt.
    pub event_id: String,
    /// Ties the journey together.
    pub correlation_id: String,
    /// When the order was closed.
    #[serde(serialize_with = "written::millis")]
    pub timestamp: Timestamp,
    /// Our id.
    pub order_id: String,
    /// Theirs.
    pub external_order_id: String,
    /// Which visit.
    pub appointment_id: String,
    /// How it ended.
    pub outcome: Outcome,
    /// When, by whom and how long.
    pub completion_details: CompletionDetails,
    /// What became of each line of the order.
    pub installed_items: Vec<InstalledItem>,
    /// What was measured.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub test_results: Vec<TestResult>,
    /// What the customer says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub customer_satisfaction: Option<CustomerSatisfaction>,
    /// What it looks like.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub photos: Vec<OutcomePhoto>,
    /// What went wrong.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub issues: Vec<OutcomeIssue>,
    /// Whether somebody has to come again.
    pub follow_up_required: bool,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub follow_up_reason: Option<String>,
}

/// When, by whom and how long.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CompletionDetails {
    /// When the work ended.
    #[serde(serialize_with = "written::millis")]
    pub completed_at: Timestamp,
    /// Who did it.
    pub technician_id: String,
    /// The technician's name.
    pub technician_name: Personal<String>,
    /// How long it took, in minutes.
    pub actual_duration: u32,
}

/// What became of one line of the order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct InstalledItem {
    /// The line's id.
    pub item_id: String,
    /// What it is.
    pub product_id: String,
    /// How many.
    pub quantity: u32,
    /// Which ones.
    pub serial_numbers: Vec<String>,
    /// Whether it is in place.
    pub installation_status: InstallationStatus,
    /// What to know about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notes: Option<String>,
}

/// One measurement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TestResult {
    /// What was tested.
    pub test_type: String,
    /// How it ended.
    pub result: TestVerdict,
    /// What was measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub details: Option<String>,
}

/// What the customer says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CustomerSatisfaction {
    /// 1 to 5.
    pub rating: u8,
    /// In the customer's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub feedback: Option<Personal<String>>,
    /// Where the signature is kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signature_url: Option<Personal<String>>,
}

/// One photograph.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OutcomePhoto {
    /// Names the photograph.
    pub photo_id: String,
    /// Where it is kept.
    pub url: String,
    /// What it shows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub caption: Option<String>,
    /// When it was taken.
    #[serde(serialize_with = "written::millis")]
    pub taken_at: Timestamp,
}

/// One thing that went wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OutcomeIssue {
    /// What kind of thing.
    pub issue_type: String,
    /// What happened.
    pub description: String,
    /// How bad it is.
    pub severity: Severity,
    /// Whether it is settled.
    pub resolved: bool,
}
