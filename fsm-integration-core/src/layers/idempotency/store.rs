use std::{
    fmt,
    future::Future,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use super::{Fingerprint, IdempotencyKey, Lease, Owner};
use crate::error::Error;

/// What a store answers to a begin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Begin<T> {
    /// The work is the caller's, under this lease.
    Won(Lease),
    /// The work was done; this is its outcome.
    Done(T),
    /// The key belongs to another payload.
    Mismatch,
    /// Somebody else works on it.
    InProgress {
        /// How long their lease still runs, at least.
        left: Duration,
    },
}

/// Whether a store did what the owner of a lease asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StoreOutcome {
    /// It did.
    Stored,
    /// The lease belongs to somebody else by now, and nothing was changed.
    LostLease,
}

/// Keeps one record a key; each method is one atomic step (requirements I7 and I10).
///
/// A store that answers at once returns [`StoreFuture::ready`], which costs no allocation.
pub trait IdempotencyStore<T>: Send + Sync + 'static {
    /// Takes the key for `owner`, or says who has it.
    fn begin<'a>(
        &'a self,
        key: &'a IdempotencyKey,
        fingerprint: Fingerprint,
        owner: Owner,
        lease: Duration,
    ) -> StoreFuture<'a, Begin<T>>;

    /// Extends the lease from now on.
    fn renew<'a>(&'a self, key: &'a IdempotencyKey, owner: Owner, lease: Duration) -> StoreFuture<'a, StoreOutcome>;

    /// Keeps the outcome for the store's time to live.
    fn complete<'a>(&'a self, key: &'a IdempotencyKey, owner: Owner, outcome: &T) -> StoreFuture<'a, StoreOutcome>;

    /// Gives the key back without outcome.
    fn release<'a>(&'a self, key: &'a IdempotencyKey, owner: Owner) -> StoreFuture<'a, StoreOutcome>;

    /// Gives the key back as well as it can without waiting, because the owner's future was dropped.
    fn abandon(&self, key: &IdempotencyKey, owner: Owner);

    /// Ends when the record may have changed; by default after a random 50 to 250 ms (requirement I4).
    fn changed<'a>(&'a self, _key: &'a IdempotencyKey) -> StoreFuture<'a, ()> {
        StoreFuture::boxed(async {
            tokio::time::sleep(Duration::from_millis(fastrand::u64(50..=250))).await;
            Ok(())
        })
    }
}

/// The answer of a store: there already, or on its way.
pub struct StoreFuture<'a, T>(Answer<'a, T>);

enum Answer<'a, T> {
    Ready(Option<Result<T, Error>>),
    Boxed(Pin<Box<dyn Future<Output = Result<T, Error>> + Send + 'a>>),
}

impl<'a, T> StoreFuture<'a, T> {
    /// An answer that is there already.
    #[must_use]
    pub fn ready(answer: Result<T, Error>) -> Self {
        Self(Answer::Ready(Some(answer)))
    }

    /// An answer that must be waited for.
    #[must_use]
    pub fn boxed(answer: impl Future<Output = Result<T, Error>> + Send + 'a) -> Self {
        Self(Answer::Boxed(Box::pin(answer)))
    }
}

/// Nothing in it is pinned: the answer is a plain value, the future has its own box.
impl<T> Unpin for StoreFuture<'_, T> {}

impl<T> Future for StoreFuture<'_, T> {
    type Output = Result<T, Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match &mut self.get_mut().0 {
            Answer::Ready(answer) => Poll::Ready(answer.take().expect("polled after it was ready")),
            Answer::Boxed(future) => future.as_mut().poll(cx),
        }
    }
}

impl<T> fmt::Debug for StoreFuture<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoreFuture").finish_non_exhaustive()
    }
}
