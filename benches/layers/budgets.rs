//! The contract for speed: what each row of the table must reach, and the machine that the figures were written on.
//!
//! Nanoseconds hold on the reference machine only (2 cores, Debian 12, rustc 1.95, fat LTO). On another one, or on the same
//! one while it does other work, a budget is multiplied by how much slower *its floors* are in the same run: the sum of
//! what they take here by the sum of what they took there. A row without floors needs neither clock nor shared word, and is
//! not scaled: what a call of nothing takes depends on how the loop around it is compiled. Ratios and counts hold everywhere
//! as they are.

use crate::rows::least;

/// A floor, and what it took on the reference machine with one task and with two that share it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Floor {
    pub(crate) row: &'static str,
    pub(crate) name: &'static str,
    pub(crate) one_task: f64,
    pub(crate) two_tasks: f64,
}

const fn floor(name: &'static str, one_task: f64, two_tasks: f64) -> Floor {
    Floor { row: "floors", name, one_task, two_tasks }
}

const fn floor_of_row(row: &'static str, name: &'static str, one_task: f64) -> Floor {
    Floor { row, name, one_task, two_tasks: one_task }
}

const FETCH_ADD: Floor = floor("fetch_add", 4.9, 15.0);
const COMPARE_EXCHANGE: Floor = floor("compare_exchange", 5.2, 24.0);
const COARSE: Floor = floor("coarse clock", 3.0, 3.0);
const INSTANT: Floor = floor("std Instant::now", 22.0, 22.0);

