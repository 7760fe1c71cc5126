use super::{
    AimdConfig,
    limit::{Move, Outcome, Sample, within},
};
use crate::clock::nanos;

/// Additive increase, multiplicative decrease.
#[derive(Debug)]
pub(super) struct Aimd {
    backoff_ratio: f64,
    latency_threshold: u64,
}

impl Aimd {
    pub(super) const fn new(config: &AimdConfig) -> Self {
        Self {
            backoff_ratio: within(config.backoff_ratio, 0.5, 1.0),
            latency_threshold: nanos(config.latency_threshold),
        }
    }

    /// A limit's worth of good calls raises it by one, as a round trip does in TCP's congestion avoidance (RFC 5681,
    /// 3.1). Netflix's `AIMDLimit` adds one for each call, which doubles it with each round.
    pub(super) fn record(&mut self, sample: &Sample, limit: f64, is_used: bool) -> Move {
        let is_slow = sample.latency() > self.latency_threshold;
        match sample.outcome {
            Outcome::Overloaded => Move::LowerTo(self.backoff_ratio),
            Outcome::Answered | Outcome::Cancelled if is_slow => Move::LowerTo(self.backoff_ratio),
            Outcome::Answered if is_used => Move::To(limit + 1.0 / limit),
            Outcome::Answered | Outcome::Ignored | Outcome::Cancelled => Move::Stay,
        }
    }
}
