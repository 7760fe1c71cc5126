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

#[cfg(test)]
mod tests {
    use super::*;

    /// A store that knows nothing of changes, as one over a network may.
    struct Plain;

    impl RecoveryPoints for Plain {}

    impl IdempotencyStore<u32> for Plain {
        fn begin<'a>(
            &'a self,
            _: &'a IdempotencyKey,
            _: Fingerprint,
            _: Owner,
            left: Duration,
        ) -> StoreFuture<'a, Begin<u32>> {
            StoreFuture::ready(Ok(Begin::InProgress { left }))
        }

        fn renew<'a>(&'a self, _: &'a IdempotencyKey, _: Owner, _: Duration) -> StoreFuture<'a, StoreOutcome> {
            StoreFuture::ready(Ok(StoreOutcome::LostLease))
        }

        fn complete<'a>(&'a self, _: &'a IdempotencyKey, _: Owner, _: &u32) -> StoreFuture<'a, StoreOutcome> {
            StoreFuture::ready(Ok(StoreOutcome::LostLease))
        }

        fn release<'a>(&'a self, _: &'a IdempotencyKey, _: Owner) -> StoreFuture<'a, StoreOutcome> {
            StoreFuture::ready(Ok(StoreOutcome::LostLease))
        }

        fn abandon(&self, _: &IdempotencyKey, _: Owner) {}
    }

    #[tokio::test(start_paused = true)]
    async fn i4_a_store_that_tells_of_no_change_is_asked_after_50_to_250_ms_never_all_at_once() {
        let key = IdempotencyKey::new("demo", "order", "1").expect("a key");
        let mut waits = Vec::new();
        for _ in 0..200 {
            let began = tokio::time::Instant::now();
            Plain.changed(&key).await.expect("no question is asked");
            waits.push(began.elapsed().as_millis());
        }
        let (shortest, longest) = (waits.iter().min().expect("waits"), waits.iter().max().expect("waits"));
        assert!(*shortest >= 50 && *longest <= 250, "{shortest} to {longest} ms");
        assert!(*shortest < 100 && *longest > 200, "{shortest} to {longest} ms: they come in step");
    }

    #[tokio::test]
    async fn a_store_without_a_place_for_recovery_points_refuses_them() {
        let key = IdempotencyKey::new("demo", "order", "1").expect("a key");
        let point = RecoveryPoint { name: "charged".into(), data: 1.into() };
        let refused = Plain.record_point(&key, Owner::random(), point).await;
        assert_eq!(refused.expect_err("refused").kind(), ErrorKind::Internal);
    }
}
