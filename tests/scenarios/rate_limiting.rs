//! Seed 000, scenario 6: throttling behaviour (requirements R3 to R5).

use std::{num::NonZeroU32, time::Duration};

use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::support::{Answer, Caller, TestApp, without_preferences};

const INTAKE: &str = "/api/v2/orders/intake";
const SLOTS: &str = "/api/v2/slots/availability";
/// Orders a minute in these scenarios: 16 at once, one every five seconds after that.
const LIMIT: u32 = 12;
const BURST: usize = 16;

async fn limited() -> TestApp {
    TestApp::with(|config| config.limits.intake_per_minute = NonZeroU32::new(LIMIT).unwrap()).await
}

/// Fast requests that cost a token each, whatever is answered.
async fn at_once(caller: &Caller, path: &str, count: usize) -> Vec<Answer> {
    let nothing = json!({});
    join_all((0..count).map(|_| caller.post(path, &nothing))).await
}

fn number(answer: &Answer, name: &str) -> u64 {
    answer.header(name).parse().unwrap_or_else(|_| panic!("{name} of {} is {:?}", answer.status, answer.header(name)))
}

/// Both families of headers, which agree with each other.
fn has_the_headers(answer: &Answer, policy: &str, limit: u64, now: u64) {
    assert_eq!(number(answer, "x-ratelimit-limit"), limit);
    let (remaining, reset) = (number(answer, "x-ratelimit-remaining"), number(answer, "x-ratelimit-reset"));
    assert!(remaining <= limit, "{remaining} of {limit}");
    assert!((now..now + 120).contains(&reset), "{reset} is no second of the epoch near {now}");
    assert_eq!(answer.header("ratelimit-policy"), format!("\"{policy}\";q={limit};w=60"));
    let ratelimit = answer.header("ratelimit");
    assert!(ratelimit.starts_with(&format!("\"{policy}\";r={remaining};t=")), "{ratelimit}");
}

fn policy(answer: &Answer) -> String {
    answer.header("ratelimit-policy").split('"').nth(1).unwrap_or_default().to_owned()
}

fn now(app: &TestApp) -> u64 {
    use fsm_integration_core::clock::WallClock;
    app.clock.timestamp().as_second().unsigned_abs()
}

#[tokio::test]
async fn every_answer_of_a_limited_route_tells_how_the_caller_stands() {
    let app = limited().await;
    let caller = app.caller();
    let good = caller.post_order(&without_preferences("PX-HEADERS")).await;
    assert_eq!(good.status, 202);
    let policy = policy(&good);
    let again = caller.post_order(&without_preferences("PX-HEADERS")).await;
    let invalid = caller.post(INTAKE, &json!({})).await;
    let wrong_type = caller.send(caller.request(INTAKE).header("content-type", "text/plain").body("{}")).await;
    let too_large = caller.send(caller.request(INTAKE).body(vec![b' '; 2 << 20])).await;
    for answer in [&good, &again, &invalid, &wrong_type, &too_large] {
        has_the_headers(answer, &policy, LIMIT.into(), now(&app));
        assert_eq!(answer.header("retry-after"), "");
    }
    let remaining: Vec<_> = [&good, &again].map(|answer| number(answer, "x-ratelimit-remaining")).to_vec();
    assert_eq!(remaining, [12, 12], "15 and 14 are left, and never more than the limit is told");
    let slots = caller.post(SLOTS, &json!({})).await;
    assert_eq!(number(&slots, "x-ratelimit-limit"), 200);
}

#[tokio::test]
async fn beyond_the_burst_the_caller_is_told_to_wait() {
    let app = limited().await;
    let caller = app.caller();
    let answers = at_once(&caller, INTAKE, 2 * BURST).await;
    let (refused, admitted): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.status == 429);
    assert!((BURST..=BURST + 1).contains(&admitted.len()), "{} of {BURST} were let through", admitted.len());
    assert!(admitted.iter().all(|answer| answer.status == 422));
    for answer in refused {
        answer.is_error(429, "RATE_LIMIT_EXCEEDED");
        has_the_headers(answer, &policy(answer), LIMIT.into(), now(&app));
        assert_eq!(number(answer, "x-ratelimit-remaining"), 0);
        assert!((1..=5).contains(&number(answer, "retry-after")), "a token comes every five seconds");
        assert!(answer.text.contains(&policy(answer)), "the details name the policy: {}", answer.text);
    }
}

#[tokio::test]
async fn who_waits_as_told_is_served() {
    let app = TestApp::with(|config| config.limits.intake_per_minute = NonZeroU32::new(60).unwrap()).await;
    let caller = app.caller();
    let answers = at_once(&caller, INTAKE, 100).await;
    let refused = answers.iter().find(|answer| answer.status == 429).expect("80 are let through at once");
    let wait = number(refused, "retry-after");
    assert_eq!(wait, 1);
    tokio::time::sleep(Duration::from_secs(wait)).await;
    assert_eq!(caller.post(INTAKE, &json!({})).await.status, 422);
}

#[tokio::test]
async fn one_tenants_haste_is_not_anothers_wait() {
    let app = limited().await;
    let hasty = at_once(&app.caller(), INTAKE, 2 * BURST).await;
    assert!(hasty.iter().any(|answer| answer.status == 429));
    let other = app.of("acme").post_order(&without_preferences("PX-CALM")).await;
    assert_eq!(other.status, 202, "{}", other.text);
    let same_tenant_other_route = app.caller().post(SLOTS, &json!({})).await;
    assert_eq!(same_tenant_other_route.status, 422, "each route has a limit of its own");
}

#[tokio::test]
async fn a_client_within_the_limit_is_never_refused() {
    let app = TestApp::start().await;
    // The whole minute's worth at once is within the limit.
    let intake = at_once(&app.caller(), INTAKE, 100).await;
    let slots = at_once(&app.caller(), SLOTS, 200).await;
    let statuses: Vec<_> = intake.iter().chain(&slots).map(|answer| answer.status).collect();
    assert!(statuses.iter().all(|status| *status == 422), "{statuses:?}");
    assert!(app.dead_letters().await.is_empty());
}

#[tokio::test]
async fn a_refused_order_left_no_trace_and_is_accepted_later() {
    let app = TestApp::with(|config| config.limits.intake_per_minute = NonZeroU32::new(60).unwrap()).await;
    let caller = app.caller();
    at_once(&caller, INTAKE, 90).await;
    let order = without_preferences("PX-LATER");
    let refused = caller.post_order(&order).await;
    refused.is_error(429, "RATE_LIMIT_EXCEEDED");
    let accepted: Value = app
        .until("a token", async || {
            let answer = caller.post_order(&order).await;
            (answer.status == 202).then_some(answer).filter(|answer| answer.header("idempotency-replayed").is_empty())
        })
        .await
        .body;
    assert_eq!(accepted["status"], "RECEIVED");
}
