//! Every event that we know: one file a topic, with its struct, its schema, its key, who writes and who reads it.
//!
//! To add one: write `schemas/<topic>.avsc`, a file here, and its line in [`ALL`].

mod assignment_confirmed;
mod checkin_completed;
mod checkout_completed;
mod event;
mod fsm_order_status_updated;
mod fsm_tv_outcome_recorded;
mod meta;
mod order_completed;
mod order_intake;
mod payment_ready;
mod personal;
mod sales_order_failed;
mod sales_order_normalized;
mod schema_only;
mod service_order_cancelled;
mod service_order_closed;
mod service_order_created;
mod service_order_status_changed;
mod service_order_unblocked;
mod shared;
mod spec;
mod task_created;
mod ticket_created;
mod tv_outcome_recorded;
mod wcf_signed;
pub(crate) mod wire;

pub use self::{
    assignment_confirmed::AssignmentConfirmed,
    checkin_completed::CheckinCompleted,
    checkout_completed::CheckoutCompleted,
    event::Event,
    fsm_order_status_updated::{FsmOrderStatusUpdated, OrderStatus},
    fsm_tv_outcome_recorded::{FsmTvOutcomeRecorded, ScopeModification},
    meta::EventMeta,
    order_completed::OrderCompleted,
    order_intake::{
        ContactMethod, OrderCustomer, OrderData, OrderIntakeReceived, OrderPriority, OrderTotal, OrderType,
        SchedulingPreferences, ServiceAddress, ServiceItem, TimeWindow,
    },
    payment_ready::PaymentReady,
    personal::Personal,
    sales_order_failed::SalesOrderFailed,
    sales_order_normalized::SalesOrderNormalized,
    service_order_cancelled::ServiceOrderCancelled,
    service_order_closed::ServiceOrderClosed,
    service_order_created::ServiceOrderCreated,
    service_order_status_changed::ServiceOrderStatusChanged,
    service_order_unblocked::ServiceOrderUnblocked,
    shared::{GpsCoordinates, SalesChannel, SourceSystem, TvOutcome, WorkPriority},
    spec::TopicSpec,
    task_created::TaskCreated,
    ticket_created::{TicketCreated, TicketType},
    tv_outcome_recorded::{Modification, TvOutcomeRecorded},
    wcf_signed::{Reserve, ReserveSeverity, WcfSigned},
};

/// Every topic, in the order of an order's life; what is agreed only stands last.
pub static ALL: &[TopicSpec] = &[
    order_intake::SPEC,
    sales_order_normalized::SPEC,
    sales_order_failed::SPEC,
    service_order_created::SPEC,
    service_order_status_changed::SPEC,
    fsm_order_status_updated::SPEC,
    assignment_confirmed::SPEC,
    task_created::SPEC,
    tv_outcome_recorded::SPEC,
    fsm_tv_outcome_recorded::SPEC,
    service_order_unblocked::SPEC,
    service_order_cancelled::SPEC,
    order_completed::SPEC,
    ticket_created::SPEC,
    checkin_completed::SPEC,
    checkout_completed::SPEC,
    wcf_signed::SPEC,
    service_order_closed::SPEC,
    payment_ready::SPEC,
    schema_only::PROJECT_CREATED,
    schema_only::OFFER_CREATED,
    schema_only::DATE_NEGOTIATION_FAILED,
    schema_only::CONTRACT_SIGNED,
    schema_only::SALES_ORDER_RECEIVED,
    schema_only::PYXIS_ORDER_CREATED,
    schema_only::TEMPO_SERVICE_REQUESTED,
];

/// The types that several schemas refer to, each written once.
pub static SHARED: &[&str] = &[
    include_str!("../../../schemas/shared/Amount.avsc"),
    include_str!("../../../schemas/shared/CustomerInfo.avsc"),
    include_str!("../../../schemas/shared/DeliveryAddress.avsc"),
    include_str!("../../../schemas/shared/SalesChannel.avsc"),
    include_str!("../../../schemas/shared/SourceSystem.avsc"),
    include_str!("../../../schemas/shared/TvOutcome.avsc"),
    include_str!("../../../schemas/shared/WorkPriority.avsc"),
];

/// What is agreed about a topic, if it is one of ours.
#[must_use]
pub fn find(topic: &str) -> Option<&'static TopicSpec> {
    ALL.iter().find(|spec| spec.topic.as_str() == topic)
}

#[cfg(test)]
mod tests;
