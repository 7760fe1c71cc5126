use super::SchemaId;
use crate::error::{Error, ErrorKind};

/// Why bytes are no event; never says what stands in them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// There are fewer than the five bytes of a header, as in a tombstone.
    #[error("the record is empty or cut off")]
    TooShort,
    /// There are more bytes than any event has.
    #[error("the record is larger than {} bytes", super::MAX_EVENT_BYTES)]
    TooLarge,
    /// The first byte is not the 0 of the wire format.
    #[error("the record is not in Confluent's wire format")]
    NotWireFormat,
    /// No registry knows the schema.
    #[error("the record was written with schema {0}, which is not known here")]
    UnknownSchema(SchemaId),
    /// The bytes are not what the writer's schema says.
    #[error("the record does not match the schema it was written with")]
    Malformed,
    /// The bytes go on after the event.
    #[error("bytes follow the end of the event")]
    TrailingBytes,
    /// The event cannot be read as the type that was asked for.
    #[error("the record holds no such event, or a field breaks a rule")]
    OtherEvent,
}

impl From<DecodeError> for Error {
    fn from(reason: DecodeError) -> Self {
        Self::from(ErrorKind::Undecodable).with_source(reason)
    }
}
