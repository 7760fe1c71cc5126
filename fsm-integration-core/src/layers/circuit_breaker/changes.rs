use std::mem::take;

use tokio::sync::broadcast::{Receiver, error::RecvError};

use super::CircuitState;

/// One change of a breaker's state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CircuitChange {
    /// What it was.
    pub from: CircuitState,
    /// What it became.
    pub to: CircuitState,
    /// Grows by one with each change of one breaker.
    pub sequence: u64,
    /// How many changes just before this one its receiver was too slow for.
    pub missed: u64,
}

/// A breaker's changes of state in their order, from [`CircuitBreaker::subscribe`](super::CircuitBreaker::subscribe) on.
///
/// The last 64 are kept for a receiver that is slow; one that is slower still learns how many it missed.
///
/// ```
/// use fsm_integration_core::layers::circuit_breaker::{CircuitBreaker, CircuitState};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// let breaker = CircuitBreaker::new("erp", Default::default());
/// let mut changes = breaker.subscribe();
/// breaker.force_open();
/// assert_eq!(changes.next().await.map(|change| change.to), Some(CircuitState::Open));
/// drop(breaker);
/// assert_eq!(changes.next().await, None);
/// # }
/// ```
#[derive(Debug)]
pub struct CircuitChanges {
    receiver: Receiver<CircuitChange>,
    /// Missed, and not yet said.
    missed: u64,
}

/// How many changes are kept for a slow receiver.
pub(super) const KEPT: usize = 64;

impl CircuitChanges {
    pub(super) fn new(receiver: Receiver<CircuitChange>) -> Self {
        Self { receiver, missed: 0 }
    }

    /// The next change; `None` when the breaker is gone.
    ///
    /// # Cancel safety
    /// Dropped before its end, it has taken nothing.
    pub async fn next(&mut self) -> Option<CircuitChange> {
        loop {
            match self.receiver.recv().await {
                Ok(change) => return Some(CircuitChange { missed: take(&mut self.missed), ..change }),
                Err(RecvError::Lagged(count)) => self.missed += count,
                Err(RecvError::Closed) => return None,
            }
        }
    }
}
