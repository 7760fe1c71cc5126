use std::{num::NonZeroU32, time::Duration};

/// How many calls at once and how many over time; the ratio is exact.
///
/// ```
/// use std::num::NonZeroU32;
/// use fsm_integration_core::layers::rate_limit::Quota;
///
/// let limit = NonZeroU32::new(100).unwrap();
/// let quota = Quota::per_minute_with_burst(limit);
/// assert_eq!((quota.limit(), quota.capacity()), (100, 133));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Quota {
    limit: NonZeroU32,
    capacity: NonZeroU32,
    refill: NonZeroU32,
    period: Duration,
}

impl Quota {
    /// Creates a quota of `capacity` calls at once and `refill` calls in each `period`.
    ///
    /// A period of zero counts as a nanosecond.
    #[must_use]
    pub const fn new(capacity: NonZeroU32, refill: NonZeroU32, period: Duration) -> Self {
        let period = if period.is_zero() { Duration::from_nanos(1) } else { period };
        Self { limit: capacity, capacity, refill, period }
    }

    /// Creates a quota of `capacity` calls at once and `refill` calls a second.
    #[must_use]
    pub const fn per_second(capacity: NonZeroU32, refill: NonZeroU32) -> Self {
        Self::new(capacity, refill, Duration::from_secs(1))
    }

    /// Creates the inbound quota of requirement R3: `limit` calls a minute, 150 % of it within 10 s.
    ///
    /// The capacity is `1.5 limit - limit * 10 / 60`, so that with what flows in meanwhile no 10 s see more
    /// than 150 %, and whoever keeps to `limit` calls in every 60 s is never refused.
    #[must_use]
    pub const fn per_minute_with_burst(limit: NonZeroU32) -> Self {
        let capacity = limit.get() as u64 * 4 / 3;
        let capacity = if capacity > u32::MAX as u64 { u32::MAX } else { capacity as u32 };
        let Some(capacity) = NonZeroU32::new(capacity) else { panic!("4/3 of at least 1 is at least 1") };
        Self { limit, capacity, refill: limit, period: Duration::from_secs(60) }
    }

    /// The limit that callers are told: calls in each period for the inbound quota, else the capacity.
    #[must_use]
    pub const fn limit(&self) -> u32 {
        self.limit.get()
    }

    /// Most calls at once.
    #[must_use]
    pub const fn capacity(&self) -> u32 {
        self.capacity.get()
    }

    /// How many calls flow in during each [`period`](Self::period).
    #[must_use]
    pub const fn refill(&self) -> u32 {
        self.refill.get()
    }

    /// The time in which [`refill`](Self::refill) calls flow in.
    #[must_use]
    pub const fn period(&self) -> Duration {
        self.period
    }

    /// The part of one of so many instances that share the quota but do not ask each other.
    ///
    /// Together they let through the same over time; of a capacity below their number each still gets one.
    #[must_use]
    pub fn share(&self, instances: NonZeroU32) -> Self {
        let capacity = NonZeroU32::new(self.capacity() / instances).unwrap_or(NonZeroU32::MIN);
        Self { capacity, period: self.period.saturating_mul(instances.get()), ..*self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shares_of_a_quota_let_through_the_same_over_time_and_each_at_least_one_call() {
        let number = |number| NonZeroU32::new(number).expect("above 0");
        let quota = Quota::new(number(10), number(6), Duration::from_secs(60));
        let share = quota.share(number(4));
        assert_eq!((share.limit(), share.capacity()), (10, 2));
        assert_eq!((share.refill(), share.period()), (6, Duration::from_secs(240)));
        assert_eq!(quota.share(number(100)).capacity(), 1);
    }
}
