//! What a call takes and copies.

use super::*;

/// Counts how often it is copied.
struct Copied(Arc<AtomicU32>);

impl Replay for Copied {
    fn replay(&self) -> Option<Self> {
        self.0.fetch_add(1, Ordering::Relaxed);
        Some(Self(Arc::clone(&self.0)))
    }
}

#[tokio::test(start_paused = true)]
async fn a_request_is_copied_once_for_each_retry_that_it_may_have() {
    for max_retries in [0, 1, 3] {
        let strategy = RetryStrategy::new(RetryConfig { max_retries, ..NO_JITTER });
        let service = RetryLayer::new(strategy).layer(service_fn(async |_: Copied| Err::<(), _>(unavailable())));
        let copies = Arc::new(AtomicU32::new(0));
        service.oneshot(Copied(Arc::clone(&copies))).await.expect_err("every attempt fails");
        assert_eq!(copies.load(Ordering::Relaxed), max_retries);
    }
}

#[tokio::test(start_paused = true)]
async fn a_request_whose_copies_run_out_is_not_waited_for() {
    /// May be copied once.
    struct Once(bool);
    impl Replay for Once {
        fn replay(&self) -> Option<Self> {
            self.0.then_some(Self(false))
        }
    }
    let told = Told::default();
    let calls = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&calls);
    let inner = service_fn(move |_: Once| {
        counted.fetch_add(1, Ordering::Relaxed);
        async { Err::<(), _>(unavailable()) }
    });
    let strategy = RetryStrategy::new(NO_JITTER).with_observers(told.observers());
    let began = TokioInstant::now();
    RetryLayer::new(strategy).layer(inner).oneshot(Once(true)).await.expect_err("both attempts fail");
    assert_eq!((calls.load(Ordering::Relaxed), began.elapsed()), (2, Duration::from_secs(1)));
    let last = told.take().pop().map(|(_, last)| last);
    let class = ErrorClass::Transient;
    assert_eq!(last, Some(Observation::RetryStopped { attempt: 1, class, reason: "not_replayable" }));
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_not_repeated_clones_no_inner_service() {
    #[derive(Debug)]
    struct Counted(Arc<AtomicU32>, Option<ErrorKind>);
    impl Clone for Counted {
        fn clone(&self) -> Self {
            self.0.fetch_add(1, Ordering::Relaxed);
            Self(Arc::clone(&self.0), self.1)
        }
    }
    impl Service<Request<()>> for Counted {
        type Response = ();
        type Error = Error;
        type Future = std::future::Ready<Result<(), Error>>;
        fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Error>> {
            Poll::Ready(Ok(()))
        }
        fn call(&mut self, _: Request<()>) -> Self::Future {
            std::future::ready(self.1.map_or(Ok(()), |kind| Err(Error::from(kind))))
        }
    }
    let cases = [
        (None, false),
        (Some(ErrorKind::CircuitOpen), false),
        (Some(ErrorKind::InvalidOrder), false),
        (Some(ErrorKind::Unavailable), true),
    ];
    for (fails_with, is_repeated) in cases {
        let clones = Arc::new(AtomicU32::new(0));
        let counted = Counted(Arc::clone(&clones), fails_with);
        let mut service = RetryLayer::new(RetryStrategy::new(NO_JITTER)).layer(counted);
        let before = clones.load(Ordering::Relaxed);
        for _ in 0..10 {
            let outcome = service.ready().await.expect("ready").call(Request::new(())).await;
            assert_eq!(outcome.err().map(|error| error.kind()), fails_with);
        }
        assert_eq!(clones.load(Ordering::Relaxed) > before, is_repeated, "{fails_with:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn each_call_pays_its_share_into_the_budget() {
    let ratio = RetryBudgetConfig { ratio: 0.5, min_per_second: 0, ..Default::default() };
    let config = RetryConfig { max_retries: 1, ..NO_JITTER };
    let by_function = RetryStrategy::new(config).with_budget(RetryBudget::new(ratio));
    assert_eq!(attempts_against(unavailable, &by_function).await.0, 1, "half a retry is none");
    assert_eq!(attempts_against(unavailable, &by_function).await.0, 2);

    let told = Told::default();
    let strategy = RetryStrategy::new(config).with_budget(RetryBudget::new(ratio)).with_observers(told.observers());
    let service = RetryLayer::new(strategy).layer(service_fn(async |_: Request<()>| Err::<(), _>(unavailable())));
    service.clone().oneshot(Request::new(())).await.expect_err("the attempt fails");
    let exhausted = Observation::RetryStopped { attempt: 0, class: ErrorClass::Transient, reason: "budget_exhausted" };
    assert_eq!(told.take().pop().map(|(_, last)| last), Some(exhausted));
    service.oneshot(Request::new(())).await.expect_err("both attempts fail");
    assert!(matches!(told.take()[0].1, Observation::RetryScheduled { .. }));
}

#[test]
fn a_strategy_tells_its_settings() {
    assert_eq!(*RetryStrategy::new(NO_JITTER).config(), NO_JITTER);
}
