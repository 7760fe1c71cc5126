use std::{any::TypeId, fmt::Write, time::Duration};

use jiff::SignedDuration;
use tower::{Layer, ServiceBuilder, layer::util::Identity};

use super::{Handles, OutboundConfig};
use crate::{
    clock::{Clock, SystemClock},
    layers::{
        Counted, Leaked,
        circuit_breaker::{CircuitBreakerConfig, CircuitBreakerLayer, CircuitBreakerService, CircuitModel},
        instrument::InstrumentService,
        rate_limit::{RateLimitLayer, RateLimitService, TokenBucket},
        retry::{OnError, RetryLayer, RetryService},
        timeout::{DeadlineLayer, DeadlineService, Timeout, TimeoutLayer, TimeoutService},
    },
};

/// A client with everything around it that an attempt and its repetition need.
pub type Protected<S, C = SystemClock, K = Counted> =
    DeadlineService<RetryService<CircuitBreakerService<Paced<S, C>, C, OnError, K>, C, OnError, K>>;

type Paced<S, C> = RateLimitService<TimeoutService<S>, TokenBucket<C>>;

/// Stacks the layers around a client; [`describe`] tells the order and why.
///
/// A request that may not be repeated, as a POST without idempotency key, has one attempt: a missing token or
/// a refusal is then its answer at once.
///
/// Attempts that take too long, and calls whose total time is over before, are told of under the limiter's name to its
/// observers; by default they are counted under the adapter's.
///
/// The request type must say whether it may be repeated ([`Replay`](crate::layers::retry::Replay)), until when
/// ([`HasDeadline`](crate::layers::timeout::HasDeadline)) and who asks
/// ([`HasContext`](crate::layers::instrument::HasContext)); [`http::Request`] and
/// [`Call`](crate::adapter::Call) do. The client's error must be able to carry the layers' refusals;
/// [`Error`](crate::error::Error) and [`BoxError`](crate::error::BoxError) are.
pub fn stack<S, I, G, C>(
    config: &OutboundConfig,
    handles: &Handles<I, G, C>,
    client: S,
) -> InstrumentService<I::Service, C>
where
    G: Layer<S, Service: Clone>,
    I: Layer<Protected<G::Service, C>>,
    C: Clock,
{
    let (retry, breaker) = (RetryLayer::new(handles.retry.clone()), CircuitBreakerLayer::new(handles.breaker.clone()));
    in_order(config, handles, retry, breaker, client)
}

/// As [`stack`], for one that lives as long as the program: its retry and its breaker are kept for good, and calls count no
/// references to them, which saves about a tenth of what the layers cost.
///
/// Each such stack stays in memory, and so do the client and the handles in it. Build one for a partner, not one for a
/// tenant or a request.
///
/// ```
/// use fsm_integration_core::{error::Error, profile::{Handles, Profile, stack_leaked}};
/// use tower::{ServiceExt, service_fn};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// let config = Profile::SalesSystem.config();
/// let client = service_fn(|_: http::Request<()>| async { Ok::<_, Error>("done") });
/// let partner = stack_leaked(&config, &Handles::new("pyxis", "1.0.0", &config), client);
/// assert_eq!(partner.oneshot(http::Request::new(())).await.unwrap(), "done");
/// # }
/// ```
pub fn stack_leaked<S, I, G, C>(
    config: &OutboundConfig,
    handles: &Handles<I, G, C>,
    client: S,
) -> InstrumentService<I::Service, C>
where
    G: Layer<S, Service: Clone + 'static>,
    I: Layer<Protected<G::Service, C, Leaked>>,
    C: Clock + 'static,
{
    let (retry, breaker) = (RetryLayer::new(handles.retry.clone()), CircuitBreakerLayer::new(handles.breaker.clone()));
    in_order(config, handles, retry.leak(), breaker.leak(), client)
}

fn in_order<S, I, G, C, R, B>(
    config: &OutboundConfig,
    handles: &Handles<I, G, C>,
    retry: R,
    breaker: B,
    client: S,
) -> InstrumentService<I::Service, C>
where
    G: Layer<S>,
    B: Layer<Paced<G::Service, C>>,
    R: Layer<B::Service>,
    I: Layer<DeadlineService<R::Service>>,
    C: Clock,
{
    // The reasons stand in `ORDER`.
    ServiceBuilder::new()
        .layer(&handles.instrument)
        .layer(&handles.idempotency)
        .layer(DeadlineLayer::new(told(config.total_deadline, handles)))
        .layer(retry)
        .layer(breaker)
        .layer(RateLimitLayer::new(handles.limiter.clone()).honour_retry_after(config.retry.max_retry_after))
        .layer(TimeoutLayer::new(told(config.attempt_timeout, handles)))
        .layer(&handles.sign)
        .service(client)
}

/// A timeout that the limiter's observers are told of, under its name.
fn told<I, G, C: Clock>(after: Duration, handles: &Handles<I, G, C>) -> Timeout {
    let limiter = &handles.limiter;
    Timeout::new(after).with_name(limiter.name()).with_observers(limiter.observers())
}

