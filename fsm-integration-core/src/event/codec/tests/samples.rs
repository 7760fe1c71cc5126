//! One event of every kind, with every field in use.

use std::{collections::BTreeMap, fmt::Debug};

use jiff::{Timestamp, civil::date};
use uuid::Uuid;

use crate::{
    adapter::{CorrelationId, TenantId},
    event::{Amount, Event, catalogue::*},
};

/// What a test does with each event; a closure cannot be generic.
pub(super) trait Visit {
    fn visit<E: Event + Debug + PartialEq>(&mut self, event: E);
}

pub(super) fn each(visit: &mut impl Visit) {
    visit.visit(intake());
    visit.visit(normalized());
    visit.visit(failed());
    visit.visit(created());
    visit.visit(status_changed());
    visit.visit(status_updated());
    visit.visit(confirmed());
    visit.visit(task());
    visit.visit(tv_outcome());
    visit.visit(fsm_tv_outcome());
    visit.visit(unblocked());
    visit.visit(cancelled());
    visit.visit(order_completed());
    visit.visit(ticket());
    visit.visit(checkin());
    visit.visit(checkout());
    visit.visit(wcf());
    visit.visit(closed());
    visit.visit(payment());
}

pub(super) fn meta() -> EventMeta {
    EventMeta {
        event_id: Uuid::from_u128(1),
        event_timestamp: at("2025-01-20T09:00:00.123Z"),
        correlation_id: CorrelationId::new("c-1").unwrap(),
        tenant_id: TenantId::new("demo").unwrap(),
        sequence: 3,
    }
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn id(number: u128) -> Uuid {
    Uuid::from_u128(number)
}

fn text(text: &str) -> String {
    text.to_owned()
}

pub(super) fn usd(number: &str) -> Amount {
    Amount::parse(number, "USD").unwrap()
}

pub(super) fn intake() -> OrderIntakeReceived {
    OrderIntakeReceived {
        meta: meta(),
        order_id: id(2),
        external_order_id: text("PX-TEST-001"),
        sales_system: SourceSystem::Pyxis,
        sales_channel: SalesChannel::Store,
        order_data: order_data(),
        raw_payload: r#"{"externalOrderId":"PX-TEST-001"}"#.into(),
    }
}

fn order_data() -> OrderData {
    OrderData {
        order_type: OrderType::Installation,
        priority: OrderPriority::Medium,
        customer: OrderCustomer {
            customer_id: text("CUST-001"),
            first_name: "John".into(),
            last_name: "Doe".into(),
            email: Some("john.doe@example.com".into()),
            phone: None,
            preferred_contact_method: ContactMethod::Email,
        },
        service_address: ServiceAddress {
            street: "123 Main St".into(),
            street2: None,
            city: "San Francisco".into(),
            state: Some(text("CA")),
            postal_code: "94105".into(),
            country: text("US"),
            access_notes: Some("ring twice".into()),
            parking_instructions: None,
        },
        service_items: vec![ServiceItem {
            item_id: text("ITEM-001"),
            product_id: text("PROD-FIBER-1GB"),
            product_name: text("Fiber Internet 1GB"),
            quantity: 1,
            unit_price: usd("99.99"),
            serial_numbers: vec![text("SN-1")],
            requires_installation: true,
        }],
        total_amount: OrderTotal { subtotal: usd("99.99"), tax: usd("8.50"), total: usd("108.49") },
        scheduling_preferences: Some(SchedulingPreferences {
            preferred_date: Some(date(2025, 1, 20)),
            time_window: Some(TimeWindow { start: text("09:00"), end: text("12:00") }),
            excluded_dates: vec![date(2025, 1, 21), date(1969, 12, 31)],
            technician_preference: None,
            notes: Some("no calls".into()),
        }),
        required_skills: vec![text("FIBER_INSTALLATION")],
        estimated_duration: Some(120),
        metadata: BTreeMap::from([(text("campaign"), text("winter"))]).into(),
    }
}

fn normalized() -> SalesOrderNormalized {
    SalesOrderNormalized {
        meta: meta(),
        source_system: SourceSystem::Tempo,
        external_order_id: text("TMP-1"),
        fsm_service_order_id: id(2),
        sales_channel: SalesChannel::Web,
        country_code: text("FR"),
        transformation_version: text("2.1.0"),
    }
}

fn failed() -> SalesOrderFailed {
    SalesOrderFailed {
        meta: meta(),
        source_system: SourceSystem::Pyxis,
        external_order_id: text("PX-1"),
        error_code: text("INVALID_ADDRESS"),
        error_message: text("the address cannot be geocoded"),
        raw_payload: "{}".into(),
        retry_count: 2,
    }
}

pub(super) fn created() -> ServiceOrderCreated {
    ServiceOrderCreated {
        meta: meta(),
        service_order_id: id(2),
        project_id: id(3),
        service_type: text("INSTALLATION"),
        country_code: text("US"),
        bu_code: text("BU"),
        estimated_duration_min: 120,
        requires_confirmation_tv: true,
        depends_on_order_id: Some(id(4)),
        source_system: Some(SourceSystem::Pyxis),
        external_order_id: Some(text("PX-TEST-001")),
    }
}

fn status_changed() -> ServiceOrderStatusChanged {
    ServiceOrderStatusChanged {
        meta: meta(),
        service_order_id: id(2),
        country_code: text("US"),
        old_status: text("CREATED"),
        new_status: text("SCHEDULED"),
        changed_by: None,
        reason: Some("a slot was free".into()),
    }
}

fn status_updated() -> FsmOrderStatusUpdated {
    FsmOrderStatusUpdated {
        meta: meta(),
        source_system: SourceSystem::Pyxis,
        external_order_id: text("PX-1"),
        fsm_service_order_id: id(2),
        status: OrderStatus::Scheduled,
        scheduled_date: Some(date(2025, 1, 20)),
        provider_name: None,
    }
}

fn confirmed() -> AssignmentConfirmed {
    AssignmentConfirmed {
        meta: meta(),
        service_order_id: id(2),
        provider_id: text("P-1"),
        team_id: text("T-1"),
        confirmed_date: date(2025, 1, 20),
        confirmed_time_start: text("09:00"),
        confirmed_time_end: text("11:00"),
        appointment_id: Some(id(5)),
        scheduled_start: Some(at("2025-01-20T17:00:00Z")),
        scheduled_end: Some(at("2025-01-20T19:00:00Z")),
        technician_id: Some(text("TECH-1")),
        technician_name: Some("Ada".into()),
    }
}

fn task() -> TaskCreated {
    TaskCreated {
        meta: meta(),
        task_id: id(6),
        task_type: text("NO_SLOT"),
        service_order_id: Some(id(2)),
        country_code: text("US"),
        priority: text("HIGH"),
        assigned_to: None,
        reason: Some("no slot in 14 days".into()),
    }
}

fn tv_outcome() -> TvOutcomeRecorded {
    TvOutcomeRecorded {
        meta: meta(),
        tv_service_order_id: id(7),
        linked_installation_order_id: Some(id(2)),
        country_code: text("US"),
        outcome: TvOutcome::YesBut,
        modifications: Some(vec![Modification { description: text("longer cable"), extra_duration_min: Some(30) }]),
        recorded_by: text("TECH-1"),
    }
}

fn fsm_tv_outcome() -> FsmTvOutcomeRecorded {
    FsmTvOutcomeRecorded {
        meta: meta(),
        source_system: SourceSystem::Sap,
        external_order_id: text("S-1"),
        tv_outcome: TvOutcome::No,
        modifications: Some(vec![ScopeModification { description: text("longer cable"), requires_repricing: true }]),
        cancellation_reason: Some("no duct".into()),
    }
}

fn unblocked() -> ServiceOrderUnblocked {
    ServiceOrderUnblocked {
        meta: meta(),
        service_order_id: id(2),
        project_id: Some(id(3)),
        country_code: text("US"),
        reason: text("TV_OUTCOME_YES"),
        unblocked_by_order_id: Some(id(7)),
    }
}

fn cancelled() -> ServiceOrderCancelled {
    ServiceOrderCancelled {
        meta: meta(),
        service_order_id: id(2),
        project_id: None,
        country_code: text("US"),
        reason: "no duct".into(),
        cancelled_by: Some(text("orchestration-service")),
        source_system: Some(SourceSystem::Custom),
        external_order_id: Some(text("C-1")),
    }
}

fn order_completed() -> OrderCompleted {
    OrderCompleted {
        meta: meta(),
        order_id: id(2),
        order_number: text("ORD-12345"),
        deployment_instance_id: Some(text("dep-1")),
        customer_id: text("CUST-001"),
        company: Some("Doe Ltd".into()),
        priority: WorkPriority::Normal,
        service_address: Some("123 Main St, Lagos, Nigeria".into()),
        total_amount: Some(Amount::parse("-0.0001", "NGN").unwrap()),
        affected_services: vec![text("service1"), text("service2")],
        device_serial_numbers: vec![],
    }
}

fn ticket() -> TicketCreated {
    TicketCreated {
        meta: meta(),
        ticket_id: id(8),
        ticket_number: text("TKT-12345"),
        ticket_type: TicketType::InstallationRequest,
        subject: "Installation for ORD-12345".into(),
        priority: WorkPriority::Urgent,
        customer_id: text("CUST-001"),
        service_address: None,
        order_id: Some(id(2)),
        order_number: Some(text("ORD-12345")),
        affected_services: vec![],
        device_serial_numbers: vec![text("SN123")],
        auto_created: true,
        metadata: BTreeMap::from([(text("floor"), text("2"))]).into(),
    }
}

fn checkin() -> CheckinCompleted {
    CheckinCompleted {
        meta: meta(),
        execution_id: id(9),
        service_order_id: id(2),
        team_id: text("T-1"),
        checked_in_at: at("2025-01-20T17:01:00Z"),
        gps: GpsCoordinates { lat: 37.7749, lng: -122.4194 }.into(),
        technician_id: Some(text("TECH-1")),
    }
}

fn checkout() -> CheckoutCompleted {
    CheckoutCompleted {
        meta: meta(),
        execution_id: id(9),
        service_order_id: id(2),
        team_id: text("T-1"),
        checked_out_at: at("2025-01-20T18:59:00Z"),
        completed: false,
        incompletion_reason: Some("nobody at home".into()),
        technician_id: None,
    }
}

pub(super) fn wcf() -> WcfSigned {
    let reserve = |number: &str, severity, resolved| Reserve { reserve_id: text(number), severity, resolved };
    WcfSigned {
        meta: meta(),
        wcf_id: id(10),
        service_order_id: id(2),
        country_code: text("US"),
        execution_id: id(9),
        customer_accepted: true,
        signed_at: at("2025-01-20T19:00:00Z"),
        reserves: vec![reserve("R-1", ReserveSeverity::Major, false), reserve("R-2", ReserveSeverity::Minor, true)],
    }
}

pub(super) fn closed() -> ServiceOrderClosed {
    ServiceOrderClosed {
        meta: meta(),
        service_order_id: id(2),
        project_id: id(3),
        country_code: text("US"),
        provider_id: text("P-1"),
        team_id: text("T-1"),
        customer_amount: usd("108.49"),
        provider_amount: usd("999999999999999.9999"),
        wcf_accepted: true,
        warranty_start_date: date(2025, 1, 20),
    }
}

fn payment() -> PaymentReady {
    PaymentReady {
        meta: meta(),
        service_order_id: id(2),
        provider_id: text("P-1"),
        amount: usd("55"),
        completion_date: date(2025, 1, 20),
        project_id: Some(id(3)),
        wcf_id: Some(id(10)),
    }
}
