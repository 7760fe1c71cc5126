//! The names of the headers, and what a header that must be there once looks like.

use http::{HeaderMap, HeaderName, HeaderValue};

use crate::error::InvalidSignature;

pub(super) const FSM_SIGNATURE: HeaderName = HeaderName::from_static("x-fsm-signature");
pub(super) const FSM_TIMESTAMP: HeaderName = HeaderName::from_static("x-fsm-timestamp");
pub(super) const FSM_EVENT_ID: HeaderName = HeaderName::from_static("x-fsm-event-id");
pub(super) const STANDARD_ID: HeaderName = HeaderName::from_static("webhook-id");
pub(super) const STANDARD_TIMESTAMP: HeaderName = HeaderName::from_static("webhook-timestamp");
pub(super) const STANDARD_SIGNATURE: HeaderName = HeaderName::from_static("webhook-signature");

/// The headers that a verifier looks at, found in one walk: six lookups would hash six names.
#[derive(Debug, Default)]
pub(super) struct Found<'a> {
    pub(super) standard_id: Once<'a>,
    pub(super) standard_timestamp: Once<'a>,
    pub(super) standard_signature: Once<'a>,
    pub(super) fsm_id: Once<'a>,
    pub(super) fsm_timestamp: Once<'a>,
    pub(super) fsm_signature: Once<'a>,
}

/// A header that may be there once.
#[derive(Debug, Default, Clone, Copy)]
pub(super) enum Once<'a> {
    #[default]
    Absent,
    There(&'a HeaderValue),
    Twice,
}

impl<'a> Found<'a> {
    pub(super) fn of(headers: &'a HeaderMap) -> Self {
        let mut found = Self::default();
        for (name, value) in headers {
            if let Some(slot) = found.slot(name.as_str()) {
                slot.put(value);
            }
        }
        found
    }

    fn slot(&mut self, name: &str) -> Option<&mut Once<'a>> {
        Some(match name {
            "webhook-id" => &mut self.standard_id,
            "webhook-timestamp" => &mut self.standard_timestamp,
            "webhook-signature" => &mut self.standard_signature,
            "x-fsm-event-id" => &mut self.fsm_id,
            "x-fsm-timestamp" => &mut self.fsm_timestamp,
            "x-fsm-signature" => &mut self.fsm_signature,
            _ => return None,
        })
    }
}

impl<'a> Once<'a> {
    fn put(&mut self, value: &'a HeaderValue) {
        *self = if matches!(self, Self::Absent) { Self::There(value) } else { Self::Twice };
    }

    pub(super) fn is_absent(self) -> bool {
        matches!(self, Self::Absent)
    }

    /// The value of a header that is there at most once.
    pub(super) fn optional(self) -> Result<Option<&'a HeaderValue>, InvalidSignature> {
        match self {
            Self::Absent => Ok(None),
            Self::There(value) => Ok(Some(value)),
            Self::Twice => Err(InvalidSignature::DuplicateHeader),
        }
    }

    /// The value of a header that is there exactly once.
    pub(super) fn required(self) -> Result<&'a HeaderValue, InvalidSignature> {
        self.optional()?.ok_or(InvalidSignature::MissingHeader)
    }
}
