//! Events as bytes: Avro in Confluent's wire format, a zero byte, the schema's id (4 bytes, big-endian), the datum.
//!
//! A record that was written with the current schema takes the fast path. One written with another schema is read
//! with that one and resolved to the current, so that old records stay readable for as long as they are kept.

mod error;
mod json;
mod registry;
mod resolve;
mod schema;
mod strict;

use std::sync::Arc;

use apache_avro::{Schema, from_value, reader::datum::GenericDatumReader, types::Value};
use bytes::Bytes;

pub use self::{
    error::DecodeError,
    registry::{BundledRegistry, SchemaId, SchemaRegistry},
};
use self::{schema::Compiled, strict::Strict};
use super::{Envelope, Event, Topic};
use crate::error::{Error, ErrorKind, Result};

/// The most bytes that one event takes on the wire: 1 MiB (requirement W19, and Kafka's default).
pub const MAX_EVENT_BYTES: usize = 1024 * 1024;

const MAGIC: u8 = 0;

/// Turns events into bytes and back; clones share the registry.
///
/// ```
/// use fsm_integration_core::{
///     adapter::{CorrelationId, TenantId},
///     event::{catalogue::{EventMeta, SalesChannel, SalesOrderNormalized, SourceSystem}, codec::AvroCodec, derived_id},
/// };
///
/// let event = SalesOrderNormalized {
///     meta: EventMeta::new(
///         derived_id(["integration.sales.order.normalized", "demo", "PX-1", "1"]),
///         "2025-01-20T09:00:00Z".parse()?,
///         CorrelationId::random(),
///         TenantId::new("demo")?,
///         1,
///     ),
///     source_system: SourceSystem::Pyxis,
///     external_order_id: "PX-1".to_owned(),
///     fsm_service_order_id: derived_id(["demo", "PYXIS", "PX-1"]),
///     sales_channel: SalesChannel::Web,
///     country_code: "FR".to_owned(),
///     transformation_version: "2.1.0".to_owned(),
/// };
/// let codec = AvroCodec::bundled();
/// let envelope = codec.envelope(&event, "sales-adapter")?;
/// assert_eq!(envelope.key, "PYXIS_PX-1");
/// assert_eq!(codec.decode::<SalesOrderNormalized>(&envelope.payload)?, event);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct AvroCodec {
    registry: Arc<dyn SchemaRegistry>,
}

impl AvroCodec {
    /// Uses a registry's ids.
    pub fn new(registry: impl SchemaRegistry) -> Self {
        Self { registry: Arc::new(registry) }
    }

    /// Uses the bundled schemas and their fixed ids.
    #[must_use]
    pub fn bundled() -> Self {
        Self::new(BundledRegistry)
    }

    /// Writes an event.
    ///
    /// # Errors
    /// [`ErrorKind::PayloadTooLarge`] above [`MAX_EVENT_BYTES`]; [`ErrorKind::Internal`] when the registry does not
    /// know the topic's schema.
    pub fn encode<E: Event>(&self, event: &E) -> Result<Bytes> {
        let compiled = compiled::<E>()?;
        let id = self.registry.id_of(&E::TOPIC).ok_or_else(|| unregistered(&E::TOPIC))?;
        let mut bytes = Vec::with_capacity(512);
        bytes.push(MAGIC);
        bytes.extend_from_slice(&id.0.to_be_bytes());
        // The cause is left out: Avro's errors show values, which may be personal.
        compiled.writer.write_ser(&mut bytes, event).map_err(|_| {
            Error::new(ErrorKind::Internal, format!("an event of {} does not match its schema", E::TOPIC))
        })?;
        if bytes.len() > MAX_EVENT_BYTES {
            return Err(Error::new(
                ErrorKind::PayloadTooLarge,
                format!("an event of {} is larger than 1 MiB", E::TOPIC),
            ));
        }
        Ok(bytes.into())
    }

