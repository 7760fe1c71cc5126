//! The decision: the generic cell rate algorithm in whole nanoseconds, pure.
//!
//! It equals a token bucket that refills continuously, and its whole state is one number: the instant at which
//! the bucket is full again, the *theoretical arrival time*. An instant in the past and no state are the same.

use std::time::Duration;

use super::{Decision, Quota};
use crate::error::RateLimited;

/// A quota as arithmetic needs it; instants are nanoseconds after any fixed origin.
///
/// An interval that is no whole number of nanoseconds is rounded up: the rate errs low by less than one
/// nanosecond a token, never high.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gcra {
    /// Nanoseconds in which one token flows in.
    interval: u64,
    /// Nanoseconds in which an empty bucket fills up.
    fill_time: u64,
    capacity: u32,
    limit: u32,
}

/// What to do with a call, and the state to keep if it is admitted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verdict {
    /// What to tell the caller.
    pub decision: Decision,
    /// The state after the call; the present one when nothing changes.
    pub full_at: u64,
}

/// How a call stands, before anything is told of it: all that has to be known while others may be changing the state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Attempt {
    pub(super) allowed: bool,
    /// The state after the call; the present one when nothing changes.
    pub(super) full_at: u64,
    /// Nanoseconds until the bucket is full.
    backlog: u64,
    /// Nanoseconds until the call would be allowed; [`NEVER`] when its cost exceeds the capacity.
    wait: u64,
}

const NEVER: u64 = u64::MAX;

/// Stands for the number of a bucket whose line keeps it; the arithmetic refuses everything, so that nobody who does
/// not look for it gets a token.
pub(super) const HELD: u64 = u64::MAX;

/// No bucket owes as much but one that is paused or charged for more than a century.
const LONGEST: u64 = HELD / 2;

impl Attempt {
    /// Whether an admitted call changes the state.
    #[inline]
    pub(super) const fn takes(&self, cost: u32) -> bool {
        self.allowed && cost > 0
    }

    /// Whether the line has to be asked, because it keeps the number; hardly ever although it does not.
    #[inline]
    pub(super) const fn is_held(&self) -> bool {
        self.backlog > LONGEST
    }

    /// The same in a pause that lasts so many nanoseconds more: not even what takes nothing is allowed.
    ///
    /// The bucket's number tells of tokens, so that it alone cannot hold up who needs none.
    #[inline]
    pub(super) fn in_pause(self, left: u64) -> Self {
        if left == 0 { self } else { Self { allowed: false, wait: self.wait.max(left), ..self } }
    }

    /// How long until the call would be allowed; absent when it is, or never will be.
    #[inline]
    fn retry_after(&self) -> Option<Duration> {
        (!self.allowed && self.wait != NEVER).then(|| Duration::from_nanos(self.wait))
    }

    /// The refusal, if it is one.
    #[inline]
    pub(super) fn into_result(self) -> Result<(), RateLimited> {
        if self.allowed { Ok(()) } else { Err(RateLimited { retry_after: self.retry_after() }) }
    }
}

impl Gcra {
    /// Prepares the arithmetic for a quota.
    #[must_use]
    pub fn new(quota: &Quota) -> Self {
        let interval = quota.period().as_nanos().div_ceil(u128::from(quota.refill()));
        // So long that a bucket fills in 146 years at most, and no sum of times overflows: "never again" stays a refusal.
        let longest = u64::MAX / 4 / u64::from(quota.capacity());
        let interval = u64::try_from(interval).unwrap_or(u64::MAX).min(longest);
        let fill_time = interval * u64::from(quota.capacity());
        Self { interval, fill_time, capacity: quota.capacity(), limit: quota.limit() }
    }

    /// Decides about a call that costs `cost` tokens; a cost of zero looks without taking.
    #[must_use]
    #[inline]
    pub fn decide(&self, full_at: u64, now: u64, cost: u32) -> Verdict {
        let attempt = self.attempt(full_at, now, cost);
        Verdict { decision: self.tell(&attempt), full_at: attempt.full_at }
    }

    /// As [`decide`](Self::decide), without what only some callers want to be told.
    #[inline]
    pub(super) fn attempt(&self, full_at: u64, now: u64, cost: u32) -> Attempt {
        let backlog = full_at.saturating_sub(now);
        let after = backlog.saturating_add(self.price(cost));
        if after <= self.fill_time && cost <= self.capacity {
            let full_at = if cost == 0 { full_at } else { now.saturating_add(after) };
            return Attempt { allowed: true, full_at, backlog: after, wait: 0 };
        }
        let wait = if cost <= self.capacity { after - self.fill_time } else { NEVER };
        Attempt { allowed: false, full_at, backlog, wait }
    }

    /// What to tell the caller.
    #[inline]
    pub(super) fn tell(&self, attempt: &Attempt) -> Decision {
        let Attempt { allowed, backlog, .. } = *attempt;
        // A pause or a debt may leave a backlog longer than the bucket.
        let free = self.fill_time.saturating_sub(backlog);
        // Most refusals are spared the division, which is what costs most here.
        let remaining = if free < self.interval { 0 } else { free / self.interval };
        Decision {
            allowed,
            limit: self.limit,
            remaining: u32::try_from(remaining).unwrap_or(self.capacity).min(self.capacity),
            retry_after: attempt.retry_after(),
            reset_after: Duration::from_nanos(backlog),
        }
    }