/// One layer's place in the stack.
struct Place {
    layer: &'static str,
    /// What is set about it, if anything.
    settings: fn(&OutboundConfig) -> Option<String>,
    reason: &'static str,
}

/// The layers, outermost first, and why each stands where it does.
const ORDER: [Place; 9] = [
    Place {
        layer: "instrument",
        settings: |_| None,
        reason: "sees what the caller sees: one call, whatever happens inside",
    },
    Place {
        layer: "idempotency",
        settings: |_| None,
        reason: "a replayed answer costs no deadline, no token and no attempt",
    },
    Place {
        layer: "total deadline",
        settings: |config| Some(text(config.total_deadline)),
        reason: "bounds attempts and waits together",
    },
    Place {
        layer: "retry",
        settings: |OutboundConfig { retry, .. }| {
            let (first, last) = (text(retry.initial_delay), text(retry.max_delay));
            Some(format!("{} times, waits {first} to {last}, x {}", retry.max_retries, retry.multiplier))
        },
        reason: "each attempt passes everything below; its waits are timed by nothing below",
    },
    Place {
        layer: "circuit breaker",
        settings: |config| Some(opens(&config.circuit_breaker)),
        reason: "counts attempts, not calls; its refusal ends the retries",
    },
    Place {
        layer: "rate limit",
        settings: |OutboundConfig { rate_limit, .. }| {
            Some(format!("{} at once, {} a second", rate_limit.capacity, rate_limit.per_second))
        },
        reason: "a refused call takes no token; a missing token is neutral to the breaker",
    },
    Place {
        layer: "attempt timeout",
        settings: |config| Some(text(config.attempt_timeout)),
        reason: "times the partner alone; the breaker outside counts it",
    },
    Place { layer: "sign", settings: |_| None, reason: "each attempt is signed at its own time" },
    Place { layer: "client", settings: |_| None, reason: "sends it" },
];

/// The stack that these settings and handles make, outermost layer first: a line each, with its settings and its reason.
///
/// Layers that the handles leave out, as [`Handles::new`] does with idempotency and sign, are left out.
///
/// ```
/// use fsm_integration_core::profile::{Handles, Profile, describe};
///
/// let config = Profile::ErpSystem.config();
/// let stack = describe(&config, &Handles::new("erp", "1.0.0", &config));
/// assert!(stack.starts_with("1. instrument: sees what the caller sees"));
/// assert!(stack.contains("2. total deadline (2m 50s): bounds attempts and waits together"));
/// assert!(stack.contains("4. circuit breaker (3 failures in a row open it for 2m): "));
/// ```
#[must_use]
pub fn describe<I: 'static, G: 'static, C: Clock>(config: &OutboundConfig, _: &Handles<I, G, C>) -> String {
    let left_out = [("idempotency", is_none::<I>()), ("sign", is_none::<G>())];
    let stacked = |place: &&Place| !left_out.contains(&(place.layer, true));
    let mut lines = String::new();
    for (number, Place { layer, settings, reason }) in (1..).zip(ORDER.iter().filter(stacked)) {
        let settings = settings(config).map(|settings| format!(" ({settings})")).unwrap_or_default();
        writeln!(lines, "{number}. {layer}{settings}: {reason}").expect("a string takes everything");
    }
    lines
}

/// Whether a layer is the one that does nothing.
fn is_none<L: 'static>() -> bool {
    TypeId::of::<L>() == TypeId::of::<Identity>()
}

/// When a breaker opens, by its model, and for how long.
fn opens(config: &CircuitBreakerConfig) -> String {
    let CircuitBreakerConfig { failure_rate, slow_call_rate, .. } = *config;
    let (of, least) = match config.model {
        CircuitModel::Consecutive => {
            let failures = match config.failure_threshold {
                0 | 1 => "1 failure opens".to_owned(),
                several => format!("{several} failures in a row open"),
            };
            return format!("{failures} it for {}", text(config.reset_timeout));
        }
        CircuitModel::CountWindow { size } => (format!("the last {size} calls"), config.minimum_calls.min(size)),
        CircuitModel::TimeWindow { duration, .. } => {
            (format!("the calls of the last {}", text(duration)), config.minimum_calls)
        }
    };
    let failed = (failure_rate <= 1.0).then(|| format!("{} failed", percent(failure_rate)));
    let slow = config.slow_call_duration.filter(|_| slow_call_rate <= 1.0);
    let slow = slow.map(|slow| format!("{} slower than {}", percent(slow_call_rate), text(slow)));
    let parts: Vec<_> = failed.into_iter().chain(slow).collect();
    if parts.is_empty() {
        return "nothing opens it".to_owned();
    }
    format!("{} of {of}, at least {least}, open it for {}", parts.join(" or "), text(config.reset_timeout))
}

fn percent(part: f64) -> String {
    format!("{} %", (part * 1_000.0).round() / 10.0)
}

fn text(duration: Duration) -> String {
    SignedDuration::try_from(duration).map_or_else(|_| "for ever".to_owned(), |duration| format!("{duration:#}"))
}

#[cfg(test)]
pub(super) fn layers() -> impl Iterator<Item = &'static str> {
    ORDER.iter().map(|place| place.layer)
}
