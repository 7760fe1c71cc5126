use std::time::Duration;

use bytes::Bytes;
use tower::{Layer, Service, ServiceExt};

use super::*;
use crate::{
    adapter::{Call, CorrelationId, IntegrationContext, TenantId},
    clock::{Clock, SystemClock, WallClock},
    error::TimedOut,
    observe::{Observation, Told},
    testing::{
        MockService, VirtualClock,
        probe::{self, Failure},
    },
};

const SECOND: Duration = Duration::from_secs(1);

#[tokio::test(start_paused = true)]
async fn both_layers_pass_the_probe() {
    probe::layer(|inner| TimeoutLayer::new(SECOND).layer(inner)).await;
    probe::layer_boxed(|inner| TimeoutLayer::new(SECOND).layer(inner)).await;
    probe::layer(|inner| DeadlineLayer::new(SECOND).layer(inner)).await;
    probe::layer_boxed(|inner| DeadlineLayer::new(SECOND).layer(inner)).await;
}

/// Flaw F-C3: the operation went on and its timer stayed.
#[tokio::test(start_paused = true)]
async fn time_that_runs_out_drops_the_call_before_it_is_told() {
    let (inner, mut partner) = MockService::<_, (), Failure>::new();
    let mut service = TimeoutLayer::new(SECOND).layer(inner);
    let mut call = Box::pin(service.ready().await.expect("ready").call("work"));
    let began = SystemClock.now();
    assert_eq!((&mut call).await, Err(Failure::TimedOut(TimedOut { after: SECOND })));
    assert_eq!(SystemClock.now() - began, SECOND);
    assert!(partner.asked().await.is_dropped(), "before the outer future is dropped");
}

#[tokio::test(start_paused = true)]
async fn an_answer_at_the_last_moment_wins() {
    let (inner, mut partner) = MockService::<_, _, Failure>::new();
    let service = TimeoutLayer::new(SECOND).layer(inner);
    let call = tokio::spawn(service.oneshot("work"));
    let asked = partner.asked().await;
    tokio::time::sleep(SECOND - Duration::from_millis(1)).await;
    asked.answer("done");
    assert_eq!(call.await.expect("the task ends"), Ok("done"));
}

#[tokio::test]
async fn a_call_that_is_ready_at_once_makes_no_timer() {
    let run = || async {
        let ready = tower::service_fn(async |()| Ok::<_, Failure>(7));
        TimeoutLayer::new(SECOND).layer(ready).oneshot(()).await
    };
    let runtime = std::thread::spawn(move || {
        // A runtime without time: making a timer would panic.
        tokio::runtime::Builder::new_current_thread().build().expect("it builds").block_on(run())
    });
    assert_eq!(runtime.join().expect("no timer is made"), Ok(7));
}

#[tokio::test(start_paused = true)]
async fn a_call_that_uses_up_its_budget_at_every_poll_is_still_timed_out() {
    let greedy = tower::service_fn(async |()| {
        loop {
            tokio::task::consume_budget().await;
            if !tokio::task::coop::has_budget_remaining() {
                tokio::time::advance(SECOND / 10).await;
            }
        }
        #[expect(unreachable_code, reason = "names the type")]
        Ok::<(), Failure>(())
    });
    let outcome = TimeoutLayer::new(SECOND).layer(greedy).oneshot(()).await;
    assert_eq!(outcome, Err(Failure::TimedOut(TimedOut { after: SECOND })));
}

fn request(deadline: std::time::Instant) -> http::Request<Bytes> {
    let mut request = http::Request::new(Bytes::new());
    request.extensions_mut().insert(Deadline(deadline));
    request
}

