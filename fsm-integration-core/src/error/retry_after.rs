//! `Retry-After`, read strictly (requirement W11).

use std::time::Duration;

use jiff::{SignedDuration, Timestamp, civil::Date};

/// How long a `Retry-After` asks to wait: seconds (`1*DIGIT`) or one of the three HTTP-date forms (RFC 9110, 5.6.7).
///
/// A date in the past is zero, a number too large for any type the longest; `None` for anything else, signs, fractions
/// and exponents included, so that no text of a partner can make a delay that overflows. What time it is is asked for
/// a date only.
pub(crate) fn delay(value: &http::HeaderValue, now: impl FnOnce() -> Timestamp) -> Option<Duration> {
    let text = value.to_str().ok()?.trim_matches([' ', '\t']);
    if let Some(seconds) = seconds(text) {
        return Some(seconds);
    }
    let left = http_date(text)? - now().as_duration();
    Some(Duration::try_from(left).unwrap_or(Duration::ZERO))
}

fn seconds(text: &str) -> Option<Duration> {
    // All digits, so the only way to fail is to be too large.
    is_digits(text).then(|| text.parse().map_or(Duration::MAX, Duration::from_secs))
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// A date as mail has it, as RFC 850 had it, or as C's `asctime` writes it; since 1970, because the last of them are no
/// `Timestamp` any more.
fn http_date(text: &str) -> Option<SignedDuration> {
    let mut words = text.split(' ').filter(|word| !word.is_empty());
    let (day_of_week, words) = (words.next()?, [(); 6].map(|()| words.next().unwrap_or_default()));
    if !DAYS.iter().any(|day| day_of_week.starts_with(day)) {
        return None;
    }
    match words {
        [day, month, year, time, "GMT", ""] => point(year, month, day, time),
        [date, time, "GMT", "", "", ""] => {
            let mut parts = date.split('-');
            let (day, month, year) = (parts.next()?, parts.next()?, parts.next()?);
            if parts.next().is_some() { None } else { point(year, month, day, time) }
        }
        [month, day, time, year, "", ""] => point(year, month, day, time),
        _ => None,
    }
}

const DAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

fn point(year: &str, month: &str, day: &str, time: &str) -> Option<SignedDuration> {
    let year = match (year.len(), number(year)?) {
        (4, year) => year,
        (2, year @ ..70) => 2000 + year,
        (2, year) => 1900 + year,
        _ => return None,
    };
    let month = 1 + MONTHS.iter().position(|name| *name == month)?;
    let day = Date::new(year, i8::try_from(month).ok()?, i8::try_from(number(day)?).ok()?).ok()?;
    Some(day.duration_since(Date::constant(1970, 1, 1)) + of_day(time)?)
}

/// `08:49:37`; a minute may have a leap second.
fn of_day(time: &str) -> Option<SignedDuration> {
    let mut parts = time.split(':').map(|part| if part.len() == 2 { number(part) } else { None });
    let (hour, minute, second) = (parts.next()??, parts.next()??, parts.next()??);
    let is_time = hour < 24 && minute < 60 && second <= 60 && parts.next().is_none();
    is_time.then(|| SignedDuration::from_secs(i64::from(hour) * 3600 + i64::from(minute) * 60 + i64::from(second)))
}

fn number(text: &str) -> Option<i16> {
    if is_digits(text) { text.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    fn read(text: &str) -> Option<Duration> {
        let now = || "1994-11-06T08:49:00Z".parse().expect("a timestamp");
        delay(&HeaderValue::from_str(text).expect("a header value"), now)
    }

    // W11: svix reads `1e300` and panics.
    #[test]
    fn only_digits_are_seconds_and_too_many_are_the_longest() {
        assert_eq!(read("0"), Some(Duration::ZERO));
        assert_eq!(read("120"), Some(Duration::from_secs(120)));
        assert_eq!(read(" 120\t"), Some(Duration::from_secs(120)));
        assert_eq!(read("99999999999999999999999999"), Some(Duration::MAX));
        for text in ["", " ", "-1", "+1", "1.5", "1e300", "inf", "NaN", "0x10", "5 s", "tomorrow"] {
            assert_eq!(read(text), None, "{text:?}");
        }
    }

    #[test]
    fn seconds_do_not_ask_what_time_it_is() {
        let value = HeaderValue::from_static("7");
        assert_eq!(delay(&value, || unreachable!("a look at the clock")), Some(Duration::from_secs(7)));
    }

    #[test]
    fn all_three_date_forms_are_read() {
        for text in ["Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994"] {
            assert_eq!(read(text), Some(Duration::from_secs(37)), "{text}");
        }
        assert_eq!(read("Sunday, 06-Nov-69 08:49:00 GMT"), read("Wed, 06 Nov 2069 08:49:00 GMT"));
        assert_eq!(read("Sunday, 06-Nov-70 08:49:00 GMT"), Some(Duration::ZERO));
        assert_eq!(read("Sun, 06 Nov 1994 08:49:60 GMT"), Some(Duration::from_secs(60)), "a leap second");
    }

    #[test]
    fn a_date_in_the_past_is_now_and_the_last_one_is_far_away() {
        assert_eq!(read("Sun, 06 Nov 1994 08:48:00 GMT"), Some(Duration::ZERO));
        assert!(
            read("Fri, 31 Dec 9999 23:59:59 GMT").is_some_and(|delay| delay > Duration::from_secs(8000 * 31_556_952))
        );
    }

    #[test]
    fn what_looks_like_a_date_and_is_none_is_nothing() {
        for text in [
            "Sun, 06 Nov 1994 08:49:37",
            "Sun, 06 Nov 1994 08:49:37 CET",
            "Sun, 06 Nov 1994 08:49:37 GMT now",
            "06 Nov 1994 08:49:37 GMT",
            "Son, 06 Nov 1994 08:49:37 GMT",
            "Sun, 31 Nov 1994 08:49:37 GMT",
            "Sun, 06 Nov 94 08:49 GMT",
            "Sun, 06 Nov 19940 08:49:37 GMT",
            "Sun, 06 Nov 1994 24:00:00 GMT",
            "Sun, 06 Nov 1994 08:60:00 GMT",
            "Sun, 06 Nov 1994 08:49:61 GMT",
            "Sun, 06 Nov 1994 08:49:37:00 GMT",
            "Sun, 06 Nov 1994 8:49:37 GMT",
            "Sun, +6 Nov 1994 08:49:37 GMT",
            "Sunday, 06-Nov 08:49:37 GMT",
            "Sunday, 06-Nov-94-1 08:49:37 GMT",
            "Sun Nov 6 08:49:37 1994 GMT",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_others_write_is_read(second in 0_i64..253_402_300_800, before in 0_u64..1_000_000) {
            let point = Timestamp::from_second(second).expect("in range");
            let now = point.checked_sub(Duration::from_secs(before)).expect("in range");
            let text = httpdate::fmt_http_date(point.into());
            let value = HeaderValue::from_str(&text).expect("a header value");
            prop_assert_eq!(delay(&value, || now), Some(Duration::from_secs(before)));
        }

        #[test]
        fn no_value_panics(bytes: Vec<u8>, second in -377_705_023_201_i64..=253_402_207_200) {
            let now = Timestamp::from_second(second).expect("in range");
            if let Ok(value) = HeaderValue::from_bytes(&bytes) {
                let _ = delay(&value, || now);
            }
        }

        #[test]
        fn no_date_panics(day in 0u32..40, year in 0u32..99_999, hour in 0u32..30, now in -377_705_023_201_i64..=253_402_207_200) {
            let now = Timestamp::from_second(now).expect("in range");
            for text in [
                format!("Sun, {day:02} Nov {year:04} {hour:02}:49:37 GMT"),
                format!("Sunday, {day:02}-Nov-{year:02} {hour:02}:49:37 GMT"),
                format!("Sun Nov {day:2} {hour:02}:49:37 {year:04}"),
            ] {
                let _ = delay(&HeaderValue::from_str(&text).expect("a header value"), || now);
            }
        }
    }
}
