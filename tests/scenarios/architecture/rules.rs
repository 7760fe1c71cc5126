//! The rules; each table says who may.

/// A module of core and what it may use besides what lies below itself; the longest name that fits counts.
///
/// A layer's own folder counts as below itself; another layer's does not, nor does `event`.
pub(super) const CORE: &[(&str, &[&str])] = &[
    ("error", &[]),
    ("clock", &[]),
    ("observe", &["clock", "error"]),
    ("secret", &["clock", "error"]),
    ("sqlite", &["error"]),
    ("http_client", &["clock", "error"]),
    ("adapter", &["error", "observe::health"]),
    ("sync", &[]),
    ("repeat", &["adapter", "clock", "error", "sync"]),
    ("layers", &["adapter", "clock", "error", "observe", "repeat", "sync"]),
    ("layers::idempotency::sqlite", &["clock", "error", "layers::idempotency", "sqlite"]),
    ("profile", &["clock", "layers"]),
    ("event", &["adapter", "error", "event"]),
    ("event::log", &["adapter", "clock", "error", "event", "sqlite"]),
    ("event::dead_letter", &["adapter", "clock", "error", "event", "sqlite"]),
    ("event::consumer", &["clock", "error", "event", "layers::retry", "observe::metrics", "sqlite"]),
    ("testing", &["adapter", "clock", "error"]),
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
    "event/consumer/lanes",
    "event/consumer/progress",
    "event/consumer/systemic",
    "layers/circuit_breaker/config",
    "layers/circuit_breaker/model",
    "layers/circuit_breaker/state",
    "layers/fallback/answer",
    "layers/fallback/config",
    "layers/hedge/config",
    "layers/hedge/decide",
    "layers/hedge/histogram",
    "layers/idempotency/key",
    "layers/idempotency/state",
    "layers/rate_limit/decision",
    "layers/rate_limit/gcra",
    "layers/rate_limit/quota",
    "layers/retry/config",
    "layers/retry/decide",
    "layers/retry/durable",
    "layers/retry/retry_on",
    "layers/webhook/header",
    "layers/webhook/timestamp",
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
