/// What a breaker does with a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum CircuitState {
    /// Lets every call through.
    Closed,
    /// Lets a few probes through.
    HalfOpen,
    /// Refuses every call.
    Open,
}

impl CircuitState {
    /// The state as one stable lower-case word, for logs and operators.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::HalfOpen => "half_open",
            Self::Open => "open",
        }
    }

    /// The state as the gauge shows it: 0 closed, 1 half-open, 2 open.
    #[must_use]
    pub const fn gauge(self) -> f64 {
        match self {
            Self::Closed => 0.0,
            Self::HalfOpen => 1.0,
            Self::Open => 2.0,
        }
    }
}
