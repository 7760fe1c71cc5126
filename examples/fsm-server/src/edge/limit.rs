use std::{num::NonZeroU32, sync::Arc};

use axum::{
    Router,
    extract::{Extension, Request, State},
    middleware::{self, Next},
    response::{IntoResponse, Response},
};
use fsm_integration_core::{
    adapter::TenantId,
    clock::{SystemClock, WallClock},
    error::{Error, ErrorKind, FieldErrors},
    layers::rate_limit::{Decision, KeyedTokenBucket, Quota, headers},
    observe::Observation,
};

use super::ApiError;

/// Tenants whose buckets are remembered at once; those beyond share one.
const MAX_TENANTS: usize = 10_000;

/// How often each tenant may call; a clone shares the count.
#[derive(Debug, Clone)]
pub struct TenantLimit {
    policy: &'static str,
    quota: Quota,
    buckets: KeyedTokenBucket<TenantId>,
    clock: Arc<dyn WallClock>,
}

impl TenantLimit {
    /// Lets each tenant call so often a minute, with bursts as requirement R3 has them.
    ///
    /// The policy's name stands in the headers, in the refusal and on the metrics.
    #[must_use]
    pub fn per_minute(policy: &'static str, limit: NonZeroU32, clock: Arc<dyn WallClock>) -> Self {
        let quota = Quota::per_minute_with_burst(limit);
        let buckets = KeyedTokenBucket::with_clock(policy, quota, MAX_TENANTS, SystemClock);
        Self { policy, quota, buckets, clock }
    }

    /// Counts requests to these routes; goes inside [`TenantKeys::protect`](super::TenantKeys::protect), outside
    /// [`Edge::guard`](super::Edge::guard), so that its headers are on refusals and timeouts too (requirement R4).
    ///
    /// # Panics
    /// The router has no routes.
    pub fn protect<S: Clone + Send + Sync + 'static>(&self, router: Router<S>) -> Router<S> {
        router.route_layer(middleware::from_fn_with_state(self.clone(), limit))
    }

    fn refusal(&self, decision: &Decision) -> ApiError {
        let refused = Observation::RateLimited { retry_after: decision.retry_after, shadow: false };
        self.buckets.observers().observe(self.policy, refused);
        let mut details = FieldErrors::default();
        let (limit, window) = (self.quota.limit(), self.quota.period().as_secs());
        details.push("", format!("policy \"{}\" allows {limit} requests in {window} s", self.policy));
        Error::from(ErrorKind::RateLimited).with_details(details).with_retry_after(decision.retry_after).into()
    }
}

async fn limit(
    State(limit): State<TenantLimit>,
    Extension(tenant): Extension<TenantId>,
    request: Request,
    next: Next,
) -> Response {
    let decision = limit.buckets.try_acquire(&tenant, 1);
    let mut answer = if decision.allowed { next.run(request).await } else { limit.refusal(&decision).into_response() };
    answer.headers_mut().extend(headers(&decision, limit.policy, limit.quota.window(), limit.clock.timestamp()));
    answer
}
