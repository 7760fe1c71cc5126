use tower::Layer;

use super::{Fingerprint, IdempotencyKey, IdempotencyManager, IdempotencyService, KeepFinal, KeepIf};
use crate::{
    error::{IdempotencyConflict, InvalidIdempotencyKey},
    respond::RespondLayer,
};

/// Does each request once per key and replays the stored answer.
///
/// A function finds the key and the fingerprint. A request for which it finds none passes untouched; one whose key
/// cannot be used, as two that differ or none where one is due
/// ([`InvalidIdempotencyKey::Missing`](super::InvalidIdempotencyKey::Missing)), is refused. The service finds its [`Execution`](super::Execution) among an HTTP request's extensions. HTTP answers are replayed marked
/// `Idempotency-Replayed: true`; other responses say by [`Replayable`](super::Replayable) what is kept of them.
///
/// ```
/// use bytes::Bytes;
/// use fsm_integration_core::{error::BoxError, layers::idempotency::*};
/// use http::{Request, Response};
/// use tower::{Layer, ServiceExt, service_fn};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), BoxError> {
/// let layer = IdempotencyLayer::new(
///     IdempotencyManager::new(MemoryIdempotencyStore::default()),
///     |request: &Request<Bytes>| {
///         let Some(client) = client_key(request.headers())? else { return Ok(None) };
///         Ok(Some((IdempotencyKey::new("demo", "order.create", &client)?, Fingerprint::of(request.body()))))
///     },
/// );
/// let service = layer.layer(service_fn(|_| async {
///     Ok::<_, BoxError>(Response::new(Bytes::from_static(b"created")))
/// }));
/// let order = || Request::builder().header("idempotency-key", "1").body(Bytes::from_static(b"{}"));
/// let first = service.clone().oneshot(order()?).await?;
/// let again = service.oneshot(order()?).await?;
/// assert!(!first.headers().contains_key(REPLAYED));
/// assert_eq!(again.headers()[REPLAYED], "true");
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct IdempotencyLayer<S, K, P = KeepFinal> {
    manager: IdempotencyManager<S>,
    key_of: K,
    keep: P,
}

impl<S, K> IdempotencyLayer<S, K> {
    /// Creates the layer; it refuses with the service's own error and keeps what [`Outcome::is_final`](super::Outcome::is_final) says.
    #[must_use]
    pub fn new<Request>(manager: IdempotencyManager<S>, key_of: K) -> Self
    where
        K: Fn(&Request) -> Result<Option<(IdempotencyKey, Fingerprint)>, InvalidIdempotencyKey>,
    {
        Self { manager, key_of, keep: KeepFinal }
    }
}

impl<S, K, P> IdempotencyLayer<S, K, P> {
    /// Says which answers are kept.
    #[must_use]
    pub fn keep_if<T, F: Fn(&T) -> bool>(self, keep: F) -> IdempotencyLayer<S, K, KeepIf<F>> {
        let Self { manager, key_of, .. } = self;
        IdempotencyLayer { manager, key_of, keep: KeepIf(keep) }
    }

    /// Answers a refusal instead of failing, where the service cannot fail; comes last.
    pub fn respond_with<F, Response>(self, answer: F) -> RespondLayer<Self, IdempotencyConflict, F>
    where
        F: Fn(IdempotencyConflict) -> Response,
    {
        RespondLayer::new(self, answer)
    }
}

impl<I, S, K: Clone, P: Clone> Layer<I> for IdempotencyLayer<S, K, P> {
    type Service = IdempotencyService<I, S, K, P>;

    fn layer(&self, inner: I) -> Self::Service {
        IdempotencyService {
            inner,
            manager: self.manager.clone(),
            key_of: self.key_of.clone(),
            keep: self.keep.clone(),
        }
    }
}

impl<S, K: Clone, P: Clone> Clone for IdempotencyLayer<S, K, P> {
    fn clone(&self) -> Self {
        Self { manager: self.manager.clone(), key_of: self.key_of.clone(), keep: self.keep.clone() }
    }
}
