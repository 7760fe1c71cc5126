use std::{num::NonZeroU32, time::Duration};

use serde::{Deserialize, Serialize};

use super::{BucketConfig, OutboundConfig};
use crate::layers::{
    circuit_breaker::CircuitBreakerConfig,
    retry::{Jitter, PerClass, RetryBudgetConfig, RetryConfig, RetryCosts},
};

/// A kind of partner, with settings that suit it.
///
/// ```
/// use std::time::Duration;
/// use fsm_integration_core::profile::{OutboundConfig, Profile};
///
/// // As a preset, or with what is different about this one partner.
/// let patient = OutboundConfig { attempt_timeout: Duration::from_secs(90), ..Profile::ErpSystem.config() };
/// assert_eq!((patient.circuit_breaker.failure_threshold, patient.retry.max_retries), (3, 5));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Profile {
    /// A sales system: orders, callbacks, outcomes.
    SalesSystem,
    /// An ERP: slow, few calls, worth many retries.
    ErpSystem,
    /// An electronic signature provider: slow, tightly limited.
    ESignature,
    /// A communication gateway, with the bucket for SMS.
    CommunicationGateway,
    /// A communication gateway, with the bucket for e-mail.
    EmailGateway,
    /// A point-of-sale back office that speaks Conexxus.
    Conexxus,
}

/// One row of the table, as the source documents write it; times in milliseconds.
struct Row {
    failures: u32,
    successes: u32,
    attempt: u64,
    reset: u64,
    total: u64,
    retries: u32,
    initial: u64,
    cap: u64,
    jitter: f64,
    capacity: u32,
    per_second: u32,
}

impl Profile {
    /// Every profile, in the order of the table.
    pub const ALL: [Self; 6] = [
        Self::SalesSystem,
        Self::ErpSystem,
        Self::ESignature,
        Self::CommunicationGateway,
        Self::EmailGateway,
        Self::Conexxus,
    ];

    /// The table. The total leaves time for every wait and for two attempts that run into their timeout.
    #[rustfmt::skip]
    const fn row(self) -> Row {
        match self {
            Self::SalesSystem => Row {
                failures: 5, successes: 2, attempt: 30_000, reset: 60_000, total: 70_000,
                retries: 3, initial: 1_000, cap: 30_000, jitter: 0.1, capacity: 100, per_second: 10,
            },
            Self::ErpSystem => Row {
                failures: 3, successes: 2, attempt: 45_000, reset: 120_000, total: 170_000,
                retries: 5, initial: 2_000, cap: 60_000, jitter: 0.2, capacity: 50, per_second: 5,
            },
            Self::ESignature => Row {
                failures: 5, successes: 3, attempt: 60_000, reset: 300_000, total: 130_000,
                retries: 3, initial: 1_000, cap: 30_000, jitter: 0.1, capacity: 20, per_second: 2,
            },
            Self::CommunicationGateway => Row {
                failures: 10, successes: 3, attempt: 15_000, reset: 30_000, total: 50_000,
                retries: 5, initial: 500, cap: 10_000, jitter: 0.15, capacity: 50, per_second: 10,
            },
            Self::EmailGateway => Row { capacity: 100, per_second: 20, ..Self::CommunicationGateway.row() },
            Self::Conexxus => Self::SalesSystem.row(),
        }
    }

    /// The settings of this kind of partner.
    ///
    /// # Panics
    /// Never: the table holds no bucket of zero.
    #[must_use]
    pub const fn config(self) -> OutboundConfig {
        let row = self.row();
        let (Some(capacity), Some(per_second)) = (NonZeroU32::new(row.capacity), NonZeroU32::new(row.per_second))
        else {
            panic!("the table holds no bucket of zero")
        };
        OutboundConfig {
            attempt_timeout: Duration::from_millis(row.attempt),
            total_deadline: Duration::from_millis(row.total),
            circuit_breaker: CircuitBreakerConfig {
                failure_threshold: row.failures,
                success_threshold: row.successes,
                reset_timeout: Duration::from_millis(row.reset),
                // A probe that succeeds at the last moment must not be taken for one that hangs.
                half_open_timeout: Duration::from_millis(row.attempt + 30_000),
                ..CircuitBreakerConfig::DEFAULT
            },
            retry: RetryConfig {
                max_retries: row.retries,
                initial_delay: Duration::from_millis(row.initial),
                max_delay: Duration::from_millis(row.cap),
                multiplier: 2.0,
                jitter_factor: row.jitter,
                jitter: Jitter::Additive,
                max_retry_after: Duration::from_secs(30),
                total: None,
                per_class: PerClass::NONE,
            },
            retry_budget: RetryBudgetConfig {
                ratio: 0.1,
                min_per_second: 10,
                max_saved: 100,
                costs: RetryCosts::EQUAL,
            },
            rate_limit: BucketConfig { capacity, per_second },
        }
    }
}
