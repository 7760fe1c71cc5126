//! Every event that we know: one file a topic, with its struct, its schema, its key, who writes and who reads it.
//!
//! To add one: write `schemas/<topic>.avsc`, a file here, and its line in [`ALL`].

mod assignment_confirmed;
mod event;
mod meta;
mod order_intake;
mod personal;
mod service_order_created;
mod shared;
mod spec;
pub(crate) mod wire;

pub use self::{
    assignment_confirmed::AssignmentConfirmed,
    event::Event,
    meta::EventMeta,
    order_intake::{
        ContactMethod, OrderCustomer, OrderData, OrderIntakeReceived, OrderPriority, OrderTotal, OrderType,
        SchedulingPreferences, ServiceAddress, ServiceItem, TimeWindow,
    },
    personal::Personal,
    service_order_created::ServiceOrderCreated,
    shared::{GpsCoordinates, SalesChannel, SourceSystem, TvOutcome, WorkPriority},
    spec::TopicSpec,
};

/// Every topic, in the order of an order's life.
pub static ALL: &[TopicSpec] = &[order_intake::SPEC, service_order_created::SPEC, assignment_confirmed::SPEC];

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
