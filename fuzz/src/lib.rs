//! The properties of core's `tests/properties`, for a fuzzer.

#[path = "../../fsm-integration-core/tests/properties/avro_bodies.rs"]
mod avro_bodies;
#[path = "../../fsm-integration-core/tests/properties/input.rs"]
mod input;
#[path = "../../fsm-integration-core/tests/properties/json_bodies.rs"]
mod json_bodies;
#[path = "../../fsm-integration-core/tests/properties/retry_after.rs"]
mod retry_after;
#[path = "../../fsm-integration-core/tests/properties/signature_headers.rs"]
mod signature_headers;
#[path = "../../fsm-integration-core/tests/properties/timestamps.rs"]
mod timestamps;

/// Bytes from the bus, as an event of every topic.
pub fn avro_bodies(data: &[u8]) {
    avro_bodies::check(data);
}

/// A body that says it is JSON.
pub fn json_bodies(data: &[u8]) {
    json_bodies::check(data);
}

/// A partner's `Retry-After`.
pub fn retry_after(data: &[u8]) {
    retry_after::check(data);
}

/// The headers and the body of a webhook.
pub fn signature_headers(data: &[u8]) {
    signature_headers::check(data);
}

/// The timestamps of a webhook.
pub fn timestamps(data: &[u8]) {
    timestamps::check(data);
}
