use tower::Layer;

use super::{Fingerprint, IdempotencyKey, IdempotencyManager, IdempotencyService, KeepFinal, KeepIf};
use crate::error::{AsError, AsResponse, InvalidIdempotencyKey};

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
pub struct IdempotencyLayer<S, K, R = AsError, P = KeepFinal> {
    manager: IdempotencyManager<S>,
    key_of: K,
    refuse: R,
    keep: P,
}

impl<S, K> IdempotencyLayer<S, K> {
    /// Creates the layer; it refuses with an error and keeps what [`Outcome::is_final`](super::Outcome::is_final) says.
    #[must_use]
    pub fn new<Request>(manager: IdempotencyManager<S>, key_of: K) -> Self
    where
        K: Fn(&Request) -> Result<Option<(IdempotencyKey, Fingerprint)>, InvalidIdempotencyKey>,
    {
        Self { manager, key_of, refuse: AsError, keep: KeepFinal }
    }
}

impl<S, K, R, P> IdempotencyLayer<S, K, R, P> {
    /// Says which answers are kept.
    #[must_use]
    pub fn keep_if<T, F: Fn(&T) -> bool>(self, keep: F) -> IdempotencyLayer<S, K, R, KeepIf<F>> {
        let Self { manager, key_of, refuse, .. } = self;
        IdempotencyLayer { manager, key_of, refuse, keep: KeepIf(keep) }
    }

    /// Answers a refusal instead of failing, where the service cannot fail.
    #[must_use]
    pub fn respond_with<F>(self, answer: F) -> IdempotencyLayer<S, K, AsResponse<F>, P> {
        let Self { manager, key_of, keep, .. } = self;
        IdempotencyLayer { manager, key_of, refuse: AsResponse(answer), keep }
    }
}

impl<I, S, K: Clone, R: Clone, P: Clone> Layer<I> for IdempotencyLayer<S, K, R, P> {
    type Service = IdempotencyService<I, S, K, R, P>;

    fn layer(&self, inner: I) -> Self::Service {
        IdempotencyService {
            inner,
            manager: self.manager.clone(),
            key_of: self.key_of.clone(),
            refuse: self.refuse.clone(),
            keep: self.keep.clone(),
        }
    }
}

impl<S, K: Clone, R: Clone, P: Clone> Clone for IdempotencyLayer<S, K, R, P> {
    fn clone(&self) -> Self {
        Self {
            manager: self.manager.clone(),
            key_of: self.key_of.clone(),
            refuse: self.refuse.clone(),
            keep: self.keep.clone(),
        }
    }
}
