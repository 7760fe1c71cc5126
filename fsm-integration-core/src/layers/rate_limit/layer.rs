use std::time::Duration;

use tower::Layer;

use super::{
    Costed, InboundRateLimitLayer, Keyed, KeyedTokenBucket, RateLimitPolicy, RateLimitService, Shared, StoreLimiter,
    TokenBucket, WaitConfig, service::Mode,
};
use crate::{error::RateLimited, respond::RespondLayer};

/// Keeps calls to a limit: refuses at once, with a hint when to come back, what no token is left for, or lets it wait.
///
/// ```
/// use std::{num::NonZeroU32, time::Duration};
/// use fsm_integration_core::{error::Error, layers::rate_limit::{Quota, RateLimitLayer, TokenBucket}};
/// use tower::{Layer, ServiceExt, service_fn};
///
/// # #[tokio::main(flavor = "current_thread", start_paused = true)] async fn main() {
/// let bucket = TokenBucket::new(Quota::per_second(NonZeroU32::MIN, NonZeroU32::MIN));
/// let partner = service_fn(|_: &str| async { Ok::<_, Error>("done") });
///
/// let refusing = RateLimitLayer::new(bucket.clone()).layer(partner);
/// assert!(refusing.clone().oneshot("first").await.is_ok());
/// assert_eq!(refusing.oneshot("second").await.unwrap_err().retry_after(), Some(Duration::from_secs(1)));
///
/// // The same bucket, for calls that have the time.
/// let waiting = RateLimitLayer::new(bucket).wait(Duration::from_secs(10), 100).layer(partner);
/// assert!(waiting.oneshot("third").await.is_ok());
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct RateLimitLayer<L = TokenBucket> {
    limit: L,
    mode: Mode,
}

impl<L> RateLimitLayer<L> {
    /// Creates a layer over a bucket; layers made from clones of one bucket share it.
    pub const fn new(limit: L) -> Self {
        Self { limit, mode: Mode { shadow: false, max_pause: None, wait: None } }
    }

    /// Lets a call wait for its token, first come, first served, instead of refusing it; default: never.
    ///
    /// At most `max_waiting` calls wait, none longer than `max_wait`: what would have to is refused at once. Place a
    /// layer that waits *outside* a circuit breaker that counts slow calls. In shadow mode nobody waits. A waiting call
    /// must be polled or dropped: one that is kept and neither holds up those behind it.
    ///
    /// # Panics
    /// The calls', when they have to wait outside a tokio runtime with time.
    #[must_use]
    pub const fn wait(mut self, max_wait: Duration, max_waiting: usize) -> Self {
        self.mode.wait = Some(WaitConfig { max_wait, max_waiting });
        self
    }

    /// Lets a request cost what the function says; default: one token.
    ///
    /// A request that costs more than the capacity is refused for ever, one that costs nothing is let through while the
    /// bucket is not in debt.
    pub fn cost<F>(self, cost_of: F) -> RateLimitLayer<Costed<L, F>> {
        RateLimitLayer { limit: Costed::new(self.limit, cost_of), mode: self.mode }
    }

    /// Counts what would be refused, but lets it through, to try a limit out (requirement R10).
    #[must_use]
    pub const fn shadow(mut self, shadow: bool) -> Self {
        self.mode.shadow = shadow;
        self
    }

    /// Pauses the bucket when the other side asks to wait, at most this long (requirement R11); default: never.
    ///
    /// It asks with an error of class [`Throttled`](crate::error::ErrorClass::Throttled) that has a
    /// [`retry_after`](crate::error::Classify::retry_after) and is not
    /// [ours](crate::error::Classify::is_local): what another limiter of this process refused pauses nothing. An answer
    /// that is `Ok` asks for nothing, though its status be 429: have the client, or a layer below, make an error of it.
    #[must_use]
    pub const fn honour_retry_after(mut self, max_pause: Duration) -> Self {
        self.mode.max_pause = Some(max_pause);
        self
    }

    /// Answers a refusal instead of failing, where the service cannot fail; comes last.
    ///
    /// With HTTP, [`respond_with_headers`](Self::respond_with_headers) tells callers more.
    pub fn respond_with<F, Response>(self, answer: F) -> RespondLayer<Self, RateLimited, F>
    where
        F: Fn(RateLimited) -> Response,
    {
        RespondLayer::new(self, answer)
    }

    /// As [`respond_with`](Self::respond_with), and tells each caller how it stands, on every answer (requirement R4).
    ///
    /// The refusal's answer is the function's, with these [`headers`](super::headers) on it; so is that of a call that
    /// was let through, `Retry-After` excepted, which only refusals have. An error of the service gets none. In shadow
    /// mode nobody is asked to come back later. [`honour_retry_after`](Self::honour_retry_after) does nothing here.
    pub fn respond_with_headers<F, Body>(self, policy: RateLimitPolicy, answer: F) -> InboundRateLimitLayer<L, F>
    where
        F: Fn(RateLimited) -> http::Response<Body>,
    {
        InboundRateLimitLayer::new(self.limit, self.mode, policy, answer)
    }
}

impl<K, F, C> RateLimitLayer<Keyed<K, F, C>> {
    /// Creates a layer over a bucket for each key; `key_of` is any `Fn(&Request) -> K`.
    pub const fn keyed(buckets: KeyedTokenBucket<K, C>, key_of: F) -> Self {
        Self::new(Keyed::new(buckets, key_of))
    }
}

impl<S, F, C> RateLimitLayer<Shared<S, F, C>> {
    /// Creates a layer over buckets that many processes share; `key_of` is any `Fn(&Request) -> Arc<str>`.
    ///
    /// The answer of the store is awaited, its tokens are not: a call that finds none is refused, [`wait`](Self::wait)
    /// or not.
    ///
    /// # Panics
    /// The calls', when the store has to be asked outside a tokio runtime with time.
    pub const fn shared(limiter: StoreLimiter<S, C>, key_of: F) -> Self {
        Self::new(Shared::new(limiter, key_of))
    }
}

impl<S, L: Clone> Layer<S> for RateLimitLayer<L> {
    type Service = RateLimitService<S, L>;

    fn layer(&self, inner: S) -> Self::Service {
        RateLimitService::new(inner, self.limit.clone(), self.mode)
    }
}
