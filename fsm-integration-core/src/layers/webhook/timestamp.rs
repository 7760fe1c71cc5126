//! Reading a timestamp and judging its age, without arithmetic that can overflow.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::error::InvalidSignature;

/// Longer than any RFC 3339 timestamp with nanoseconds and an offset.
const MAX_LENGTH: usize = 40;

/// Reads RFC 3339 with an offset.
pub(super) fn parse_rfc3339(bytes: &[u8]) -> Result<Timestamp, InvalidSignature> {
    let plain = |byte: &u8| byte.is_ascii_digit() || b"-+:.TtZz".contains(byte);
    if bytes.len() > MAX_LENGTH || !bytes.iter().all(plain) {
        return Err(InvalidSignature::BadTimestamp);
    }
    let text = std::str::from_utf8(bytes).map_err(|_| InvalidSignature::BadTimestamp)?;
    text.parse().map_err(|_| InvalidSignature::BadTimestamp)
}

/// Reads whole seconds since 1970: digits, and nothing else but a leading minus.
pub(super) fn parse_seconds(bytes: &[u8]) -> Result<Timestamp, InvalidSignature> {
    let digits = bytes.strip_prefix(b"-").unwrap_or(bytes);
    if bytes.len() > MAX_LENGTH || !digits.iter().all(u8::is_ascii_digit) {
        return Err(InvalidSignature::BadTimestamp);
    }
    let text = std::str::from_utf8(bytes).map_err(|_| InvalidSignature::BadTimestamp)?;
    let seconds = text.parse().map_err(|_| InvalidSignature::BadTimestamp)?;
    Timestamp::from_second(seconds).map_err(|_| InvalidSignature::BadTimestamp)
}

/// Whether a timestamp lies within the tolerance of now, in both directions and inclusively (requirement W4).
pub(super) fn check_window(at: Timestamp, now: Timestamp, tolerance: Duration) -> Result<(), InvalidSignature> {
    let tolerance = SignedDuration::try_from(tolerance).unwrap_or(SignedDuration::MAX);
    // Both lie within jiff's range of years, whose span a signed duration holds.
    let age = now.duration_since(at);
    if age > tolerance {
        Err(InvalidSignature::TooOld)
    } else if age < -tolerance {
        Err(InvalidSignature::TooNew)
    } else {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOLERANCE: Duration = Duration::from_secs(300);

    fn at(seconds: i64, nanos: i32) -> Timestamp {
        Timestamp::new(seconds, nanos).expect("in range")
    }

    #[test]
    fn the_window_is_inclusive_both_ways() {
        let now = at(1_700_000_000, 0);
        assert_eq!(check_window(at(1_699_999_700, 0), now, TOLERANCE), Ok(()));
        assert_eq!(check_window(at(1_699_999_699, 999_999_999), now, TOLERANCE), Err(InvalidSignature::TooOld));
        assert_eq!(check_window(at(1_700_000_300, 0), now, TOLERANCE), Ok(()));
        assert_eq!(check_window(at(1_700_000_300, 1), now, TOLERANCE), Err(InvalidSignature::TooNew));
    }

    #[test]
    fn a_tolerance_of_zero_is_no_tolerance() {
        let now = at(1_700_000_000, 0);
        assert_eq!(check_window(now, now, Duration::ZERO), Ok(()));
        assert_eq!(check_window(at(1_699_999_999, 0), now, Duration::ZERO), Err(InvalidSignature::TooOld));
    }

    #[test]
    fn the_extremes_of_time_overflow_nothing() {
        for (at, now) in [(Timestamp::MIN, Timestamp::MAX), (Timestamp::MAX, Timestamp::MIN)] {
            assert!(check_window(at, now, TOLERANCE).is_err());
            assert!(check_window(at, now, Duration::MAX).is_ok());
        }
        for extreme in [i64::MIN.to_string(), i64::MAX.to_string(), format!("{}0", i64::MAX)] {
            assert_eq!(parse_seconds(extreme.as_bytes()), Err(InvalidSignature::BadTimestamp), "{extreme}");
        }
    }

    #[test]
    fn f_w2_what_is_no_timestamp_is_refused() {
        for bad in
            ["", "garbage", "NaN", "2025-01-16", "2025-01-16T10:00:00", "1614265330", "2025-01-16T10:00:00Z[UTC]"]
        {
            assert_eq!(parse_rfc3339(bad.as_bytes()), Err(InvalidSignature::BadTimestamp), "{bad:?}");
        }
        for bad in ["", "-", "+1", "1.5", "1e3", " 1", "0x10", "١"] {
            assert_eq!(parse_seconds(bad.as_bytes()), Err(InvalidSignature::BadTimestamp), "{bad:?}");
        }
        for good in ["2025-01-16T10:00:00.123Z", "2025-01-16T11:00:00+01:00"] {
            assert!(parse_rfc3339(good.as_bytes()).is_ok(), "{good:?}");
        }
    }
}
