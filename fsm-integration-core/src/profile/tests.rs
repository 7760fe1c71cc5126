use std::{
    any::type_name_of_val,
    collections::BTreeSet,
    num::NonZeroU32,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use futures_util::future::join_all;
use http::{Request, Response};
use tokio::time::Instant;
use tower::{Service, ServiceExt, service_fn, util::MapRequestLayer};

use super::*;
use crate::{
    error::{Error, ErrorKind},
    layers::{
        circuit_breaker::{CircuitBreakerConfig, CircuitModel, CircuitState},
        retry::RetryBudgetConfig,
    },
    observe::{
        metrics::{ALL, DURATION_BUCKETS},
        recorder::Seen,
    },
    testing::probe::Probe,
};

const SECOND: Duration = Duration::from_secs(1);

fn request() -> Request<Bytes> {
    Request::new(Bytes::new())
}

/// A partner that gives the answers of a list, the last one again and again, and how often it was asked.
fn partner<const N: usize>(
    answers: [Result<(), ErrorKind>; N],
) -> (Arc<AtomicU32>, impl Service<Request<Bytes>, Response = Response<()>, Error = Error, Future: Send> + Clone) {
    let asked = Arc::new(AtomicU32::new(0));
    let counter = Arc::clone(&asked);
    let service = service_fn(move |_| {
        let number = counter.fetch_add(1, Ordering::Relaxed) as usize;
        let answer = answers[number.min(N - 1)].map(Response::new).map_err(Error::from);
        async move { answer }
    });
    (asked, service)
}

#[test]
fn the_presets_are_those_of_the_source_documents() {
    let row = |profile: Profile| {
        let OutboundConfig { attempt_timeout, circuit_breaker, retry, rate_limit, .. } = profile.config();
        let breaker = (circuit_breaker.failure_threshold, circuit_breaker.success_threshold);
        let times = (attempt_timeout.as_secs(), circuit_breaker.reset_timeout.as_secs());
        let delays = (retry.initial_delay.as_millis(), retry.max_delay.as_secs());
        let bucket = (rate_limit.capacity.get(), rate_limit.per_second.get());
        (breaker, times, retry.max_retries, delays, (retry.multiplier, retry.jitter_factor), bucket)
    };
    assert_eq!(row(Profile::SalesSystem), ((5, 2), (30, 60), 3, (1_000, 30), (2.0, 0.1), (100, 10)));
    assert_eq!(row(Profile::ErpSystem), ((3, 2), (45, 120), 5, (2_000, 60), (2.0, 0.2), (50, 5)));
    assert_eq!(row(Profile::ESignature), ((5, 3), (60, 300), 3, (1_000, 30), (2.0, 0.1), (20, 2)));
    assert_eq!(row(Profile::CommunicationGateway), ((10, 3), (15, 30), 5, (500, 10), (2.0, 0.15), (50, 10)));
    assert_eq!(row(Profile::EmailGateway), ((10, 3), (15, 30), 5, (500, 10), (2.0, 0.15), (100, 20)));
    let conexxus = Profile::Conexxus.config().retry;
    assert_eq!([0, 1, 2].map(|attempt| conexxus.delay(attempt, 0.0).as_secs()), [1, 2, 4]);
    assert_eq!(conexxus.max_retries, 3);
}

#[test]
fn the_total_leaves_time_for_every_wait_and_two_slow_attempts() {
    for profile in Profile::ALL {
        let config = profile.config();
        let waits: Duration = (0..config.retry.max_retries).map(|attempt| config.retry.delay(attempt, 1.0)).sum();
        assert!(config.total_deadline >= waits + 2 * config.attempt_timeout, "{profile:?}");
        assert_eq!(config.circuit_breaker.half_open_timeout, config.attempt_timeout + 30 * SECOND, "{profile:?}");
    }
}

#[test]
fn settings_survive_the_trip_through_a_file_and_unknown_ones_are_refused() {
    for profile in Profile::ALL {
        let written = serde_json::to_string(&profile.config()).expect("settings are text");
        assert!(written.contains(r#""max_retry_after":"30s""#), "{written}");
        let read: OutboundConfig = serde_json::from_str(&written).expect("settings");
        assert_eq!(read, profile.config());
    }
    for unknown in [r#"{"timeout":"30s"}"#, r#"{"retry":{"retries":3}}"#, r#"{"attempt_timeout":30}"#] {
        assert!(serde_json::from_str::<OutboundConfig>(unknown).is_err(), "{unknown}");
    }
    let sales: OutboundConfig = serde_json::from_str(r#"{"attempt_timeout":"2m"}"#).expect("settings");
    assert_eq!(sales.attempt_timeout, 120 * SECOND);
}

// A call that ran into its timeout, and one that took a little longer, are not "more than the last bucket".
#[test]
fn the_buckets_of_durations_reach_past_every_timeout_of_every_preset() {
    assert!(DURATION_BUCKETS.is_sorted());
    let last = Duration::from_secs_f64(*DURATION_BUCKETS.last().expect("buckets"));
    for profile in Profile::ALL {
        let OutboundConfig { attempt_timeout, total_deadline, .. } = profile.config();
        assert!(attempt_timeout < total_deadline && total_deadline + SECOND < last, "{profile:?}");
    }
}

#[test]
fn the_stack_has_the_order_that_it_describes() {
    let config = OutboundConfig::default();
    let stacked = stack(&config, &Handles::new("test", "0.0.0", &config), partner([Ok(())]).1);
    let stacked = type_name_of_val(&stacked);
    let types = [
        ("instrument", "InstrumentService<"),
        ("total deadline", "DeadlineService<"),
        ("retry", "RetryService<"),
        ("circuit breaker", "CircuitBreakerService<"),
        ("rate limit", "RateLimitService<"),
        ("attempt timeout", "TimeoutService<"),
    ];
    let place = |name| stacked.find(name).expect("a layer of the stack");
    assert!(types.iter().map(|(_, name)| place(name)).is_sorted(), "{stacked}");
    let described: Vec<_> = order::layers().filter(|layer| types.iter().any(|(known, _)| known == layer)).collect();
    assert_eq!(described, types.map(|(layer, _)| layer));
}

#[test]
fn it_describes_no_layer_that_the_handles_leave_out() {
    let config = OutboundConfig::default();
    let plain = Handles::new("test", "0.0.0", &config);
    let layers = |described: String| -> Vec<String> {
        let name = |line: &str| {
            line.split_once(". ").expect("a number").1.split([':', '(']).next().expect("a name").trim().to_owned()
        };
        described.lines().map(name).collect()
    };
    let all: Vec<_> = order::layers().collect();
    let without: Vec<_> = all.iter().copied().filter(|layer| !["idempotency", "sign"].contains(layer)).collect();
    assert_eq!(layers(describe(&config, &plain)), without);
    let signed = plain.clone().with_sign(MapRequestLayer::new(|request: Request<Bytes>| request));
    assert_eq!(layers(describe(&config, &signed)), [&without[..without.len() - 1], &["sign", "client"]].concat());
    let described =
        describe(&config, &signed.with_idempotency(MapRequestLayer::new(|request: Request<Bytes>| request)));
    assert!(described.contains("\n8. sign: ") && described.ends_with("\n9. client: sends it\n"), "{described}");
    assert_eq!(layers(described), all);
}

#[test]
fn it_describes_when_a_breaker_of_each_model_opens() {
    let described = |circuit_breaker: CircuitBreakerConfig| {
        let config = OutboundConfig { circuit_breaker, ..OutboundConfig::default() };
        let described = describe(&config, &Handles::new("test", "0.0.0", &config));
        let line = described.lines().find(|line| line.contains(". circuit breaker (")).expect("a breaker").to_owned();
        line[line.find('(').expect("settings") + 1..line.find("):").expect("their end")].to_owned()
    };
    let default = CircuitBreakerConfig::DEFAULT;
    assert_eq!(described(default), "5 failures in a row open it for 1m");
    assert_eq!(
        described(CircuitBreakerConfig { failure_threshold: 0, slow_call_duration: Some(SECOND), ..default }),
        "1 failure opens it for 1m"
    );
    let calls = CircuitBreakerConfig { model: CircuitModel::CountWindow { size: 100 }, failure_rate: 0.125, ..default };
    assert_eq!(described(calls), "12.5 % failed of the last 100 calls, at least 20, open it for 1m");
    let few = CircuitBreakerConfig { model: CircuitModel::CountWindow { size: 10 }, ..calls };
    assert_eq!(described(few), "12.5 % failed of the last 10 calls, at least 10, open it for 1m");
    let model = CircuitModel::TimeWindow { duration: 30 * SECOND, buckets: 10 };
    let time = CircuitBreakerConfig { model, slow_call_duration: Some(2 * SECOND), slow_call_rate: 0.8, ..default };
    assert_eq!(
        described(time),
        "50 % failed or 80 % slower than 2s of the calls of the last 30s, at least 20, open it for 1m"
    );
    let slow = CircuitBreakerConfig { failure_rate: 1.1, ..time };
    assert_eq!(described(slow), "80 % slower than 2s of the calls of the last 30s, at least 20, open it for 1m");
    assert_eq!(described(CircuitBreakerConfig { slow_call_rate: 1.1, ..slow }), "nothing opens it");
}

#[tokio::test(start_paused = true)]
async fn a_call_survives_two_failures_of_the_partner() {
    let config = OutboundConfig::default();
    let handles = Handles::new("test", "0.0.0", &config);
    let (asked, client) = partner([Err(ErrorKind::Unavailable), Err(ErrorKind::Timeout), Ok(())]);
    let began = Instant::now();
    stack(&config, &handles, client).oneshot(request()).await.expect("the third attempt");
    assert_eq!(asked.load(Ordering::Relaxed), 3);
    assert!((3 * SECOND..4 * SECOND).contains(&began.elapsed()), "{:?}", began.elapsed());
}

// F-W7: a signature that binds the time is made for each attempt.
#[tokio::test(start_paused = true)]
async fn each_attempt_is_signed_and_the_idempotency_layer_sees_one_call() {
    let counting = || {
        let count = Arc::new(AtomicU32::new(0));
        let counter = Arc::clone(&count);
        let layer = MapRequestLayer::new(move |request: Request<Bytes>| {
            counter.fetch_add(1, Ordering::Relaxed);
            request
        });
        (count, layer)
    };
    let ((calls, idempotency), (signed, sign)) = (counting(), counting());
    let config = OutboundConfig::default();
    let handles = Handles::new("test", "0.0.0", &config).with_idempotency(idempotency).with_sign(sign);
    let (_, client) = partner([Err(ErrorKind::Unavailable), Ok(())]);
    stack(&config, &handles, client).oneshot(request()).await.expect("the second attempt");
    assert_eq!((calls.load(Ordering::Relaxed), signed.load(Ordering::Relaxed)), (1, 2));
}

#[tokio::test(start_paused = true)]
async fn a_refusal_by_the_breaker_ends_the_retries_with_what_the_partner_said() {
    let mut config = OutboundConfig::default();
    config.circuit_breaker.failure_threshold = 2;
    let handles = Handles::new("test", "0.0.0", &config);
    let (asked, client) = partner([Err(ErrorKind::Unavailable)]);
    let error = stack(&config, &handles, client).oneshot(request()).await.expect_err("the partner is down");
    assert_eq!((error.kind(), asked.load(Ordering::Relaxed)), (ErrorKind::Unavailable, 2));
    assert_eq!(error.retry_after(), None);
}

// A call that asked a partner counts as an attempt; one that the breaker refused does not.
#[tokio::test(start_paused = true)]
async fn the_call_that_opens_the_breaker_tells_of_the_partner_and_the_next_of_the_breaker() {
    let mut config = OutboundConfig::default();
    config.circuit_breaker.failure_threshold = 1;
    let handles = Handles::new("test", "0.0.0", &config);
    let (asked, client) = partner([Err(ErrorKind::Unavailable)]);
    let mut service = stack(&config, &handles, client);
    let opened = service.ready().await.expect("ready").call(request()).await.expect_err("the partner is down");
    assert_eq!((opened.kind(), handles.breaker.state()), (ErrorKind::Unavailable, CircuitState::Open));
    let refused = service.ready().await.expect("ready").call(request()).await.expect_err("the breaker is open");
    assert_eq!((refused.kind(), asked.load(Ordering::Relaxed)), (ErrorKind::CircuitOpen, 1));
    assert!(refused.retry_after().is_some());
}

#[tokio::test(start_paused = true)]
async fn a_missing_token_is_waited_for_and_is_no_failure_of_the_partner() {
    let rate_limit = BucketConfig { capacity: NonZeroU32::MIN, per_second: NonZeroU32::MIN };
    let mut config = OutboundConfig { rate_limit, ..OutboundConfig::default() };
    config.circuit_breaker.failure_threshold = 1;
    let handles = Handles::new("test", "0.0.0", &config);
    let (asked, client) = partner([Ok(())]);
    let mut service = stack(&config, &handles, client);
    let began = Instant::now();
    for _ in 0..4 {
        service.ready().await.expect("ready").call(request()).await.expect("a token in time");
    }
    assert_eq!((asked.load(Ordering::Relaxed), handles.breaker.state()), (4, CircuitState::Closed));
    assert!(began.elapsed() >= 3 * SECOND);
}

#[tokio::test(start_paused = true)]
async fn a_partner_that_hangs_is_given_up_at_the_total_deadline() {
    let config = OutboundConfig { total_deadline: 45 * SECOND, ..OutboundConfig::default() };
    let handles = Handles::new("test", "0.0.0", &config);
    let client = service_fn(|_: Request<Bytes>| std::future::pending::<Result<Response<()>, Error>>());
    let began = Instant::now();
    let error = stack(&config, &handles, client).oneshot(request()).await.expect_err("no answer");
    assert_eq!((error.kind(), began.elapsed()), (ErrorKind::Timeout, 45 * SECOND));
}

// An attempt, and what the total left of the next one.
#[tokio::test(start_paused = true)]
async fn each_timeout_is_counted_under_the_partners_name() {
    let seen = Seen::default();
    let _guard = metrics::set_default_local_recorder(&seen);
    let config = OutboundConfig { total_deadline: 45 * SECOND, ..OutboundConfig::default() };
    let client = service_fn(|_: Request<Bytes>| std::future::pending::<Result<Response<()>, Error>>());
    let handles = Handles::new("test", "0.0.0", &config);
    stack(&config, &handles, client).oneshot(request()).await.expect_err("no answer");
    let timeouts = seen.take().into_iter().find(|(series, _)| series.starts_with("timeouts_total"));
    assert_eq!(timeouts, Some(("timeouts_total test".to_owned(), 2.0)));
}

#[tokio::test(start_paused = true)]
async fn stacks_of_one_partner_share_their_breaker() {
    let mut config = OutboundConfig::default();
    config.circuit_breaker.failure_threshold = 1;
    let handles = Handles::new("test", "0.0.0", &config);
    let (_, broken) = partner([Err(ErrorKind::Unavailable)]);
    stack(&config, &handles, broken).oneshot(request()).await.expect_err("the partner is down");
    let (asked, well) = partner([Ok(())]);
    stack(&config, &handles.clone(), well.clone()).oneshot(request()).await.expect_err("the breaker is open");
    stack_leaked(&config, &handles, well).oneshot(request()).await.expect_err("the breaker is open");
    assert_eq!(asked.load(Ordering::Relaxed), 0);
}

/// A partner that is down is asked by two hundred calls at once; how often again, and in what time.
async fn retries_in_an_outage(config: &OutboundConfig) -> (u32, Duration) {
    const CALLS: u32 = 200;
    let mut config = *config;
    // So that nothing but the budget stands in the retries' way.
    config.circuit_breaker.failure_threshold = u32::MAX;
    config.rate_limit.capacity = NonZeroU32::new(1_000_000).expect("not zero");
    let handles = Handles::new("test", "0.0.0", &config);
    let (asked, client) = partner([Err(ErrorKind::Unavailable)]);
    let stacks = [stack(&config, &handles, client.clone()), stack(&config, &handles.clone(), client)];
    let began = Instant::now();
    let calls = (0..CALLS).map(|call| stacks[call as usize % 2].clone().oneshot(request()));
    assert!(join_all(calls).await.iter().all(Result::is_err));
    (asked.load(Ordering::Relaxed) - CALLS, began.elapsed())
}

/// Requirement E5: one budget an adapter, for all its stacks and without being asked for.
#[tokio::test(start_paused = true)]
async fn the_stacks_of_one_partner_share_a_budget_of_retries_by_default() {
    for profile in Profile::ALL {
        let (retries, elapsed) = retries_in_an_outage(&profile.config()).await;
        // One for ten calls, ten at once, and ten a second.
        let most = 20 + 10 + 10 * elapsed.as_secs() as u32 + 10;
        assert!((10..=most).contains(&retries), "{profile:?}: {retries} of {most}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_budget_of_retries_is_the_one_that_is_set() {
    let retry_budget = RetryBudgetConfig { ratio: 0.0, min_per_second: 0, ..RetryBudgetConfig::default() };
    let (retries, _) = retries_in_an_outage(&OutboundConfig { retry_budget, ..OutboundConfig::default() }).await;
    assert_eq!(retries, 0);
}

#[test]
fn retry_and_breaker_are_what_a_leaked_stack_leaks() {
    let config = OutboundConfig::default();
    let handles = Handles::new("test", "0.0.0", &config);
    let counted = type_name_of_val(&stack(&config, &handles, partner([Ok(())]).1)).matches("Leaked").count();
    let leaked = type_name_of_val(&stack_leaked(&config, &handles, partner([Ok(())]).1)).matches("Leaked").count();
    assert_eq!((counted, leaked), (0, 2));
}

#[tokio::test(start_paused = true)]
async fn every_metric_of_the_stack_stands_in_the_list() {
    let seen = Seen::default();
    let _guard = metrics::set_default_local_recorder(&seen);
    let mut config = OutboundConfig::default();
    config.circuit_breaker.failure_threshold = 2;
    config.rate_limit.capacity = NonZeroU32::MIN;
    let handles = Handles::new("test", "0.0.0", &config);
    let (_, client) = partner([Ok(()), Err(ErrorKind::Unavailable)]);
    let mut service = stack(&config, &handles, client);
    for _ in 0..4 {
        let _ = service.ready().await.expect("ready").call(request()).await;
    }
    let names: BTreeSet<_> = seen.take().into_iter().map(|(series, _)| first_word(&series)).collect();
    let listed: BTreeSet<_> = ALL.iter().map(|metric| metric.name.to_owned()).collect();
    assert!(names.is_subset(&listed), "{names:?}");
    let integration = |name: &&String| name.starts_with("integration_");
    assert_eq!(names.iter().filter(integration).count(), 5, "{names:?}");
}

fn first_word(series: &str) -> String {
    series.split(' ').next().expect("split yields at least one").to_owned()
}

#[tokio::test(start_paused = true)]
async fn the_whole_stack_passes_the_probe() {
    let config = OutboundConfig::default();
    let handles = Handles::new("probe", "0.0.0", &config);
    let panics = || handles.breaker.snapshot().failures as usize;
    let probe = Probe { panics: Some(&panics), ..Probe::default() };
    probe.layer(|inner| stack(&config, &handles, inner)).await;
    probe.layer_boxed(|inner| stack(&config, &handles, inner)).await;
    probe.layer(|inner| stack_leaked(&config, &handles, inner)).await;
}
