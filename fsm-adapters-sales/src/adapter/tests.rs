use std::time::Duration;

use bytes::Bytes;
use fsm_integration_core::{
    adapter::{AdapterService, Call, CorrelationId, TenantId},
    error::{ErrorKind, PartnerAnswer},
    http_client::{HttpRequest, HttpResponse, HttpService},
    layers::instrument::HasContext,
    testing::VirtualClock,
};
use serde_json::json;
use tower::{ServiceExt, service_fn, util::BoxCloneSyncService};

use super::*;
use crate::{
    config::SalesSystemConfig,
    translate::{OrderRef, Visit, installation_outcome, order_failed, order_status},
    wire::{CompletionDetails, IntakeStatus, Outcome, TvModification},
};

type Seen = Arc<std::sync::Mutex<Vec<HttpRequest>>>;

/// A partner that answers every request with one status, as the HTTP client would report it.
fn partner(status: u16) -> (HttpService, Seen) {
    let seen = Seen::default();
    let service = service_fn({
        let seen = Arc::clone(&seen);
        move |request: HttpRequest| {
            seen.lock().unwrap().push(request);
            let answer = match ErrorKind::of_partner_status(status) {
                None => Ok(HttpResponse::new(Bytes::new())).map(|mut ok| {
                    *ok.status_mut() = http::StatusCode::from_u16(status).unwrap();
                    ok
                }),
                Some(kind) => {
                    Err(Error::from(kind).with_answer(PartnerAnswer { status, body: Bytes::from_static(b"{}") }))
                }
            };
            std::future::ready(answer)
        }
    });
    (BoxCloneSyncService::new(service), seen)
}

fn adapter<M: SalesMessage>(client: HttpService) -> SalesAdapter<M> {
    let config = SalesSystemConfig { base_url: "http://pyxis.test/api/".to_owned(), ..SalesSystemConfig::default() };
    SalesAdapter::new(SalesClient::new(client, &config), Arc::new(VirtualClock::default()))
}

fn meta() -> fsm_integration_core::event::catalogue::EventMeta {
    fsm_integration_core::event::catalogue::EventMeta {
        event_id: Uuid::from_u128(7),
        event_timestamp: "2025-01-16T08:00:00Z".parse().unwrap(),
        correlation_id: CorrelationId::new("c-1").unwrap(),
        tenant_id: TenantId::new("demo").unwrap(),
        sequence: 3,
    }
}

fn context() -> IntegrationContext {
    IntegrationContext::system(meta().tenant_id, meta().correlation_id, meta().event_timestamp)
}

fn order() -> OrderRef {
    OrderRef {
        order_id: Uuid::from_u128(1),
        external_order_id: "PX-TEST-001".to_owned(),
        received_at: "2025-01-15T10:00:00Z".parse().unwrap(),
    }
}

fn appointment() -> AppointmentScheduled {
    serde_json::from_value(json!({
        "orderId": "1", "externalOrderId": "PX-TEST-001", "status": "SCHEDULED", "correlationId": "c-1",
        "receivedAt": "2025-01-15T10:00:00Z",
        "appointment": {"appointmentId": "A-1", "scheduledStart": "2025-01-20T17:00:00Z",
            "scheduledEnd": "2025-01-20T19:00:00Z", "technicianId": "T", "technicianName": "Ada"}
    }))
    .unwrap()
}

fn outcome() -> InstallationOutcome {
    let visit = Visit {
        appointment_id: "A-1".to_owned(),
        outcome: Outcome::Completed,
        completion: CompletionDetails {
            completed_at: meta().event_timestamp,
            technician_id: "T".to_owned(),
            technician_name: "Ada".into(),
            actual_duration: 90,
        },
        installed_items: Vec::new(),
        test_results: Vec::new(),
        customer_satisfaction: None,
        photos: Vec::new(),
        issues: Vec::new(),
        follow_up_reason: None,
    };
    installation_outcome(&order(), visit, &meta())
}

