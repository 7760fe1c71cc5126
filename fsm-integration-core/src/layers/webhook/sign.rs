use std::{
    fmt,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use http::HeaderMap;
use pin_project_lite::pin_project;
use tower::{Layer, Service};

use super::{SignConfig, WebhookId, WebhookSigner, header};
use crate::{
    error::BodyTooLarge,
    observe::{Listening, Observation, Observers},
};

/// Signs every request that goes through, each attempt anew and at its own time (flaw F-W7): install it inside the
/// retry layer, next to the client.
///
/// A body that is larger than [`SignConfig`] allows is refused (requirement W19).
///
/// ```
/// use std::sync::Arc;
/// use bytes::Bytes;
/// use fsm_integration_core::{clock::SystemClock, error::BoxError, layers::webhook::*};
/// use tower::{Layer, ServiceExt, service_fn};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), BoxError> {
/// let secrets = WebhookSecrets::new(WebhookSecret::generate()?, Arc::new(SystemClock));
/// let client = service_fn(async |request: http::Request<Bytes>| Ok::<_, BoxError>(request.headers().len()));
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
    config: SignConfig,
    listening: Arc<Listening>,
}

impl SignLayer {
    /// Creates the layer, with the default [`SignConfig`].
    #[must_use]
    pub fn new(signer: WebhookSigner) -> Self {
        Self::with_config(signer, SignConfig::default())
    }

    /// Creates the layer.
    #[must_use]
    pub fn with_config(signer: WebhookSigner, config: SignConfig) -> Self {
        Self { signer, config, listening: Arc::new(Listening::new("webhook")) }
    }

    /// Names it for those who are told of large bodies; the default is `webhook`.
    #[must_use]
    pub fn with_name(mut self, name: &str) -> Self {
        Arc::make_mut(&mut self.listening).name = name.into();
        self
    }

    /// Says who is told of large bodies; the default is [`Observers::standard`].
    #[must_use]
    pub fn with_observers(mut self, observers: Observers) -> Self {
        Arc::make_mut(&mut self.listening).observers = observers;
        self
    }

    /// Looks at a body that is large.
    #[cold]
    #[inline(never)]
    fn judge(&self, bytes: usize) -> Result<(), BodyTooLarge> {
        let limit = self.config.max_body;
        let refused = bytes > limit;
        self.listening.observe(Observation::WebhookLarge { bytes, refused });
        if refused { Err(BodyTooLarge { bytes, limit }) } else { Ok(()) }
    }
}

impl<S> Layer<S> for SignLayer {
    type Service = SignService<S>;

    fn layer(&self, inner: S) -> SignService<S> {
        SignService { inner, layer: self.clone() }
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
    layer: SignLayer,
}

impl<R: Signable, S: Service<R, Error: From<BodyTooLarge>>> Service<R> for SignService<S> {
    type Response = S::Response;
    type Error = S::Error;
    type Future = SignFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: R) -> Self::Future {
        let SignConfig { max_body, warn_above } = self.layer.config;
        let bytes = request.body().len();
        if bytes > max_body.min(warn_above)
            && let Err(refusal) = self.layer.judge(bytes)
        {
            return SignFuture { call: None, refusal: Some(refusal) };
        }
        let id = request.webhook_id().unwrap_or_else(WebhookId::random);
        self.layer.signer.sign(&id, request.body()).apply(request.headers_mut());
        SignFuture { call: Some(self.inner.call(request)), refusal: None }
    }
}

pin_project! {
    /// A signed call, or its refusal.
    #[must_use = "futures do nothing unless polled"]
    pub struct SignFuture<F> {
        // `None` when it was refused.
        #[pin]
        call: Option<F>,
        refusal: Option<BodyTooLarge>,
    }
}

impl<F, T, E> Future for SignFuture<F>
where
    F: Future<Output = Result<T, E>>,
    E: From<BodyTooLarge>,
{
    type Output = Result<T, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        match this.call.as_pin_mut() {
            Some(call) => call.poll(cx),
            None => Poll::Ready(Err(this.refusal.take().expect("polled after its end").into())),
        }
    }
}

impl<F> fmt::Debug for SignFuture<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SignFuture").field("is_refused", &self.call.is_none()).finish()
    }
}
