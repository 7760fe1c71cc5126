use std::time::Duration;

use http::{HeaderName, HeaderValue, header::RETRY_AFTER};
use jiff::Timestamp;

use super::Decision;

/// The headers that tell a caller how it stands (requirement R4), in both families, for every answer.
///
/// `X-RateLimit-Limit`, `-Remaining`, `-Reset` (epoch seconds), `RateLimit-Policy`, `RateLimit`, and
/// `Retry-After` on a refusal that passes. After a refusal, the reset is when the same call would be allowed. The
/// window is the quota's [`window`](super::Quota::window), which is not always its period.
///
/// ```
/// use std::num::NonZeroU32;
/// use fsm_integration_core::layers::rate_limit::{headers, Quota, TokenBucket};
///
/// let quota = Quota::per_minute_with_burst(NonZeroU32::new(100).unwrap());
/// let bucket = TokenBucket::new(quota);
/// let decision = bucket.try_acquire(1);
/// let now = "2025-01-15T10:00:00Z".parse().unwrap();
/// let headers: http::HeaderMap = headers(&decision, "orders", quota.window(), now).collect();
/// assert_eq!(headers["x-ratelimit-limit"], "100");
/// assert_eq!(headers["ratelimit-policy"], r#""orders";q=100;w=60"#);
/// ```
pub fn headers(
    decision: &Decision,
    policy_name: &str,
    window: Duration,
    now: Timestamp,
) -> impl Iterator<Item = (HeaderName, HeaderValue)> + use<> {
    let Decision { limit, .. } = *decision;
    let remaining = if decision.allowed { decision.remaining.min(limit) } else { 0 };
    let reset = seconds(decision.retry_after.unwrap_or(decision.reset_after));
    let policy = quoted(policy_name);
    let text = |name, value: String| (HeaderName::from_static(name), HeaderValue::try_from(value).expect("ASCII"));
    let retry_after = decision.retry_after.map(|wait| (RETRY_AFTER, HeaderValue::from(seconds(wait).max(1))));
    [
        Some((HeaderName::from_static("x-ratelimit-limit"), HeaderValue::from(limit))),
        Some((HeaderName::from_static("x-ratelimit-remaining"), HeaderValue::from(remaining))),
        Some((HeaderName::from_static("x-ratelimit-reset"), HeaderValue::from(epoch(now, reset)))),
        Some(text("ratelimit-policy", format!("{policy};q={limit};w={}", seconds(window).max(1)))),
        Some(text("ratelimit", format!("{policy};r={remaining};t={reset}"))),
        retry_after,
    ]
    .into_iter()
    .flatten()
}

/// Whole seconds, rounded up: who comes back a little late is served.
fn seconds(duration: Duration) -> u64 {
    duration.as_secs().saturating_add(u64::from(duration.subsec_nanos() > 0))
}

/// The second of the epoch that is `after` seconds away, rounded up.
fn epoch(now: Timestamp, after: u64) -> i64 {
    let second = now.as_second() + i64::from(now.subsec_nanosecond() > 0);
    second.saturating_add_unsigned(after)
}

/// A structured field's string: printable ASCII in quotes, anything else as an underscore.
fn quoted(name: &str) -> String {
    let plain = |c: char| if matches!(c, ' '..='~') && c != '"' && c != '\\' { c } else { '_' };
    format!("\"{}\"", name.chars().map(plain).collect::<String>())
}

#[cfg(test)]
mod tests {
    use http::HeaderMap;

    use super::*;

    const NOW: Timestamp = Timestamp::constant(1_640_995_200, 0);
    const ALLOWED: Decision = Decision {
        allowed: true,
        limit: 100,
        remaining: 95,
        retry_after: None,
        reset_after: Duration::from_millis(22_800),
    };

    fn told(decision: &Decision, policy: &str) -> HeaderMap {
        headers(decision, policy, Duration::from_secs(60), NOW).collect()
    }

    #[test]
    fn an_allowed_call_is_told_how_it_stands() {
        let headers = told(&ALLOWED, "orders");
        assert_eq!(headers["x-ratelimit-limit"], "100");
        assert_eq!(headers["x-ratelimit-remaining"], "95");
        assert_eq!(headers["x-ratelimit-reset"], "1640995223");
        assert_eq!(headers["ratelimit-policy"], r#""orders";q=100;w=60"#);
        assert_eq!(headers["ratelimit"], r#""orders";r=95;t=23"#);
        assert!(!headers.contains_key(RETRY_AFTER));
    }

    #[test]
    fn a_second_that_has_begun_does_not_bring_the_reset_forward() {
        let now = Timestamp::constant(NOW.as_second(), 1);
        let headers: HeaderMap = headers(&ALLOWED, "orders", Duration::from_secs(60), now).collect();
        assert_eq!(headers["x-ratelimit-reset"], "1640995224");
    }

    #[test]
    fn more_than_the_limit_is_never_promised() {
        assert_eq!(told(&Decision { remaining: 132, ..ALLOWED }, "orders")["x-ratelimit-remaining"], "100");
    }

    #[test]
    fn a_refused_call_is_told_to_wait_at_least_a_second_and_as_long_as_t() {
        for (milliseconds, wait) in [(1, "1"), (1_000, "1"), (1_001, "2")] {
            let retry_after = Some(Duration::from_millis(milliseconds));
            let headers = told(&Decision { allowed: false, retry_after, ..ALLOWED }, "orders");
            assert_eq!(headers[RETRY_AFTER], wait);
            assert_eq!(headers["ratelimit"], format!(r#""orders";r=0;t={wait}"#));
        }
    }

    #[test]
    fn a_call_that_never_fits_is_not_told_to_come_back() {
        assert!(!told(&Decision { allowed: false, ..ALLOWED }, "orders").contains_key(RETRY_AFTER));
    }

    #[test]
    fn a_policy_name_cannot_break_out_of_its_quotes() {
        assert_eq!(told(&ALLOWED, "a\"b\\c\r\né")["ratelimit-policy"], r#""a_b_c___";q=100;w=60"#);
    }
}
