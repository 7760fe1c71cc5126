//! Durations as people write them, `30s`, `500ms`, `2m`, for `#[serde(with = "fsm_integration_core::duration")]`.

use std::time::Duration;

use serde::{Deserialize, Deserializer, Serializer, de};

/// Units, largest first, with their nanoseconds.
const UNITS: [(&str, u128); 7] = [
    ("d", 86_400_000_000_000),
    ("h", 3_600_000_000_000),
    ("m", 60_000_000_000),
    ("s", 1_000_000_000),
    ("ms", 1_000_000),
    ("us", 1_000),
    ("ns", 1),
];

/// Text that is no duration; says what one looks like.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{text:?} is no duration; write a whole number and a unit (d, h, m, s, ms, us, ns), as in \"30s\" or \"1h 30m\""
)]
pub struct InvalidDuration {
    text: String,
}

/// Reads a duration: whole numbers with units, added up.
///
/// ```
/// use std::time::Duration;
/// use fsm_integration_core::duration;
///
/// assert_eq!(duration::parse("1m 30s"), Ok(Duration::from_secs(90)));
/// assert_eq!(duration::format(Duration::from_secs(90)), "90s");
/// ```
///
/// # Errors
/// [`InvalidDuration`] for anything else, a bare number included.
pub fn parse(text: &str) -> Result<Duration, InvalidDuration> {
    nanoseconds(text).and_then(from_nanoseconds).ok_or_else(|| InvalidDuration { text: text.to_owned() })
}

/// Writes a duration with the largest unit that loses nothing.
#[must_use]
pub fn format(duration: Duration) -> String {
    let nanoseconds = duration.as_nanos();
    let fits = |(_, size): &&(&str, u128)| nanoseconds.is_multiple_of(*size);
    match UNITS.iter().find(fits) {
        Some((unit, size)) if nanoseconds > 0 => format!("{}{unit}", nanoseconds / size),
        _ => "0s".to_owned(),
    }
}

/// Writes the duration as text.
///
/// # Errors
/// Only those of the serializer.
pub fn serialize<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&format(*duration))
}

/// Reads the duration from text.
///
/// # Errors
/// [`InvalidDuration`], and those of the deserializer.
pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    parse(&String::deserialize(deserializer)?).map_err(de::Error::custom)
}

/// The same for a list: `#[serde(with = "fsm_integration_core::duration::list")]`.
pub mod list {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serializer, de};

    /// Writes each duration as text.
    ///
    /// # Errors
    /// Only those of the serializer.
    pub fn serialize<S: Serializer>(durations: &[Duration], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(durations.iter().map(|duration| super::format(*duration)))
    }

    /// Reads each duration from text.
    ///
    /// # Errors
    /// [`InvalidDuration`](super::InvalidDuration), and those of the deserializer.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Duration>, D::Error> {
        let texts = Vec::<String>::deserialize(deserializer)?;
        texts.iter().map(|text| super::parse(text).map_err(de::Error::custom)).collect()
    }
}

fn nanoseconds(text: &str) -> Option<u128> {
    let mut rest = text.trim();
    let mut sum = 0_u128;
    loop {
        let (number, after) = rest.split_at(rest.find(|c: char| !c.is_ascii_digit())?);
        let after = after.trim_start();
        let (unit, after) = after.split_at(after.find(|c: char| !c.is_ascii_lowercase()).unwrap_or(after.len()));
        let (_, size) = UNITS.iter().find(|(name, _)| *name == unit)?;
        sum = sum.checked_add(number.parse::<u128>().ok()?.checked_mul(*size)?)?;
        rest = after.trim_start();
        if rest.is_empty() {
            return Some(sum);
        }
    }
}

fn from_nanoseconds(nanoseconds: u128) -> Option<Duration> {
    const SECOND: u128 = 1_000_000_000;
    let seconds = u64::try_from(nanoseconds / SECOND).ok()?;
    let rest = u32::try_from(nanoseconds % SECOND).ok()?;
    Some(Duration::new(seconds, rest))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_people_write_is_read() {
        let cases = [("0s", 0), ("500ms", 500), ("2m", 120_000), ("1h30m", 5_400_000), (" 1 s 5 ms ", 1_005)];
        for (text, milliseconds) in cases {
            assert_eq!(parse(text), Ok(Duration::from_millis(milliseconds)), "{text:?}");
        }
    }

    #[test]
    fn what_is_no_duration_is_refused() {
        for text in ["", "30", "s", "-1s", "1.5s", "1 fortnight", "1S", "99999999999999999999d", "1s,"] {
            assert!(parse(text).is_err(), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn every_duration_survives_the_trip(seconds: u64, nanoseconds in 0..1_000_000_000_u32) {
            let duration = Duration::new(seconds, nanoseconds);
            prop_assert_eq!(parse(&format(duration)), Ok(duration));
        }

        #[test]
        fn no_text_panics(text: String) {
            let _ = parse(&text);
        }
    }
}
