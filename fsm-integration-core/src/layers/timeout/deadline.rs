use std::time::Instant;

use crate::adapter::Call;
pub use crate::adapter::Deadline;

/// A request that may carry a deadline of its own.
pub trait HasDeadline {
    /// The instant after which an answer is of no use.
    fn deadline(&self) -> Option<Instant>;
}

impl<B> HasDeadline for http::Request<B> {
    fn deadline(&self) -> Option<Instant> {
        Deadline::of(self.extensions()).map(|deadline| deadline.0)
    }
}

impl<R> HasDeadline for Call<R> {
    fn deadline(&self) -> Option<Instant> {
        self.context.deadline
    }
}
