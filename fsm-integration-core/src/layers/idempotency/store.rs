use std::{
    fmt,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use super::{Fingerprint, IdempotencyKey, Lease, Owner, RecoveryPoint};
use crate::error::{Error, ErrorKind};

/// What a store answers to a begin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Begin<T> {
    /// The work is the caller's, under this lease.
    Won(Lease),
    /// As [`Won`](Self::Won); an earlier owner got as far as this point.
    Resumed(Lease, Arc<RecoveryPoint>),
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

/// Keeps how far the work of a key got, beside its record (requirement I9).
pub trait RecoveryPoints: Send + Sync + 'static {
    /// Keeps the point in the place of an earlier one, for whoever owns the key after `owner`.
    ///
    /// A store without a place for it refuses, as does this default.
    fn record_point<'a>(
        &'a self,
        _key: &'a IdempotencyKey,
        _owner: Owner,
        _point: RecoveryPoint,
    ) -> StoreFuture<'a, StoreOutcome> {
        StoreFuture::ready(Err(Error::new(ErrorKind::Internal, "the idempotency store keeps no recovery points")))
    }
}

/// Keeps one record a key; each method is one atomic step (requirements I7 and I10).
///
/// A store that answers at once returns [`StoreFuture::ready`], which is the synchronous path: it costs no allocation
/// and no wake-up. Any other answer does nothing before it is first polled.
pub trait IdempotencyStore<T>: RecoveryPoints {
    /// Takes the key for `owner`, or says who has it.
    ///
    /// # Errors
    /// [`ErrorKind::OutcomeUnknown`] when the work is done and its outcome cannot be read: the call is refused, whatever
    /// [`StoreFailure`](super::StoreFailure) says. Any other means that the store cannot be asked.
    fn begin<'a>(
        &'a self,
        key: &'a IdempotencyKey,
        fingerprint: Fingerprint,
        owner: Owner,
        lease: Duration,
    ) -> StoreFuture<'a, Begin<T>>;

    /// Extends the lease from now on; dropped, and tried again, when it takes longer than half of the time between two.
    fn renew<'a>(&'a self, key: &'a IdempotencyKey, owner: Owner, lease: Duration) -> StoreFuture<'a, StoreOutcome>;

    /// Keeps the outcome for the store's time to live.
    fn complete<'a>(&'a self, key: &'a IdempotencyKey, owner: Owner, outcome: &T) -> StoreFuture<'a, StoreOutcome>;

    /// Gives the key back without outcome; a recovery point stays, and its payload bound to the key.
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
    #[inline]
    #[must_use]
    pub fn ready(answer: Result<T, Error>) -> Self {
        Self(Answer::Ready(Some(answer)))
    }

    /// An answer that must be waited for.
    #[must_use]
    pub fn boxed(answer: impl Future<Output = Result<T, Error>> + Send + 'a) -> Self {
        Self(Answer::Boxed(Box::pin(answer)))
    }

    /// The answer that [`now`](Self::now) was.
    pub(super) fn anew(now: Result<Result<T, Error>, Self>) -> Self {
        now.map_or_else(|waiting| waiting, Self::ready)
    }

    /// A look at the answer if it is there already.
    #[inline]
    pub(super) fn peek(&self) -> Option<&T> {
        match &self.0 {
            Answer::Ready(Some(Ok(answer))) => Some(answer),
            _ => None,
        }
    }

    /// The answer if it is there already, so that nobody need wait for it.
    ///
    /// # Errors
    /// Itself, when it must be waited for.
    ///
    /// # Panics
    /// When it was polled to its end before.
    #[inline]
    pub fn now(self) -> Result<Result<T, Error>, Self> {
        match self.0 {
            Answer::Ready(answer) => Ok(answer.expect("polled after it was ready")),
            boxed @ Answer::Boxed(_) => Err(Self(boxed)),
        }
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
