//! stub
/// c
pub const EVENTS_PROCESSED: &str = "kafka_events_processed_total";
/// c
pub const EVENT_DURATION: &str = "kafka_event_processing_duration_seconds";
/// c
pub const DEAD_LETTERS: &str = "integration_dead_letters_total";