/// What ours must not exceed.
pub(crate) enum Limit {
    /// Nanoseconds per call of one task, on the reference machine.
    OneTask(f64),
    /// Nanoseconds per call of each of two tasks, on the reference machine.
    TwoTasks(f64),
    /// Two tasks against one.
    TwoByOne(f64),
    /// The 99.9th percentile of single calls in nanoseconds, on the reference machine.
    Tail(f64),
    /// Allocations per call.
    Allocations(f64),
    /// One task against the row's floor.
    TimesFloor(f64),
    /// One task against ours in another row.
    TimesRow(&'static str, f64),
    /// What the row counts under this unit.
    Count(&'static str, f64),
}

/// One row of the contract.
pub(crate) struct Budget {
    pub(crate) row: &'static str,
    /// The row of `budgets.md`.
    pub(crate) source: &'static str,
    /// What a call cannot go without; what its nanoseconds are scaled by.
    pub(crate) floors: &'static [Floor],
    pub(crate) limits: &'static [Limit],
    /// The floor of the row that does the least of what the row is about, where that alone takes longer than the limit.
    pub(crate) lowest: Option<&'static str>,
}

use Limit::{Allocations, Count, OneTask, Tail, TimesFloor, TimesRow, TwoByOne, TwoTasks};

pub(crate) const BUDGETS: &[Budget] = &[
    Budget {
        row: "breaker/consecutive",
        source: "breaker closed, consecutive failures: ≤ 4, 2T the same, 0 allocations",
        floors: &[],
        limits: &[OneTask(4.0), TwoTasks(4.0), Allocations(0.0)],
        lowest: None,
    },
    Budget {
        row: "breaker/count-window",
        source: "breaker closed, exact count window: ≤ 12, 2T ≤ 45, 0 allocations",
        floors: &[FETCH_ADD, COMPARE_EXCHANGE],
        limits: &[OneTask(12.0), TwoTasks(45.0), Allocations(0.0)],
        lowest: None,
    },
    Budget {
        row: "breaker/time-window-10",
        source: "breaker closed, time window: ≤ 12, 2T ≤ 1.3 x 1T",
        floors: &[FETCH_ADD, COARSE],
        limits: &[OneTask(12.0), TwoByOne(1.3), Allocations(0.0)],
        lowest: None,
    },
    Budget {
        row: "breaker/time-window-1M",
        source: "breaker closed, time window: the same at 10 and at 10^6 calls in the window",
        floors: &[FETCH_ADD, COARSE],
        limits: &[OneTask(12.0), TimesRow("breaker/time-window-10", 1.15), Allocations(0.0)],
        lowest: None,
    },
    Budget {
        row: "breaker/slow-calls",
        source: "+ slow-call timing: ≤ 30",
        floors: &[INSTANT],
        limits: &[OneTask(30.0), Allocations(0.0)],
        lowest: None,
    },
    Budget {
        row: "breaker/open",
        source: "breaker open (refusal): ≤ 4, 1T and 2T, p99.9 ≤ 100",
        floors: &[COARSE],
        limits: &[OneTask(4.0), TwoTasks(4.0), Tail(100.0)],
        lowest: Some(least::OPEN),
    },
    Budget {
        row: "limiter/allow",
        source: "limiter allow, one key: ≤ 10 exact",
        floors: &[COMPARE_EXCHANGE, COARSE],
        limits: &[OneTask(10.0), Allocations(0.0)],
        lowest: None,
    },
    Budget {
        row: "limiter/leases",
        source: "limiter allow with worker leases: ≤ 6, 2T ≤ 12",
        floors: &[COARSE],
        limits: &[OneTask(6.0), TwoTasks(12.0), Allocations(0.0)],
        lowest: None,
    },
    Budget {
        row: "limiter/deny",
        source: "limiter deny: ≤ 5",
        floors: &[COARSE],
        limits: &[OneTask(5.0), Allocations(0.0)],
        lowest: None,
    },
    Budget {
        row: "keyed/10k",
        source: "keyed limiter, 10 thousand keys: ≤ 18",
        floors: &[COARSE, COMPARE_EXCHANGE, floor_of_row("keyed/10k", "a map of one thread", 5.2)],
        limits: &[OneTask(18.0), Allocations(0.0)],
        lowest: None,
    },
    Budget {
        row: "keyed/1M",
        source: "keyed limiter, 1 million keys: ≤ 85; ≤ 48 bytes a key",
        floors: &[COARSE, COMPARE_EXCHANGE, floor_of_row("keyed/1M", "a map of one thread", 11.0)],
        limits: &[OneTask(85.0), Allocations(0.0), Count("bytes a key", 48.0)],
        lowest: None,
    },
    Budget {
        row: "fair-waiting",
        source: "fair waiting, pairs served out of order: 0",
        floors: &[],
        limits: &[Count("pairs out of order", 0.0)],
        lowest: None,
    },
    Budget {
        row: "retry/first-attempt",
        source: "retry, first attempt succeeds: ≤ 4, 0 allocations",
        floors: &[],
        limits: &[OneTask(4.0), Allocations(0.0)],
        lowest: None,
    },
    Budget {
        row: "retry/with-budget",
        source: "retry, first attempt succeeds, with budget: ≤ 10, 0 allocations",
        floors: &[FETCH_ADD],
        limits: &[OneTask(10.0), Allocations(0.0)],
        lowest: None,
    },
    Budget {
        row: "timeout",
        source: "timeout around a ready call: ≤ 5",
        floors: &[],
        limits: &[OneTask(5.0), Allocations(0.0)],
        lowest: None,
    },
    Budget {
        row: "bulkhead",
        source: "bulkhead: ≤ 15",
        floors: &[COMPARE_EXCHANGE],
        limits: &[OneTask(15.0), Allocations(0.0)],
        lowest: None,
    },
    Budget {
        row: "stack/four-layers",
        source: "the whole stack (timeout, retry, breaker, limiter): ≤ 50, 2T ≤ 80, 0 allocations, p99.9 ≤ 500",
        floors: &[COMPARE_EXCHANGE, COARSE],
        limits: &[OneTask(50.0), TwoTasks(80.0), Allocations(0.0), Tail(500.0)],
        lowest: None,
    },
    Budget {
        row: "stack/observed",
        source: "the whole stack with metrics and tracing compiled in, nothing listening: ≤ 100, 0 allocations",
        floors: &[COMPARE_EXCHANGE, COARSE, INSTANT],
        limits: &[OneTask(100.0), Allocations(0.0)],
        lowest: None,
    },
    Budget {
        row: "idempotency/first",
        source: "idempotency in memory, first call: ≤ 150",
        floors: &[floor_of_row("idempotency/first", "map insert and remove", 26.0)],
        limits: &[OneTask(150.0)],
        lowest: None,
    },
    Budget {
        row: "idempotency/replay",
        source: "idempotency in memory, replay: ≤ 60 including the copy of a small response",
        floors: &[floor_of_row("idempotency/replay", "map get", 11.0)],
        limits: &[OneTask(60.0)],
        lowest: None,
    },
    Budget {
        row: "idempotency/waiting",
        source: "idempotency: waiters use no CPU",
        floors: &[],
        // One to begin to wait, one to end it, and one more where a lock was taken for a moment.
        limits: &[Count("polls of a waiter", 3.0)],
        lowest: None,
    },
    Budget {
        row: "webhook/sign",
        source: "webhook sign 1 KiB: ≤ 1.1 x the HMAC itself, ≤ 1 allocation",
        floors: &[],
        limits: &[TimesFloor(1.1), Allocations(1.0)],
        lowest: None,
    },
    Budget {
        row: "webhook/verify",
        source: "webhook verify 1 KiB, signature and time, as the peers: ≤ 1.1 x the HMAC itself, ≤ 1 allocation",
        floors: &[],
        limits: &[TimesFloor(1.1), Allocations(1.0)],
        lowest: None,
    },
];
