//! Which outcomes are kept for repetitions, and what is kept of them.

use http::StatusCode;

use super::Execution;

/// Tells whether an outcome stands for good, so that a repetition shall get it (requirement I6).
///
/// Implement it for what your own work returns: what succeeded, and what the business refused for good. Not final are
/// faults and timeouts, which may pass next time; failed validation, which nobody worked on; conflicts and throttling,
/// which depend on more than the request.
///
/// ```
/// use fsm_integration_core::layers::idempotency::Outcome;
///
/// enum Payment { Paid, CardDeclined, GatewayDown }
///
/// impl Outcome for Payment {
///     fn is_final(&self) -> bool {
///         match self {
///             Payment::Paid | Payment::CardDeclined => true,
///             Payment::GatewayDown => false,
///         }
///     }
/// }
/// ```
pub trait Outcome {
    /// Whether it stands for good.
    fn is_final(&self) -> bool;
}

/// A response that can be kept for repetitions; implement it for a service's own response.
pub trait Replayable: Sized {
    /// What is kept of it.
    type Stored: Outcome;

    /// Takes what belongs to the outcome, and leaves what belongs to the one exchange.
    fn to_stored(&self) -> Self::Stored;

    /// The answer to a repetition, marked as such where there is a place for a mark (requirement I5).
    fn from_stored(stored: Self::Stored) -> Self;
}

/// A request that can hand an [`Execution`] to the service that works on it; implement it for a service's own request.
pub trait CarryExecution {
    /// Takes the execution along; one without a place for it drops it.
    fn carry(&mut self, execution: Execution);
}

/// Among the request's extensions.
impl<B> CarryExecution for http::Request<B> {
    fn carry(&mut self, execution: Execution) {
        self.extensions_mut().insert(execution);
    }
}

/// Whether an HTTP answer of this status stands for good (requirement I6): 2xx, and what the business refused for good.
///
/// The latter are 402, 404, 410, 412 and 451, and no others: every other 4xx tells of a request that nobody worked on
/// (400, 405, 413, 415, 422 and their like), of who asked and by which way (401, 403, 407, 421), or of a state that may
/// pass (408, 409, 423, 425, 429); 5xx may pass, too. A service that means more by one of them says so with
/// [`IdempotencyLayer::keep_if`](super::IdempotencyLayer::keep_if).
#[must_use]
pub const fn is_final_status(status: StatusCode) -> bool {
    matches!(status.as_u16(), 200..=299 | 402 | 404 | 410 | 412 | 451)
}

/// Which outcomes a layer keeps.
pub trait Keep<T> {
    /// Whether it keeps this one.
    fn keeps(&self, outcome: &T) -> bool;
}

/// Keeps what [`Outcome::is_final`] says.
#[derive(Debug, Clone, Copy, Default)]
pub struct KeepFinal;

/// Keeps what a function says.
#[derive(Debug, Clone, Copy)]
pub struct KeepIf<F>(pub F);

impl<T: Outcome> Keep<T> for KeepFinal {
    fn keeps(&self, outcome: &T) -> bool {
        outcome.is_final()
    }
}

impl<T, F: Fn(&T) -> bool> Keep<T> for KeepIf<F> {
    fn keeps(&self, outcome: &T) -> bool {
        (self.0)(outcome)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn i6_only_final_outcomes_are_kept() {
        let is_final = |status: &u16| is_final_status(StatusCode::from_u16(*status).expect("a status"));
        let kept: Vec<u16> = (100..1000).filter(is_final).collect();
        let expected: Vec<u16> = (200..300).chain([402, 404, 410, 412, 451]).collect();
        assert_eq!(kept, expected);
    }
}
