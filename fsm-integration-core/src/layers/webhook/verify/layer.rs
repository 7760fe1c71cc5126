use std::sync::Arc;

use tower::Layer;

use super::{Buffered, InMemory, VerifyService};
use crate::{
    error::InvalidSignature,
    layers::webhook::{ReplayStore, WebhookVerifier},
    respond::RespondLayer,
};

/// Lets only verified webhooks through; the handler finds [`Verified`](crate::layers::webhook::Verified) among the
/// request's extensions and the bytes that were verified as its body.
///
/// A message whose handling fails (an error, a status other than 2xx, a dropped future) is forgotten, so that
/// the sender's next attempt is let in. By default a refusal is the service's error; where the service cannot
/// fail, [`respond_with`](Self::respond_with) makes it an answer: the same 401 for every reason.
///
/// Headers that cannot pass are refused before the body is read. The body is one that is in memory, unless
/// [`buffered`](Self::buffered) says how to read it; the handler's request has a body of the same type.
///
/// ```
/// use std::{convert::Infallible, sync::Arc};
/// use bytes::Bytes;
/// use fsm_integration_core::{clock::SystemClock, layers::webhook::*};
/// use tower::{Layer, Service, service_fn};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// // With axum: `VerifyLayer::new(verifier).buffered(64 * 1024, axum::body::to_bytes)`.
/// let secrets = WebhookSecrets::new(WebhookSecret::generate()?, Arc::new(SystemClock));
/// let unauthorized = |_| http::Response::builder().status(401).body("{}").expect("a response");
/// let layer = VerifyLayer::new(WebhookVerifier::new(secrets.clone())).respond_with(unauthorized);
///
/// let handler = service_fn(async |request: http::Request<Bytes>| {
///     assert_eq!(request.extensions().get::<Verified>().expect("verified").id(), Some("evt_1"));
///     Ok::<_, Infallible>(http::Response::new("thanks"))
/// });
/// let mut request = http::Request::new(Bytes::from_static(b"{}"));
/// WebhookSigner::new(secrets).sign(&WebhookId::new("evt_1")?, b"{}").apply(request.headers_mut());
///
/// let mut service = layer.layer(handler);
/// assert_eq!(service.call(request.clone()).await?.status(), 200);
/// assert_eq!(service.call(request).await?.status(), 401, "a replay");
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct VerifyLayer<C = InMemory> {
    pub(super) verifier: WebhookVerifier,
    pub(super) store: Option<Arc<dyn ReplayStore>>,
    pub(super) collect: C,
}

impl VerifyLayer {
    /// Creates the layer; it refuses with the service's own error and takes bodies that are in memory.
    #[must_use]
    pub fn new(verifier: WebhookVerifier) -> Self {
        Self { verifier, store: None, collect: InMemory }
    }
}

impl<C> VerifyLayer<C> {
    /// Answers a refusal instead of failing, where the service cannot fail; comes last.
    pub fn respond_with<F, Response>(self, answer: F) -> RespondLayer<Self, InvalidSignature, F>
    where
        F: Fn(InvalidSignature) -> Response,
    {
        RespondLayer::new(self, answer)
    }

    /// Reads the body with a function of body and limit in bytes, as `axum::body::to_bytes`.
    ///
    /// A body that is longer or breaks off has no valid signature: nobody signed a part of it.
    #[must_use]
    pub fn buffered<F>(self, limit: usize, read: F) -> VerifyLayer<Buffered<F>> {
        let Self { verifier, store, .. } = self;
        VerifyLayer { verifier, store, collect: Buffered { limit, read } }
    }

    /// Remembers messages for all processes that share the store, besides in the memory of this one.
    ///
    /// The store is asked in a task of its own: a question that was begun is ended although the caller is gone,
    /// and what it remembered for nobody is forgotten. Outside a tokio runtime it is asked by the request itself.
    #[must_use]
    pub fn remember_in(mut self, store: impl ReplayStore) -> Self {
        self.store = Some(Arc::new(store));
        self
    }
}

impl<S, C: Clone> Layer<S> for VerifyLayer<C> {
    type Service = VerifyService<S, C>;

    fn layer(&self, inner: S) -> Self::Service {
        VerifyService { inner, layer: self.clone() }
    }
}
