use std::time::Duration;

/// How long leases live, and how long a repetition waits.
///
/// Defaults: a lease of 30 s renewed every 10 s (requirement I8), at most 5 s of waiting, then the hint to come
/// back in 1 s (I4).
#[derive(Debug, Clone, Copy)]
pub struct IdempotencyConfig {
    /// How long an owner that gives no sign of life keeps the key.
    pub lease: Duration,
    /// How often the lease is renewed while the work lives; well below the lease.
    pub renew_every: Duration,
    /// How long a repetition waits for the first call's outcome; zero asks it back at once.
    pub wait_timeout: Duration,
    /// When a repetition that waited in vain may ask again.
    pub retry_after: Duration,
}

impl Default for IdempotencyConfig {
    fn default() -> Self {
        Self {
            lease: Duration::from_secs(30),
            renew_every: Duration::from_secs(10),
            wait_timeout: Duration::from_secs(5),
            retry_after: Duration::from_secs(1),
        }
    }
}
