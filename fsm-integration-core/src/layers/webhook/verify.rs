use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use pin_project_lite::pin_project;
use tower::{Layer, Service};

use super::{Verified, WebhookVerifier};
use crate::error::{AsError, AsResponse, InvalidSignature, Refuse};

/// Lets only verified webhooks through; the handler finds [`Verified`] among the request's extensions.
///
/// A message whose handling fails (an error, a status other than 2xx, a dropped future) is forgotten, so that
/// the sender's next attempt is let in. By default a refusal is the service's error; where the service cannot
/// fail, [`respond_with`](Self::respond_with) makes it an answer: the same 401 for every reason.
#[derive(Debug, Clone)]
pub struct VerifyLayer<R = AsError> {
    verifier: WebhookVerifier,
    refuse: R,
}

impl VerifyLayer {
    /// Creates the layer; it refuses with an error.
    #[must_use]
    pub fn new(verifier: WebhookVerifier) -> Self {
        Self { verifier, refuse: AsError }
    }

    /// Answers a refusal instead of failing.
    #[must_use]
    pub fn respond_with<F>(self, answer: F) -> VerifyLayer<AsResponse<F>> {
        VerifyLayer { verifier: self.verifier, refuse: AsResponse(answer) }
    }
}

impl<S, R: Clone> Layer<S> for VerifyLayer<R> {
    type Service = VerifyService<S, R>;

    fn layer(&self, inner: S) -> VerifyService<S, R> {
        VerifyService { inner, verifier: self.verifier.clone(), refuse: self.refuse.clone() }
    }
}

/// Verifies each request before the inner service sees it.
#[derive(Debug, Clone)]
pub struct VerifyService<S, R = AsError> {
    inner: S,
    verifier: WebhookVerifier,
    refuse: R,
}

impl<S, R, B> Service<http::Request<Bytes>> for VerifyService<S, R>
where
    S: Service<http::Request<Bytes>, Response = http::Response<B>>,
    R: Refuse<InvalidSignature, http::Response<B>, S::Error>,
{
    type Response = http::Response<B>;
    type Error = S::Error;
    type Future = VerifyFuture<S::Future, http::Response<B>, S::Error>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: http::Request<Bytes>) -> Self::Future {
        match self.verifier.verify(request.headers(), request.body()) {
            Ok(verified) => {
                let remembered = Remembered { of: Some((self.verifier.clone(), verified.clone())) };
                request.extensions_mut().insert(verified);
                VerifyFuture::Calling { inner: self.inner.call(request), remembered }
            }
            Err(reason) => {
                tracing::warn!(reason = reason.label(), "webhook.refused");
                VerifyFuture::Refused { outcome: Some(self.refuse.refuse(reason)) }
            }
        }
    }
}

/// The memory of a message that is being handled; forgotten unless kept.
struct Remembered {
    of: Option<(WebhookVerifier, Verified)>,
}

impl Drop for Remembered {
    fn drop(&mut self) {
        if let Some((verifier, verified)) = self.of.take() {
            verifier.forget(&verified);
        }
    }
}

pin_project! {
    /// The answer to a verified request, or the refusal.
    #[project = Projected]
    #[allow(missing_debug_implementations)]
    pub enum VerifyFuture<F, Response, E> {
        #[doc(hidden)]
        Calling { #[pin] inner: F, remembered: Remembered },
        #[doc(hidden)]
        Refused { outcome: Option<Result<Response, E>> },
    }
}

impl<F, B, E> Future for VerifyFuture<F, http::Response<B>, E>
where
    F: Future<Output = Result<http::Response<B>, E>>,
{
    type Output = Result<http::Response<B>, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.project() {
            Projected::Calling { inner, remembered } => {
                let outcome = ready!(inner.poll(cx));
                if outcome.as_ref().is_ok_and(|response| response.status().is_success()) {
                    remembered.of = None;
                }
                Poll::Ready(outcome)
            }
            Projected::Refused { outcome } => Poll::Ready(outcome.take().expect("polled after it was ready")),
        }
    }
}
