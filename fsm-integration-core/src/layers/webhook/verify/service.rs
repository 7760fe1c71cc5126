use std::{
    mem::replace,
    task::{Context, Poll},
};

use bytes::Bytes;
use tower::Service;

use super::{ReadBody, VerifyFuture, VerifyLayer, remembered::Remembered};
use crate::error::InvalidSignature;

/// Verifies each request before the inner service sees it.
#[derive(Debug, Clone)]
pub struct VerifyService<S, C = super::InMemory> {
    pub(super) inner: S,
    pub(super) layer: VerifyLayer<C>,
}

impl<S, C, B, Answer> Service<http::Request<B>> for VerifyService<S, C>
where
    S: Service<http::Request<B>, Response = http::Response<Answer>, Error: From<InvalidSignature>> + Clone,
    C: ReadBody<B>,
    B: From<Bytes>,
{
    type Response = http::Response<Answer>;
    type Error = S::Error;
    type Future = VerifyFuture<S, C::Future, B>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: http::Request<B>) -> Self::Future {
        let VerifyLayer { verifier, store, collect } = &self.layer;
        if let Err(reason) = verifier.check_headers(request.headers()) {
            return VerifyFuture::refused(reason);
        }
        let (head, body) = request.into_parts();
        // The instance that was polled ready makes the call; its clone was not, and stays.
        let clone = self.inner.clone();
        let inner = replace(&mut self.inner, clone);
        let remembered = Remembered::new(verifier.clone(), store.clone());
        VerifyFuture::reading(collect.read(body), inner, head, remembered)
    }
}
