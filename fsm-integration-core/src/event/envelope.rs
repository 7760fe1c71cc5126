use std::{borrow::Cow, fmt};

use bytes::Bytes;
use jiff::Timestamp;
use uuid::Uuid;

use super::{Headers, HeadersFull, Topic};
use crate::{
    adapter::{CorrelationId, TenantId},
    error::{Error, ErrorKind, Result},
};

/// The names of the headers that an envelope becomes.
pub mod header {
    /// The event's id, by which consumers deduplicate.
    pub const EVENT_ID: &str = "event-id";
    /// The name of the event's record.
    pub const EVENT_TYPE: &str = "event-type";
    /// What ties the journey together.
    pub const CORRELATION_ID: &str = "correlation-id";
    /// Whose data it is.
    pub const TENANT_ID: &str = "tenant-id";
    /// The event that this one follows from.
    pub const CAUSATION_ID: &str = "causation-id";
    /// When the fact happened, in RFC 3339.
    pub const OCCURRED_AT: &str = "occurred-at";
    /// Which service published it.
    pub const SOURCE: &str = "source";
    /// The idempotency key of the request behind it.
    pub const IDEMPOTENCY_KEY: &str = "idempotency-key";
    /// W3C trace context, passed through.
    pub const TRACEPARENT: &str = "traceparent";
}

/// An event as it travels: the payload's bytes and what every reader needs without decoding them.
#[derive(Clone, PartialEq, Eq)]
pub struct Envelope {
    /// The event's id; the same in every copy of it.
    pub id: Uuid,
    /// The name of the event's record, as `ServiceOrderCreated`.
    pub event_type: Cow<'static, str>,
    /// When the fact happened.
    pub occurred_at: Timestamp,
    /// Which service published it.
    pub source: Cow<'static, str>,
    /// What ties the journey together.
    pub correlation_id: CorrelationId,
    /// Whose data it is.
    pub tenant: TenantId,
    /// The event that this one follows from.
    pub causation_id: Option<Uuid>,
    /// The idempotency key of the request behind it.
    pub idempotency_key: Option<String>,
    /// W3C trace context, passed through.
    pub traceparent: Option<String>,
    /// The partition key: records of one key stay in order.
    pub key: String,
    /// Where it is published.
    pub topic: Topic,
    /// The event in Confluent's wire format.
    pub payload: Bytes,
}

impl Envelope {
    /// Says which event this one follows from: its id and its trace are taken over.
    #[must_use]
    pub fn caused_by(mut self, cause: &Self) -> Self {
        self.causation_id = Some(cause.id);
        self.traceparent.clone_from(&cause.traceparent);
        self
    }

    /// What stands beside the payload on the bus.
    ///
    /// # Errors
    /// [`HeadersFull`] when an idempotency key or trace context is absurdly long.
    pub fn headers(&self) -> Result<Headers, HeadersFull> {
        let mut headers = Headers::default();
        headers.push(header::EVENT_ID, self.id.to_string())?;
        headers.push(header::EVENT_TYPE, self.event_type.clone().into_owned())?;
        headers.push(header::CORRELATION_ID, self.correlation_id.as_str().to_owned())?;
        headers.push(header::TENANT_ID, self.tenant.as_str().to_owned())?;
        headers.push(header::OCCURRED_AT, self.occurred_at.to_string())?;
        headers.push(header::SOURCE, self.source.clone().into_owned())?;
        if let Some(cause) = self.causation_id {
            headers.push(header::CAUSATION_ID, cause.to_string())?;
        }
        if let Some(key) = &self.idempotency_key {
            headers.push(header::IDEMPOTENCY_KEY, key.clone())?;
        }
        if let Some(trace) = &self.traceparent {
            headers.push(header::TRACEPARENT, trace.clone())?;
        }
        Ok(headers)
    }

