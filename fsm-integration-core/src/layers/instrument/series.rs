//! The time series of one adapter, their keys made ahead.

use std::time::Duration;

use metrics::Key;

use crate::{
    error::ErrorClass,
    observe::metrics::{INTEGRATION_ERRORS, INTEGRATION_REQUEST_DURATION, INTEGRATION_REQUESTS, counter, histogram},
};

/// How a call ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    Success,
    Failure(ErrorClass),
    /// The caller dropped the call.
    Cancelled,
    Panicked,
}

impl Outcome {
    /// The word for the metric and the span.
    pub(super) const fn status(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Failure(_) | Self::Panicked => "failure",
            Self::Cancelled => "cancelled",
        }
    }

    /// The word for what went wrong.
    pub(super) const fn error_type(self) -> Option<&'static str> {
        match self {
            Self::Success => None,
            Self::Failure(class) => Some(class.label()),
            Self::Cancelled => Some(ErrorClass::Cancelled.label()),
            Self::Panicked => Some("panic"),
        }
    }
}

const ENDS: [Outcome; 8] = [
    Outcome::Failure(ErrorClass::Transient),
    Outcome::Failure(ErrorClass::Throttled),
    Outcome::Failure(ErrorClass::Timeout),
    Outcome::Failure(ErrorClass::Permanent),
    Outcome::Failure(ErrorClass::Open),
    Outcome::Cancelled,
    Outcome::Panicked,
    Outcome::Success,
];

/// Keys by the word that they differ in.
#[derive(Debug)]
pub(super) struct Series {
    requests: Vec<(&'static str, Key)>,
    errors: Vec<(&'static str, Key)>,
    duration: Key,
}

impl Series {
    pub(super) fn new(adapter_id: &str) -> Self {
        let request = |status| (status, INTEGRATION_REQUESTS.key([adapter_id, status]));
        let error = |error_type| (error_type, INTEGRATION_ERRORS.key([adapter_id, error_type]));
        Self {
            requests: ["success", "failure", "cancelled"].map(request).into(),
            errors: ENDS.into_iter().filter_map(Outcome::error_type).map(error).collect(),
            duration: INTEGRATION_REQUEST_DURATION.key([adapter_id]),
        }
    }

    pub(super) fn record(&self, outcome: Outcome, took: Duration) {
        histogram(&self.duration).record(took.as_secs_f64());
        count(&self.requests, outcome.status());
        if let Some(error_type) = outcome.error_type() {
            count(&self.errors, error_type);
        }
    }
}

fn count(keys: &[(&'static str, Key)], word: &str) {
    if let Some((_, key)) = keys.iter().find(|(known, _)| *known == word) {
        counter(key).increment(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_outcome_has_its_series() {
        let series = Series::new("erp");
        for outcome in ENDS {
            assert!(series.requests.iter().any(|(status, _)| *status == outcome.status()), "{outcome:?}");
            let known = |word| series.errors.iter().any(|(error_type, _)| *error_type == word);
            assert!(outcome.error_type().is_none_or(known), "{outcome:?}");
        }
    }
}
