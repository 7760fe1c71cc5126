use std::time::Duration;

use serde::{Deserialize, Serialize};

/// How strictly a verifier looks.
///
/// Defaults: 300 s of tolerance both ways, the last 100 000 messages remembered by id, both families of headers, no
/// legacy signatures.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct VerifyConfig {
    /// How far a timestamp may lie from now, inclusively; zero means not at all, never "off" (requirement W4).
    #[serde(with = "jiff::fmt::serde::unsigned_duration::friendly::compact::required")]
    pub tolerance: Duration,
    /// How many messages are remembered against replay, at least one; up to 120 bytes each.
    ///
    /// To forget none that could be replayed it takes the messages of twice the tolerance: rate x 2 x tolerance. The
    /// default is enough for 166 messages a second; beyond, the oldest are forgotten and that is warned of.
    pub remembered: usize,
    /// What counts as a replay.
    pub replay: ReplayScope,
    /// Which headers are judged; where you know the sender, the one family that it is sure to send.
    pub families: Families,
    /// Accepts `X-FSM-Signature` over the body alone, without any timestamp: replays pass after a while.
    pub legacy_payload_only: bool,
}

impl Default for VerifyConfig {
    fn default() -> Self {
        Self {
            tolerance: Duration::from_secs(300),
            remembered: 100_000,
            replay: ReplayScope::Message,
            families: Families::Both,
            legacy_payload_only: false,
        }
    }
}

/// How large the bodies are that a [`SignLayer`](super::SignLayer) lets out (requirement W19).
///
/// Default: 1 MB at most, and more than 100 kB is told of. Standard Webhooks recommends less than 20 kB: larger things
/// are better fetched by a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SignConfig {
    /// Largest body in bytes; a larger one is refused, on every attempt, before it is signed.
    pub max_body: usize,
    /// From how many bytes on observers are told of a body that is sent.
    pub warn_above: usize,
}

impl Default for SignConfig {
    fn default() -> Self {
        Self { max_body: 1_000_000, warn_above: 100_000 }
    }
}

/// What a verifier accepts only once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReplayScope {
    /// An id, on whichever attempt: for handlers that do not deduplicate (requirement W5).
    ///
    /// A sender that missed the answer to a message is refused when it tries again.
    #[default]
    Message,
    /// One signed attempt: for handlers that deduplicate by id and then repeat their first answer.
    Attempt,
}

/// Which families of headers a verifier judges; the headers of the other are as good as not there.
///
/// The same in all processes that share a [`ReplayStore`](super::ReplayStore).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Families {
    /// The standard family if its signature is there, else the FSM family.
    #[default]
    Both,
    /// Only `webhook-id`, `webhook-timestamp`, `webhook-signature`; no legacy signature either.
    Standard,
    /// Only `X-FSM-Timestamp`, `X-FSM-Signature`.
    Fsm,
}
