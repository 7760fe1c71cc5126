use std::fmt;

use crate::semaphore::Place;

/// A place among the calls under way; given back on drop.
#[must_use = "a permit that is not held is given back at once"]
pub struct BulkheadPermit {
    _place: Place,
}

impl BulkheadPermit {
    pub(super) const fn new(place: Place) -> Self {
        Self { _place: place }
    }
}

impl fmt::Debug for BulkheadPermit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BulkheadPermit").finish_non_exhaustive()
    }
}
