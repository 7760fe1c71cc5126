//! Linearizability: what threads saw at the same time can be explained by some order of their calls, each at one
//! instant between its beginning and its end.

use std::sync::atomic::{AtomicU64, Ordering};

use super::{super::gcra::Gcra, *};

/// One call as a thread saw it: when it began and ended in the order of all, and what it was told.
#[derive(Debug, Clone, Copy)]
struct Seen {
    began: u64,
    ended: u64,
    did: Did,
}

#[derive(Debug, Clone, Copy)]
enum Did {
    Asked { cost: u32, told: Decision },
    Refunded(u32),
    Charged(u32),
}

/// Whether some order explains what was seen, tried out as Wing and Gong do: next may come any call that began before
/// all that are left have ended.
fn is_explained(gcra: &Gcra, now: u64, full_at: u64, left: &mut Vec<Seen>) -> bool {
    let Some(first_end) = left.iter().map(|seen| seen.ended).min() else { return true };
    for n in 0..left.len() {
        if left[n].began > first_end {
            continue;
        }
        let seen = left.swap_remove(n);
        let after = match seen.did {
            Did::Asked { cost, told } => {
                let verdict = gcra.decide(full_at, now, cost);
                (verdict.decision == told).then_some(verdict.full_at)
            }
            Did::Refunded(cost) => Some(gcra.refund(full_at, cost)),
            Did::Charged(cost) => Some(gcra.charge(full_at, now, cost)),
        };
        if after.is_some_and(|after| is_explained(gcra, now, after, left)) {
            return true;
        }
        left.push(seen);
        let last = left.len() - 1;
        left.swap(n, last);
    }
    false
}

/// What two threads see that do these at the same time, on a clock that stands still.
fn together(scripts: [&[u8]; 2], do_it: impl Fn(u8) -> Did + Sync) -> Vec<Seen> {
    let order = AtomicU64::new(0);
    let barrier = std::sync::Barrier::new(2);
    let tick = || order.fetch_add(1, Ordering::SeqCst);
    thread::scope(|scope| {
        let threads = scripts.map(|script| {
            let (barrier, tick, do_it) = (&barrier, &tick, &do_it);
            scope.spawn(move || {
                barrier.wait();
                let step = |step: &u8| {
                    let (began, did, ended) = (tick(), do_it(*step), tick());
                    Seen { began, ended, did }
                };
                script.iter().map(step).collect::<Vec<_>>()
            })
        });
        threads.into_iter().flat_map(|thread| thread.join().expect("no panic")).collect()
    })
}

const CAPACITY: u32 = 9;

fn script() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(0..16_u8, 1..8)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn what_two_threads_see_of_a_bucket_has_an_order(one in script(), other in script()) {
        let (clock, bucket) = bucket(CAPACITY, 1);
        clock.advance(SECOND);
        let history = together([&one, &other], |step| match step {
            14 => {
                bucket.refund(1);
                Did::Refunded(1)
            }
            15 => {
                bucket.charge(2);
                Did::Charged(2)
            }
            _ => {
                let cost = u32::from(step) % 4;
                Did::Asked { cost, told: bucket.try_acquire(cost) }
            }
        });
        let gcra = Gcra::new(&quota(CAPACITY, 1));
        let now = 1_000_000_000;
        prop_assert!(is_explained(&gcra, now, 0, &mut history.clone()), "{:#?}", history);
    }

    #[test]
    fn what_two_threads_see_of_a_key_has_an_order(one in script(), other in script()) {
        let (clock, buckets) = keyed(CAPACITY, 10);
        clock.advance(SECOND);
        let history = together([&one, &other], |step| match step {
            15 => {
                buckets.charge(&1, 2);
                Did::Charged(2)
            }
            _ => {
                let cost = u32::from(step) % 4;
                Did::Asked { cost, told: buckets.try_acquire(&1, cost) }
            }
        });
        let gcra = Gcra::new(&quota(CAPACITY, 1));
        let now = 1_000_000_000;
        prop_assert!(is_explained(&gcra, now, 0, &mut history.clone()), "{:#?}", history);
    }
}

#[test]
fn a_history_that_no_order_explains_is_found() {
    let gcra = Gcra::new(&quota(1, 1));
    let told = gcra.decide(0, 0, 1).decision;
    let one = Seen { began: 0, ended: 1, did: Did::Asked { cost: 1, told } };
    // Two get the one token, beside or after each other.
    for began in [0, 2] {
        let other = Seen { began, ended: 3, ..one };
        assert!(!is_explained(&gcra, 0, 0, &mut vec![one, other]));
    }
    // Given back before, at the same time or too late.
    let refunded = |began, ended| Seen { began, ended, did: Did::Refunded(1) };
    let other = Seen { began: 4, ended: 5, ..one };
    for (began, ended, explained) in [(2, 3, true), (2, 9, true), (6, 7, false)] {
        assert_eq!(is_explained(&gcra, 0, 0, &mut vec![one, refunded(began, ended), other]), explained);
    }
}

// While time goes on: all together get what was there and what flowed in, to the token.
#[test]
fn threads_on_a_moving_clock_get_what_flows_in_and_no_more() {
    let (clock, bucket) = bucket(5, 1_000);
    let buckets = KeyedTokenBucket::with_clock("test", quota(5, 1_000), 10, clock.clone());
    let running = std::sync::atomic::AtomicBool::new(true);
    let (one, keyed): (u64, u64) = thread::scope(|scope| {
        let spend = || {
            let mut spent = (0, 0);
            let mut is_last = false;
            while !is_last {
                // Once more after time stopped, so that nothing is left over.
                is_last = !running.load(Ordering::SeqCst);
                while bucket.try_acquire(1).allowed {
                    spent.0 += 1;
                }
                while buckets.try_acquire(&7, 1).allowed {
                    spent.1 += 1;
                }
            }
            spent
        };
        let threads: Vec<_> = (0..2).map(|_| scope.spawn(spend)).collect();
        for _ in 0..2_000 {
            // Nothing flows into a full bucket, so that nothing is lost.
            while bucket.peek().remaining > 3 || buckets.peek(&7).remaining > 3 {
                thread::yield_now();
            }
            clock.advance(Duration::from_millis(1));
        }
        running.store(false, Ordering::SeqCst);
        let spent = threads.into_iter().map(|thread| thread.join().expect("no panic"));
        spent.fold((0, 0), |sum, spent| (sum.0 + spent.0, sum.1 + spent.1))
    });
    assert_eq!((one, keyed), (5 + 2_000, 5 + 2_000));
}
