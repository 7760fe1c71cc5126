use fsm_integration_core::{
    error::{Error, ErrorKind, Result},
    event::catalogue::{
        self as event, AssignmentConfirmed, EventMeta, Modification, ServiceOrderCancelled, TvOutcome,
        TvOutcomeRecorded,
    },
};
use jiff::Timestamp;
use uuid::Uuid;

use crate::wire::{
    Appointment, AppointmentScheduled, IntakeStatus, OrderCancelled, OrderIntakeResponse, OrderProblem, OrderStatus,
    TvModification, TvModifications,
};

/// What has to be remembered of an order to speak about it to whoever sold it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderRef {
    /// Our id.
    pub order_id: Uuid,
    /// The sales system's id.
    pub external_order_id: String,
    /// When the order was accepted.
    pub received_at: Timestamp,
}

impl OrderRef {
    fn answer(&self, status: IntakeStatus, meta: &EventMeta) -> OrderIntakeResponse {
        OrderIntakeResponse {
            order_id: self.order_id.to_string(),
            external_order_id: self.external_order_id.clone(),
            status,
            correlation_id: meta.correlation_id.as_str().to_owned(),
            received_at: self.received_at,
            appointment: None,
            errors: Vec::new(),
        }
    }
}

/// A confirmed assignment, as the callback that tells of the appointment.
///
/// # Errors
/// [`ErrorKind::Undecodable`] when the event names no appointment, times or technician: older producers did not.
pub fn appointment_scheduled(order: &OrderRef, event: &AssignmentConfirmed) -> Result<AppointmentScheduled> {
    let appointment = appointment(event)
        .ok_or_else(|| Error::new(ErrorKind::Undecodable, "the assignment names no appointment to tell of"))?;
    let answer = order.answer(IntakeStatus::Scheduled, &event.meta);
    Ok(AppointmentScheduled(OrderIntakeResponse { appointment: Some(appointment), ..answer }))
}

fn appointment(event: &AssignmentConfirmed) -> Option<Appointment> {
    Some(Appointment {
        appointment_id: event.appointment_id?.to_string(),
        scheduled_start: event.scheduled_start?,
        scheduled_end: event.scheduled_end?,
        technician_id: event.technician_id.clone()?,
        technician_name: event.technician_name.clone()?,
    })
}

/// How far an order has come; `meta` is of the event that says so.
#[must_use]
pub fn order_status(order: &OrderRef, status: IntakeStatus, meta: &EventMeta) -> OrderStatus {
    OrderStatus(order.answer(status, meta))
}

/// What stands in the way of an order that was accepted: no slot, no skill, an address that cannot be found.
#[must_use]
pub fn order_failed(order: &OrderRef, kind: ErrorKind, field: Option<&str>, meta: &EventMeta) -> OrderStatus {
    let problem = OrderProblem {
        code: kind.code().to_owned(),
        message: kind.summary().to_owned(),
        field: field.map(str::to_owned),
    };
    OrderStatus(OrderIntakeResponse { errors: vec![problem], ..order.answer(IntakeStatus::Failed, meta) })
}

/// The state of an order in the words that the sales systems know; what ends an order is told in other messages.
#[must_use]
pub const fn intake_status(status: event::OrderStatus) -> Option<IntakeStatus> {
    match status {
        event::OrderStatus::Created => Some(IntakeStatus::Received),
        event::OrderStatus::Scheduled | event::OrderStatus::Assigned => Some(IntakeStatus::Scheduled),
        event::OrderStatus::InProgress => Some(IntakeStatus::Processing),
        event::OrderStatus::Completed | event::OrderStatus::Cancelled | event::OrderStatus::Unknown => None,
    }
}

/// An order that was called off.
#[must_use]
pub fn cancelled(order: &OrderRef, event: &ServiceOrderCancelled, refund_required: bool) -> OrderCancelled {
    OrderCancelled {
        event_id: event.meta.event_id.to_string(),
        correlation_id: event.meta.correlation_id.as_str().to_owned(),
        timestamp: event.meta.event_timestamp,
        order_id: order.order_id.to_string(),
        external_order_id: order.external_order_id.clone(),
        reason: event.reason.clone(),
        refund_required,
    }
}

/// What a technical visit found that has to be done otherwise, and priced anew; `None` unless the outcome is YES_BUT.
#[must_use]
pub fn tv_modifications(order: &OrderRef, event: &TvOutcomeRecorded) -> Option<TvModifications> {
    if event.outcome != TvOutcome::YesBut {
        return None;
    }
    let modification = |found: &Modification| TvModification {
        description: found.description.clone(),
        extra_duration_min: found.extra_duration_min.and_then(|minutes| u32::try_from(minutes).ok()),
        requires_repricing: true,
    };
    Some(TvModifications {
        event_id: event.meta.event_id.to_string(),
        correlation_id: event.meta.correlation_id.as_str().to_owned(),
        timestamp: event.meta.event_timestamp,
        order_id: order.order_id.to_string(),
        external_order_id: order.external_order_id.clone(),
        modifications: event.modifications.iter().flatten().map(modification).collect(),
    })
}

#[cfg(test)]
pub(crate) mod tests {
    use fsm_integration_core::adapter::{CorrelationId, TenantId};
    use jiff::civil::date;
    use serde_json::json;

    use super::*;

    pub(crate) fn order() -> OrderRef {
        OrderRef {
            order_id: Uuid::from_u128(1),
            external_order_id: "PX-TEST-001".to_owned(),
            received_at: "2025-01-15T10:00:00Z".parse().unwrap(),
        }
    }

    pub(crate) fn meta() -> EventMeta {
        EventMeta {
            event_id: Uuid::from_u128(7),
            event_timestamp: "2025-01-16T08:00:00Z".parse().unwrap(),
            correlation_id: CorrelationId::new("c-1").unwrap(),
            tenant_id: TenantId::new("demo").unwrap(),
            sequence: 3,
        }
    }

