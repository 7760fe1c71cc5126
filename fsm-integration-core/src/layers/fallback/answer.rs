use std::{
    fmt,
    future::{Future, Ready, ready},
    marker::PhantomData,
};

/// Answers in the place of a call that failed.
///
/// Every `Fn(E) -> Result<T, E>` is one, for whatever request; [`Keeping`] is one that knows the request, [`Asking`] one
/// that has to wait for its answer. What failed, `X`, is the error, or the outcome where answers are
/// [judged](super::FallbackLayer::judge_by) too.
pub trait Answer<Req, T, E, X = E> {
    /// What is kept of the request while the call is under way.
    type Kept;

    /// The answer when it is there.
    type Future: Future<Output = Result<T, E>>;

    /// Keeps what the answer will need of the request; called for every call.
    fn keep(&self, request: &Req) -> Self::Kept;

    /// The answer, or the error to fail with when there is no other answer either.
    fn answer(&self, kept: Self::Kept, failed: X) -> Self::Future;
}

impl<Req, T, E, X, F> Answer<Req, T, E, X> for F
where
    F: Fn(X) -> Result<T, E>,
{
    type Kept = ();
    type Future = Ready<Result<T, E>>;

    #[inline]
    fn keep(&self, _: &Req) {}

    fn answer(&self, (): (), failed: X) -> Self::Future {
        ready(self(failed))
    }
}

/// A fallback that asks somebody else: a cache, a second partner.
#[derive(Clone)]
pub struct Asking<F>(F);

impl<F> Asking<F> {
    /// Creates a fallback of a function that returns a future.
    pub const fn new(ask: F) -> Self {
        Self(ask)
    }
}

impl<Req, T, E, X, F, Fut> Answer<Req, T, E, X> for Asking<F>
where
    F: Fn(X) -> Fut,
    Fut: Future<Output = Result<T, E>>,
{
    type Kept = ();
    type Future = Fut;

    #[inline]
    fn keep(&self, _: &Req) {}

    fn answer(&self, (): (), failed: X) -> Fut {
        (self.0)(failed)
    }
}

impl<F> fmt::Debug for Asking<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Asking").finish_non_exhaustive()
    }
}

/// A fallback that keeps something of each request: a key, or all of it.
pub struct Keeping<K, F, Kept> {
    keep: K,
    answer: F,
    kept: PhantomData<fn() -> Kept>,
}

impl<K, F, Kept> Keeping<K, F, Kept> {
    /// Creates a fallback of a function that keeps and one that answers, or is [`Asking`].
    pub const fn new(keep: K, answer: F) -> Self {
        Self { keep, answer, kept: PhantomData }
    }
}

impl<Req, T, E, X, Kept, K, F> Answer<Req, T, E, X> for Keeping<K, F, Kept>
where
    K: Fn(&Req) -> Kept,
    F: Fn(Kept, X) -> Result<T, E>,
{
    type Kept = Kept;
    type Future = Ready<Result<T, E>>;

    #[inline]
    fn keep(&self, request: &Req) -> Kept {
        (self.keep)(request)
    }

    fn answer(&self, kept: Kept, failed: X) -> Self::Future {
        ready((self.answer)(kept, failed))
    }
}

impl<Req, T, E, X, Kept, K, F, Fut> Answer<Req, T, E, X> for Keeping<K, Asking<F>, Kept>
where
    K: Fn(&Req) -> Kept,
    F: Fn(Kept, X) -> Fut,
    Fut: Future<Output = Result<T, E>>,
{
    type Kept = Kept;
    type Future = Fut;

    #[inline]
    fn keep(&self, request: &Req) -> Kept {
        (self.keep)(request)
    }

    fn answer(&self, kept: Kept, failed: X) -> Fut {
        (self.answer.0)(kept, failed)
    }
}

impl<K: Clone, F: Clone, Kept> Clone for Keeping<K, F, Kept> {
    fn clone(&self) -> Self {
        Self::new(self.keep.clone(), self.answer.clone())
    }
}

impl<K, F, Kept> fmt::Debug for Keeping<K, F, Kept> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keeping").finish_non_exhaustive()
    }
}
