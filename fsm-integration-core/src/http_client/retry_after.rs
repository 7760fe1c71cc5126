//! `Retry-After`, read strictly (requirement W11).

use std::time::Duration;

use http::HeaderValue;
use jiff::Timestamp;

use crate::error::retry_after;

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
    retry_after::delay(value, || now).map(|delay| delay.min(cap))
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
    fn dates_are_read_and_capped() {
        assert_eq!(read("Sun, 06 Nov 1994 08:49:37 GMT"), Some(Duration::from_secs(37)));
        assert_eq!(read("Sun, 06 Nov 1994 08:48:00 GMT"), Some(Duration::ZERO));
        assert_eq!(read("Fri, 31 Dec 9999 23:59:59 GMT"), Some(CAP));
        assert_eq!(read("tomorrow"), None);
    }

    proptest! {
        #[test]
        fn no_value_exceeds_the_cap(bytes: Vec<u8>, second in -377_705_023_201_i64..=253_402_207_200) {
            let now = Timestamp::from_second(second).expect("in range");
            if let Ok(value) = HeaderValue::from_bytes(&bytes) {
                prop_assert!(parse(&value, now, CAP).is_none_or(|delay| delay <= CAP));
            }
        }
    }
}
