use std::{fmt, sync::atomic::Ordering::Relaxed, time::Duration};

use super::histogram::{BUCKETS, bucket_of, quantile};
use crate::sync::atomic::{AtomicU32, AtomicU64};

/// A quantile of the latest latencies, without a lock.
///
/// An answer costs two additions, and every 32nd a look through the buckets. Counts are halved every 1024 answers, so
/// that the latest two thousand or so tell. It is a statistic: a look may miss an addition that races with it.
pub(super) struct Latencies {
    /// Zero measures nothing.
    part: f64,
    min_samples: u64,
    counts: Box<[AtomicU32]>,
    recorded: AtomicU64,
    /// In microseconds; zero while too little is known.
    current: AtomicU64,
}

/// Answers from one look through the buckets to the next.
const LOOK: u64 = 32;
/// Answers from one halving to the next.
const HALVE: u64 = 1_024;

impl Latencies {
    pub(super) fn new(part: f64, min_samples: u32) -> Self {
        let part = if part.is_nan() { 0.0 } else { part.clamp(0.0, 1.0) };
        Self::with_buckets(part, min_samples, if part > 0.0 { BUCKETS } else { 0 })
    }

    fn with_buckets(part: f64, min_samples: u32, buckets: usize) -> Self {
        Self {
            part,
            min_samples: u64::from(min_samples).max(1),
            counts: (0..buckets).map(|_| AtomicU32::new(0)).collect(),
            recorded: AtomicU64::new(0),
            current: AtomicU64::new(0),
        }
    }

    pub(super) fn is_measuring(&self) -> bool {
        !self.counts.is_empty()
    }

    /// The measured quantile, once enough is known.
    pub(super) fn quantile(&self) -> Option<Duration> {
        match self.current.load(Relaxed) {
            0 => None,
            micros => Some(Duration::from_micros(micros)),
        }
    }

    pub(super) fn record(&self, nanos: u64) {
        let Some(last) = self.counts.len().checked_sub(1) else { return };
        self.counts[bucket_of(nanos).min(last)].fetch_add(1, Relaxed);
        let recorded = self.recorded.fetch_add(1, Relaxed) + 1;
        if recorded.is_multiple_of(HALVE) {
            self.halve();
        }
        if recorded == self.min_samples || (recorded > self.min_samples && recorded.is_multiple_of(LOOK)) {
            self.look();
        }
    }

    fn halve(&self) {
        for count in &self.counts {
            // By compare and swap, so that no addition is lost; it ends, since the value is always accepted.
            let _ = count.fetch_update(Relaxed, Relaxed, |count| Some(count / 2));
        }
    }

    fn look(&self) {
        let counts = self.counts.iter().map(|count| count.load(Relaxed));
        if let Some(found) = quantile(counts, self.part) {
            self.current.store(u64::try_from(found.as_micros()).unwrap_or(u64::MAX), Relaxed);
        }
    }
}

impl fmt::Debug for Latencies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Latencies").field("quantile", &self.quantile()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MILLI: u64 = 1_000_000;

    fn millis(latencies: &Latencies) -> Option<u128> {
        latencies.quantile().map(|quantile| quantile.as_millis())
    }

    #[test]
    fn too_few_answers_tell_nothing() {
        let latencies = Latencies::new(0.95, 50);
        (0..49).for_each(|_| latencies.record(10 * MILLI));
        assert_eq!(millis(&latencies), None);
        latencies.record(10 * MILLI);
        assert_eq!(millis(&latencies), Some(10));
    }

    #[test]
    fn old_answers_are_forgotten() {
        let latencies = Latencies::new(0.95, 1);
        (0..100_000).for_each(|_| latencies.record(10 * MILLI));
        (0..8_192).for_each(|_| latencies.record(80 * MILLI));
        assert!((80..=90).contains(&millis(&latencies).expect("enough is known")));
        (0..8_192).for_each(|_| latencies.record(10 * MILLI));
        assert_eq!(millis(&latencies), Some(10));
    }

    #[test]
    fn halving_forgets_half_and_not_all() {
        let latencies = Latencies::new(0.5, 1);
        (0..HALVE).for_each(|_| latencies.record(10 * MILLI));
        (0..LOOK).for_each(|_| latencies.record(80 * MILLI));
        assert_eq!(millis(&latencies), Some(10));
    }

    #[test]
    fn absurd_settings_measure_nothing_or_all() {
        for part in [0.0, -1.0, f64::NAN] {
            let latencies = Latencies::new(part, 0);
            latencies.record(MILLI);
            assert!(!latencies.is_measuring() && latencies.quantile().is_none());
        }
        let latencies = Latencies::new(f64::INFINITY, 0);
        latencies.record(u64::MAX);
        assert!(latencies.quantile().is_some());
    }
}

#[cfg(all(test, fsm_loom))]
mod loom_model {
    use std::sync::Arc;

    use loom::thread;

    use super::*;

    #[test]
    fn loom_no_answer_is_lost_while_counts_are_halved() {
        loom::model(|| {
            let latencies = Arc::new(Latencies::with_buckets(0.5, 1, 1));
            (0..2).for_each(|_| latencies.record(0));
            let other = Arc::clone(&latencies);
            let recording = thread::spawn(move || other.record(0));
            latencies.halve();
            recording.join().expect("no panic");
            // Halved before the third came, or after.
            let left = latencies.counts[0].load(Relaxed);
            assert!(left == 2 || left == 1, "{left}");
            assert!(latencies.quantile().is_some());
        });
    }
}
