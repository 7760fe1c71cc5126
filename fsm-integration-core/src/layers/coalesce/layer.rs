use std::{fmt, hash::Hash};

use tower::Layer;

use super::{Coalesce, CoalesceService};

/// Lets calls of a service with the same key share one; layers of one [`Coalesce`]'s clones share each other's.
///
/// A function finds the key; a request for which it finds none passes untouched.
///
/// ```
/// use fsm_integration_core::{error::BoxError, layers::coalesce::{Coalesce, CoalesceLayer}};
/// use tower::{Layer, ServiceExt, service_fn};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), BoxError> {
/// let layer = CoalesceLayer::new(Coalesce::default(), |article: &u64| Some(*article));
/// let prices = layer.layer(service_fn(|article: u64| async move { Ok::<_, BoxError>(article * 10) }));
/// let (one, other) = tokio::join!(prices.clone().oneshot(7), prices.clone().oneshot(7));
/// assert_eq!((one?, other?), (70, 70));
/// # Ok(())
/// # }
/// ```
pub struct CoalesceLayer<F, K: Eq + Hash, T, E> {
    coalesce: Coalesce<K, T, E>,
    key_of: F,
}

impl<F, K: Eq + Hash, T, E> CoalesceLayer<F, K, T, E> {
    /// Creates the layer.
    #[must_use]
    pub fn new<Request>(coalesce: Coalesce<K, T, E>, key_of: F) -> Self
    where
        F: Fn(&Request) -> Option<K>,
    {
        Self { coalesce, key_of }
    }
}

impl<S, F: Clone, K: Eq + Hash, T, E> Layer<S> for CoalesceLayer<F, K, T, E> {
    type Service = CoalesceService<S, F, K, T, E>;

    fn layer(&self, inner: S) -> Self::Service {
        CoalesceService { inner, coalesce: self.coalesce.clone(), key_of: self.key_of.clone() }
    }
}

impl<F: Clone, K: Eq + Hash, T, E> Clone for CoalesceLayer<F, K, T, E> {
    fn clone(&self) -> Self {
        Self { coalesce: self.coalesce.clone(), key_of: self.key_of.clone() }
    }
}

impl<F, K: Eq + Hash, T, E> fmt::Debug for CoalesceLayer<F, K, T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CoalesceLayer").field("coalesce", &self.coalesce).finish_non_exhaustive()
    }
}
