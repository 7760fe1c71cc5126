use std::{
    cell::Cell,
    sync::atomic::{AtomicUsize, Ordering as Order},
};

use super::word::EPOCHS;
use crate::sync::atomic::{AtomicU64, Ordering};

/// Successes of a window since the machine last looked, counted by each thread in a place of its own.
///
/// A shard is epoch and count in one word, on a cache line of its own: threads do not slow each other down, and a
/// success counts in its epoch or not at all.
#[derive(Debug)]
pub(super) struct Shards(Box<[Shard]>);

#[derive(Debug)]
#[repr(align(128))]
struct Shard(AtomicU64);

const COUNT_BITS: u32 = u64::BITS - EPOCHS.trailing_zeros();
const MOST: u64 = (1 << COUNT_BITS) - 1;

impl Shards {
    /// Makes as many as threads run at once, to the next power of two, and none for any epoch yet.
    pub(super) fn new() -> Self {
        Self((0..shards()).map(|_| Shard(AtomicU64::new(empty(EPOCHS - 1)))).collect())
    }

    /// Adds a success of the epoch, or nothing when it is late; `false` when the machine must see to it.
    ///
    /// One that [`take`](Self::take) did not see sees afterwards whatever was stored before that.
    #[inline]
    pub(super) fn tally(&self, epoch: u32) -> bool {
        // There is one always; `get`, because an index may panic, which would make a frame for every call.
        let Some(Shard(word)) = self.0.get(lane() & (self.0.len() - 1)) else { return false };
        let mut seen = word.load(Ordering::Relaxed);
        while seen & MOST < MOST {
            if seen >> COUNT_BITS != u64::from(epoch) {
                return true;
            }
            match word.compare_exchange_weak(seen, seen + 1, Ordering::Acquire, Ordering::Relaxed) {
                Ok(_) => return true,
                Err(now) => seen = now,
            }
        }
        false
    }

    /// Takes what was counted in the epoch, and goes on counting in it.
    pub(super) fn take(&self, epoch: u32) -> u64 {
        self.restart(epoch).filter(|seen| seen >> COUNT_BITS == u64::from(epoch)).map(|seen| seen & MOST).sum()
    }

    /// Begins an epoch; what was counted in the one before is forgotten.
    pub(super) fn begin(&self, epoch: u32) {
        self.restart(epoch).for_each(drop);
    }

    fn restart(&self, epoch: u32) -> impl Iterator<Item = u64> {
        self.0.iter().map(move |Shard(word)| word.swap(empty(epoch), Ordering::AcqRel))
    }
}

const fn empty(epoch: u32) -> u64 {
    (epoch as u64) << COUNT_BITS
}

#[cfg(not(fsm_loom))]
fn shards() -> usize {
    use std::{num::NonZero, sync::OnceLock, thread};
    /// Asked once: the answer is read from the system's files.
    static THREADS: OnceLock<usize> = OnceLock::new();
    *THREADS.get_or_init(|| thread::available_parallelism().map_or(4, NonZero::get).next_power_of_two().clamp(2, 64))
}

/// Under model checking all threads share one thread's number, and so one shard.
#[cfg(fsm_loom)]
fn shards() -> usize {
    2
}

/// The present thread's number, given when it first asks; the numbers choose shards and mean nothing else.
#[inline]
fn lane() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    thread_local! {
        static LANE: Cell<Option<usize>> = const { Cell::new(None) };
    }
    LANE.with(|lane| {
        lane.get().unwrap_or_else(|| {
            let number = NEXT.fetch_add(1, Order::Relaxed);
            lane.set(Some(number));
            number
        })
    })
}

#[cfg(all(test, not(fsm_loom)))]
mod tests {
    use std::thread;

    use super::*;

    #[test]
    fn what_threads_count_is_taken_once() {
        let shards = Shards::new();
        shards.begin(7);
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| (0..1000).for_each(|_| assert!(shards.tally(7))));
            }
        });
        assert_eq!((shards.take(7), shards.take(7)), (4000, 0));
    }

    #[test]
    fn threads_beside_each_other_count_in_places_of_their_own() {
        let other = thread::spawn(lane).join().expect("a number");
        assert!(lane() == lane() && lane() != other);
        assert!(shards().is_power_of_two() && (2..=64).contains(&shards()), "{}", shards());
    }

    #[test]
    fn a_late_success_counts_nowhere() {
        let shards = Shards::new();
        shards.begin(7);
        assert!(shards.tally(6));
        assert_eq!(shards.take(7), 0);
        assert!(shards.tally(7));
        shards.begin(8);
        assert_eq!(shards.take(8), 0);
    }

    #[test]
    fn a_full_shard_goes_to_the_machine() {
        let shards = Shards::new();
        shards.begin(7);
        shards.0.iter().for_each(|Shard(word)| word.store(empty(7) | MOST, Ordering::Relaxed));
        assert!(!shards.tally(7));
        assert_eq!(shards.take(7), MOST * shards.0.len() as u64);
    }
}
