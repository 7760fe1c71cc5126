use super::{AdaptiveConcurrencyConfig, LimitAlgorithm, aimd::Aimd, gradient::Gradient};

/// The limit and how it moves: samples come in, limits go out.
#[derive(Debug)]
pub(super) struct Limit {
    /// Finite, and between the bounds.
    value: f64,
    min: f64,
    max: f64,
    /// When the limit was last lowered for an error; calls begun before then say nothing new.
    lowered_at: Option<u64>,
    rule: Rule,
}

#[derive(Debug)]
enum Rule {
    Aimd(Aimd),
    Gradient(Gradient),
}

/// One call that has ended; times in nanoseconds.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sample {
    pub(super) began: u64,
    pub(super) ended: u64,
    /// How many calls were under way, this one included.
    pub(super) in_flight: usize,
    pub(super) outcome: Outcome,
}

/// How a call ended, in the eyes of the limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// It was answered; the time it took counts.
    Answered,
    /// The other side, or the way to it, is overloaded: a timeout, a 429, a 503; the limit is lowered.
    Overloaded,
    /// Says nothing about the load: a bad request, a refusal by an open circuit breaker.
    Ignored,
    /// The caller went away, or the call panicked; the time until then counts if it is long already.
    Cancelled,
}

/// What a rule makes of a sample.
pub(super) enum Move {
    Stay,
    To(f64),
    /// Down to this share, once a round trip.
    LowerTo(f64),
}

impl Sample {
    pub(super) const fn latency(&self) -> u64 {
        self.ended.saturating_sub(self.began)
    }
}

impl Limit {
    pub(super) fn new(config: &AdaptiveConcurrencyConfig) -> Self {
        // Beyond 2^31 there is no semaphore; all below is exact in an f64.
        let count = |places: usize| places.clamp(1, (1 << 31) - 1) as f64;
        let min = count(config.min);
        let max = count(config.max).max(min);
        let rule = match config.algorithm {
            LimitAlgorithm::Aimd(aimd) => Rule::Aimd(Aimd::new(&aimd)),
            LimitAlgorithm::Gradient(gradient) => Rule::Gradient(Gradient::new(&gradient)),
        };
        Self { value: count(config.initial).clamp(min, max), min, max, lowered_at: None, rule }
    }

    /// How many calls may be under way.
    pub(super) const fn get(&self) -> usize {
        self.value as usize
    }

    /// Takes note of a call that has ended; gives the limit if it has changed.
    pub(super) fn record(&mut self, sample: &Sample) -> Option<usize> {
        let before = self.get();
        // A limit that is not used says nothing about how high it may be.
        let is_used = sample.in_flight.saturating_mul(2) >= before;
        let wanted = match &mut self.rule {
            Rule::Aimd(aimd) => aimd.record(sample, self.value, is_used),
            Rule::Gradient(gradient) => gradient.record(sample, self.value, is_used),
        };
        match wanted {
            Move::Stay => {}
            Move::To(value) => self.set(value),
            // A burst of failures is one overload: those begun before the limit was lowered met the higher one.
            Move::LowerTo(_) if self.lowered_at.is_some_and(|at| sample.began < at) => {}
            Move::LowerTo(share) => {
                self.lowered_at = Some(sample.ended);
                self.set(self.value * share);
            }
        }
        let after = self.get();
        (after != before).then_some(after)
    }

    fn set(&mut self, value: f64) {
        if value.is_finite() {
            self.value = value.clamp(self.min, self.max);
        }
    }
}

/// A setting brought into its range; what is no number becomes the lowest.
pub(super) const fn within(value: f64, low: f64, high: f64) -> f64 {
    if value.is_nan() { low } else { value.clamp(low, high) }
}
