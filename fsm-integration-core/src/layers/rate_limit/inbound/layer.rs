use tower::Layer;

use super::{InboundRateLimitService, RateLimitPolicy};
use crate::layers::rate_limit::service::Mode;

/// Keeps callers to a limit and tells each how it stands, on every answer (requirement R4); made by
/// [`RateLimitLayer::respond_with_headers`](crate::layers::rate_limit::RateLimitLayer::respond_with_headers).
///
/// ```
/// use std::{convert::Infallible, num::NonZeroU32};
/// use fsm_integration_core::layers::rate_limit::{KeyedTokenBucket, Quota, RateLimitLayer, RateLimitPolicy};
/// use http::{Request, Response};
/// use tower::{Layer, ServiceExt, service_fn};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// let quota = Quota::per_minute_with_burst(NonZeroU32::MIN);
/// let layer = RateLimitLayer::keyed(KeyedTokenBucket::new(quota, 10_000), |_: &Request<()>| "acme")
///     .respond_with_headers(RateLimitPolicy::new("orders", quota.period()), |_| {
///         Response::builder().status(429).body("too many requests").expect("a response")
///     });
/// let service = layer.layer(service_fn(async |_| Ok::<_, Infallible>(Response::new("done"))));
///
/// let Ok(answer) = service.clone().oneshot(Request::new(())).await;
/// assert_eq!(answer.headers()["x-ratelimit-remaining"], "0");
/// let Ok(refusal) = service.oneshot(Request::new(())).await;
/// assert_eq!(refusal.status(), 429);
/// assert_eq!(refusal.headers()["retry-after"], "60");
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct InboundRateLimitLayer<L, F> {
    limit: L,
    mode: Mode,
    policy: RateLimitPolicy,
    answer: F,
}

impl<L, F> InboundRateLimitLayer<L, F> {
    pub(in crate::layers::rate_limit) const fn new(limit: L, mode: Mode, policy: RateLimitPolicy, answer: F) -> Self {
        Self { limit, mode, policy, answer }
    }
}

impl<S, L: Clone, F: Clone> Layer<S> for InboundRateLimitLayer<L, F> {
    type Service = InboundRateLimitService<S, L, F>;

    fn layer(&self, inner: S) -> Self::Service {
        let Self { limit, mode, policy, answer } = self.clone();
        InboundRateLimitService { inner, limit, mode, policy, answer }
    }
}
