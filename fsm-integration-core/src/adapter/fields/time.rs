use jiff::{
    Timestamp,
    civil::{Date, Time},
};
use serde_json::Value;

use super::kind::{Check, Kind};

/// A day of the calendar, `YYYY-MM-DD`.
#[must_use]
pub fn date() -> impl Kind<Value = Date> {
    Check {
        must: "must be a date of the calendar, written YYYY-MM-DD",
        read: |value: &Value| parse_date(value.as_str()?),
        placeholder: Date::ZERO,
    }
}

/// A time of day without zone, `HH:MM` from 00:00 to 23:59.
#[must_use]
pub fn time() -> impl Kind<Value = Time> {
    Check {
        must: "must be a time from 00:00 to 23:59, written HH:MM",
        read: |value: &Value| parse_time(value.as_str()?),
        placeholder: Time::midnight(),
    }
}

/// A point in time, RFC 3339 with its offset.
#[must_use]
pub fn timestamp() -> impl Kind<Value = Timestamp> {
    Check {
        must: "must be a point in time with offset, such as 2025-01-20T09:00:00Z",
        read: |value: &Value| parse_timestamp(value.as_str()?),
        placeholder: Timestamp::UNIX_EPOCH,
    }
}

/// Whether the text has the shape, where `0` is any digit and all else is itself.
fn has_shape(text: &str, shape: &str) -> bool {
    let fits = |(c, s): (u8, u8)| if s == b'0' { c.is_ascii_digit() } else { c == s };
    text.len() == shape.len() && text.bytes().zip(shape.bytes()).all(fits)
}

fn parse_date(text: &str) -> Option<Date> {
    has_shape(text, "0000-00-00").then(|| text.parse().ok())?
}

fn parse_time(text: &str) -> Option<Time> {
    if !has_shape(text, "00:00") {
        return None;
    }
    Time::new(text[..2].parse().ok()?, text[3..].parse().ok()?, 0, 0).ok()
}

/// The grammar is checked first: jiff reads more than RFC 3339.
fn parse_timestamp(text: &str) -> Option<Timestamp> {
    const SECONDS: &str = "0000-00-00T00:00:00";
    let rest = text.get(SECONDS.len()..).filter(|_| has_shape(&text[..SECONDS.len()], SECONDS))?;
    let offset = match rest.strip_prefix('.') {
        Some(fraction) => {
            let offset = fraction.trim_start_matches(|c: char| c.is_ascii_digit());
            (1..=9).contains(&(fraction.len() - offset.len())).then_some(offset)?
        }
        None => rest,
    };
    let sound = offset == "Z" || has_shape(offset, "+00:00") || has_shape(offset, "-00:00");
    sound.then(|| text.parse().ok())?
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn f_s2_a_date_is_a_day_of_the_calendar() {
        assert_eq!(parse_date("2024-02-29"), Some(Date::constant(2024, 2, 29)));
        let bad = [
            "2025-02-30",
            "2025-02-29",
            "2025-13-01",
            "2025-1-1",
            "20250101",
            "2025-01-01T00:00",
            "",
            "2025-00-10",
            "١٢٣٤-01-01",
        ];
        for bad in bad {
            assert_eq!(parse_date(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn a_time_is_two_digits_colon_two_digits() {
        assert_eq!(parse_time("09:00"), Some(Time::constant(9, 0, 0, 0)));
        assert_eq!(parse_time("23:59"), Some(Time::constant(23, 59, 0, 0)));
        for bad in ["24:00", "9:00", "09:60", "09:00:00", "0900", "-1:00", "09:00Z", ""] {
            assert_eq!(parse_time(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn a_timestamp_carries_its_offset() {
        for good in ["2025-01-20T09:00:00Z", "2025-01-20T09:00:00.123Z", "2025-01-20T09:00:00+01:00"] {
            assert!(parse_timestamp(good).is_some(), "{good:?}");
        }
        let bad = [
            "2025-01-20T09:00:00",
            "2025-01-20 09:00:00Z",
            "2025-01-20",
            "2025-01-20T09:00:00.Z",
            "2025-02-30T09:00:00Z",
            "2025-01-20T25:00:00Z",
            "2025-01-20T09:00:00+01:00[Europe/Paris]",
            "1737363600",
            "2025-01-20T09:00:0\u{e9}Z",
        ];
        for bad in bad {
            assert_eq!(parse_timestamp(bad), None, "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn no_text_panics(text: String) {
            let _ = (parse_date(&text), parse_time(&text), parse_timestamp(&text));
        }
    }
}