fn modifications(modifications: &[TvModification]) -> TvModifications {
    serde_json::from_value(json!({
        "eventId": "7", "correlationId": "c-1", "timestamp": "2025-01-16T08:00:00Z", "orderId": "1",
        "externalOrderId": "PX-TEST-001", "modifications": modifications
    }))
    .unwrap()
}

fn cancellation(reason: &str) -> OrderCancelled {
    serde_json::from_value(json!({
        "eventId": "7", "correlationId": "c-1", "timestamp": "2025-01-16T08:00:00Z", "orderId": "1",
        "externalOrderId": "PX-TEST-001", "reason": reason, "refundRequired": true
    }))
    .unwrap()
}

fn move_outlet() -> TvModification {
    TvModification { description: "move the outlet".to_owned(), extra_duration_min: None, requires_repricing: true }
}

/// Sends the message through the adapter's service and gives back what the partner saw.
async fn sent<M: SalesMessage + Clone>(message: M) -> HttpRequest {
    let (client, seen) = partner(202);
    let call = Call { request: Delivery::new(meta().event_id, message), context: context() };
    let done = AdapterService::new(adapter::<M>(client)).oneshot(call).await.unwrap();
    assert_eq!(done, Delivered { status: 202 });
    let mut seen = seen.lock().unwrap();
    assert_eq!(seen.len(), 1);
    seen.remove(0)
}

#[tokio::test]
async fn every_message_goes_to_its_own_callback() {
    let paths = [
        sent(appointment()).await.uri().to_string(),
        sent(order_status(&order(), IntakeStatus::Processing, &meta())).await.uri().to_string(),
        sent(outcome()).await.uri().to_string(),
        sent(cancellation("NO")).await.uri().to_string(),
        sent(modifications(&[move_outlet()])).await.uri().to_string(),
    ];
    let expected = [
        "callback/appointment-scheduled",
        "callback/order-status",
        "webhooks/installation-outcome",
        "webhooks/order-cancelled",
        "webhooks/tv-modifications",
    ];
    assert_eq!(paths, expected.map(|path| format!("http://pyxis.test/api/{path}")));
}

#[tokio::test]
async fn a_callback_carries_what_signing_retrying_and_tracing_need() {
    let request = sent(outcome()).await;
    let header = |name: &str| request.headers()[name].to_str().unwrap();
    assert_eq!((request.method().as_str(), header("content-type")), ("POST", "application/json"));
    assert_eq!((header("x-correlation-id"), header("x-tenant-id")), ("c-1", "demo"));
    let id = "sales-installation-outcome_00000000-0000-0000-0000-000000000007";
    assert_eq!(header("webhook-id"), id);
    assert_eq!(request.extensions().get::<WebhookId>().map(WebhookId::as_str), Some(id));
    let known = HasContext::context(&request).map(|context| (context.correlation_id.as_str(), context.tenant.as_str()));
    assert_eq!(known, Some(("c-1", "demo")));
    assert_eq!(serde_json::from_slice::<InstallationOutcome>(request.body()).unwrap(), outcome());
}

#[test]
fn two_messages_about_one_event_have_different_ids() {
    let status = Delivery::new(Uuid::from_u128(7), order_status(&order(), IntakeStatus::Processing, &meta()));
    let outcome = Delivery::new(Uuid::from_u128(7), outcome());
    assert_ne!(status.id, outcome.id);
}

#[tokio::test]
async fn f_w9_any_2xx_is_a_success_and_nothing_else_is() {
    for status in [200, 201, 202, 204, 299] {
        let (client, _) = partner(status);
        let delivery = Delivery::new(Uuid::from_u128(1), appointment());
        let done = adapter(client).execute(&delivery, &context()).await.unwrap();
        assert_eq!(done.status, status);
    }
}

#[test]
fn f_v7_an_answer_is_judged_by_its_status_and_never_cast() {
    let adapter = adapter::<AppointmentScheduled>(partner(200).0);
    for (status, kind) in [
        (301, ErrorKind::PartnerRejected),
        (400, ErrorKind::PartnerRejected),
        (408, ErrorKind::Timeout),
        (410, ErrorKind::PartnerGone),
        (429, ErrorKind::RateLimited),
        (503, ErrorKind::Unavailable),
    ] {
        let refused = adapter.transform(ExternalResponse { status, body: Bytes::new() }).unwrap_err();
        assert_eq!((refused.kind(), refused.answer().unwrap().status), (kind, status));
    }
}

