use std::time::Duration;

use crate::{event::Topic, observe::metrics as names};

/// Counts a handler's run and how long it took (the names of seed 002).
pub(super) fn processed(topic: &Topic, succeeded: bool, took: Duration) {
    let status = if succeeded { "success" } else { "error" };
    metrics::counter!(names::EVENTS_PROCESSED, "topic" => topic.to_string(), "status" => status).increment(1);
    metrics::histogram!(names::EVENT_DURATION, "topic" => topic.to_string()).record(took.as_secs_f64());
}

/// Counts a record that was given up.
pub(super) fn dead_lettered(group: &str, kind: &'static str) {
    metrics::counter!(names::DEAD_LETTERS, "group" => group.to_owned(), "error_type" => kind).increment(1);
}
