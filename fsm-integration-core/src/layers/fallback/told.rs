use crate::error::{Classify, ErrorClass, Failure, Judge, OnError};

/// Decides which outcomes are answered for, and what of them the fallback is told.
///
/// [`OnError`], the default, tells the error; a judge, as [`Judged`], the outcome, since that may be an answer.
pub trait Tell<T, E>: private::Sealed {
    /// What the fallback is told.
    type Told;

    /// The outcome, if it is good; else what is wrong and what the fallback is told.
    #[doc(hidden)]
    fn tell(&self, outcome: Result<T, E>) -> Result<Result<T, E>, (ErrorClass, Self::Told)>;

    /// The outcome that it was.
    #[doc(hidden)]
    fn untold(told: Self::Told) -> Result<T, E>;
}

/// A judge of a fallback, which is then told the outcome.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Judged<J>(pub(super) J);

impl<T, E: Classify> Tell<T, E> for OnError {
    type Told = E;

    #[inline]
    fn tell(&self, outcome: Result<T, E>) -> Result<Result<T, E>, (ErrorClass, E)> {
        match outcome {
            Ok(answer) => Ok(Ok(answer)),
            Err(error) => Err((error.class(), error)),
        }
    }

    fn untold(error: E) -> Result<T, E> {
        Err(error)
    }
}

impl<T, E, J: Judge<T, E>> Tell<T, E> for Judged<J> {
    type Told = Result<T, E>;

    #[inline]
    fn tell(&self, outcome: Result<T, E>) -> Result<Result<T, E>, (ErrorClass, Result<T, E>)> {
        self.0.judge(outcome).map_err(|(Failure { class, .. }, outcome)| (class, outcome))
    }

    fn untold(outcome: Result<T, E>) -> Result<T, E> {
        outcome
    }
}

mod private {
    pub trait Sealed {}
    impl Sealed for crate::error::OnError {}
    impl<J> Sealed for super::Judged<J> {}
}
