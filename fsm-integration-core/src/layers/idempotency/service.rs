use std::{
    mem,
    task::{Context, Poll},
};

use tower::Service;

use super::{
    CarryExecution, Fingerprint, IdempotencyFuture, IdempotencyKey, IdempotencyManager, IdempotencyStore, Keep,
    KeepFinal, Replayable, future::Asked,
};
use crate::error::{IdempotencyConflict, InvalidIdempotencyKey};

/// Does each request once.
#[derive(Debug)]
pub struct IdempotencyService<I, S, K, P = KeepFinal> {
    pub(super) inner: I,
    pub(super) manager: IdempotencyManager<S>,
    pub(super) key_of: K,
    pub(super) keep: P,
}

impl<I: Clone, S, K: Clone, P: Clone> Clone for IdempotencyService<I, S, K, P> {
    fn clone(&self) -> Self {
        Self {
            inner: self.inner.clone(),
            manager: self.manager.clone(),
            key_of: self.key_of.clone(),
            keep: self.keep.clone(),
        }
    }
}

impl<I, Request, S, K, P> Service<Request> for IdempotencyService<I, S, K, P>
where
    I: Service<Request, Response: Replayable, Error: From<IdempotencyConflict> + Send, Future: Send>
        + Clone
        + Send
        + 'static,
    I::Response: Send,
    <I::Response as Replayable>::Stored: Send + Sync + 'static,
    Request: CarryExecution + Send + 'static,
    S: IdempotencyStore<<I::Response as Replayable>::Stored>,
    K: Fn(&Request) -> Result<Option<(IdempotencyKey, Fingerprint)>, InvalidIdempotencyKey>,
    P: Keep<<I::Response as Replayable>::Stored> + Clone + Send + 'static,
{
    type Response = I::Response;
    type Error = I::Error;
    type Future = IdempotencyFuture<I, Request, S, P>;

    #[inline]
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), I::Error>> {
        self.inner.poll_ready(cx)
    }

    #[inline]
    fn call(&mut self, request: Request) -> Self::Future {
        let (key, fingerprint) = match (self.key_of)(&request) {
            Ok(Some(found)) => found,
            Ok(None) => return IdempotencyFuture::untouched(self.inner.call(request)),
            Err(invalid) => {
                let conflict = self.manager.refuse(invalid.into());
                return IdempotencyFuture::refused(conflict.into());
            }
        };
        // The instance that was polled ready goes along, its clone stays.
        let clone = self.inner.clone();
        let ready = mem::replace(&mut self.inner, clone);
        IdempotencyFuture::asked(Asked {
            ready,
            request,
            key,
            fingerprint,
            manager: self.manager.clone(),
            keep: self.keep.clone(),
        })
    }
}
