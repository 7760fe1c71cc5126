use std::task::{Context, Poll};

use http::HeaderMap;
use tower::{Layer, Service};

use super::{WebhookId, WebhookSigner, header};

/// Signs every request that goes through, each attempt anew and at its own time (flaw F-W7): install it inside the
/// retry layer, next to the client.
///
/// ```
/// use std::sync::Arc;
/// use bytes::Bytes;
/// use fsm_integration_core::{clock::SystemClock, layers::webhook::*};
/// use tower::{Layer, ServiceExt, service_fn};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let secrets = WebhookSecrets::new(WebhookSecret::generate()?, Arc::new(SystemClock));
/// let client = service_fn(async |request: http::Request<Bytes>| Ok::<_, std::io::Error>(request.headers().len()));
///
/// let mut request = http::Request::new(Bytes::from_static(b"{}"));
/// request.extensions_mut().insert(WebhookId::new("evt_1")?);
/// let service = SignLayer::new(WebhookSigner::new(secrets)).layer(client);
/// assert_eq!(service.oneshot(request).await?, 6);
/// # Ok(())
/// # }
/// ```
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

/// A request that can be signed: its body is in memory, so that it can also be sent again.
///
/// Any [`http::Request`] with a body of bytes is one; implement it for the request of another client.
pub trait Signable {
    /// The id of the message, the same on every attempt; without one, each attempt gets its own.
    fn webhook_id(&self) -> Option<WebhookId>;

    /// The bytes that go over the wire.
    fn body(&self) -> &[u8];

    /// Where the signature goes.
    fn headers_mut(&mut self) -> &mut HeaderMap;
}

/// The id is the [`WebhookId`] among the request's extensions, else its `webhook-id` header.
impl<B: AsRef<[u8]>> Signable for http::Request<B> {
    fn webhook_id(&self) -> Option<WebhookId> {
        if let Some(id) = self.extensions().get::<WebhookId>() {
            return Some(id.clone());
        }
        let text = self.headers().get(header::STANDARD_ID)?.to_str().ok()?;
        WebhookId::new(text).ok()
    }

    fn body(&self) -> &[u8] {
        self.body().as_ref()
    }

    fn headers_mut(&mut self) -> &mut HeaderMap {
        self.headers_mut()
    }
}

/// Signs with the id that the request brings along.
///
/// A request without an id gets a random one, so each of its attempts would be a new message to the receiver.
#[derive(Debug, Clone)]
pub struct SignService<S> {
    inner: S,
    signer: WebhookSigner,
}

impl<R: Signable, S: Service<R>> Service<R> for SignService<S> {
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: R) -> S::Future {
        let id = request.webhook_id().unwrap_or_else(WebhookId::random);
        self.signer.sign(&id, request.body()).apply(request.headers_mut());
        self.inner.call(request)
    }
}
