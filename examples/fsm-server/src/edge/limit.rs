use std::{num::NonZeroU32, sync::Arc};

use axum::{
    Router,
    extract::Request,
    response::{IntoResponse, Response},
};
use fsm_integration_core::{
    adapter::TenantId,
    clock::{SystemClock, WallClock},
    error::{Error, ErrorKind, FieldErrors, RateLimited},
    layers::rate_limit::{KeyedTokenBucket, Quota, RateLimitLayer, RateLimitPolicy},
};

use super::ApiError;

/// Tenants whose buckets are remembered at once; those beyond share one.
const MAX_TENANTS: usize = 10_000;

/// How often each tenant may call; a clone shares the count.
#[derive(Debug, Clone)]
pub struct TenantLimit {
    quota: Quota,
    buckets: KeyedTokenBucket<TenantId>,
    policy: RateLimitPolicy,
}

impl TenantLimit {
    /// Lets each tenant call so often a minute, with bursts as requirement R3 has them.
    ///
    /// The policy's name stands in the headers, in the refusal and on the metrics.
    #[must_use]
    pub fn per_minute(policy: &'static str, limit: NonZeroU32, clock: Arc<dyn WallClock>) -> Self {
        let quota = Quota::per_minute_with_burst(limit);
        let buckets = KeyedTokenBucket::with_clock(policy, quota, MAX_TENANTS, SystemClock);
        Self { quota, buckets, policy: RateLimitPolicy::with_clock(policy, quota.window(), clock) }
    }

    /// Counts requests to these routes; goes inside [`TenantKeys::protect`](super::TenantKeys::protect), outside
    /// [`Edge::guard`](super::Edge::guard), so that its headers are on refusals and timeouts too (requirement R4).
    ///
    /// # Panics
    /// The router has no routes; each request, where nobody has said which tenant's it is.
    pub fn protect<S: Clone + Send + Sync + 'static>(&self, router: Router<S>) -> Router<S> {
        let limit = self.clone();
        let layer = RateLimitLayer::keyed(self.buckets.clone(), tenant)
            .respond_with_headers(self.policy.clone(), move |refusal| limit.refusal(refusal));
        router.route_layer(layer)
    }

    fn refusal(&self, refusal: RateLimited) -> Response {
        let mut details = FieldErrors::default();
        let (limit, window) = (self.quota.limit(), self.quota.period().as_secs());
        details.push("", format!("policy \"{}\" allows {limit} requests in {window} s", self.policy.name()));
        let error = Error::from(ErrorKind::RateLimited).with_details(details).with_retry_after(refusal.retry_after);
        ApiError::from(error).into_response()
    }
}

fn tenant(request: &Request) -> TenantId {
    request.extensions().get::<TenantId>().expect("goes inside the layer that names the tenant").clone()
}