    /// Reads an event.
    ///
    /// # Errors
    /// [`DecodeError`], which becomes [`ErrorKind::Undecodable`]; no bytes make it panic.
    pub fn decode<E: Event>(&self, bytes: &[u8]) -> Result<E, DecodeError> {
        let (id, datum) = split(bytes)?;
        let compiled = Compiled::of(E::TOPIC.as_str()).ok_or(DecodeError::OtherEvent)?;
        if self.registry.id_of(&E::TOPIC) == Some(id) {
            return whole(datum, |rest| compiled.reader.read_deser(rest));
        }
        let writer = self.registry.schema(id).ok_or(DecodeError::UnknownSchema(id))?;
        let value = resolve::resolve(read(&writer, datum)?, compiled.schema).ok_or(DecodeError::OtherEvent)?;
        from_value(&value).map_err(|_| DecodeError::OtherEvent)
    }

    /// Shows a record to a person, as it was written, whatever its topic.
    ///
    /// # Errors
    /// [`DecodeError`] when the bytes are no event of a known schema.
    pub fn to_json(&self, bytes: &[u8]) -> Result<serde_json::Value, DecodeError> {
        let (id, datum) = split(bytes)?;
        let writer = self.registry.schema(id).ok_or(DecodeError::UnknownSchema(id))?;
        read(&writer, datum).map(json::of)
    }

    /// Puts an event into an envelope: its bytes, its key and what every reader needs.
    ///
    /// # Errors
    /// As [`encode`](AvroCodec::encode).
    pub fn envelope<E: Event>(&self, event: &E, source: &'static str) -> Result<Envelope> {
        let meta = event.meta();
        Ok(Envelope {
            id: event.event_id(),
            event_type: compiled::<E>()?.record_name().into(),
            occurred_at: event.occurred_at(),
            source: source.into(),
            correlation_id: meta.correlation_id.clone(),
            tenant: meta.tenant_id.clone(),
            causation_id: None,
            idempotency_key: None,
            traceparent: None,
            key: event.key(),
            topic: E::TOPIC,
            payload: self.encode(event)?,
        })
    }
}

/// The id of the schema that a record was written with, so that a registry can be asked before decoding.
///
/// # Errors
/// [`DecodeError`] when the bytes are not in the wire format.
pub fn schema_id(bytes: &[u8]) -> Result<SchemaId, DecodeError> {
    split(bytes).map(|(id, _)| id)
}

/// The topic's current schema as it is registered: JSON, self-contained.
#[must_use]
pub fn registered_schema(topic: &Topic) -> Option<String> {
    let schema = Compiled::of(topic.as_str())?.schema;
    Some(serde_json::to_string(schema).expect("a parsed schema is JSON"))
}

fn compiled<E: Event>() -> Result<&'static Compiled> {
    Compiled::of(E::TOPIC.as_str()).ok_or_else(|| unregistered(&E::TOPIC))
}

fn unregistered(topic: &Topic) -> Error {
    Error::new(ErrorKind::Internal, format!("the schema of {topic} is not registered"))
}

fn split(bytes: &[u8]) -> Result<(SchemaId, &[u8]), DecodeError> {
    if bytes.len() > MAX_EVENT_BYTES {
        return Err(DecodeError::TooLarge);
    }
    let (magic, rest) = bytes.split_first().ok_or(DecodeError::TooShort)?;
    if *magic != MAGIC {
        return Err(DecodeError::NotWireFormat);
    }
    let (id, datum) = rest.split_first_chunk::<4>().ok_or(DecodeError::TooShort)?;
    Ok((SchemaId(u32::from_be_bytes(*id)), datum))
}

fn read(writer: &Schema, datum: &[u8]) -> Result<Value, DecodeError> {
    let reader = GenericDatumReader::builder(writer).build().map_err(|_| DecodeError::Malformed)?;
    whole(datum, |rest| reader.read_value(rest))
}

/// Reads all of a datum: what is cut off or goes on is refused.
fn whole<T, E>(datum: &[u8], read: impl FnOnce(&mut Strict<'_>) -> Result<T, E>) -> Result<T, DecodeError> {
    let mut rest = Strict(datum);
    let value = read(&mut rest).map_err(|_| DecodeError::Malformed)?;
    if rest.0.is_empty() { Ok(value) } else { Err(DecodeError::TrailingBytes) }
}

#[cfg(test)]
mod tests;
