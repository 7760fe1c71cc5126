use std::{sync::Arc, time::Duration};

use super::{CircuitState, figures::part};

/// Who decides about a breaker's state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Control {
    /// The breaker, from results.
    Automatic,
    /// An operator: every call is refused.
    ForcedOpen,
    /// An operator: every call is made and nothing is counted.
    Disabled,
    /// An operator: every call is made, and the breaker tells which it would have refused.
    MetricsOnly,
}

impl Control {
    /// The control as one stable lower-case word, for logs and operators.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Automatic => "automatic",
            Self::ForcedOpen => "forced_open",
            Self::Disabled => "disabled",
            Self::MetricsOnly => "metrics_only",
        }
    }
}

/// What a breaker was at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct CircuitSnapshot {
    /// The breaker's name.
    pub name: Arc<str>,
    /// What it does with a call.
    pub state: CircuitState,
    /// What it would do with a call if it decided; another than `state` only under [`Control::MetricsOnly`].
    pub verdict: CircuitState,
    /// Who decides.
    pub control: Control,
    /// Calls counted: in the window while closed, probes while half-open, else 0.
    pub calls: u64,
    /// Failures among the calls; of consecutive ones, how many there are.
    pub failures: u64,
    /// Slow calls among the calls.
    pub slow: u64,
    /// Probes under way.
    pub probes: u32,
    /// How often it opened since it was made.
    pub opened: u64,
    /// How long until a probe is let through, while open and not forced.
    pub retry_after: Option<Duration>,
}

impl CircuitSnapshot {
    /// Which part of the counted calls failed, from 0 to 1.
    #[must_use]
    pub fn failure_rate(&self) -> f64 {
        part(self.failures, self.calls)
    }

    /// Which part of the counted calls was slow, from 0 to 1.
    #[must_use]
    pub fn slow_rate(&self) -> f64 {
        part(self.slow, self.calls)
    }
}
