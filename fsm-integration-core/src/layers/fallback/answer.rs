use std::{
    fmt,
    future::{Future, Ready, ready},
    marker::PhantomData,
};

/// Answers in the place of a call that failed.
///
/// Every `Fn(E) -> Result<T, E>` is one, for whatever request; [`Keeping`] is one that knows the request, [`Asking`] one
/// that has to wait for its answer.
pub trait Answer<Req, T, E> {
    /// What is kept of the request while the call is under way.
    type Kept;

    /// The answer when it is there.
    type Future: Future<Output = Result<T, E>>;

    /// Keeps what the answer will need of the request; called for every call.
    fn keep(&self, request: &Req) -> Self::Kept;

    /// The answer, or the error to fail with when there is no other answer either.
    fn answer(&self, kept: Self::Kept, error: E) -> Self::Future;
}

impl<Req, T, E, F> Answer<Req, T, E> for F
where
    F: Fn(E) -> Result<T, E>,
{
    type Kept = ();
    type Future = Ready<Result<T, E>>;

    #[inline]
    fn keep(&self, _: &Req) {}

    fn answer(&self, (): (), error: E) -> Self::Future {
        ready(self(error))
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

impl<Req, T, E, F, Fut> Answer<Req, T, E> for Asking<F>
where
    F: Fn(E) -> Fut,
    Fut: Future<Output = Result<T, E>>,
{
    type Kept = ();
    type Future = Fut;

    #[inline]
    fn keep(&self, _: &Req) {}

    fn answer(&self, (): (), error: E) -> Fut {
        (self.0)(error)
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

impl<Req, T, E, Kept, K, F> Answer<Req, T, E> for Keeping<K, F, Kept>
where
    K: Fn(&Req) -> Kept,
    F: Fn(Kept, E) -> Result<T, E>,
{
    type Kept = Kept;
    type Future = Ready<Result<T, E>>;

    #[inline]
    fn keep(&self, request: &Req) -> Kept {
        (self.keep)(request)
    }

    fn answer(&self, kept: Kept, error: E) -> Self::Future {
        ready((self.answer)(kept, error))
    }
}

impl<Req, T, E, Kept, K, F, Fut> Answer<Req, T, E> for Keeping<K, Asking<F>, Kept>
where
    K: Fn(&Req) -> Kept,
    F: Fn(Kept, E) -> Fut,
    Fut: Future<Output = Result<T, E>>,
{
    type Kept = Kept;
    type Future = Fut;

    #[inline]
    fn keep(&self, request: &Req) -> Kept {
        (self.keep)(request)
    }

    fn answer(&self, kept: Kept, error: E) -> Fut {
        (self.answer.0)(kept, error)
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
