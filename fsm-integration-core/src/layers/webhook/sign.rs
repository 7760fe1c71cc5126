use std::task::{Context, Poll};

use bytes::Bytes;
use tower::{Layer, Service};

use super::{WebhookId, WebhookSigner, header};

/// Signs every request that goes through, each attempt anew (flaw F-W7): install it inside the retry layer.
#[derive(Debug, Clone)]
pub struct SignLayer {
    signer: WebhookSigner,
}

impl SignLayer {
    /// Creates the layer.
    #[must_use]
    pub fn new(signer: WebhookSigner) -> Self {
        Self { signer }
    }
}

impl<S> Layer<S> for SignLayer {
    type Service = SignService<S>;

    fn layer(&self, inner: S) -> SignService<S> {
        SignService { inner, signer: self.signer.clone() }
    }
}

/// Signs with the id that the request brings along.
///
/// The id is the [`WebhookId`] among the request's extensions, else its `webhook-id` header. A request without
/// either gets a random id, so each of its attempts would be a new message to the receiver.
#[derive(Debug, Clone)]
pub struct SignService<S> {
    inner: S,
    signer: WebhookSigner,
}

impl<S: Service<http::Request<Bytes>>> Service<http::Request<Bytes>> for SignService<S> {
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: http::Request<Bytes>) -> S::Future {
        let id = id_of(&request);
        self.signer.sign(&id, request.body()).apply(request.headers_mut());
        self.inner.call(request)
    }
}

fn id_of<B>(request: &http::Request<B>) -> WebhookId {
    if let Some(id) = request.extensions().get::<WebhookId>() {
        return id.clone();
    }
    let text = request.headers().get(header::STANDARD_ID).and_then(|value| value.to_str().ok());
    text.and_then(|text| WebhookId::new(text).ok()).unwrap_or_else(WebhookId::random)
}
