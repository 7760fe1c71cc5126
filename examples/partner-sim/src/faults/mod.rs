//! Faults: what a partner does to its callers on a bad day.

mod apply;
mod plan;

use std::time::Duration;

use serde::{Deserialize, Serialize};

pub(crate) use apply::apply;
pub(crate) use plan::FaultPlan;

/// One planned misbehaviour.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Fault {
    /// Which calls it may meet.
    pub on: RouteMatch,
    /// What happens to them.
    pub kind: FaultKind,
    /// How many calls it meets; no number means until it is cleared.
    #[serde(default)]
    pub times: Option<u32>,
    /// The share of matching calls that it meets, 1.0 by default.
    #[serde(default = "always")]
    pub probability: f64,
}

impl Fault {
    /// Meets the next call under a path.
    #[must_use]
    pub fn once(path: &str, kind: FaultKind) -> Self {
        Self::times(path, kind, 1)
    }

    /// Meets the next `times` calls under a path.
    #[must_use]
    pub fn times(path: &str, kind: FaultKind, times: u32) -> Self {
        Self { times: Some(times), ..Self::always(path, kind) }
    }

    /// Meets every call under a path until it is cleared.
    #[must_use]
    pub fn always(path: &str, kind: FaultKind) -> Self {
        Self { on: RouteMatch::path(path), kind, times: None, probability: always() }
    }
}

fn always() -> f64 {
    1.0
}

/// Which calls a fault may meet; every given part has to match.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RouteMatch {
    /// How the path begins, `/pyxis/callback` for instance.
    pub path: String,
    /// The method, any by default.
    #[serde(default)]
    pub method: Option<String>,
    /// A text that the body contains, such as an order's id.
    #[serde(default)]
    pub body_contains: Option<String>,
}

impl RouteMatch {
    /// Matches every call whose path begins so.
    #[must_use]
    pub fn path(path: &str) -> Self {
        Self { path: path.to_owned(), ..Self::default() }
    }
}

/// What happens to a call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", rename_all_fields = "camelCase", deny_unknown_fields)]
#[non_exhaustive]
pub enum FaultKind {
    /// Is refused unprocessed with a status; `times: 1` and 401 make an expired token.
    Status {
        /// The status.
        status: u16,
        /// The hint when to come back.
        #[serde(default)]
        retry_after: Option<RetryAfter>,
    },
    /// Is processed, but its connection is dropped without an answer.
    LostAnswer,
    /// Is dropped unprocessed and unanswered.
    HangUp,
    /// Is processed at once and answered late.
    Slow {
        /// How late, in milliseconds on the wire.
        #[serde(rename = "delayMs", with = "millis")]
        delay: Duration,
    },
    /// Is processed, but only the first half of the answer's body is sent.
    TruncatedJson,
    /// Is refused unprocessed with the page of a proxy.
    Html {
        /// The page's status.
        status: u16,
    },
    /// Is refused unprocessed with status 200 and an error as the body.
    ErrorBody,
}

impl FaultKind {
    /// Makes a refusal without a hint.
    #[must_use]
    pub const fn status(status: u16) -> Self {
        Self::Status { status, retry_after: None }
    }

    /// Makes a 429 with `Retry-After` in seconds.
    #[must_use]
    pub const fn too_many(seconds: u64) -> Self {
        Self::Status { status: 429, retry_after: Some(RetryAfter::Seconds(seconds)) }
    }

    /// Makes a 503 with `Retry-After` in seconds.
    #[must_use]
    pub const fn unavailable(seconds: u64) -> Self {
        Self::Status { status: 503, retry_after: Some(RetryAfter::Seconds(seconds)) }
    }
}

/// The two forms of `Retry-After`; both count from the stand-in's clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RetryAfter {
    /// Sent as a number of seconds.
    Seconds(u64),
    /// Sent as the HTTP-date that lies so many seconds ahead.
    DateIn(u64),
}

/// A fault and how often it has struck.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FaultReport {
    /// The fault as injected.
    pub fault: Fault,
    /// How many calls it has met.
    pub fired: u32,
}

mod millis {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(value: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(u64::try_from(value.as_millis()).unwrap_or(u64::MAX))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
        u64::deserialize(deserializer).map(Duration::from_millis)
    }
}
