use super::{
    CircuitBreakerConfig, CircuitModel,
    count_window::CountWindow,
    figures::{Counted, Figures, reaches},
    time_window::TimeWindow,
    word::Pace,
};

/// How results while closed become the decision to open; nothing outside this file knows which way it is.
#[derive(Debug, Clone)]
pub(super) enum Model {
    /// Failures since the last success.
    Consecutive(Figures),
    /// The last calls.
    Calls(CountWindow),
    /// The last while.
    Time(TimeWindow),
}

impl Model {
    pub(super) fn new(config: &CircuitBreakerConfig, now: u64) -> Self {
        match config.model {
            CircuitModel::Consecutive => Self::Consecutive(Figures::default()),
            CircuitModel::CountWindow { size } => Self::Calls(CountWindow::new(size)),
            CircuitModel::TimeWindow { duration, buckets } => Self::Time(TimeWindow::new(duration, buckets, now)),
        }
    }

    /// Lets what is too old by time go.
    pub(super) fn advance(&mut self, now: u64) {
        if let Self::Time(window) = self {
            window.advance(now);
        }
    }

    pub(super) fn record(&mut self, counted: Counted) {
        match self {
            Self::Consecutive(figures) if counted.failed => figures.add(Counted { failed: true, slow: false }),
            Self::Consecutive(figures) => *figures = Figures::default(),
            Self::Calls(window) => window.record(counted),
            Self::Time(window) => window.record(counted),
        }
    }

    /// Counts plain successes that were tallied beside the machine; they came before whatever is recorded next.
    pub(super) fn absorb(&mut self, successes: u64) {
        match self {
            Self::Consecutive(_) => {}
            Self::Calls(window) => window.absorb(successes),
            Self::Time(window) => window.absorb(successes),
        }
    }

    /// Whether what is counted opens the breaker.
    pub(super) fn must_open(&self, config: &CircuitBreakerConfig) -> bool {
        self.opens_at(self.figures(), config)
    }

    fn opens_at(&self, Figures { calls, failures, slow }: Figures, config: &CircuitBreakerConfig) -> bool {
        match self {
            Self::Consecutive(_) => failures >= config.failure_threshold.max(1).into(),
            Self::Calls(_) | Self::Time(_) => {
                calls >= self.minimum(config)
                    && (reaches(failures, calls, config.failure_rate) || reaches(slow, calls, config.slow_call_rate))
            }
        }
    }

    fn minimum(&self, config: &CircuitBreakerConfig) -> u64 {
        let size = if let CircuitModel::CountWindow { size } = config.model { size.max(1) } else { u32::MAX };
        config.minimum_calls.min(size).into()
    }

    /// What a success has to do.
    ///
    /// It lowers a rate, so it opens a breaker only by being the one that completes the minimum beside failures, or the
    /// first result after the rate rose without one: successes grew old, or the settings changed, while somebody looked
    /// or a result came that does not count. Neither opens a breaker by itself, a result does (so does resilience4j), and
    /// in both cases every result is judged.
    pub(super) fn pace(&self, config: &CircuitBreakerConfig) -> Pace {
        let figures = self.figures();
        let judged = !figures.is_clean() && (figures.calls < self.minimum(config) || self.opens_at(figures, config));
        match self {
            Self::Consecutive(figures) if figures.is_clean() => Pace::Free,
            Self::Calls(_) if !judged => Pace::Tallied,
            Self::Time(_) if !judged => Pace::TalliedByTime,
            Self::Consecutive(_) | Self::Calls(_) | Self::Time(_) => Pace::Judged,
        }
    }

    pub(super) fn figures(&self) -> Figures {
        match self {
            Self::Consecutive(figures) => *figures,
            Self::Calls(window) => window.figures(),
            Self::Time(window) => window.figures(),
        }
    }

    /// Until when results may be counted beside the machine.
    pub(super) fn bucket_end(&self) -> u64 {
        if let Self::Time(window) = self { window.bucket_end() } else { u64::MAX }
    }

    /// Goes on under other settings and tells whether what was counted is kept, as it is by a model of the same kind.
    pub(super) fn reconfigure(&mut self, config: &CircuitBreakerConfig, now: u64) -> bool {
        match (&mut *self, config.model) {
            (Self::Consecutive(_), CircuitModel::Consecutive) => {}
            (Self::Calls(window), CircuitModel::CountWindow { size }) => window.resize(size),
            (Self::Time(window), CircuitModel::TimeWindow { duration, buckets }) => {
                window.resize(duration, buckets, now);
            }
            _ => {
                *self = Self::new(config, now);
                return false;
            }
        }
        true
    }

    pub(super) fn clear(&mut self, now: u64) {
        match self {
            Self::Consecutive(figures) => *figures = Figures::default(),
            Self::Calls(window) => window.clear(),
            Self::Time(window) => window.clear(now),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const SUCCESS: Counted = Counted { failed: false, slow: false };
    const FAILURE: Counted = Counted { failed: true, slow: false };
    const TIME: CircuitModel = CircuitModel::TimeWindow { duration: Duration::from_secs(10), buckets: 10 };

    fn model(model: CircuitModel) -> (Model, CircuitBreakerConfig) {
        let config = CircuitBreakerConfig { model, minimum_calls: 4, ..CircuitBreakerConfig::DEFAULT };
        (Model::new(&config, 0), config)
    }

    #[test]
    fn a_success_is_free_unless_it_ends_a_row_of_failures() {
        let (mut model, config) = model(CircuitModel::Consecutive);
        assert_eq!(model.pace(&config), Pace::Free);
        model.record(FAILURE);
        assert_eq!(model.pace(&config), Pace::Judged);
        model.record(SUCCESS);
        assert_eq!(model.pace(&config), Pace::Free);
    }

    /// All others go beside the machine, which is what makes a window fast.
    #[test]
    fn a_success_in_a_window_is_judged_only_where_it_could_open_the_breaker() {
        for (kind, tallied) in [(CircuitModel::CountWindow { size: 10 }, Pace::Tallied), (TIME, Pace::TalliedByTime)] {
            let (mut model, config) = model(kind);
            assert_eq!(model.pace(&config), tallied, "nothing failed");
            model.record(FAILURE);
            model.absorb(2);
            assert_eq!(model.pace(&config), Pace::Judged, "the next completes the minimum");
            model.absorb(1);
            assert_eq!(model.pace(&config), tallied, "the next lowers the rate");
            let strict = CircuitBreakerConfig { failure_rate: 0.25, ..config };
            assert_eq!(model.pace(&strict), Pace::Judged, "the rate is reached already");
        }
    }

    #[test]
    fn only_a_bucket_of_time_ends() {
        assert_eq!(model(TIME).0.bucket_end(), 1_000_000_000);
        for kind in [CircuitModel::Consecutive, CircuitModel::CountWindow { size: 10 }] {
            assert_eq!(model(kind).0.bucket_end(), u64::MAX);
        }
    }
}
