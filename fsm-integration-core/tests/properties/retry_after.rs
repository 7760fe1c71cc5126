//! No text makes a wait beyond the cap, and a wait that is written is read.

use std::time::Duration;

use fsm_integration_core::http_client::retry_after::parse;
use http::HeaderValue;
use jiff::{Timestamp, fmt::rfc2822::DateTimePrinter};

use super::input;

/// The time, the cap, and the text.
pub(crate) fn check(mut data: &[u8]) {
    let now = input::timestamp(&mut data);
    let cap = Duration::from_millis(u32::from_le_bytes(input::array(&mut data)).into());
    let wait = Duration::from_secs(u16::from_le_bytes(input::array(&mut data)).into());
    if let Ok(value) = HeaderValue::from_bytes(data) {
        let read = parse(&value, now, cap);
        assert!(read.is_none_or(|delay| delay <= cap), "{value:?} makes {read:?}");
        assert_eq!(read.is_some(), reads_as_number(data) || parse(&value, now, Duration::MAX).is_some());
        if reads_as_number(data) {
            let number = std::str::from_utf8(data).expect("ASCII").trim_matches([' ', '\t']).parse();
            assert_eq!(read, Some(number.map_or(cap, |seconds| Duration::from_secs(seconds).min(cap))));
        }
    }
    written(now, wait, cap);
}

fn reads_as_number(text: &[u8]) -> bool {
    let text = text.trim_ascii();
    !text.is_empty() && text.iter().all(u8::is_ascii_digit)
}

fn written(now: Timestamp, wait: Duration, cap: Duration) {
    let value = HeaderValue::from(wait.as_secs());
    assert_eq!(parse(&value, now, cap), Some(wait.min(cap)));
    // HTTP dates have whole seconds and four digits of a year, and none is before 1970.
    let now = Timestamp::from_second(now.as_second().rem_euclid(250_000_000_000)).expect("in range");
    let date = DateTimePrinter::new().timestamp_to_rfc9110_string(&(now + wait)).expect("a year of four digits");
    let value = HeaderValue::from_str(&date).expect("ASCII");
    assert_eq!(parse(&value, now, cap), Some(wait.min(cap)), "{date}");
}
