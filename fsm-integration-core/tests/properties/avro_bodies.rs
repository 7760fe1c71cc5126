//! No bytes make the codec panic, and what is read as an event is written and read again as the same one.

use fsm_integration_core::event::{
    Event,
    catalogue::{
        AssignmentConfirmed, CheckinCompleted, CheckoutCompleted, FsmOrderStatusUpdated, FsmTvOutcomeRecorded,
        OrderCompleted, OrderIntakeReceived, PaymentReady, SalesOrderFailed, SalesOrderNormalized,
        ServiceOrderCancelled, ServiceOrderClosed, ServiceOrderCreated, ServiceOrderStatusChanged,
        ServiceOrderUnblocked, TaskCreated, TicketCreated, TvOutcomeRecorded, WcfSigned,
    },
    codec::{AvroCodec, BundledRegistry, SchemaRegistry},
};

/// One event's bytes as they came, and the same datum under the schema of every topic.
pub(crate) fn check(data: &[u8]) {
    let codec = AvroCodec::bundled();
    let _ = codec.to_json(data);
    let datum = data.get(5..).unwrap_or_default();
    read::<AssignmentConfirmed>(&codec, data, datum);
    read::<CheckinCompleted>(&codec, data, datum);
    read::<CheckoutCompleted>(&codec, data, datum);
    read::<FsmOrderStatusUpdated>(&codec, data, datum);
    read::<FsmTvOutcomeRecorded>(&codec, data, datum);
    read::<OrderCompleted>(&codec, data, datum);
    read::<OrderIntakeReceived>(&codec, data, datum);
    read::<PaymentReady>(&codec, data, datum);
    read::<SalesOrderFailed>(&codec, data, datum);
    read::<SalesOrderNormalized>(&codec, data, datum);
    read::<ServiceOrderCancelled>(&codec, data, datum);
    read::<ServiceOrderClosed>(&codec, data, datum);
    read::<ServiceOrderCreated>(&codec, data, datum);
    read::<ServiceOrderStatusChanged>(&codec, data, datum);
    read::<ServiceOrderUnblocked>(&codec, data, datum);
    read::<TaskCreated>(&codec, data, datum);
    read::<TicketCreated>(&codec, data, datum);
    read::<TvOutcomeRecorded>(&codec, data, datum);
    read::<WcfSigned>(&codec, data, datum);
}

fn read<E: Event>(codec: &AvroCodec, data: &[u8], datum: &[u8]) {
    let id = BundledRegistry.id_of(&E::TOPIC).expect("it is bundled");
    let own = [&[0], id.0.to_be_bytes().as_slice(), datum].concat();
    for bytes in [data, &own] {
        let Ok(event) = codec.decode::<E>(bytes) else { continue };
        let written = codec.encode(&event).expect("what was read can be written");
        let again = codec.decode::<E>(&written).expect("what was written can be read");
        assert_eq!(codec.encode(&again).expect("it was written before"), written, "{}", E::TOPIC);
        assert!(codec.to_json(&written).is_ok(), "{}", E::TOPIC);
    }
}
