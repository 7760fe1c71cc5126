//! Where a latency falls in a histogram, and what quantile its counts tell: pure.
//!
//! Eight buckets to each doubling, from a microsecond to 19 hours: no bucket is wider than an eighth of its values.

use std::time::Duration;

/// Bits of a value that tell its bucket within its doubling.
const BITS: u32 = 3;
const EACH: u64 = 1 << BITS;
/// The doubling that the longest latencies share, in microseconds.
const LAST_DOUBLING: u32 = 35;
/// How many buckets there are.
pub(super) const BUCKETS: usize = ((LAST_DOUBLING - BITS + 2) as usize) << BITS;

/// The bucket of a latency.
pub(super) fn bucket_of(nanos: u64) -> usize {
    let micros = nanos / 1_000;
    let Some(doubling) = micros.checked_ilog2().filter(|doubling| *doubling >= BITS) else {
        return usize::try_from(micros).unwrap_or(0);
    };
    let doubling = u64::from(doubling);
    let within = (micros >> (doubling - u64::from(BITS))) % EACH;
    let bucket = (doubling - u64::from(BITS) + 1) * EACH + within;
    usize::try_from(bucket).unwrap_or(usize::MAX).min(BUCKETS - 1)
}

/// No latency in this bucket is longer; except the last, which holds all that are.
fn end_of(bucket: usize) -> Duration {
    let bucket = bucket as u64;
    let end = match bucket / EACH {
        0 => bucket + 1,
        doubling => (EACH + bucket % EACH + 1) << (doubling - 1),
    };
    Duration::from_micros(end)
}

/// A latency that this part of the counted ones does not exceed; `None` when nothing was counted.
pub(super) fn quantile(counts: impl Iterator<Item = u32> + Clone, part: f64) -> Option<Duration> {
    let total: u64 = counts.clone().map(u64::from).sum();
    let rank = ((part * total as f64).ceil() as u64).clamp(1, total.max(1));
    let mut passed = 0;
    let bucket = counts.map(u64::from).position(|count| {
        passed += count;
        passed >= rank
    });
    bucket.map(end_of)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn buckets_follow_each_other_without_a_gap() {
        let mut last = 0;
        for micros in 0..100_000 {
            let bucket = bucket_of(micros * 1_000);
            assert!(bucket == last || bucket == last + 1, "{micros}");
            last = bucket;
        }
        assert_eq!(bucket_of(u64::MAX), BUCKETS - 1);
    }

    #[test]
    fn the_last_bucket_is_the_last_eighth_of_the_last_doubling() {
        let end = (1 << (LAST_DOUBLING + 1)) * 1_000;
        assert_eq!([bucket_of(end - 1), bucket_of(end / 16 * 15 - 1)], [BUCKETS - 1, BUCKETS - 2]);
    }

    #[test]
    fn nothing_counted_tells_nothing() {
        assert_eq!(quantile([0, 0].into_iter(), 0.5), None);
        assert_eq!(quantile(std::iter::empty(), 0.5), None);
    }

    proptest! {
        #[test]
        fn a_bucket_ends_after_its_latencies_and_at_most_an_eighth_later(nanos in 8_000..60_000_000_000_000_u64) {
            let end = crate::clock::nanos(end_of(bucket_of(nanos)));
            prop_assert!(end > nanos && end <= nanos + nanos / 8 + 1_000, "{nanos} in a bucket that ends at {end}");
        }

        // Against a sorted list.
        #[test]
        fn a_quantile_is_that_of_the_list_to_within_an_eighth(
            mut latencies in prop::collection::vec(8_000..10_000_000_000_u64, 1..200),
            part in 0.01..=1.0_f64,
        ) {
            let mut counts = vec![0; BUCKETS];
            latencies.iter().for_each(|&nanos| counts[bucket_of(nanos)] += 1);
            latencies.sort_unstable();
            let rank = (part * latencies.len() as f64).ceil() as usize;
            let exact = latencies[rank.max(1) - 1];
            let told = crate::clock::nanos(quantile(counts.into_iter(), part).expect("something was counted"));
            prop_assert!(told > exact && told <= exact + exact / 8 + 1_000, "{told} for {exact}");
        }
    }
}
