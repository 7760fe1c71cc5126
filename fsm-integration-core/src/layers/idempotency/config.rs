use std::time::Duration;

use serde::{Deserialize, Serialize};

/// How long leases live, how long a repetition waits, and what to do without the store.
///
/// Defaults: a lease of 30 s renewed every 10 s (requirement I8), at most 5 s of waiting, then the hint to come
/// back in 1 s (I4); without the store nothing is done (I14).
///
/// ```
/// use fsm_integration_core::layers::idempotency::IdempotencyConfig;
///
/// let config: IdempotencyConfig = serde_json::from_str(r#"{"lease": "1m", "on_store_failure": "proceed"}"#)?;
/// assert_eq!(config.lease.as_secs(), 60);
/// # Ok::<_, serde_json::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct IdempotencyConfig {
    /// How long an owner that gives no sign of life keeps the key; less than 1 s is taken as 1 s.
    #[serde(with = "jiff::fmt::serde::unsigned_duration::friendly::compact::required")]
    pub lease: Duration,
    /// How often the lease is renewed while the work lives; taken as at least a tenth of a lease and at
    /// most half of one.
    #[serde(with = "jiff::fmt::serde::unsigned_duration::friendly::compact::required")]
    pub renew_every: Duration,
    /// How long a repetition waits for the first call's outcome; zero asks it back at once.
    #[serde(with = "jiff::fmt::serde::unsigned_duration::friendly::compact::required")]
    pub wait_timeout: Duration,
    /// When a repetition that waited in vain may ask again.
    #[serde(with = "jiff::fmt::serde::unsigned_duration::friendly::compact::required")]
    pub retry_after: Duration,
    /// What to do when the store cannot be asked.
    pub on_store_failure: StoreFailure,
}

/// What to do when the store cannot be asked (requirement I14).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum StoreFailure {
    /// Refuse the call, and report an outcome that could not be stored as unknown: for all that must not happen twice.
    #[default]
    Refuse,
    /// Do the work unprotected: for what is better done twice than not at all. Each time is told as
    /// [`Observation::IdempotencyUnprotected`](crate::observe::Observation::IdempotencyUnprotected).
    Proceed,
}

impl IdempotencyConfig {
    const SHORTEST_LEASE: Duration = Duration::from_secs(1);

    /// How long a lease is in truth: one that is over at once would let two work at a time.
    #[inline]
    pub(super) fn leased_for(&self) -> Duration {
        self.lease.max(Self::SHORTEST_LEASE)
    }

    /// How often the lease is renewed in truth: neither without pause nor too late.
    pub(super) fn renewal(&self) -> Duration {
        let lease = self.leased_for();
        self.renew_every.clamp(lease / 10, lease / 2)
    }
}

impl Default for IdempotencyConfig {
    fn default() -> Self {
        Self {
            lease: Duration::from_secs(30),
            renew_every: Duration::from_secs(10),
            wait_timeout: Duration::from_secs(5),
            retry_after: Duration::from_secs(1),
            on_store_failure: StoreFailure::Refuse,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lease_is_renewed_before_half_of_it_is_over_and_not_without_pause() {
        let renewal = |lease, renew_every| {
            let [lease, renew_every] = [lease, renew_every].map(Duration::from_secs);
            IdempotencyConfig { lease, renew_every, ..IdempotencyConfig::default() }.renewal()
        };
        for (renew_every, expected) in [(0, 3), (10, 10), (60, 15)] {
            assert_eq!(renewal(30, renew_every), Duration::from_secs(expected));
        }
        assert_eq!(renewal(0, 60), Duration::from_millis(500), "of a lease that is taken as 1 s");
    }
}
