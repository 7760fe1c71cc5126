//! The rules; each table says who may.

/// A module of core and what it may use besides what lies below itself; the longest name that fits counts.
///
/// A layer's own folder counts as below itself; another layer's does not, nor does `event`.
pub(super) const CORE: &[(&str, &[&str])] = &[
    ("guide", &[]),
    ("error", &[]),
    ("error::on_status", &["clock", "error"]),
    ("clock", &[]),
    ("observe", &["clock", "error"]),
    ("secret", &["clock", "error"]),
    ("sqlite", &["error"]),
    ("egress", &["error"]),
    ("http_client", &["clock", "egress", "error"]),
    ("adapter", &["error", "observe::health"]),
    ("sync", &[]),
    ("semaphore", &["sync"]),
    ("lending", &[]),
    ("respond", &["error"]),
    ("timer", &[]),
    ("repeat", &["adapter", "clock", "error", "lending", "sync"]),
    ("layers", &["adapter", "clock", "error", "lending", "observe", "repeat", "respond", "semaphore", "sync", "timer"]),
    ("layers::idempotency::sqlite", &["clock", "error", "layers::idempotency", "sqlite"]),
    ("profile", &["clock", "layers"]),
    ("event", &["adapter", "error", "event"]),
    ("event::log", &["adapter", "clock", "error", "event", "sqlite"]),
    ("event::dead_letter", &["adapter", "clock", "error", "event", "sqlite"]),
    ("event::consumer", &["clock", "error", "event", "layers::retry", "observe::metrics", "sqlite"]),
    ("testing", &["adapter", "clock", "error", "layers"]),
];

/// What an event is does not know how it is kept or handled.
pub(super) const NEVER: &[(&str, &[&str])] = &[
    ("event::amount", EVENT_RUNTIME),
    ("event::catalogue", EVENT_RUNTIME),
    ("event::codec", EVENT_RUNTIME),
    ("event::currency", EVENT_RUNTIME),
    ("event::envelope", EVENT_RUNTIME),
    ("event::headers", EVENT_RUNTIME),
    ("event::key", EVENT_RUNTIME),
    ("event::topic", EVENT_RUNTIME),
    ("event::log", &["event::consumer", "event::dead_letter"]),
    ("event::dead_letter", &["event::consumer"]),
];
const EVENT_RUNTIME: &[&str] = &["event::log", "event::consumer", "event::dead_letter"];

/// Files that decide: `now` and outcomes come in, decisions go out.
pub(super) const PURE: &[&str] = &[
    "egress/policy",
    "egress/special",
    "egress/url",
    "error/boxed",
    "error/classify",
    "error/judge",
    "error/kind",
    "error/retry_after",
    "event/consumer/lanes",
    "event/consumer/progress",
    "event/consumer/systemic",
    "layers/adaptive_concurrency/aimd",
    "layers/adaptive_concurrency/config",
    "layers/adaptive_concurrency/gradient",
    "layers/adaptive_concurrency/limit",
    "layers/bulkhead/config",
    "layers/circuit_breaker/config",
    "layers/circuit_breaker/count_window",
    "layers/circuit_breaker/figures",
    "layers/circuit_breaker/model",
    "layers/circuit_breaker/probing",
    "layers/circuit_breaker/refusal",
    "layers/circuit_breaker/state",
    "layers/circuit_breaker/ticket",
    "layers/circuit_breaker/time_window",
    "layers/circuit_breaker/wait",
    "layers/coalesce/config",
    "layers/fallback/answer",
    "layers/fallback/config",
    "layers/fallback/told",
    "layers/hedge/config",
    "layers/hedge/decide",
    "layers/hedge/histogram",
    "layers/idempotency/config",
    "layers/idempotency/fingerprint",
    "layers/idempotency/key",
    "layers/idempotency/memory/entries",
    "layers/idempotency/outcome",
    "layers/idempotency/point",
    "layers/idempotency/state",
    "layers/rate_limit/decision",
    "layers/rate_limit/gcra",
    "layers/rate_limit/handfuls",
    "layers/rate_limit/health",
    "layers/rate_limit/passing",
    "layers/rate_limit/queue",
    "layers/rate_limit/quota",
    "layers/rate_limit/refusals",
    "layers/retry/config",
    "layers/retry/decide",
    "layers/retry/durable",
    "layers/webhook/code",
    "layers/webhook/config",
    "layers/webhook/endpoint",
    "layers/webhook/header",
    "layers/webhook/mac",
    "layers/webhook/signed",
    "layers/webhook/timestamp",
    "semaphore/queue",
    "semaphore/word",
];
pub(super) const IMPURE_WORDS: &[&str] = &[
    "async",
    "await",
    "Clock",
    "SystemClock",
    "WallClock",
    "Mutex",
    "RwLock",
    "fastrand",
    "governor",
    "metrics",
    "rusqlite",
    "tokio",
    "tower",
    "tracing",
];

/// Names from outside and the only modules of core that may use them; `""` is every module, an empty list none.
pub(super) const OUTSIDE: &[(&str, &[&str])] = &[
    ("std::env", &["secret::env"]),
    ("std::fs", &["secret::file", "sqlite"]),
    ("tokio::fs", &[]),
    ("axum", &[]),
    ("hyper", &[]),
    ("reqwest", &["http_client"]),
    ("rusqlite", &["event", "layers::idempotency::sqlite", "sqlite"]),
];

/// The files of an adapter crate and what they may use; files that are not listed may use all of the crate.
pub(super) const ADAPTER: &[(&str, &[&str])] = &[
    ("wire", &[]),
    ("business_day", &[]),
    ("sync_run", &[]),
    ("config", &["business_day", "wire"]),
    ("translate", &["config", "sync_run", "wire"]),
    ("inbound", &["config", "translate", "wire"]),
    ("outbound", &["config", "translate", "wire"]),
];

pub(super) const ADAPTERS: [&str; 3] = ["fsm-adapters-conexxus", "fsm-adapters-erp", "fsm-adapters-sales"];
/// Code lines of one file, tests left out.
pub(super) const MOST_CODE: usize = 400;
/// Code lines of one file, tests included.
pub(super) const MOST_LINES: usize = 500;
