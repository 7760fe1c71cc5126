//! How a contender is measured: batches long enough that the timer does not count, in rounds that all contenders share.

use std::{
    sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst},
    time::{Duration, Instant},
};

use super::{
    alloc::allocations,
    contender::{Contender, Lane},
};

/// Long enough that looking at the clock costs below 0.01 %, short enough to fit between two interruptions.
const BATCH: Duration = Duration::from_millis(2);
/// How much of the time two tasks should be at work together, and how much of it one may begin later.
const MOST: f64 = 0.8;
const LITTLE: f64 = 0.1;
const TRIES: usize = 4;
const COUNTED_CALLS: u64 = 1_000;
const TIMED_CALLS: usize = 100_000;

#[expect(clippy::disallowed_methods, reason = "a bench measures the machine's time")]
fn now() -> Instant {
    Instant::now()
}

/// Nanoseconds per call of one task.
fn time_one(lane: &mut Lane, calls: u64) -> f64 {
    let began = now();
    lane(calls);
    began.elapsed().as_nanos() as f64 / calls as f64
}

/// Nanoseconds per call of two tasks that begin together, on a thread each; `None` when the machine had no second core.
///
/// A run in which both were at work most of the time is waited for, and otherwise one that at least began together:
/// whether the other was put off by the machine or by the contender, as by a lock that is not fair, nobody can tell.
fn time_two(lanes: &mut [Lane; 2], calls: u64) -> Option<f64> {
    let mut began_together = None;
    for _ in 0..TRIES {
        let spans = spans_of_two(lanes, calls);
        let [began, ended] = [0, 1].map(|end| spans.map(|span| span[end]));
        let (first, last) = (began[0].min(began[1]), ended[0].max(ended[1]));
        let part = |from: Instant, to: Instant| to.saturating_duration_since(from).div_duration_f64(last - first);
        let per_call = (last - first).as_nanos() as f64 / calls as f64;
        if part(began[0].max(began[1]), ended[0].min(ended[1])) >= MOST {
            return Some(per_call);
        }
        if part(first, began[0].max(began[1])) <= LITTLE {
            began_together = Some(per_call);
        }
    }
    began_together
}

/// When each of two tasks began and ended.
fn spans_of_two(lanes: &mut [Lane; 2], calls: u64) -> [[Instant; 2]; 2] {
    let waiting = AtomicUsize::new(lanes.len());
    let run = |lane: &mut Lane| {
        waiting.fetch_sub(1, SeqCst);
        // Spins, because waking a thread takes as long as a good part of the batch.
        while waiting.load(SeqCst) > 0 {
            std::hint::spin_loop();
        }
        let began = now();
        lane(calls);
        [began, now()]
    };
    std::thread::scope(|scope| {
        let threads = lanes.each_mut().map(|lane| scope.spawn(|| run(lane)));
        threads.map(|thread| thread.join().expect("a task of the bench panicked"))
    })
}

/// How long so many calls take one task or two; for criterion.
pub(crate) fn time(contender: &Contender, tasks: usize, calls: u64) -> Duration {
    let calls = calls.max(1);
    let mut lanes = [(contender.task)(), (contender.task)()];
    let two = if tasks == 1 { None } else { time_two(&mut lanes, calls) };
    // Criterion knows no missing values; on an idle machine there are none.
    let per_call = two.unwrap_or_else(|| tasks as f64 * time_one(&mut lanes[0], calls));
    Duration::from_nanos((per_call * calls as f64) as u64)
}

/// The nanoseconds of every round.
#[derive(Debug, Clone, Default)]
pub(crate) struct Rounds(Vec<f64>);

impl Rounds {
    pub(crate) fn median(&self) -> f64 {
        self.quantile(0.5)
    }

    /// The lower quartile: what disturbs one task only ever adds time, so on a busy machine it says more than the median,
    /// and on an idle one the same.
    pub(crate) fn undisturbed(&self) -> f64 {
        self.quantile(0.25)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How far the middle half of the rounds lies apart, in parts of the median.
    pub(crate) fn spread(&self) -> f64 {
        (self.quantile(0.75) - self.quantile(0.25)) / self.median()
    }

    fn quantile(&self, part: f64) -> f64 {
        let mut sorted = self.0.clone();
        sorted.sort_by(f64::total_cmp);
        let last = sorted.len().saturating_sub(1) as f64;
        sorted.get((last * part).round() as usize).copied().unwrap_or(f64::NAN)
    }
}

/// One contender while it is measured.
pub(crate) struct Run {
    pub(crate) one: Rounds,
    pub(crate) two: Rounds,
    pub(crate) allocations: f64,
    /// Single calls alone and beside another task, the timer included.
    pub(crate) tail: Option<[Tail; 2]>,
    batch: u64,
}

/// What single calls take, in nanoseconds.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Tail {
    pub(crate) median: f64,
    pub(crate) p999: f64,
}

impl Run {
    /// Warms the contender up, finds the size of its batches and counts its allocations.
    pub(crate) fn new(contender: &Contender) -> Self {
        let mut lane = (contender.task)();
        lane(COUNTED_CALLS.min(100));
        // The difference, so that what the task itself takes once does not count.
        let [some, more] = [COUNTED_CALLS, 2 * COUNTED_CALLS].map(|calls| {
            let before = allocations();
            lane(calls);
            allocations() - before
        });
        let allocations = more.saturating_sub(some) as f64 / COUNTED_CALLS as f64;
        let mut batch = COUNTED_CALLS;
        // A batch that was interrupted looks long: twice is enough to see through that.
        for _ in 0..2 {
            let per_call = time_one(&mut lane, batch).max(0.1);
            batch = ((BATCH.as_nanos() as f64 / per_call) as u64).max(100);
        }
        Self { one: Rounds::default(), two: Rounds::default(), allocations, tail: None, batch }
    }

    pub(crate) fn round(&mut self, contender: &Contender) {
        let mut lanes = [(contender.task)(), (contender.task)()];
        // Once before, since the contenders between this round and the last have taken the caches.
        lanes[0](self.batch);
        self.one.0.push(time_one(&mut lanes[0], self.batch));
        if contender.shared {
            self.two.0.extend(time_two(&mut lanes, self.batch));
        }
    }

    /// Times single calls, alone and while another task does the same.
    pub(crate) fn time_single_calls(&mut self, contender: &Contender) {
        let alone = single_calls(&mut (contender.task)());
        let (mut lane, mut other) = ((contender.task)(), (contender.task)());
        let done = AtomicBool::new(false);
        let beside = std::thread::scope(|scope| {
            scope.spawn(|| {
                while !done.load(SeqCst) {
                    other(100);
                }
            });
            let beside = single_calls(&mut lane);
            done.store(true, SeqCst);
            beside
        });
        self.tail = Some([alone, beside]);
    }
}

fn single_calls(lane: &mut Lane) -> Tail {
    let mut single = |_| {
        let began = now();
        lane(1);
        began.elapsed().as_nanos() as f64
    };
    // A contender that stalls for milliseconds would take minutes.
    let stop = now() + Duration::from_secs(2);
    let calls = Rounds((0..TIMED_CALLS).take_while(|_| now() < stop).map(&mut single).collect());
    Tail { median: calls.median(), p999: calls.quantile(0.999) }
}
