use std::time::Instant;

use crate::adapter::Call;

/// The instant after which an answer is of no use, as an extension of an HTTP request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Deadline(pub Instant);

/// A request that may carry a deadline of its own.
pub trait HasDeadline {
    /// The instant after which an answer is of no use.
    fn deadline(&self) -> Option<Instant>;
}

impl<B> HasDeadline for http::Request<B> {
    fn deadline(&self) -> Option<Instant> {
        self.extensions().get::<Deadline>().map(|deadline| deadline.0)
    }
}

impl<R> HasDeadline for Call<R> {
    fn deadline(&self) -> Option<Instant> {
        self.context.deadline
    }
}
