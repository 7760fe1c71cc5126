use super::{
    GradientConfig,
    limit::{Move, Outcome, Sample, within},
};
use crate::clock::nanos;

/// Netflix's `Gradient2Limit` behind its `WindowedLimit`; see the module's text.
#[derive(Debug)]
pub(super) struct Gradient {
    config: GradientConfig,
    window: Window,
    usual: Usual,
}

/// The calls since the limit last moved.
#[derive(Debug, Default)]
struct Window {
    began: Option<u64>,
    calls: u32,
    /// In nanoseconds.
    total: f64,
    is_used: bool,
}

/// The latency over a long time: a plain mean at first, an exponential one from the tenth window on.
#[derive(Debug)]
struct Usual {
    latency: f64,
    windows: u32,
    /// The weight of a new window.
    weight: f64,
}

/// How many windows are averaged plainly (`warmupWindow` of Netflix's `ExpAvgMeasurement`).
const WARM_UP: u32 = 10;

impl Gradient {
    pub(super) fn new(config: &GradientConfig) -> Self {
        let config = GradientConfig {
            tolerance: within(config.tolerance, 1.0, f64::MAX),
            smoothing: within(config.smoothing, 0.01, 1.0),
            backoff_ratio: within(config.backoff_ratio, 0.5, 1.0),
            ..*config
        };
        let weight = 2.0 / (f64::from(config.long_window.max(1)) + 1.0);
        Self { config, window: Window::default(), usual: Usual { latency: 0.0, windows: 0, weight } }
    }

    pub(super) fn record(&mut self, sample: &Sample, limit: f64, is_used: bool) -> Move {
        let latency = sample.latency() as f64;
        match sample.outcome {
            Outcome::Overloaded => return Move::LowerTo(self.config.backoff_ratio),
            Outcome::Ignored => return Move::Stay,
            // It would have taken longer still; how long is long, only those that were answered can say.
            Outcome::Cancelled if self.usual.windows == 0 || latency <= self.usual.latency => return Move::Stay,
            Outcome::Answered | Outcome::Cancelled => {}
        }
        self.window.add(sample.began, latency, is_used);
        let is_long = sample.ended.saturating_sub(self.window.began.unwrap_or_default()) >= nanos(self.config.window);
        if !is_long || self.window.calls < self.config.min_samples {
            return Move::Stay;
        }
        let window = std::mem::take(&mut self.window);
        let present = (window.total / f64::from(window.calls)).max(1.0);
        self.usual.add(present, self.config.tolerance);
        if window.is_used { Move::To(self.next(limit, present)) } else { Move::Stay }
    }

    fn next(&self, limit: f64, present: f64) -> f64 {
        let GradientConfig { tolerance, smoothing, .. } = self.config;
        // Not below one half: one slow window is no reason to refuse most calls.
        let gradient = (tolerance * self.usual.latency / present).clamp(0.5, 1.0);
        let wanted = limit * gradient + limit.sqrt();
        limit + (wanted - limit) * smoothing
    }
}

impl Window {
    fn add(&mut self, began: u64, latency: f64, is_used: bool) {
        self.began.get_or_insert(began);
        self.calls = self.calls.saturating_add(1);
        self.total += latency;
        self.is_used |= is_used;
    }
}

impl Usual {
    fn add(&mut self, present: f64, tolerance: f64) {
        self.windows = self.windows.saturating_add(1);
        self.latency += (present - self.latency) * self.weight_of(present, tolerance);
        // After a long overload the usual latency is too high; do not wait for the mean to forget it.
        if self.latency > 2.0 * present {
            self.latency *= 0.95;
        }
    }

    fn weight_of(&self, present: f64, tolerance: f64) -> f64 {
        if self.windows <= WARM_UP {
            return 1.0 / f64::from(self.windows);
        }
        // What is too slow to be good is not soon usual, or an overload that lasts would raise the limit to its maximum.
        if present > tolerance * self.latency { self.weight / 10.0 } else { self.weight }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is usual after one more window, if it was 1 000 for longer than the warm-up.
    fn usual_after(present: f64, weight: f64) -> f64 {
        let mut usual = Usual { latency: 1_000.0, windows: WARM_UP, weight };
        usual.add(present, 1.5);
        usual.latency
    }

    #[test]
    fn usual_latency_is_a_plain_mean_at_first() {
        let mut usual = Usual { latency: 0.0, windows: 0, weight: 0.0 };
        let means = [100.0, 200.0, 600.0, 300.0].map(|present| {
            usual.add(present, 1.0);
            usual.latency
        });
        assert_eq!(means, [100.0, 150.0, 300.0, 300.0]);
        usual = Usual { windows: WARM_UP - 1, ..usual };
        usual.add(400.0, 1.0);
        assert_eq!(usual.latency, 310.0, "the tenth counts as much as the others, the eleventh by its weight");
        usual.add(400.0, 1.0);
        assert_eq!(usual.latency, 310.0);
    }

    #[test]
    fn a_window_that_is_too_slow_to_be_good_weighs_a_tenth() {
        assert_eq!([900.0, 1_000.0, 1_500.0].map(|present| usual_after(present, 0.5)), [950.0, 1_000.0, 1_250.0]);
        assert_eq!([1_600.0, 11_000.0].map(|present| usual_after(present, 0.5)), [1_030.0, 1_500.0]);
    }

    #[test]
    fn usual_latency_sinks_beside_its_mean_once_calls_take_less_than_half_of_it() {
        // A mean that moves by nothing, so that only what is done beside it shows.
        let sunk = [1.0, 499.0, 500.0, 501.0].map(|present| usual_after(present, 0.0));
        assert_eq!(sunk, [950.0, 950.0, 1_000.0, 1_000.0]);
    }
}