/// What the adapter finds wrong, without asking the partner.
async fn refused<M: SalesMessage>(message: M) -> Vec<String> {
    let (client, seen) = partner(200);
    let call = Call { request: Delivery::new(Uuid::from_u128(1), message), context: context() };
    let error = AdapterService::new(adapter::<M>(client)).oneshot(call).await.unwrap_err();
    assert!(seen.lock().unwrap().is_empty(), "not sent");
    error.details().iter().map(|detail| detail.field.clone()).collect()
}

#[tokio::test]
async fn a_message_that_makes_no_sense_is_not_sent() {
    let mut bare = appointment();
    bare.0.appointment = None;
    bare.0.external_order_id = " ".to_owned();
    assert_eq!(refused(bare).await, ["externalOrderId", "appointment"]);
    let mut backwards = appointment();
    let times = backwards.0.appointment.as_mut().unwrap();
    times.scheduled_end = times.scheduled_start;
    assert_eq!(refused(backwards).await, ["appointment.scheduledEnd"]);
    assert_eq!(refused(order_status(&order(), IntakeStatus::Failed, &meta())).await, ["errors"]);
    let mut contradiction = order_failed(&order(), ErrorKind::NoSlotsAvailable, None, &meta());
    contradiction.0.status = IntakeStatus::Scheduled;
    assert_eq!(refused(contradiction).await, ["errors"]);
    let satisfaction = Some(crate::wire::CustomerSatisfaction { rating: 6, feedback: None, signature_url: None });
    let outcome = InstallationOutcome { customer_satisfaction: satisfaction, follow_up_required: true, ..outcome() };
    assert_eq!(refused(outcome).await, ["customerSatisfaction.rating", "followUpReason"]);
    assert_eq!(refused(cancellation("")).await, ["reason"]);
    assert_eq!(refused(modifications(&[])).await, ["modifications"]);
}

#[tokio::test]
async fn health_is_what_the_answer_says_of_the_system() {
    let cases = [(200, Health::Healthy), (404, Health::Healthy), (429, Health::Degraded), (503, Health::Unhealthy)];
    for (status, health) in cases {
        let (client, seen) = partner(status);
        let found = adapter::<OrderStatus>(client).health_check().await;
        assert_eq!(found.health, health, "{status}");
        let request = seen.lock().unwrap().remove(0);
        assert_eq!((request.method().as_str(), request.uri().path()), ("GET", "/api/health"));
    }
}

#[tokio::test(start_paused = true)]
async fn health_measures_how_long_it_took() {
    let slow: HttpService = BoxCloneSyncService::new(service_fn(|_: HttpRequest| async {
        tokio::time::sleep(Duration::from_millis(1_500)).await;
        Ok::<_, Error>(HttpResponse::new(Bytes::new()))
    }));
    assert_eq!(adapter::<OrderStatus>(slow).health_check().await.latency, Duration::from_millis(1_500));
}

#[test]
fn the_systems_are_known_by_their_routes() {
    assert_eq!(SalesSystem::from_partner("pyxis"), Some(SalesSystem::Pyxis));
    assert_eq!(SalesSystem::from_partner("tempo"), Some(SalesSystem::Tempo));
    for unknown in ["PYXIS", "sap", ""] {
        assert_eq!(SalesSystem::from_partner(unknown), None);
    }
    assert!(SalesSystem::Pyxis.takes_tv_modifications() && !SalesSystem::Tempo.takes_tv_modifications());
}

#[test]
fn adapters_have_names_and_versions() {
    let adapter = adapter::<InstallationOutcome>(partner(200).0);
    assert_eq!(
        (adapter.id().as_str(), adapter.version().to_string()),
        ("sales-installation-outcome", "1.0.0".to_owned())
    );
}
