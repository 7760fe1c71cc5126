use std::task::{Context, Poll};

use bytes::Bytes;
use tower::Service;

use super::{
    Executed, Fingerprint, IdempotencyFuture, IdempotencyKey, IdempotencyLayer, IdempotencyStore, StoredResponse,
};
use crate::error::{AsError, IdempotencyConflict, Refuse};

/// Does each request once; finds the [`Lease`](super::Lease) among the extensions of what it does.
#[derive(Debug)]
pub struct IdempotencyService<I, S, K, R = AsError> {
    pub(super) inner: I,
    pub(super) layer: IdempotencyLayer<S, K, R>,
}

impl<I: Clone, S, K: Clone, R: Clone> Clone for IdempotencyService<I, S, K, R> {
    fn clone(&self) -> Self {
        Self { inner: self.inner.clone(), layer: self.layer.clone() }
    }
}

impl<I, S, K, R> Service<http::Request<Bytes>> for IdempotencyService<I, S, K, R>
where
    I: Service<http::Request<Bytes>, Response = http::Response<Bytes>> + Clone + Send + 'static,
    I::Future: Send,
    I::Error: Send,
    S: IdempotencyStore<StoredResponse>,
    K: Fn(&http::Request<Bytes>) -> Option<(IdempotencyKey, Fingerprint)> + Clone + Send + 'static,
    R: Refuse<IdempotencyConflict, http::Response<Bytes>, I::Error> + Clone + Send + 'static,
{
    type Response = http::Response<Bytes>;
    type Error = I::Error;
    type Future = IdempotencyFuture<I::Future, http::Response<Bytes>, I::Error>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), I::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: http::Request<Bytes>) -> Self::Future {
        let Some((key, fingerprint)) = (self.layer.key_of)(&request) else {
            return IdempotencyFuture::Untouched { inner: self.inner.call(request) };
        };
        // The instance that was polled ready goes along, its clone stays.
        let clone = self.inner.clone();
        let ready = std::mem::replace(&mut self.inner, clone);
        let layer = self.layer.clone();
        IdempotencyFuture::Once { work: Box::pin(once(layer, ready, request, key, fingerprint)) }
    }
}

async fn once<I, S, K, R>(
    layer: IdempotencyLayer<S, K, R>,
    mut ready: I,
    mut request: http::Request<Bytes>,
    key: IdempotencyKey,
    fingerprint: Fingerprint,
) -> Result<http::Response<Bytes>, I::Error>
where
    I: Service<http::Request<Bytes>, Response = http::Response<Bytes>>,
    S: IdempotencyStore<StoredResponse>,
    R: Refuse<IdempotencyConflict, http::Response<Bytes>, I::Error>,
{
    // The first caller gets the answer whole, not only what is kept of it.
    let mut first = None;
    let whole = &mut first;
    let work = |lease| async move {
        request.extensions_mut().insert::<super::Lease>(lease);
        let response = ready.call(request).await.map_err(Fault::Inner)?;
        let stored = StoredResponse::of(&response);
        *whole = Some(response);
        Ok(stored)
    };
    match layer.manager.execute_if(&key, fingerprint, layer.keep, work).await {
        Ok(Executed { value, .. }) => Ok(first.unwrap_or_else(|| value.into_replay())),
        Err(Fault::Inner(error)) => Err(error),
        Err(Fault::Conflict(conflict)) => layer.refuse.refuse(conflict),
    }
}

enum Fault<E> {
    Inner(E),
    Conflict(IdempotencyConflict),
}

impl<E> From<IdempotencyConflict> for Fault<E> {
    fn from(conflict: IdempotencyConflict) -> Self {
        Self::Conflict(conflict)
    }
}