    pub(crate) fn confirmed() -> AssignmentConfirmed {
        AssignmentConfirmed {
            meta: meta(),
            service_order_id: Uuid::from_u128(1),
            provider_id: "P".to_owned(),
            team_id: "T".to_owned(),
            confirmed_date: date(2025, 1, 20),
            confirmed_time_start: "09:00".to_owned(),
            confirmed_time_end: "11:00".to_owned(),
            appointment_id: Some(Uuid::from_u128(2)),
            scheduled_start: Some("2025-01-20T17:00:00Z".parse().unwrap()),
            scheduled_end: Some("2025-01-20T19:00:00Z".parse().unwrap()),
            technician_id: Some("TECH-1".to_owned()),
            technician_name: Some("Ada".into()),
        }
    }

    #[test]
    fn a_confirmed_assignment_tells_when_who_comes() {
        let body = appointment_scheduled(&order(), &confirmed()).unwrap();
        let expected = json!({
            "orderId": "00000000-0000-0000-0000-000000000001", "externalOrderId": "PX-TEST-001", "status": "SCHEDULED",
            "correlationId": "c-1", "receivedAt": "2025-01-15T10:00:00.000Z",
            "appointment": {
                "appointmentId": "00000000-0000-0000-0000-000000000002",
                "scheduledStart": "2025-01-20T17:00:00.000Z", "scheduledEnd": "2025-01-20T19:00:00.000Z",
                "technicianId": "TECH-1", "technicianName": "Ada"
            }
        });
        assert_eq!(serde_json::to_value(&body).unwrap(), expected);
        assert_eq!(serde_json::from_value::<AppointmentScheduled>(expected).unwrap(), body);
    }

    #[test]
    fn an_assignment_without_appointment_is_refused_for_good() {
        for event in [
            AssignmentConfirmed { appointment_id: None, ..confirmed() },
            AssignmentConfirmed { scheduled_end: None, ..confirmed() },
            AssignmentConfirmed { technician_name: None, ..confirmed() },
        ] {
            let error = appointment_scheduled(&order(), &event).unwrap_err();
            assert!(error.kind().class().is_final());
        }
    }

    #[test]
    fn a_failed_order_names_code_and_field() {
        let body = order_failed(&order(), ErrorKind::InvalidAddress, Some("serviceAddress"), &meta());
        let value = serde_json::to_value(&body).unwrap();
        assert_eq!(value["status"], "FAILED");
        let message = "the address cannot be geocoded";
        let expected = json!([{"code": "INVALID_ADDRESS", "message": message, "field": "serviceAddress"}]);
        assert_eq!(value["errors"], expected);
        let processing = serde_json::to_value(order_status(&order(), IntakeStatus::Processing, &meta())).unwrap();
        assert_eq!((&processing["status"], processing.get("errors")), (&json!("PROCESSING"), None));
    }

    #[test]
    fn what_ends_an_order_is_no_state_of_intake() {
        assert_eq!(intake_status(event::OrderStatus::Created), Some(IntakeStatus::Received));
        assert_eq!(intake_status(event::OrderStatus::Assigned), Some(IntakeStatus::Scheduled));
        assert_eq!(intake_status(event::OrderStatus::InProgress), Some(IntakeStatus::Processing));
        for ended in [event::OrderStatus::Completed, event::OrderStatus::Cancelled, event::OrderStatus::Unknown] {
            assert_eq!(intake_status(ended), None);
        }
    }

    #[test]
    fn a_cancellation_says_whether_money_goes_back() {
        let event = ServiceOrderCancelled {
            meta: meta(),
            service_order_id: Uuid::from_u128(1),
            project_id: None,
            country_code: "US".to_owned(),
            reason: "technical visit: NO".into(),
            cancelled_by: None,
            source_system: None,
            external_order_id: None,
        };
        let value = serde_json::to_value(cancelled(&order(), &event, true)).unwrap();
        let expected = json!({
            "eventId": "00000000-0000-0000-0000-000000000007", "correlationId": "c-1",
            "timestamp": "2025-01-16T08:00:00.000Z", "orderId": "00000000-0000-0000-0000-000000000001",
            "externalOrderId": "PX-TEST-001", "reason": "technical visit: NO", "refundRequired": true
        });
        assert_eq!(value, expected);
    }

    fn visited(outcome: TvOutcome, extra_duration_min: Option<i32>) -> TvOutcomeRecorded {
        TvOutcomeRecorded {
            meta: meta(),
            tv_service_order_id: Uuid::from_u128(9),
            linked_installation_order_id: Some(Uuid::from_u128(1)),
            country_code: "US".to_owned(),
            outcome,
            modifications: Some(vec![Modification { description: "move the outlet".to_owned(), extra_duration_min }]),
            recorded_by: "T".to_owned(),
        }
    }

    #[test]
    fn yes_but_tells_every_modification_and_yes_and_no_tell_none() {
        let told = tv_modifications(&order(), &visited(TvOutcome::YesBut, Some(30))).unwrap();
        let expected = json!([{"description": "move the outlet", "extraDurationMin": 30, "requiresRepricing": true}]);
        assert_eq!(serde_json::to_value(told).unwrap()["modifications"], expected);
        let shorter = tv_modifications(&order(), &visited(TvOutcome::YesBut, Some(-5))).unwrap();
        assert_eq!(shorter.modifications[0].extra_duration_min, None);
        for outcome in [TvOutcome::Yes, TvOutcome::No, TvOutcome::Unknown] {
            assert_eq!(tv_modifications(&order(), &visited(outcome, None)), None);
        }
    }
}
