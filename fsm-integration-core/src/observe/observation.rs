use std::time::Duration;

use jiff::Timestamp;

use super::CircuitState;
use crate::error::ErrorClass;

/// One decision of a protection, as a fact.
///
/// The name of the handle that decided (an adapter, a tenant's bucket, an endpoint) comes beside it.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the variants' sentences name their fields")]
pub enum Observation {
    /// A circuit breaker went from one state to another; `sequence` grows by one with each change of one breaker.
    ///
    /// A new listener is first told the present state, as a change from that to that.
    CircuitChanged { from: CircuitState, to: CircuitState, sequence: u64 },
    /// An operator set who decides about a circuit breaker, as one of a closed set of words.
    CircuitControlled { control: &'static str },
    /// An open circuit breaker refused a call.
    CircuitRefused { retry_after: Option<Duration> },
    /// A circuit breaker that only measures would have refused a call.
    CircuitWouldRefuse,
    /// An attempt failed and will be repeated after the delay; `attempt` counts from 0.
    RetryScheduled { attempt: u32, delay: Duration, class: ErrorClass },
    /// An attempt failed and will not be repeated; the reason is one of a closed set of words.
    RetryStopped { attempt: u32, class: ErrorClass, reason: &'static str },
    /// A rate limiter had no token for a call; in shadow mode the call was made all the same.
    RateLimited { retry_after: Option<Duration>, shadow: bool },
    /// A rate limiter's shared store stopped or began again to answer.
    RateLimiterDegraded { degraded: bool },
    /// A call was dropped because its time was over.
    TimedOut { after: Duration },
    /// A bulkhead, or a limit that adapts itself, had no place for a call.
    BulkheadRefused { limit: usize },
    /// A limit that adapts itself changed.
    ConcurrencyLimitChanged { limit: usize },
    /// A call was refused because the service behind was not ready for it.
    LoadShed,
    /// A second request was sent because the first took longer than usual.
    HedgeSent { after: Duration },
    /// A second request answered first.
    HedgeWon,
    /// A failed call was answered by its fallback.
    FellBack { class: ErrorClass },
    /// A call was answered by another one that was already under way for the same key.
    Coalesced,
    /// A call was answered by the stored outcome of an earlier one.
    IdempotencyReplayed,
    /// A call was refused because of its key: unusable, in use, used for another request, or not to be judged.
    IdempotencyRefused { reason: &'static str },
    /// The lease on an idempotency key was lost while its work was under way.
    IdempotencyLeaseLost,
    /// Work was done although its store did not answer, as its operation wants it; `step` is what could not be asked
    /// for: `begin`, so that another may have done the same, or `complete`, so that nobody will know of it.
    IdempotencyUnprotected { step: &'static str },
    /// A webhook was refused; the reason is one of a closed set of words.
    WebhookRefused { reason: &'static str },
    /// The body of a webhook to be sent is large; it is sent all the same, or refused.
    WebhookLarge { bytes: usize, refused: bool },
    /// A secret of a webhook endpoint was replaced; the one before it holds until then, and so many hold now.
    WebhookSecretRotated { previous_valid_until: Timestamp, held: usize },
}

impl Observation {
    /// Whether it may come with every call while a partner is down, so that the standard observers leave it out.
    ///
    /// Such refusals are seen by the caller, by the instrument layer's counts and by the handle's snapshot, and told
    /// to every observer that was given by name.
    #[inline]
    #[must_use]
    pub const fn is_chatty(&self) -> bool {
        matches!(self, Self::CircuitRefused { .. })
    }
}
