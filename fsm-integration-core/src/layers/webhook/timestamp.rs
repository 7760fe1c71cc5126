//! Reading and writing a timestamp and judging its age, without allocation and arithmetic that can overflow.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp, civil::DateTime, tz::Offset};

use crate::error::InvalidSignature;

/// Longer than any RFC 3339 timestamp with nanoseconds and an offset.
const MAX_LENGTH: usize = 40;

/// Room for any timestamp in milliseconds, `-009999-01-02T01:59:59.999Z` included.
pub(super) const MOST_RFC3339: usize = 27;
/// Room for any timestamp in seconds: `-377705023201`.
pub(super) const MOST_SECONDS: usize = 13;

/// Reads RFC 3339 with an offset.
pub(super) fn parse_rfc3339(bytes: &[u8]) -> Result<Timestamp, InvalidSignature> {
    if let Some(timestamp) = plain_rfc3339(bytes) {
        return Ok(timestamp);
    }
    let plain = |byte: &u8| byte.is_ascii_digit() || b"-+:.TtZz".contains(byte);
    if bytes.len() > MAX_LENGTH || !bytes.iter().all(plain) {
        return Err(InvalidSignature::BadTimestamp);
    }
    let text = std::str::from_utf8(bytes).map_err(|_| InvalidSignature::BadTimestamp)?;
    text.parse().map_err(|_| InvalidSignature::BadTimestamp)
}

/// Reads the form that signers write, `2025-01-16T10:00:00.123Z`, four times as fast as any form is read.
fn plain_rfc3339(bytes: &[u8]) -> Option<Timestamp> {
    let text: &[u8; 24] = bytes.try_into().ok()?;
    let marks = [(4, b'-'), (7, b'-'), (10, b'T'), (13, b':'), (16, b':'), (19, b'.'), (23, b'Z')];
    if marks.iter().any(|&(at, mark)| text[at] != mark) {
        return None;
    }
    let part = |from: usize, to: usize| number(&text[from..to]);
    let byte = |from: usize| i8::try_from(part(from, from + 2)?).ok();
    let year = i16::try_from(part(0, 4)?).ok()?;
    let nanos = i32::try_from(part(20, 23)? * 1_000_000).ok()?;
    let civil = DateTime::new(year, byte(5)?, byte(8)?, byte(11)?, byte(14)?, byte(17)?, nanos).ok()?;
    Offset::UTC.to_timestamp(civil).ok()
}

/// Reads whole seconds since 1970: digits, and nothing else but a leading minus.
pub(super) fn parse_seconds(bytes: &[u8]) -> Result<Timestamp, InvalidSignature> {
    let digits = bytes.strip_prefix(b"-").unwrap_or(bytes);
    let seconds = number(digits).ok_or(InvalidSignature::BadTimestamp)?;
    let seconds = if digits.len() < bytes.len() { -seconds } else { seconds };
    Timestamp::from_second(seconds).map_err(|_| InvalidSignature::BadTimestamp)
}

/// The number of one or more digits; `None` for anything else, and beyond what fits.
fn number(digits: &[u8]) -> Option<i64> {
    /// So many always fit: that need not be asked after each.
    const SHORT: usize = 18;
    let mut values = digits.iter().map(|digit| digit.is_ascii_digit().then(|| i64::from(digit - b'0')));
    match digits.len() {
        0 => None,
        1..=SHORT => values.try_fold(0, |sum, value| Some(sum * 10 + value?)),
        _ => values.try_fold(0_i64, |sum, value| sum.checked_mul(10)?.checked_add(value?)),
    }
}

