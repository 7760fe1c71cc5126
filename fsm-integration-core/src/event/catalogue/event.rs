use jiff::Timestamp;
use serde::{Serialize, de::DeserializeOwned};
use uuid::Uuid;

use super::EventMeta;
use crate::event::Topic;

/// A fact in the words of the catalogue: knows its topic, its key and the fields that every event has.
///
/// Field names and the order of the enums' symbols are those of the topic's schema.
pub trait Event: Serialize + DeserializeOwned + Send + Sync + 'static {
    /// Where it is published.
    const TOPIC: Topic;

    /// The fields that every event has.
    fn meta(&self) -> &EventMeta;

    /// The partition key: events of one key stay in order.
    fn key(&self) -> String;

    /// The event's id, by which consumers deduplicate.
    fn event_id(&self) -> Uuid {
        self.meta().event_id
    }

    /// When the fact happened.
    fn occurred_at(&self) -> Timestamp {
        self.meta().event_timestamp
    }

    /// The fact's position in the life of its order; 0 where there is none.
    fn sequence(&self) -> i64 {
        self.meta().sequence
    }
}
