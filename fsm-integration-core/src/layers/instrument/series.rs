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

/// The keys of one end of a call.
#[derive(Debug)]
struct End {
    requests: Key,
    errors: Option<Key>,
}

/// The keys of every end, found by a place instead of a comparison of words.
#[derive(Debug)]
pub(super) struct Series {
    success: End,
    cancelled: End,
    panicked: End,
    /// In the order of [`ErrorClass::ALL`].
    failures: [End; ErrorClass::ALL.len()],
    duration: Key,
}

impl Series {
    pub(super) fn new(adapter_id: &str) -> Self {
        let end = |outcome: Outcome| End {
            requests: INTEGRATION_REQUESTS.key([adapter_id, outcome.status()]),
            errors: outcome.error_type().map(|error_type| INTEGRATION_ERRORS.key([adapter_id, error_type])),
        };
        Self {
            success: end(Outcome::Success),
            cancelled: end(Outcome::Cancelled),
            panicked: end(Outcome::Panicked),
            failures: ErrorClass::ALL.map(|class| end(Outcome::Failure(class))),
            duration: INTEGRATION_REQUEST_DURATION.key([adapter_id]),
        }
    }

    #[inline]
    pub(super) fn record(&self, outcome: Outcome, took: Duration) {
        let end = self.end(outcome);
        histogram(&self.duration).record(took.as_secs_f64());
        counter(&end.requests).increment(1);
        if let Some(errors) = &end.errors {
            counter(errors).increment(1);
        }
    }

    fn end(&self, outcome: Outcome) -> &End {
        match outcome {
            Outcome::Success => &self.success,
            Outcome::Cancelled => &self.cancelled,
            Outcome::Panicked => &self.panicked,
            Outcome::Failure(class) => &self.failures[class as usize],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_class_of_failure_has_its_series() {
        let series = Series::new("erp");
        for class in ErrorClass::ALL {
            let errors = series.end(Outcome::Failure(class)).errors.as_ref().expect("a series");
            assert!(errors.labels().any(|label| label.value() == class.label()), "{class:?}");
        }
    }
}
