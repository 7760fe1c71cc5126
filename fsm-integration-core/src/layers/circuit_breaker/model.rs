use super::CircuitBreakerConfig;

/// How results while closed become the decision to open.
///
/// A window of calls or of time becomes another variant; nothing outside this file knows which it is.
#[derive(Debug, Clone)]
pub(super) enum Model {
    /// So many failures in a row.
    Consecutive {
        /// Failures since the last success.
        failures: u32,
        /// At how many it trips.
        threshold: u32,
    },
}

impl Model {
    pub(super) fn new(config: &CircuitBreakerConfig) -> Self {
        Self::Consecutive { failures: 0, threshold: config.failure_threshold.max(1) }
    }

    /// Counts a result and tells whether the breaker must open.
    pub(super) fn record(&mut self, success: bool) -> bool {
        match self {
            Self::Consecutive { failures, .. } if success => {
                *failures = 0;
                false
            }
            Self::Consecutive { failures, threshold } => {
                *failures += 1;
                failures >= threshold
            }
        }
    }

    /// Whether a success would change nothing, so that it need not be recorded.
    pub(super) fn is_clean(&self) -> bool {
        self.failures() == 0
    }

    pub(super) fn failures(&self) -> u32 {
        match self {
            Self::Consecutive { failures, .. } => *failures,
        }
    }

    pub(super) fn clear(&mut self) {
        match self {
            Self::Consecutive { failures, .. } => *failures = 0,
        }
    }
}
