use bytes::Bytes;
use tower::Layer;

use super::{Fingerprint, IdempotencyKey, IdempotencyManager, IdempotencyService, StoredResponse};
use crate::error::{AsError, AsResponse};

/// Does each HTTP request once per key and replays the stored answer, marked `Idempotency-Replayed: true`.
///
/// A function finds the key and the fingerprint; a request for which it finds none passes untouched.
#[derive(Debug)]
pub struct IdempotencyLayer<S, K, R = AsError> {
    pub(super) manager: IdempotencyManager<S>,
    pub(super) key_of: K,
    pub(super) keep: fn(&StoredResponse) -> bool,
    pub(super) refuse: R,
}

impl<S, K> IdempotencyLayer<S, K>
where
    K: Fn(&http::Request<Bytes>) -> Option<(IdempotencyKey, Fingerprint)>,
{
    /// Creates the layer; it refuses with an error and keeps what [`StoredResponse::is_final`] says.
    #[must_use]
    pub fn new(manager: IdempotencyManager<S>, key_of: K) -> Self {
        Self { manager, key_of, keep: StoredResponse::is_final, refuse: AsError }
    }
}

impl<S, K, R> IdempotencyLayer<S, K, R> {
    /// Says which answers are kept.
    #[must_use]
    pub fn keep_if(mut self, keep: fn(&StoredResponse) -> bool) -> Self {
        self.keep = keep;
        self
    }

    /// Answers a refusal instead of failing, where the service cannot fail.
    #[must_use]
    pub fn respond_with<F>(self, answer: F) -> IdempotencyLayer<S, K, AsResponse<F>> {
        IdempotencyLayer { manager: self.manager, key_of: self.key_of, keep: self.keep, refuse: AsResponse(answer) }
    }
}

impl<I, S, K: Clone, R: Clone> Layer<I> for IdempotencyLayer<S, K, R> {
    type Service = IdempotencyService<I, S, K, R>;

    fn layer(&self, inner: I) -> Self::Service {
        IdempotencyService { inner, layer: self.clone() }
    }
}

impl<S, K: Clone, R: Clone> Clone for IdempotencyLayer<S, K, R> {
    fn clone(&self) -> Self {
        Self {
            manager: self.manager.clone(),
            key_of: self.key_of.clone(),
            keep: self.keep,
            refuse: self.refuse.clone(),
        }
    }
}