    /// Reads a record back; headers that are not ours are ignored.
    ///
    /// # Errors
    /// [`ErrorKind::Undecodable`] when a header that every event has is absent or cannot be read.
    pub fn from_record(topic: Topic, key: impl Into<String>, headers: &Headers, payload: Bytes) -> Result<Self> {
        Ok(Self {
            id: required(headers, header::EVENT_ID)?,
            event_type: required::<String>(headers, header::EVENT_TYPE)?.into(),
            occurred_at: required(headers, header::OCCURRED_AT)?,
            source: required::<String>(headers, header::SOURCE)?.into(),
            correlation_id: required(headers, header::CORRELATION_ID)?,
            tenant: required(headers, header::TENANT_ID)?,
            causation_id: optional(headers, header::CAUSATION_ID)?,
            idempotency_key: optional(headers, header::IDEMPOTENCY_KEY)?,
            traceparent: optional(headers, header::TRACEPARENT)?,
            key: key.into(),
            topic,
            payload,
        })
    }
}

fn required<T: std::str::FromStr>(headers: &Headers, name: &'static str) -> Result<T> {
    optional(headers, name)?.ok_or_else(|| unreadable(name, "missing"))
}

fn optional<T: std::str::FromStr>(headers: &Headers, name: &'static str) -> Result<Option<T>> {
    let Some(bytes) = headers.get(name) else { return Ok(None) };
    let text = std::str::from_utf8(bytes).map_err(|_| unreadable(name, "no text"))?;
    text.parse().map(Some).map_err(|_| unreadable(name, "not of its form"))
}

fn unreadable(name: &str, what: &str) -> Error {
    Error::new(ErrorKind::Undecodable, format!("the event header {name} is {what}"))
}

/// Shows neither the key nor the payload: both may hold personal data.
impl fmt::Debug for Envelope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Envelope")
            .field("id", &self.id)
            .field("topic", &self.topic)
            .field("event_type", &self.event_type)
            .field("occurred_at", &self.occurred_at)
            .field("source", &self.source)
            .field("correlation_id", &self.correlation_id)
            .field("tenant", &self.tenant)
            .field("causation_id", &self.causation_id)
            .field("payload_bytes", &self.payload.len())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn envelope() -> Envelope {
        Envelope {
            id: Uuid::from_u128(7),
            event_type: "OrderCompleted".into(),
            occurred_at: "2025-01-20T09:00:00.123Z".parse().unwrap(),
            source: "sales".into(),
            correlation_id: CorrelationId::new("c-1").unwrap(),
            tenant: TenantId::new("demo").unwrap(),
            causation_id: None,
            idempotency_key: Some("k".into()),
            traceparent: Some("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".into()),
            key: "o-1".into(),
            topic: Topic::from_static("order.completed"),
            payload: Bytes::from_static(b"\0payload"),
        }
    }

    fn read(envelope: &Envelope, headers: &Headers) -> Result<Envelope> {
        Envelope::from_record(envelope.topic.clone(), envelope.key.clone(), headers, envelope.payload.clone())
    }

    #[test]
    fn an_envelope_survives_the_trip_through_headers() {
        let cause = Envelope { id: Uuid::from_u128(9), ..envelope() };
        for envelope in [envelope(), envelope().caused_by(&cause)] {
            assert_eq!(read(&envelope, &envelope.headers().unwrap()).unwrap(), envelope);
        }
    }

    #[test]
    fn a_missing_or_broken_header_is_undecodable() {
        let envelope = envelope();
        for name in [header::EVENT_ID, header::CORRELATION_ID, header::TENANT_ID, header::OCCURRED_AT] {
            for broken in [&b"\xff"[..], b"not of this form"] {
                let mut headers = envelope.headers().unwrap();
                headers.set(name, broken).unwrap();
                assert_eq!(read(&envelope, &headers).unwrap_err().kind(), ErrorKind::Undecodable, "{name}");
            }
        }
        assert_eq!(read(&envelope, &Headers::default()).unwrap_err().kind(), ErrorKind::Undecodable);
    }

    #[test]
    fn debug_shows_neither_key_nor_payload() {
        let envelope = Envelope { key: "jane@example.com".into(), ..envelope() };
        let text = format!("{envelope:?}");
        assert!(!text.contains("jane") && !text.contains("112"), "{text}");
    }
}