#[tokio::test(start_paused = true)]
async fn the_earlier_of_two_deadlines_holds() {
    for (carried, allowed) in [(3 * SECOND, 3 * SECOND), (30 * SECOND, 10 * SECOND)] {
        let (inner, _partner) = MockService::<_, (), Failure>::new();
        let began = SystemClock.now();
        let outcome = DeadlineLayer::new(10 * SECOND).layer(inner).oneshot(request(began + carried)).await;
        assert_eq!(outcome, Err(Failure::TimedOut(TimedOut { after: allowed })));
        assert_eq!(SystemClock.now() - began, allowed);
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_whose_deadline_is_past_is_not_begun() {
    let (inner, mut partner) = MockService::<_, (), Failure>::new();
    let outcome = DeadlineLayer::new(SECOND).layer(inner).oneshot(request(SystemClock.now())).await;
    assert_eq!(outcome, Err(Failure::TimedOut(TimedOut { after: Duration::ZERO })));
    assert!(partner.try_asked().is_none());
}

/// Requirement E8.
#[tokio::test(start_paused = true)]
async fn a_call_that_is_first_polled_after_its_deadline_sends_nothing() {
    let lazy = tower::service_fn(async |_: http::Request<Bytes>| -> Result<(), Failure> { panic!("sent") });
    for allowed in [SECOND * 60, SECOND / 2] {
        let call = DeadlineLayer::new(allowed).layer(lazy).call(request(SystemClock.now() + SECOND));
        // Whoever has it does something else first.
        tokio::time::advance(SECOND).await;
        assert_eq!(call.await, Err(Failure::TimedOut(TimedOut { after: allowed.min(SECOND) })));
    }
}

#[test]
fn an_adapters_call_carries_its_contexts_deadline() {
    let tenant = TenantId::new("demo").expect("valid");
    let timestamp = VirtualClock::default().timestamp();
    let mut context = IntegrationContext::system(tenant, CorrelationId::random(), timestamp);
    let deadline = SystemClock.now();
    context.deadline = Some(deadline);
    assert_eq!(Call { request: (), context }.deadline(), Some(deadline));
}

#[tokio::test(start_paused = true)]
async fn a_carried_deadline_is_kept_to_the_instant_however_late_the_call_is_first_polled() {
    for carried in [3 * SECOND, 10 * SECOND] {
        let (inner, _partner) = MockService::<_, (), Failure>::new();
        let began = SystemClock.now();
        let mut service = DeadlineLayer::new(10 * SECOND).layer(inner);
        let call = service.ready().await.expect("ready").call(request(began + carried));
        tokio::time::sleep(2 * SECOND).await;
        assert_eq!(call.await, Err(Failure::TimedOut(TimedOut { after: carried })));
        assert_eq!(SystemClock.now() - began, carried);
    }
}

/// The bound counts from the first poll, the request's deadline does not.
#[tokio::test(start_paused = true)]
async fn a_carried_deadline_later_than_the_bound_is_kept_if_the_call_is_first_polled_late() {
    for (waits, lasts) in [(0, 9), (1, 10), (5, 10), (10, 10), (11, 11)] {
        let (inner, _partner) = MockService::<_, (), Failure>::new();
        let began = SystemClock.now();
        let mut service = DeadlineLayer::new(9 * SECOND).layer(inner);
        let call = service.ready().await.expect("ready").call(request(began + 10 * SECOND));
        tokio::time::advance(waits * SECOND).await;
        assert_eq!(call.await, Err(Failure::TimedOut(TimedOut { after: 9 * SECOND })));
        assert_eq!(SystemClock.now() - began, lasts * SECOND, "first polled after {waits} s");
    }
}

#[tokio::test(start_paused = true)]
async fn whoever_listens_is_told_once_of_a_timeout_and_of_nothing_else() {
    let told = Told::default();
    let timeout = Timeout::new(SECOND).with_observers(told.observers()).with_name("erp");
    assert_eq!(timeout.call(async { Ok::<_, Failure>(1) }).await, Ok(1));
    drop(timeout.call(std::future::pending::<Result<(), Failure>>()));
    assert_eq!(told.take(), []);

    let hangs = || tower::service_fn(|_: http::Request<Bytes>| std::future::pending::<Result<(), Failure>>());
    let request = || request(SystemClock.now());
    let expected = |after| [("erp".to_owned(), Observation::TimedOut { after })];
    TimeoutLayer::new(timeout.clone()).layer(hangs()).oneshot(request()).await.expect_err("hangs");
    assert_eq!(told.take(), expected(SECOND));
    DeadlineLayer::new(timeout).layer(hangs()).oneshot(request()).await.expect_err("not begun");
    assert_eq!(told.take(), expected(Duration::ZERO));
}

#[tokio::test(start_paused = true)]
async fn the_handle_drops_what_takes_too_long() {
    let (inner, mut partner) = MockService::<_, (), Failure>::new();
    let call = Timeout::new(SECOND).call(inner.oneshot("work"));
    assert_eq!(call.await, Err(Failure::TimedOut(TimedOut { after: SECOND })));
    assert!(partner.asked().await.is_dropped());
}
