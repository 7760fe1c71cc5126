//! The contract for speed: what each row of the table must reach, and the machine that the figures were written on.
//!
//! Nanoseconds hold on the reference machine only. On another one (or on the same one while it does other work) they are
//! multiplied by how much slower its floors are *in the same run*: the geometric mean of measured by reference over
//! [`FLOORS`], for one task and for two. Ratios and counts hold everywhere as they are.

/// A floor by which machines are compared.
pub(crate) struct Floor {
    pub(crate) name: &'static str,
    pub(crate) one_task: f64,
    pub(crate) two_tasks: Option<f64>,
}

/// Nanoseconds on the reference machine (2 cores, Debian 12, rustc 1.95, fat LTO). A relaxed load is not among them: at
/// 0.25 ns it measures the loop around it.
pub(crate) const FLOORS: [Floor; 5] = [
    Floor { name: "tower no-op", one_task: 1.12, two_tasks: None },
    Floor { name: "fetch_add", one_task: 4.9, two_tasks: Some(15.0) },
    Floor { name: "compare_exchange", one_task: 5.2, two_tasks: Some(24.0) },
    Floor { name: "coarse clock", one_task: 3.0, two_tasks: None },
    Floor { name: "std Instant::now", one_task: 22.0, two_tasks: None },
];

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
    pub(crate) limits: &'static [Limit],
}

use Limit::{Allocations, Count, OneTask, Tail, TimesFloor, TimesRow, TwoByOne, TwoTasks};

pub(crate) const BUDGETS: &[Budget] = &[
    Budget {
        row: "breaker/consecutive",
        source: "breaker closed, consecutive failures: ≤ 4, 2T the same, 0 allocations",
        limits: &[OneTask(4.0), TwoTasks(4.0), Allocations(0.0)],
    },
    Budget {
        row: "breaker/count-window",
        source: "breaker closed, exact count window: ≤ 12, 2T ≤ 45, 0 allocations",
        limits: &[OneTask(12.0), TwoTasks(45.0), Allocations(0.0)],
    },
    Budget {
        row: "breaker/time-window-10",
        source: "breaker closed, time window: ≤ 12, 2T ≤ 1.3 x 1T",
        limits: &[OneTask(12.0), TwoByOne(1.3), Allocations(0.0)],
    },
    Budget {
        row: "breaker/time-window-1M",
        source: "breaker closed, time window: the same at 10 and at 10^6 calls in the window",
        limits: &[OneTask(12.0), TimesRow("breaker/time-window-10", 1.15), Allocations(0.0)],
    },
    Budget {
        row: "breaker/slow-calls",
        source: "+ slow-call timing: ≤ 30",
        limits: &[OneTask(30.0), Allocations(0.0)],
    },
    Budget {
        row: "breaker/open",
        source: "breaker open (refusal): ≤ 4, 1T and 2T, p99.9 ≤ 100",
        limits: &[OneTask(4.0), TwoTasks(4.0), Tail(100.0)],
    },
    Budget {
        row: "limiter/allow",
        source: "limiter allow, one key: ≤ 10 exact",
        limits: &[OneTask(10.0), Allocations(0.0)],
    },
    Budget {
        row: "limiter/leases",
        source: "limiter allow with worker leases: ≤ 6, 2T ≤ 12",
        limits: &[OneTask(6.0), TwoTasks(12.0), Allocations(0.0)],
    },
    Budget { row: "limiter/deny", source: "limiter deny: ≤ 5", limits: &[OneTask(5.0), Allocations(0.0)] },
    Budget {
        row: "keyed/10k",
        source: "keyed limiter, 10 thousand keys: ≤ 18",
        limits: &[OneTask(18.0), Allocations(0.0)],
    },
    Budget {
        row: "keyed/1M",
        source: "keyed limiter, 1 million keys: ≤ 85; ≤ 48 bytes a key",
        limits: &[OneTask(85.0), Allocations(0.0), Count("bytes a key", 48.0)],
    },
    Budget {
        row: "fair-waiting",
        source: "fair waiting, pairs served out of order: 0",
        limits: &[Count("pairs out of order", 0.0)],
    },
    Budget {
        row: "retry/first-attempt",
        source: "retry, first attempt succeeds: ≤ 4, 0 allocations",
        limits: &[OneTask(4.0), Allocations(0.0)],
    },
    Budget {
        row: "retry/with-budget",
        source: "retry, first attempt succeeds, with budget: ≤ 10, 0 allocations",
        limits: &[OneTask(10.0), Allocations(0.0)],
    },
    Budget { row: "timeout", source: "timeout around a ready call: ≤ 5", limits: &[OneTask(5.0), Allocations(0.0)] },
    Budget { row: "bulkhead", source: "bulkhead: ≤ 15", limits: &[OneTask(15.0), Allocations(0.0)] },
    Budget {
        row: "stack/four-layers",
        source: "the whole stack (timeout, retry, breaker, limiter): ≤ 50, 2T ≤ 80, 0 allocations, p99.9 ≤ 500",
        limits: &[OneTask(50.0), TwoTasks(80.0), Allocations(0.0), Tail(500.0)],
    },
    Budget {
        row: "stack/observed",
        source: "the whole stack with metrics and tracing compiled in, nothing listening: ≤ 100, 0 allocations",
        limits: &[OneTask(100.0), Allocations(0.0)],
    },
    Budget {
        row: "idempotency/first", source: "idempotency in memory, first call: ≤ 150", limits: &[OneTask(150.0)]
    },
    Budget {
        row: "idempotency/replay",
        source: "idempotency in memory, replay: ≤ 60 including the copy of a small response",
        limits: &[OneTask(60.0)],
    },
    Budget {
        row: "webhook/sign",
        source: "webhook sign 1 KiB: ≤ 1.1 x the HMAC itself, ≤ 1 allocation",
        limits: &[TimesFloor(1.1), Allocations(1.0)],
    },
    Budget {
        row: "webhook/verify",
        source: "webhook verify 1 KiB: ≤ 1.1 x the HMAC itself, ≤ 1 allocation",
        limits: &[TimesFloor(1.1), Allocations(1.0)],
    },
];
