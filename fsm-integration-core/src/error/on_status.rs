use std::time::Duration;

use http::{Response, header::RETRY_AFTER};

#[cfg(doc)]
use super::OnError;
use super::{Classify, ErrorKind, Failure, Judge};

/// As [`OnError`], and an HTTP answer that is not a success is a failure too, of the class that its status means.
///
/// For clients that answer a 503 as `Ok`. `Retry-After` is read when it counts seconds; a date, which takes a wall
/// clock to read, is left to the client. The refused answer is held until the next one comes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct OnStatus;

impl<B, E: Classify> Judge<Response<B>, E> for OnStatus {
    fn failure(&self, outcome: &Result<Response<B>, E>) -> Option<Failure> {
        let answer = match outcome {
            Ok(answer) => answer,
            Err(error) => return Some(Failure::of(error)),
        };
        let class = ErrorKind::of_partner_status(answer.status().as_u16())?.class();
        let hint = answer.headers().get(RETRY_AFTER).map(http::HeaderValue::as_bytes);
        Some(Failure { class, retry_after: hint.and_then(seconds) })
    }
}

/// `1*DIGIT`; more than fits is the longest (requirement W11).
fn seconds(text: &[u8]) -> Option<Duration> {
    if text.is_empty() || !text.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let seconds = text.iter().fold(0_u64, |sum, digit| sum.saturating_mul(10).saturating_add(u64::from(digit - b'0')));
    Some(Duration::from_secs(seconds))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::{Error, ErrorClass};

    fn failure(status: u16, retry_after: Option<&str>) -> Option<Failure> {
        let mut answer = Response::new(());
        *answer.status_mut() = status.try_into().expect("a status");
        if let Some(text) = retry_after {
            answer.headers_mut().insert(RETRY_AFTER, text.parse().expect("a header value"));
        }
        OnStatus.failure(&Ok::<_, Error>(answer))
    }

    #[test]
    fn a_status_means_the_class_of_the_one_table() {
        assert_eq!(failure(204, None), None);
        assert_eq!(failure(503, None), Some(ErrorClass::Transient.into()));
        assert_eq!(failure(408, None), Some(ErrorClass::Timeout.into()));
        assert_eq!(failure(404, None), Some(ErrorClass::Permanent.into()));
        let error = OnStatus.failure(&Err::<Response<()>, _>(Error::from(ErrorKind::Unavailable)));
        assert_eq!(error, Some(ErrorClass::Transient.into()));
    }

    // W11: svix reads `1e300` and panics.
    #[test]
    fn only_digits_are_a_hint_and_too_many_are_the_longest() {
        let hint = |text| failure(429, Some(text)).and_then(|failure| failure.retry_after);
        assert_eq!(hint("7"), Some(Duration::from_secs(7)));
        assert_eq!(hint("99999999999999999999999"), Some(Duration::from_secs(u64::MAX)));
        for text in ["", "1e300", "-1", "1.5", "inf", "+3", " 7 s", "Wed, 21 Oct 2015 07:28:00 GMT"] {
            assert_eq!(hint(text), None, "{text}");
        }
    }
}
