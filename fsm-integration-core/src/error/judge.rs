use std::time::Duration;

#[cfg(doc)]
use super::OnStatus;
use super::{Classify, ErrorClass};

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
/// Every `Fn(&Result<T, E>) -> Option<Failure>` is one; [`OnError`] is the default of every layer, [`OnStatus`] reads HTTP
/// answers. What a failure means to a layer follows from its class, and a failed answer is still an answer: whoever has
/// nothing better returns it as it came.
///
/// ```
/// use fsm_integration_core::{
///     error::{Error, ErrorClass, Failure},
///     layers::retry::{RetryConfig, RetryStrategy},
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
/// let answer = strategy.execute_judged(unfinished, None, |attempt| async move {
///     Ok(if attempt < 2 { Job::Running } else { Job::Done })
/// });
/// assert_eq!(answer.await.unwrap(), Job::Done);
/// # }
/// ```
pub trait Judge<T, E> {
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

impl<T, E, F> Judge<T, E> for F
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

impl<T, E: Classify> Judge<T, E> for OnError {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::{Error, ErrorKind};

    #[test]
    fn an_error_is_a_failure_whichever_way_one_asks() {
        let unavailable = || Err::<(), _>(Error::from(ErrorKind::Unavailable));
        assert_eq!(OnError.failure(&unavailable()), Some(ErrorClass::Transient.into()));
        assert_eq!(OnError.failure(&Ok::<_, Error>(())), None);
        let judged = OnError.judge(unavailable());
        assert!(judged.is_err_and(|(failure, error)| failure == ErrorClass::Transient.into() && error.is_err()));
        assert!(OnError.judge(Ok::<_, Error>(())).is_ok_and(|outcome| outcome.is_ok()));
    }
}