/// Writes RFC 3339 in UTC with milliseconds, the rest cut off, and tells its length.
pub(super) fn write_rfc3339(at: Timestamp, room: &mut [u8]) -> usize {
    let civil = Offset::UTC.to_datetime(at);
    let Ok(year @ 0..=9999) = u32::try_from(civil.year()) else { return write_odd_rfc3339(at, room) };
    room[..24].copy_from_slice(b"0000-00-00T00:00:00.000Z");
    put(&mut room[0..4], year);
    let pairs = [(5, civil.month()), (8, civil.day()), (11, civil.hour()), (14, civil.minute()), (17, civil.second())];
    for (at, value) in pairs {
        put(&mut room[at..at + 2], value.unsigned_abs());
    }
    put(&mut room[20..23], civil.millisecond().unsigned_abs());
    24
}

/// Years before 0, which nobody signs in.
#[cold]
fn write_odd_rfc3339(at: Timestamp, room: &mut [u8]) -> usize {
    let most = room.len();
    let mut left = room;
    std::io::Write::write_fmt(&mut left, format_args!("{at:.3}")).expect("there is room for any year");
    most - left.len()
}

/// Fills the room with digits, from the end.
fn put(room: &mut [u8], value: impl Into<u64>) {
    let mut value = value.into();
    for digit in room.iter_mut().rev() {
        *digit = b'0' + u8::try_from(value % 10).unwrap_or_default();
        value /= 10;
    }
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
    use proptest::prelude::*;

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
    fn the_first_and_the_last_timestamp_are_written() {
        for (at, expected) in
            [(Timestamp::MIN, "-009999-01-02T01:59:59.000Z"), (Timestamp::MAX, "9999-12-30T22:00:00.999Z")]
        {
            assert_eq!(rfc3339(at), expected);
            assert_eq!(rfc3339(at), format!("{at:.3}"));
            assert!(at.as_second().to_string().len() <= MOST_SECONDS);
        }
        let mut room = [0; 2 * MOST_RFC3339];
        assert_eq!(write_rfc3339(Timestamp::MIN, &mut room), MOST_RFC3339, "however much room there is");
    }

    fn rfc3339(at: Timestamp) -> String {
        let mut room = [0; MOST_RFC3339];
        let length = write_rfc3339(at, &mut room);
        String::from_utf8(room[..length].to_vec()).expect("ASCII")
    }

    #[test]
    fn what_signers_write_is_read_the_fast_way() {
        for text in ["2025-01-16T10:00:00.123Z", "1969-12-31T23:59:59.999Z"] {
            assert_eq!(plain_rfc3339(text.as_bytes()), text.parse().ok());
        }
    }

    #[test]
    fn what_is_longer_than_any_timestamp_is_not_read() {
        let (long, too_long) =
            ("+002025-01-16T10:00:00.12345678+01:00:00", "+002025-01-16T10:00:00.123456789+01:00:00");
        assert_eq!([long.len(), too_long.len()], [MAX_LENGTH, MAX_LENGTH + 1]);
        assert_eq!(parse_rfc3339(long.as_bytes()), Ok(long.parse().expect("a timestamp")));
        assert!(too_long.parse::<Timestamp>().is_ok(), "jiff reads it");
        assert_eq!(parse_rfc3339(too_long.as_bytes()), Err(InvalidSignature::BadTimestamp));
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_and_is_what_jiff_writes(second in -377_705_023_201_i64..253_402_207_200, nano in 0..1_000_000_000) {
            let at = Timestamp::new(second, nano).expect("in range");
            prop_assert_eq!(rfc3339(at), format!("{at:.3}"));
            prop_assert_eq!(parse_rfc3339(rfc3339(at).as_bytes()), Ok(format!("{at:.3}").parse().expect("jiff's own text")));
            prop_assert_eq!(parse_seconds(at.as_second().to_string().as_bytes()), Ok(Timestamp::from_second(at.as_second()).expect("in range")));
        }

        #[test]
        fn the_fast_form_is_read_as_jiff_reads_it(text in "[0-9]{4}-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-6][0-9]:[0-6][0-9]\\.[0-9]{3}Z") {
            prop_assert_eq!(parse_rfc3339(text.as_bytes()).ok(), text.parse().ok());
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
