use std::{num::NonZeroU32, time::Duration};

use serde::{Deserialize, Serialize};

/// How many calls at once and how many over time; the ratio is exact.
///
/// In a configuration, where `limit` may be absent:
///
/// ```
/// use fsm_integration_core::layers::rate_limit::Quota;
///
/// let quota: Quota = serde_json::from_str(r#"{"capacity": 40, "refill": 60, "period": "1m"}"#).unwrap();
/// assert_eq!((quota.limit(), quota.window().as_secs()), (40, 40));
/// ```
///
/// ```
/// use std::num::NonZeroU32;
/// use fsm_integration_core::layers::rate_limit::Quota;
///
/// let limit = NonZeroU32::new(100).unwrap();
/// let quota = Quota::per_minute_with_burst(limit);
/// assert_eq!((quota.limit(), quota.capacity()), (100, 133));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(from = "Fields", into = "Fields")]
pub struct Quota {
    limit: NonZeroU32,
    capacity: NonZeroU32,
    refill: NonZeroU32,
    period: Duration,
}

/// A quota as it is written down.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Fields {
    #[serde(default)]
    limit: Option<NonZeroU32>,
    capacity: NonZeroU32,
    refill: NonZeroU32,
    #[serde(with = "jiff::fmt::serde::unsigned_duration::friendly::compact::required")]
    period: Duration,
}

impl From<Fields> for Quota {
    fn from(Fields { limit, capacity, refill, period }: Fields) -> Self {
        let quota = Self::new(capacity, refill, period);
        Self { limit: limit.unwrap_or(capacity), ..quota }
    }
}

impl From<Quota> for Fields {
    fn from(Quota { limit, capacity, refill, period }: Quota) -> Self {
        Self { limit: Some(limit), capacity, refill, period }
    }
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

    /// The time in which [`limit`](Self::limit) calls flow in: what callers are told beside it, as by
    /// [`headers`](super::headers).
    ///
    /// That is the [`period`](Self::period) only where as many flow in during it: 40 at once and one a second are 40
    /// in 40 s.
    #[must_use]
    pub const fn window(&self) -> Duration {
        const SECOND: u128 = 1_000_000_000;
        let nanos = self.period.as_nanos() * self.limit.get() as u128 / self.refill.get() as u128;
        if nanos > Duration::MAX.as_nanos() {
            return Duration::MAX;
        }
        Duration::new((nanos / SECOND) as u64, (nanos % SECOND) as u32)
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
    fn the_window_is_that_of_the_limit_and_not_the_period() {
        let number = |number| NonZeroU32::new(number).expect("above 0");
        assert_eq!(Quota::per_minute_with_burst(number(100)).window(), Duration::from_secs(60));
        assert_eq!(Quota::per_second(number(40), number(1)).window(), Duration::from_secs(40));
        assert_eq!(Quota::per_second(number(1), number(8)).window(), Duration::from_millis(125));
        assert_eq!(Quota::new(NonZeroU32::MAX, NonZeroU32::MIN, Duration::MAX).window(), Duration::MAX);
    }

    #[test]
    fn a_quota_survives_being_written_down() {
        let quota = Quota::per_minute_with_burst(NonZeroU32::MIN);
        let text = serde_json::to_string(&quota).expect("plain");
        assert_eq!(text, r#"{"limit":1,"capacity":1,"refill":1,"period":"1m"}"#);
        assert_eq!(serde_json::from_str::<Quota>(&text).expect("as written"), quota);
        for text in
            [r#"{"capacity":0,"refill":1,"period":"1s"}"#, r#"{"capacity":1,"refill":1,"period":"1s","burst":2}"#]
        {
            assert!(serde_json::from_str::<Quota>(text).is_err(), "{text}");
        }
    }

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
