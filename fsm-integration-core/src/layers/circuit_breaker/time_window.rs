use std::{collections::VecDeque, time::Duration};

use super::figures::{Counted, Figures};
use crate::clock::nanos;

/// The calls of the last while, in buckets: what a call costs depends on their number, not on the calls in them.
///
/// The while ends now and begins with a bucket, so it is up to one bucket shorter than asked for.
#[derive(Debug, Clone)]
pub(super) struct TimeWindow {
    /// Nanoseconds of a bucket.
    bucket: u64,
    buckets: u64,
    /// Bucket numbers since time 0 and what they count, oldest first; the last is the present one.
    ring: VecDeque<(u64, Figures)>,
}

/// More would only cost memory: a thousandth of the window is finer than any rate needs.
const MOST_BUCKETS: u32 = 1000;

impl TimeWindow {
    pub(super) fn new(duration: Duration, buckets: u32, now: u64) -> Self {
        let buckets = u64::from(buckets.clamp(1, MOST_BUCKETS));
        let bucket = (nanos(duration) / buckets).max(1);
        Self { bucket, buckets, ring: VecDeque::from([(now / bucket, Figures::default())]) }
    }

    /// Lets what is too old go, and begins the present bucket.
    pub(super) fn advance(&mut self, now: u64) {
        let present = now / self.bucket;
        self.ring.retain(|(number, _)| number + self.buckets > present);
        if self.ring.back().is_none_or(|(number, _)| *number < present) {
            self.ring.push_back((present, Figures::default()));
        }
    }

    /// Counts into the bucket of the latest [`advance`](Self::advance).
    pub(super) fn record(&mut self, counted: Counted) {
        if let Some((_, present)) = self.ring.back_mut() {
            present.add(counted);
        }
    }

    /// Counts plain successes that were tallied elsewhere since the latest [`advance`](Self::advance).
    pub(super) fn absorb(&mut self, successes: u64) {
        if let Some((_, present)) = self.ring.back_mut() {
            *present = present.plus(Figures { calls: successes, ..Figures::default() });
        }
    }

    /// Goes on with another length; each bucket's calls go where it began.
    pub(super) fn resize(&mut self, duration: Duration, buckets: u32, now: u64) {
        let mut resized = Self::new(duration, buckets, 0);
        resized.ring.clear();
        for (number, figures) in &self.ring {
            let begin = (number * self.bucket) / resized.bucket;
            match resized.ring.back_mut() {
                Some((last, sum)) if *last == begin => *sum = sum.plus(*figures),
                _ => resized.ring.push_back((begin, *figures)),
            }
        }
        resized.advance(now);
        *self = resized;
    }

    pub(super) fn figures(&self) -> Figures {
        self.ring.iter().fold(Figures::default(), |sum, (_, figures)| sum.plus(*figures))
    }

    /// When the present bucket ends.
    pub(super) fn bucket_end(&self) -> u64 {
        self.ring.back().map_or(0, |(number, _)| (number + 1).saturating_mul(self.bucket))
    }

    pub(super) fn clear(&mut self, now: u64) {
        self.ring.clear();
        self.advance(now);
    }

    /// How much it keeps, for the test that this does not grow with the calls.
    #[cfg(test)]
    pub(super) fn kept(&self) -> usize {
        self.ring.len()
    }
}
