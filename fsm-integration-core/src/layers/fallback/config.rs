use serde::{Deserialize, Serialize};

use crate::error::ErrorClass;

/// Which classes of failures a fallback answers for.
///
/// Default: every class that is not the caller's fault or doing; not `permanent` and not `cancelled`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FallbackConfig {
    /// What may pass on a later try.
    pub transient: bool,
    /// What was refused for the moment.
    pub throttled: bool,
    /// What was not answered in time.
    pub timeout: bool,
    /// What a circuit breaker refused.
    pub open: bool,
    /// What would fail again.
    pub permanent: bool,
    /// What the caller gave up.
    pub cancelled: bool,
}

impl Default for FallbackConfig {
    fn default() -> Self {
        Self { transient: true, throttled: true, timeout: true, open: true, permanent: false, cancelled: false }
    }
}

impl FallbackConfig {
    /// Whether it answers for failures of this class.
    #[must_use]
    pub const fn answers(&self, class: ErrorClass) -> bool {
        match class {
            ErrorClass::Transient => self.transient,
            ErrorClass::Throttled => self.throttled,
            ErrorClass::Timeout => self.timeout,
            ErrorClass::Open => self.open,
            ErrorClass::Permanent => self.permanent,
            ErrorClass::Cancelled => self.cancelled,
        }
    }
}