    /// Takes as many tokens as there are from `least` to `most`; tells how many, and the state after it.
    pub(super) fn take_up_to(&self, full_at: u64, now: u64, least: u32, most: u32) -> Result<(u32, u64), RateLimited> {
        let taken = self.tell(&self.attempt(full_at, now, 0)).remaining.min(most);
        if taken < least {
            return self.attempt(full_at, now, least).into_result().map(|()| (0, full_at));
        }
        Ok((taken, self.charge(full_at, now, taken)))
    }

    /// Takes the tokens ahead of time if they will be there within `longest` nanoseconds, or tells how long it would
    /// be.
    ///
    /// Whoever comes later finds them taken, so that nobody overtakes; [`due`](Self::due) says when they are there.
    pub(super) fn reserve(&self, full_at: u64, now: u64, cost: u32, longest: u64) -> Result<u64, RateLimited> {
        let attempt = self.attempt(full_at, now, cost);
        if attempt.wait > longest || attempt.wait == NEVER {
            return attempt.into_result().map(|()| full_at);
        }
        Ok(self.charge(full_at, now, cost))
    }

    /// When tokens that were taken ahead of time are there, if `later` tokens were taken ahead after them.
    pub(super) fn due(&self, full_at: u64, later: u64) -> u64 {
        full_at.saturating_sub(self.fill_time.saturating_add(self.interval.saturating_mul(later)))
    }

    /// The state of a bucket that is full but for `reserved` tokens, which were taken ahead of time.
    pub(super) fn full_but(&self, now: u64, reserved: u64) -> u64 {
        now.saturating_add(self.interval.saturating_mul(reserved))
    }

    /// The state after `cost` tokens are taken, whether they are there or not.
    #[must_use]
    pub fn charge(&self, full_at: u64, now: u64, cost: u32) -> u64 {
        full_at.max(now).saturating_add(self.price(cost))
    }

    /// The state after `cost` tokens are given back.
    #[must_use]
    pub fn refund(&self, full_at: u64, cost: u32) -> u64 {
        full_at.saturating_sub(self.price(cost))
    }

    /// The state in which the next token is there at `until` and no earlier; who needs none has to be told apart.
    #[must_use]
    pub fn pause(&self, full_at: u64, until: u64) -> u64 {
        full_at.max(self.lowest_paused(until, 0, 0))
    }

    /// The lowest state of a bucket that gives out nothing until then, when `reserved` tokens of it were taken ahead of
    /// time, the first of them by a call that costs `first`: it is that call which is due at `until`, else one token.
    pub(super) fn lowest_paused(&self, until: u64, reserved: u64, first: u32) -> u64 {
        let others = self.interval.saturating_mul(reserved.saturating_sub(u64::from(first)));
        until
            .saturating_add(self.fill_time - self.interval)
            .saturating_add(self.price(first.min(1)))
            .saturating_add(others)
    }

    /// The state under this quota of a bucket that was kept under another, `reserved` tokens of it taken ahead of time:
    /// what was used stays used, what was taken ahead flows in by the new quota, and a debt stays as long as it was.
    ///
    /// Seen from the instant from which tokens are given out: now, or the end of a pause.
    pub(super) fn convert(&self, from: &Self, full_at: u64, instant: u64, reserved: u64) -> u64 {
        let scale = |nanos: u64| {
            let scaled = u128::from(nanos) * u128::from(self.interval) / u128::from(from.interval);
            u64::try_from(scaled).unwrap_or(u64::MAX)
        };
        let without = full_at.saturating_sub(from.interval.saturating_mul(reserved));
        let backlog = without.saturating_sub(instant);
        let (used, debt) =
            (scale(backlog.min(from.fill_time)).min(self.fill_time), backlog.saturating_sub(from.fill_time));
        // Who is late to its tokens finds as many more of them as flowed in since.
        let since_full = scale(instant.saturating_sub(without));
        let converted = instant.saturating_sub(since_full).saturating_add(used).saturating_add(debt);
        converted.saturating_add(self.interval.saturating_mul(reserved))
    }

    /// Whether there is a token, which there is not in a pause.
    #[inline]
    pub(super) fn has_token(&self, attempt: &Attempt) -> bool {
        attempt.backlog <= self.fill_time - self.interval
    }

    /// Most tokens at once.
    pub(super) fn capacity(&self) -> u32 {
        self.capacity
    }

    /// Nanoseconds in which an empty bucket fills up.
    pub(super) fn fill_time(&self) -> u64 {
        self.fill_time
    }

    /// Nanoseconds in which `cost` tokens flow in.
    #[inline]
    fn price(&self, cost: u32) -> u64 {
        self.interval.saturating_mul(u64::from(cost))
    }
}

#[cfg(test)]
mod tests;
