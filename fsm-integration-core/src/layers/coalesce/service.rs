use std::{
    fmt,
    hash::Hash,
    mem,
    task::{Context, Poll},
};

use tower::Service;

use super::{Coalesce, CoalesceFuture, ShareError};

/// A service whose calls with the same key share one.
pub struct CoalesceService<S, F, K: Eq + Hash, T, E> {
    pub(super) inner: S,
    pub(super) coalesce: Coalesce<K, T, E>,
    pub(super) key_of: F,
}

impl<S: Clone, F: Clone, K: Eq + Hash, T, E> Clone for CoalesceService<S, F, K, T, E> {
    fn clone(&self) -> Self {
        Self { inner: self.inner.clone(), coalesce: self.coalesce.clone(), key_of: self.key_of.clone() }
    }
}

impl<S, Request, F, K, T, E> Service<Request> for CoalesceService<S, F, K, T, E>
where
    S: Service<Request, Response = T, Error = E, Future: Send + 'static> + Clone,
    F: Fn(&Request) -> Option<K>,
    K: Eq + Hash + Clone,
    T: Clone + Send + Sync + 'static,
    E: ShareError + Send + Sync + 'static,
{
    type Response = T;
    type Error = E;
    type Future = CoalesceFuture<S, Request, K>;

    #[inline]
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), E>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request) -> Self::Future {
        let Some(key) = (self.key_of)(&request) else {
            return CoalesceFuture::alone(self.inner.call(request));
        };
        // The instance that was polled ready goes along, its clone stays.
        let clone = self.inner.clone();
        CoalesceFuture::asked(self.coalesce.clone(), key, mem::replace(&mut self.inner, clone), request)
    }
}

impl<S: fmt::Debug, F, K: Eq + Hash, T, E> fmt::Debug for CoalesceService<S, F, K, T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (inner, coalesce) = (&self.inner, &self.coalesce);
        f.debug_struct("CoalesceService").field("inner", inner).field("coalesce", coalesce).finish_non_exhaustive()
    }
}
