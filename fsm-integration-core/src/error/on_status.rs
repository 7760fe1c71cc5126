use http::{Response, header::RETRY_AFTER};

#[cfg(doc)]
use super::OnError;
use super::{Classify, ErrorKind, Failure, Judge, retry_after};
use crate::clock::{SystemClock, WallClock};

/// As [`OnError`], and an HTTP answer that is not a success is a failure too, of the class that its status means.
///
/// For clients that answer a 503 as `Ok`. `Retry-After` is read in both forms, seconds and a date; for a date it asks the
/// machine's wall clock. However long it is: its user caps it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct OnStatus;

impl<B, E: Classify> Judge<Response<B>, E> for OnStatus {
    fn failure(&self, outcome: &Result<Response<B>, E>) -> Option<Failure> {
        let answer = match outcome {
            Ok(answer) => answer,
            Err(error) => return Some(Failure::of(error)),
        };
        let class = ErrorKind::of_partner_status(answer.status().as_u16())?.class();
        let hint = answer.headers().get(RETRY_AFTER);
        Some(Failure { class, retry_after: hint.and_then(|hint| retry_after::delay(hint, || SystemClock.timestamp())) })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

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

    #[test]
    fn both_forms_of_retry_after_are_a_hint() {
        let hint = |text| failure(429, Some(text)).and_then(|failure| failure.retry_after);
        assert_eq!(hint("7"), Some(Duration::from_secs(7)));
        assert_eq!(hint("Wed, 21 Oct 2015 07:28:00 GMT"), Some(Duration::ZERO), "it is later");
        let until_9999 = hint("Fri, 31 Dec 9999 23:59:59 GMT").expect("a date");
        assert!(until_9999 > Duration::from_secs(5000 * 31_556_952), "{until_9999:?}");
        assert_eq!(hint("soon"), None);
    }
}
