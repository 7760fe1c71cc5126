//! The names of the headers, and what a header that must be there once looks like.

use http::{HeaderMap, HeaderName};

use crate::error::InvalidSignature;

pub(super) const FSM_SIGNATURE: HeaderName = HeaderName::from_static("x-fsm-signature");
pub(super) const FSM_TIMESTAMP: HeaderName = HeaderName::from_static("x-fsm-timestamp");
pub(super) const FSM_EVENT_ID: HeaderName = HeaderName::from_static("x-fsm-event-id");
pub(super) const STANDARD_ID: HeaderName = HeaderName::from_static("webhook-id");
pub(super) const STANDARD_TIMESTAMP: HeaderName = HeaderName::from_static("webhook-timestamp");
pub(super) const STANDARD_SIGNATURE: HeaderName = HeaderName::from_static("webhook-signature");

/// The bytes of a header that is there at most once.
pub(super) fn optional<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Result<Option<&'a [u8]>, InvalidSignature> {
    let mut values = headers.get_all(name).iter();
    let first = values.next();
    if values.next().is_some() {
        return Err(InvalidSignature::DuplicateHeader);
    }
    Ok(first.map(http::HeaderValue::as_bytes))
}

/// The bytes of a header that is there exactly once.
pub(super) fn required<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Result<&'a [u8], InvalidSignature> {
    optional(headers, name)?.ok_or(InvalidSignature::MissingHeader)
}
