use std::{convert::Infallible, sync::Arc};

use crate::error::{
    BoxError, BulkheadFull, CircuitOpen, Classify, Error, ErrorClass, ErrorKind, IdempotencyConflict, InvalidSignature,
    RateLimited, TimedOut,
};

/// An error that can be told to several callers; implement it for your own, with `clone` where there is one.
///
/// ```
/// use fsm_integration_core::layers::coalesce::ShareError;
///
/// #[derive(Clone)]
/// enum MyError { Busy, Broken }
///
/// impl ShareError for MyError {
///     fn share(&self) -> Self {
///         self.clone()
///     }
/// }
/// ```
pub trait ShareError {
    /// An error that means the same.
    #[must_use]
    fn share(&self) -> Self;
}

/// Everything but the source, of which only the text is kept.
impl ShareError for Error {
    fn share(&self) -> Self {
        let mut shared = Self::new(self.kind(), self.message().to_owned())
            .with_details(self.details().clone())
            .with_retry_after(self.retry_after())
            .with_local(self.is_local());
        if let Some(answer) = self.answer() {
            shared = shared.with_answer(answer.clone());
        }
        match std::error::Error::source(self) {
            Some(source) => shared.with_source(source.to_string()),
            None => shared,
        }
    }
}

/// What this crate knows inside stays what it is; of anything else the class and the text are kept.
impl ShareError for BoxError {
    fn share(&self) -> Self {
        macro_rules! known {
            ($($refusal:ty),*) => {
                $(if let Some(refusal) = self.downcast_ref::<$refusal>() {
                    return Box::new(*refusal);
                })*
            };
        }
        known!(CircuitOpen, RateLimited, TimedOut, BulkheadFull, IdempotencyConflict, InvalidSignature);
        if let Some(error) = self.downcast_ref::<Error>() {
            return Box::new(error.share());
        }
        let kind = match self.class() {
            ErrorClass::Timeout => ErrorKind::Timeout,
            ErrorClass::Transient | ErrorClass::Throttled | ErrorClass::Open => ErrorKind::Unavailable,
            ErrorClass::Permanent | ErrorClass::Cancelled => return self.to_string().into(),
        };
        Box::new(Error::new(kind, self.to_string()))
    }
}

impl<E> ShareError for Arc<E> {
    fn share(&self) -> Self {
        Self::clone(self)
    }
}

impl ShareError for Infallible {
    fn share(&self) -> Self {
        *self
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_shared_error_means_the_same() {
        let hint = Some(Duration::from_secs(3));
        let error = Error::new(ErrorKind::Unavailable, "the ERP answered 503").with_retry_after(hint);
        let error = error.with_source("connection reset");
        let shared = error.share();
        assert_eq!((shared.kind(), shared.message(), shared.retry_after()), (error.kind(), error.message(), hint));
        assert_eq!(shared.chain(), error.chain());
        let boxed = BoxError::from(error).share();
        assert_eq!((boxed.class(), Classify::retry_after(&boxed)), (ErrorClass::Transient, hint));
    }

    #[test]
    fn a_shared_box_keeps_refusals_and_the_class_of_others() {
        let open = BoxError::from(CircuitOpen { retry_after: None }).share();
        assert!(open.is::<CircuitOpen>());
        let reset = BoxError::from(std::io::Error::new(std::io::ErrorKind::ConnectionReset, "reset")).share();
        assert_eq!((reset.class(), reset.to_string()), (ErrorClass::Transient, "reset".to_owned()));
        assert_eq!(BoxError::from("odd").share().class(), ErrorClass::Permanent);
    }
}
