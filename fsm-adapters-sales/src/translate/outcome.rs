use fsm_integration_core::event::catalogue::{EventMeta, ServiceItem};

use super::OrderRef;
use crate::wire::{
    CompletionDetails, CustomerSatisfaction, InstallationOutcome, InstallationStatus, InstalledItem, Outcome,
    OutcomeIssue, OutcomePhoto, TestResult,
};

/// How a visit went: everything that is told of it beside the order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Visit {
    /// Which visit.
    pub appointment_id: String,
    /// How it ended.
    pub outcome: Outcome,
    /// When, by whom and how long.
    pub completion: CompletionDetails,
    /// What became of each line of the order.
    pub installed_items: Vec<InstalledItem>,
    /// What was measured.
    pub test_results: Vec<TestResult>,
    /// What the customer says.
    pub customer_satisfaction: Option<CustomerSatisfaction>,
    /// What it looks like.
    pub photos: Vec<OutcomePhoto>,
    /// What went wrong.
    pub issues: Vec<OutcomeIssue>,
    /// Why somebody has to come again, if somebody has to.
    pub follow_up_reason: Option<String>,
}

/// A closed order, as the outcome that is told to whoever sold it; `meta` is of the event that closed it.
#[must_use]
pub fn installation_outcome(order: &OrderRef, visit: Visit, meta: &EventMeta) -> InstallationOutcome {
    InstallationOutcome {
        event_id: meta.event_id.to_string(),
        correlation_id: meta.correlation_id.as_str().to_owned(),
        timestamp: meta.event_timestamp,
        order_id: order.order_id.to_string(),
        external_order_id: order.external_order_id.clone(),
        appointment_id: visit.appointment_id,
        outcome: visit.outcome,
        completion_details: visit.completion,
        installed_items: visit.installed_items,
        test_results: visit.test_results,
        customer_satisfaction: visit.customer_satisfaction,
        photos: visit.photos,
        issues: visit.issues,
        follow_up_required: visit.follow_up_reason.is_some(),
        follow_up_reason: visit.follow_up_reason,
    }
}

/// How a visit ended: whether the technician finished, and whether the customer signed under open reserves.
#[must_use]
pub const fn outcome_of(finished: bool, open_reserves: bool) -> Outcome {
    match (finished, open_reserves) {
        (true, false) => Outcome::Completed,
        (true, true) => Outcome::PartiallyCompleted,
        (false, _) => Outcome::Failed,
    }
}

/// The lines of the order that needed a technician, all in the state that the outcome means.
#[must_use]
pub fn installed_items(items: &[ServiceItem], outcome: Outcome) -> Vec<InstalledItem> {
    let installation_status = match outcome {
        Outcome::Completed => InstallationStatus::Installed,
        Outcome::PartiallyCompleted => InstallationStatus::PartiallyInstalled,
        Outcome::Failed | Outcome::Cancelled => InstallationStatus::NotInstalled,
    };
    let told = |item: &ServiceItem| InstalledItem {
        item_id: item.item_id.clone(),
        product_id: item.product_id.clone(),
        quantity: u32::try_from(item.quantity).unwrap_or(0),
        serial_numbers: item.serial_numbers.clone(),
        installation_status,
        notes: None,
    };
    items.iter().filter(|item| item.requires_installation).map(told).collect()
}

#[cfg(test)]
pub(crate) mod tests {
    use fsm_integration_core::event::Amount;
    use serde_json::json;

    use super::{
        super::callback::tests::{meta, order},
        *,
    };

    fn item(id: &str, requires_installation: bool) -> ServiceItem {
        ServiceItem {
            item_id: id.to_owned(),
            product_id: "P".to_owned(),
            product_name: "Fiber".to_owned(),
            quantity: 2,
            unit_price: Amount::parse("1", "EUR").unwrap(),
            serial_numbers: vec!["S1".to_owned()],
            requires_installation,
        }
    }

    pub(crate) fn visit() -> Visit {
        Visit {
            appointment_id: "A-1".to_owned(),
            outcome: Outcome::Completed,
            completion: CompletionDetails {
                completed_at: "2025-01-20T11:00:00Z".parse().unwrap(),
                technician_id: "TECH-1".to_owned(),
                technician_name: "Ada".into(),
                actual_duration: 115,
            },
            installed_items: installed_items(&[item("I-1", true)], Outcome::Completed),
            test_results: Vec::new(),
            customer_satisfaction: None,
            photos: Vec::new(),
            issues: Vec::new(),
            follow_up_reason: None,
        }
    }

    #[test]
    fn a_closed_order_tells_its_outcome_in_the_words_of_the_source_documents() {
        let body = installation_outcome(&order(), visit(), &meta());
        let expected = json!({
            "eventId": "00000000-0000-0000-0000-000000000007", "correlationId": "c-1",
            "timestamp": "2025-01-16T08:00:00.000Z", "orderId": "00000000-0000-0000-0000-000000000001",
            "externalOrderId": "PX-TEST-001", "appointmentId": "A-1", "outcome": "COMPLETED",
            "completionDetails": {"completedAt": "2025-01-20T11:00:00.000Z", "technicianId": "TECH-1",
                "technicianName": "Ada", "actualDuration": 115},
            "installedItems": [{"itemId": "I-1", "productId": "P", "quantity": 2, "serialNumbers": ["S1"],
                "installationStatus": "INSTALLED"}],
            "followUpRequired": false
        });
        assert_eq!(serde_json::to_value(&body).unwrap(), expected);
        assert_eq!(serde_json::from_value::<InstallationOutcome>(expected).unwrap(), body);
    }

    #[test]
    fn open_reserves_and_an_early_end_are_no_completion() {
        assert_eq!(outcome_of(true, false), Outcome::Completed);
        assert_eq!(outcome_of(true, true), Outcome::PartiallyCompleted);
        assert_eq!((outcome_of(false, false), outcome_of(false, true)), (Outcome::Failed, Outcome::Failed));
    }

    #[test]
    fn only_what_needed_a_technician_is_told_as_installed() {
        let items = [item("I-1", true), item("I-2", false)];
        let told = installed_items(&items, Outcome::Failed);
        assert_eq!((told.len(), told[0].installation_status), (1, InstallationStatus::NotInstalled));
        let partly = installed_items(&items, Outcome::PartiallyCompleted);
        assert_eq!(partly[0].installation_status, InstallationStatus::PartiallyInstalled);
    }

    #[test]
    fn a_reason_to_come_again_is_a_follow_up() {
        let again = Visit { follow_up_reason: Some("missing part".to_owned()), ..visit() };
        assert!(installation_outcome(&order(), again, &meta()).follow_up_required);
    }
}
