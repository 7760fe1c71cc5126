//! `Retry-After`, read strictly (requirement W11).

use std::time::Duration;

use http::HeaderValue;
use jiff::Timestamp;

/// Reads a `Retry-After` value: seconds (`1*DIGIT`) or one of the three HTTP-date forms, never above `cap`.
///
/// A date in the past is zero, a number too large for any type is `cap`; `None` for anything else, signs,
/// fractions and exponents included, so that no text of a partner can make a delay that overflows.
///
/// ```
/// use std::time::Duration;
/// use fsm_integration_core::http_client::retry_after;
///
/// let cap = Duration::from_secs(3600);
/// let now = "1994-11-06T08:49:00Z".parse()?;
/// let value = http::HeaderValue::from_static("Sun, 06 Nov 1994 08:49:37 GMT");
/// assert_eq!(retry_after::parse(&value, now, cap), Some(Duration::from_secs(37)));
/// # Ok::<(), jiff::Error>(())
/// ```
#[must_use]
pub fn parse(value: &HeaderValue, now: Timestamp, cap: Duration) -> Option<Duration> {
    let text = value.to_str().ok()?.trim_matches([' ', '\t']);
    let delay = seconds(text).or_else(|| until(text, now))?;
    Some(delay.min(cap))
}

fn seconds(text: &str) -> Option<Duration> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    // All digits, so the only way to fail is to be too large.
    digits.then(|| text.parse().map_or(Duration::MAX, Duration::from_secs))
}

fn until(text: &str, now: Timestamp) -> Option<Duration> {
    let date = httpdate::parse_http_date(text).ok()?;
    Some(date.duration_since(now.into()).unwrap_or(Duration::ZERO))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const CAP: Duration = Duration::from_secs(3600);

    fn read(text: &str) -> Option<Duration> {
        let now = "1994-11-06T08:49:00Z".parse().expect("a timestamp");
        parse(&HeaderValue::from_str(text).expect("a header value"), now, CAP)
    }

    #[test]
    fn seconds_are_read_and_capped() {
        assert_eq!(read("0"), Some(Duration::ZERO));
        assert_eq!(read("120"), Some(Duration::from_secs(120)));
        assert_eq!(read("3601"), Some(CAP));
        assert_eq!(read("99999999999999999999999999"), Some(CAP));
    }

    #[test]
    fn all_three_date_forms_are_read() {
        for text in ["Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994"] {
            assert_eq!(read(text), Some(Duration::from_secs(37)), "{text}");
        }
    }

    #[test]
    fn a_date_in_the_past_is_now_and_one_far_away_is_the_cap() {
        assert_eq!(read("Sun, 06 Nov 1994 08:48:00 GMT"), Some(Duration::ZERO));
        assert_eq!(read("Fri, 31 Dec 9999 23:59:59 GMT"), Some(CAP));
    }

    #[test]
    fn what_is_no_number_and_no_date_is_nothing() {
        for text in ["", " ", "-1", "+1", "1.5", "1e300", "inf", "NaN", "0x10", "5 s", "tomorrow"] {
            assert_eq!(read(text), None, "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn no_value_panics_or_exceeds_the_cap(bytes: Vec<u8>, second in -377_705_023_201_i64..=253_402_207_200) {
            let now = Timestamp::from_second(second).expect("in range");
            if let Ok(value) = HeaderValue::from_bytes(&bytes) {
                prop_assert!(parse(&value, now, CAP).is_none_or(|delay| delay <= CAP));
            }
        }

        #[test]
        fn no_date_panics(day in 0u32..40, year in 0u32..99_999, hour in 0u32..30, now in -377_705_023_201_i64..=253_402_207_200) {
            let now = Timestamp::from_second(now).expect("in range");
            let text = format!("Sun, {day:02} Nov {year:04} {hour:02}:49:37 GMT");
            let value = HeaderValue::from_str(&text).expect("a header value");
            prop_assert!(parse(&value, now, CAP).is_none_or(|delay| delay <= CAP));
        }
    }
}
