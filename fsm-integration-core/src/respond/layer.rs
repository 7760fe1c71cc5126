use std::{fmt, marker::PhantomData};

use tower::Layer;

use super::{Refusable, RespondService};

/// Answers the refusals of a layer, or of a stack of them, with what a function makes of each; the service's own errors
/// pass.
///
/// Each layer that can refuse makes it with its `respond_with`, which comes last in the chain. Around a whole stack make
/// it here, for [`Error`](crate::error::Error) or any type of yours that takes the refusals by `From`.
///
/// ```
/// use std::{convert::Infallible, num::NonZeroU32, time::Duration};
/// use fsm_integration_core::{
///     error::Error,
///     layers::{RespondLayer, bulkhead::*, rate_limit::*, timeout::TimeoutLayer},
/// };
/// use tower::{Layer, ServiceBuilder, ServiceExt, service_fn};
///
/// # #[tokio::main(flavor = "current_thread", start_paused = true)] async fn main() {
/// // Cannot fail, so no layer can fail in its place.
/// let handler = service_fn(async |_: &str| Ok::<_, Infallible>(200));
///
/// let bucket = TokenBucket::new(Quota::per_second(NonZeroU32::MIN, NonZeroU32::MIN));
/// let layers = ServiceBuilder::new()
///     .layer(RateLimitLayer::new(bucket))
///     .layer(BulkheadLayer::new(Bulkhead::new(100, 0)))
///     .layer(TimeoutLayer::new(Duration::from_secs(30)));
/// let service = RespondLayer::new(layers, |refusal: Error| refusal.kind().status()).layer(handler);
/// assert_eq!(service.clone().oneshot("first").await, Ok(200));
/// assert_eq!(service.oneshot("second").await, Ok(429));
/// # }
/// ```
pub struct RespondLayer<L, R, F> {
    layer: L,
    answer: F,
    refusal: PhantomData<fn(R)>,
}

impl<L, R, F> RespondLayer<L, R, F> {
    /// Answers what these layers refuse.
    pub const fn new<Response>(layer: L, answer: F) -> Self
    where
        F: Fn(R) -> Response,
    {
        Self { layer, answer, refusal: PhantomData }
    }
}

impl<S, L, R, F> Layer<S> for RespondLayer<L, R, F>
where
    L: Layer<Refusable<S, R>>,
    F: Clone,
{
    type Service = RespondService<L::Service, R, F>;

    fn layer(&self, inner: S) -> Self::Service {
        RespondService::new(self.layer.layer(Refusable::new(inner)), self.answer.clone())
    }
}

impl<L: Clone, R, F: Clone> Clone for RespondLayer<L, R, F> {
    fn clone(&self) -> Self {
        Self { layer: self.layer.clone(), answer: self.answer.clone(), refusal: PhantomData }
    }
}

impl<L: fmt::Debug, R, F> fmt::Debug for RespondLayer<L, R, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RespondLayer").field("layer", &self.layer).finish_non_exhaustive()
    }
}
