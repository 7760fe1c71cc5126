use std::time::Duration;

use crate::{event::Topic, observe::metrics};

/// Counts a handler's run and how long it took (the names of seed 002).
pub(super) fn processed(topic: &Topic, succeeded: bool, took: Duration) {
    let status = if succeeded { "success" } else { "error" };
    metrics::counter(&metrics::EVENTS_PROCESSED.key([topic.as_str(), status])).increment(1);
    metrics::histogram(&metrics::EVENT_PROCESSING_DURATION.key([topic.as_str()])).record(took);
}

/// Counts a record that was given up.
pub(super) fn dead_lettered(group: &str, kind: &str) {
    metrics::counter(&metrics::DEAD_LETTERED.key([group, kind])).increment(1);
}
