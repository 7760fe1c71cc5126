use std::time::Duration;

use http::{Response, header::RETRY_AFTER};

use crate::error::{Classify, ErrorClass, ErrorKind};

/// What is wrong with an outcome: its class, and the wait that the other side asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Failure {
    /// What to do about it.
    pub class: ErrorClass,
    /// How long the other side asked to wait, if it did.
    pub retry_after: Option<Duration>,
}

impl Failure {
    /// What an error says of itself.
    pub fn of(error: &impl Classify) -> Self {
        Self { class: error.class(), retry_after: error.retry_after() }
    }
}

impl From<ErrorClass> for Failure {
    fn from(class: ErrorClass) -> Self {
        Self { class, retry_after: None }
    }
}

/// Tells which outcomes are failures, answers included: an HTTP 503, a poll that says "not yet".
///
/// Every `Fn(&Result<T, E>) -> Option<Failure>` is one; [`OnError`] is the default, [`OnStatus`] reads HTTP answers.
/// A failure is retried if its class may be; when no retry is left the outcome is returned as it came.
///
/// ```
/// use fsm_integration_core::{
///     error::{Error, ErrorClass},
///     layers::retry::{Failure, RetryConfig, RetryStrategy},
/// };
///
/// # #[tokio::main(flavor = "current_thread", start_paused = true)] async fn main() {
/// #[derive(Debug, PartialEq)]
/// enum Job { Running, Done }
///
/// let unfinished = |outcome: &Result<Job, Error>| match outcome {
///     Ok(Job::Running) => Some(Failure::from(ErrorClass::Transient)),
///     Ok(Job::Done) => None,
///     Err(error) => Some(Failure::of(error)),
/// };
/// let strategy = RetryStrategy::new(RetryConfig::default());
/// let answer = strategy.execute_if(unfinished, None, |attempt| async move {
///     Ok(if attempt < 2 { Job::Running } else { Job::Done })
/// });
/// assert_eq!(answer.await.unwrap(), Job::Done);
/// # }
/// ```
pub trait RetryOn<T, E> {
    /// What is wrong with the outcome; `None` when it is the answer.
    fn failure(&self, outcome: &Result<T, E>) -> Option<Failure>;

    /// As [`failure`](Self::failure), by value: the answer, or what is wrong and the outcome.
    ///
    /// To be overridden only for speed, by what need not look at an answer to let it pass: an outcome that nobody
    /// borrows can stay in registers.
    #[inline]
    fn judge(&self, outcome: Result<T, E>) -> Result<Result<T, E>, (Failure, Result<T, E>)> {
        match self.failure(&outcome) {
            None => Ok(outcome),
            Some(failure) => Err((failure, outcome)),
        }
    }
}

impl<T, E, F> RetryOn<T, E> for F
where
    F: Fn(&Result<T, E>) -> Option<Failure>,
{
    #[inline]
    fn failure(&self, outcome: &Result<T, E>) -> Option<Failure> {
        self(outcome)
    }
}

/// Every error is a failure, of the class that it tells itself; every answer is the answer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct OnError;

impl<T, E: Classify> RetryOn<T, E> for OnError {
    #[inline]
    fn failure(&self, outcome: &Result<T, E>) -> Option<Failure> {
        outcome.as_ref().err().map(Failure::of)
    }

    #[inline]
    fn judge(&self, outcome: Result<T, E>) -> Result<Result<T, E>, (Failure, Result<T, E>)> {
        match outcome {
            Ok(answer) => Ok(Ok(answer)),
            Err(error) => Err((Failure::of(&error), Err(error))),
        }
    }
}

/// As [`OnError`], and an HTTP answer that is not a success is a failure too, of the class that its status means.
///
/// For clients that answer a 503 as `Ok`. `Retry-After` is read when it counts seconds; a date, which takes a wall
/// clock to read, is left to the client. The refused answer is held until the next one comes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct OnStatus;

impl<B, E: Classify> RetryOn<Response<B>, E> for OnStatus {
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
    use crate::error::Error;

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
    fn an_error_is_a_failure_whichever_way_one_asks() {
        let unavailable = || Err::<(), _>(Error::from(ErrorKind::Unavailable));
        assert_eq!(OnError.failure(&unavailable()), Some(ErrorClass::Transient.into()));
        assert_eq!(OnError.failure(&Ok::<_, Error>(())), None);
        let judged = OnError.judge(unavailable());
        assert!(judged.is_err_and(|(failure, error)| failure == ErrorClass::Transient.into() && error.is_err()));
        assert!(OnError.judge(Ok::<_, Error>(())).is_ok_and(|outcome| outcome.is_ok()));
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
