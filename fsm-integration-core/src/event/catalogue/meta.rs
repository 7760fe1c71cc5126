use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::wire;
use crate::adapter::{CorrelationId, TenantId};

/// The fields that every event has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventMeta {
    /// The event's id; a repeated execution makes the same one (requirement I15).
    #[serde(with = "wire::uuid")]
    pub event_id: Uuid,
    /// When the fact happened; the wire keeps milliseconds.
    #[serde(with = "wire::millis")]
    pub event_timestamp: Timestamp,
    /// What ties the journey together.
    pub correlation_id: CorrelationId,
    /// Whose data it is.
    pub tenant_id: TenantId,
    /// The fact's position in the life of its order, from 1; 0 where there is none.
    pub sequence: i64,
}

impl EventMeta {
    /// Makes them, with the instant cut to what the wire keeps.
    #[must_use]
    pub fn new(
        event_id: Uuid,
        at: Timestamp,
        correlation_id: CorrelationId,
        tenant_id: TenantId,
        sequence: i64,
    ) -> Self {
        let event_timestamp =
            Timestamp::from_millisecond(at.as_millisecond()).expect("no later than what it is cut from");
        Self { event_id, event_timestamp, correlation_id, tenant_id, sequence }
    }
}
