//! The one service that every contender protects, and how a task calls it.

use std::{
    convert::Infallible,
    fmt,
    future::{Ready, poll_fn, ready},
    hint::black_box,
    pin::Pin,
    sync::OnceLock,
    task::{Context, Poll},
    time::{Duration, Instant},
};

use fsm_integration_core::{
    error::{BoxError, BulkheadFull, CircuitOpen, Classify, ErrorClass, IdempotencyConflict, RateLimited, TimedOut},
    layers::{instrument::HasContext, retry::Replay, timeout::HasDeadline},
};
use tokio::runtime::{Builder, Runtime};
use tower::Service;

use super::contender::Lane;

/// A request that costs nothing itself and may be sent again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Ask(pub u32);

impl Replay for Ask {
    fn replay(&self) -> Option<Self> {
        Some(*self)
    }
}

impl HasDeadline for Ask {
    fn deadline(&self) -> Option<Instant> {
        None
    }
}

impl HasContext for Ask {}

/// An error that costs nothing itself, so that a refusal is measured and no box around it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Failure {
    Broken,
    Refused,
}

impl Classify for Failure {
    fn class(&self) -> ErrorClass {
        match self {
            Self::Broken => ErrorClass::Transient,
            Self::Refused => ErrorClass::Open,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("failed")
    }
}

impl std::error::Error for Failure {}

/// What an idempotent call may fail with.
#[derive(Debug)]
pub(crate) struct Conflict;

impl From<IdempotencyConflict> for Conflict {
    fn from(_: IdempotencyConflict) -> Self {
        Self
    }
}

macro_rules! refusals {
    ($($refusal:ty),*) => {$(
        impl From<$refusal> for Failure {
            fn from(_: $refusal) -> Self {
                Self::Refused
            }
        }
    )*};
}

refusals!(CircuitOpen, RateLimited, TimedOut, BulkheadFull);

/// What tower's own layers say: `BoxError`; none of them says it while all goes well.
impl From<BoxError> for Failure {
    fn from(_: BoxError) -> Self {
        Self::Broken
    }
}

impl From<Infallible> for Failure {
    fn from(never: Infallible) -> Self {
        match never {}
    }
}

/// Answers at once.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Noop;

impl Service<Ask> for Noop {
    type Response = u32;
    type Error = Failure;
    type Future = Ready<Result<u32, Failure>>;

    #[inline]
    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Failure>> {
        Poll::Ready(Ok(()))
    }

    #[inline]
    fn call(&mut self, Ask(number): Ask) -> Self::Future {
        ready(Ok(number))
    }
}

/// Whether calls end well or are refused; anything else ends the run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ends {
    Well,
    Refused,
}

impl Ends {
    #[inline]
    pub(crate) fn check<T, E>(self, result: Result<T, E>) {
        let well = black_box(result).is_ok();
        if well != (self == Self::Well) {
            ended_otherwise(self);
        }
    }
}

/// Takes what it tells by value: what is lent to a function lies in memory, and is stored with every call.
#[cold]
#[inline(never)]
fn ended_otherwise(expected: Ends) -> ! {
    panic!("a call did not end {expected:?}");
}

/// The runtime whose timers and cooperative budget a task has in a server, too.
///
/// The task lies in memory, as every task does that is spawned. One that the compiler sees through is taken apart into
/// registers as long as it is small, so that the no-op takes a third of the time and a layer that does nothing, none; no
/// program has such tasks.
pub(crate) fn block_on<F: Future>(future: F) -> F::Output {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    let runtime =
        RUNTIME.get_or_init(|| Builder::new_multi_thread().worker_threads(1).enable_time().build().expect("a runtime"));
    let task: Pin<Box<dyn Future<Output = F::Output> + '_>> = Box::pin(future);
    runtime.block_on(task)
}

/// A task that calls a service again and again, asking for readiness each time.
pub(crate) fn serve<S>(mut service: S, ends: Ends) -> Lane
where
    S: Service<Ask> + Send + 'static,
{
    Box::new(move |calls| {
        block_on(async {
            let mut number = 0;
            while number < calls {
                number += 1;
                if let Err(error) = poll_fn(|cx| service.poll_ready(cx)).await {
                    ends.check(Err::<(), _>(error));
                    continue;
                }
                let result = service.call(black_box(Ask(number as u32))).await;
                ends.check(result);
            }
        });
    })
}

/// A task that makes a future and waits for it, again and again.
pub(crate) fn repeat<F, Fut, T, E>(mut call: F, ends: Ends) -> Lane
where
    F: FnMut(Ask) -> Fut + Send + 'static,
    Fut: Future<Output = Result<T, E>>,
{
    Box::new(move |calls| {
        block_on(async {
            let mut number = 0;
            while number < calls {
                number += 1;
                let result = call(black_box(Ask(number as u32))).await;
                ends.check(result);
            }
        });
    })
}

/// A task that calls a plain function again and again.
pub(crate) fn spin<T>(mut call: impl FnMut(u64) -> T + Send + 'static) -> Lane {
    Box::new(move |calls| {
        for number in 0..calls {
            black_box(call(black_box(number)));
        }
    })
}

/// Longer than any run.
pub(crate) const HOUR: Duration = Duration::from_secs(3_600);
/// A time that no call takes.
pub(crate) const MINUTE: Duration = Duration::from_secs(60);
