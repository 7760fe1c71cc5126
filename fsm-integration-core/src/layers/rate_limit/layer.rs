use std::time::Duration;

use tower::Layer;

use super::{Keyed, KeyedTokenBucket, RateLimitService, TokenBucket, service::Mode};

/// Refuses outbound calls that no token is left for, with a hint when to come back.
#[derive(Debug, Clone)]
pub struct RateLimitLayer<L = TokenBucket> {
    limit: L,
    mode: Mode,
}

impl<L> RateLimitLayer<L> {
    /// Creates a layer over a bucket; layers made from clones of one bucket share it.
    pub const fn new(limit: L) -> Self {
        Self { limit, mode: Mode { shadow: false, max_pause: None } }
    }

    /// Counts what would be refused, but lets it through, to try a limit out (requirement R10).
    #[must_use]
    pub const fn shadow(mut self, shadow: bool) -> Self {
        self.mode.shadow = shadow;
        self
    }

    /// Pauses the bucket when the other side asks to wait, at most this long (requirement R11); default: never.
    #[must_use]
    pub const fn honour_retry_after(mut self, max_pause: Duration) -> Self {
        self.mode.max_pause = Some(max_pause);
        self
    }
}

impl<K, F, C> RateLimitLayer<Keyed<K, F, C>> {
    /// Creates a layer over a bucket for each key; `key_of` is any `Fn(&Request) -> K`.
    pub const fn keyed(buckets: KeyedTokenBucket<K, C>, key_of: F) -> Self {
        Self::new(Keyed::new(buckets, key_of))
    }
}

impl<S, L: Clone> Layer<S> for RateLimitLayer<L> {
    type Service = RateLimitService<S, L>;

    fn layer(&self, inner: S) -> Self::Service {
        RateLimitService::new(inner, self.limit.clone(), self.mode)
    }
}
