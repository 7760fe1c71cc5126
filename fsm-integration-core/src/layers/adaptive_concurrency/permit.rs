use std::fmt;

use super::{AdaptiveConcurrency, Outcome};
use crate::{
    clock::{Clock, SystemClock},
    semaphore::Place,
};

/// A place among the calls under way; dropped without a word it counts as [`Outcome::Cancelled`].
#[must_use = "a permit that is not held is given back at once"]
pub struct ConcurrencyPermit<C: Clock = SystemClock> {
    concurrency: AdaptiveConcurrency<C>,
    began: u64,
    /// Until the end is recorded.
    place: Option<Place>,
}

impl<C: Clock> ConcurrencyPermit<C> {
    pub(super) const fn new(concurrency: AdaptiveConcurrency<C>, place: Place, began: u64) -> Self {
        Self { concurrency, began, place: Some(place) }
    }

    /// Says how the call ended, and gives the place back.
    pub fn end(mut self, outcome: Outcome) {
        self.settle(outcome);
    }

    pub(super) fn settle(&mut self, outcome: Outcome) {
        if let Some(_place) = self.place.take() {
            self.concurrency.record(self.began, outcome);
        }
    }
}

impl<C: Clock> Drop for ConcurrencyPermit<C> {
    fn drop(&mut self) {
        self.settle(Outcome::Cancelled);
    }
}

impl<C: Clock> fmt::Debug for ConcurrencyPermit<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConcurrencyPermit").field("concurrency", &self.concurrency).finish_non_exhaustive()
    }
}
