//! One error type, one table of what each failure means, one small struct per refusal.
//!
//! Layers never wrap errors. A layer that can refuse asks its inner service for
//! `S::Error: From<ItsRefusal>`, so your own enum, a plain [`BoxError`] and [`Error`] all work. Where the service cannot
//! fail, [`RespondLayer`](crate::layers::RespondLayer) makes a response of the refusal.
//! What a failure *means* (retry it? count it? dead-letter it?) is decided by [`ErrorClass`],
//! which every error type tells through [`Classify`]. An answer can be a failure too, as an HTTP 503 that arrives as
//! `Ok`: a [`Judge`] tells, and every layer that looks at outcomes takes one (`judge_by`).

mod boxed;
mod classify;
mod field;
mod judge;
mod kind;
mod on_status;
mod refusal;
pub(crate) mod retry_after;

use std::{borrow::Cow, fmt, time::Duration};

use bytes::Bytes;

pub use self::{
    classify::{Classify, ErrorClass},
    field::{FieldError, FieldErrors},
    judge::{Failure, Judge, OnError},
    kind::ErrorKind,
    on_status::OnStatus,
    refusal::{
        BodyTooLarge, BulkheadFull, CircuitOpen, IdempotencyConflict, InvalidIdempotencyKey, InvalidSignature,
        Overloaded, RateLimited, TargetRefused, TimedOut,
    },
};

/// The error of a service whose type is erased, as in tower.
pub type BoxError = Box<dyn std::error::Error + Send + Sync + 'static>;

/// A result whose failure is [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What went wrong and what to do about it.
///
/// [`ErrorKind`] says what; everything that follows from it (retry, breaker, dead letter, wire code,
/// HTTP status) stands in one table, [`ErrorKind`]'s. `Display` tells this level only; the cause is
/// [`source`](std::error::Error::source).
///
/// ```
/// use fsm_integration_core::error::{Error, ErrorClass, ErrorKind};
///
/// let error = Error::new(ErrorKind::Unavailable, "the ERP answered 503");
/// assert_eq!(error.kind().class(), ErrorClass::Transient);
/// assert_eq!(error.kind().status(), 503);
/// ```
pub struct Error(Box<Inner>);

struct Inner {
    kind: ErrorKind,
    message: Cow<'static, str>,
    details: FieldErrors,
    retry_after: Option<Duration>,
    is_local: bool,
    answer: Option<PartnerAnswer>,
    source: Option<BoxError>,
}

/// What a partner answered when it refused a call.
#[derive(Clone, PartialEq, Eq)]
pub struct PartnerAnswer {
    /// HTTP status.
    pub status: u16,
    /// Body, cut to what the client keeps.
    pub body: Bytes,
}

/// Shows the status and the size only: a partner's body may hold personal data.
impl fmt::Debug for PartnerAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PartnerAnswer").field("status", &self.status).field("bytes", &self.body.len()).finish()
    }
}

impl Error {
    /// Creates an error that a person can act on: the message says what happened, not which code ran.
    pub fn new(kind: ErrorKind, message: impl Into<Cow<'static, str>>) -> Self {
        Self(Box::new(Inner {
            kind,
            message: message.into(),
            details: FieldErrors::default(),
            retry_after: None,
            is_local: false,
            answer: None,
            source: None,
        }))
    }

    /// Creates the error of a request whose fields are wrong.
    pub fn invalid(kind: ErrorKind, details: FieldErrors) -> Self {
        let message = match details.len() {
            1 => Cow::Borrowed("1 field is invalid"),
            n => Cow::Owned(format!("{n} fields are invalid")),
        };
        let mut error = Self::new(kind, message);
        error.0.details = details;
        error
    }

    /// Adds what is wrong in detail.
    #[must_use]
    pub fn with_details(mut self, details: FieldErrors) -> Self {
        self.0.details = details;
        self
    }

    /// Adds the cause.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<BoxError>) -> Self {
        self.0.source = Some(source.into());
        self
    }

    /// Adds the delay that the refusing side asked for.
    #[must_use]
    pub fn with_retry_after(mut self, delay: Option<Duration>) -> Self {
        self.0.retry_after = delay;
        self
    }

    /// Says whether this process refused the call, where the kind leaves that open.
    #[must_use]
    pub(crate) fn with_local(mut self, is_local: bool) -> Self {
        self.0.is_local = is_local;
        self
    }

    /// Adds the partner's own answer.
    #[must_use]
    pub fn with_answer(mut self, answer: PartnerAnswer) -> Self {
        self.0.answer = Some(answer);
        self
    }

    /// What went wrong.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// The message, without the cause.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// Every field that is wrong, when the request was.
    #[must_use]
    pub fn details(&self) -> &FieldErrors {
        &self.0.details
    }

    /// How long the refusing side asked to wait.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        self.0.retry_after
    }

    /// The message with those of its causes, for a log line: `cannot commit: disk I/O error`.
    #[must_use]
    pub fn chain(&self) -> String {
        let mut text = self.to_string();
        let mut cause = std::error::Error::source(self);
        while let Some(error) = cause {
            text.push_str(": ");
            text.push_str(&error.to_string());
            cause = error.source();
        }
        text
    }

    /// The partner's answer, when one came.
    #[must_use]
    pub fn answer(&self) -> Option<&PartnerAnswer> {
        self.0.answer.as_ref()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Error")
            .field("kind", &self.0.kind)
            .field("message", &self.0.message)
            .field("details", &self.0.details)
            .field("retry_after", &self.0.retry_after)
            .field("answer", &self.0.answer)
            .field("source", &self.0.source)
            .finish()
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source.as_deref().map(|source| source as &(dyn std::error::Error + 'static))
    }
}

impl Classify for Error {
    fn class(&self) -> ErrorClass {
        self.0.kind.class()
    }

    fn retry_after(&self) -> Option<Duration> {
        self.0.retry_after
    }

    fn is_local(&self) -> bool {
        use ErrorKind::{BulkheadFull, CircuitOpen, InProgress, Overloaded};
        self.0.is_local || matches!(self.0.kind, BulkheadFull | CircuitOpen | InProgress | Overloaded)
    }
}

impl From<ErrorKind> for Error {
    fn from(kind: ErrorKind) -> Self {
        Self::new(kind, kind.summary())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chain_tells_every_cause_and_display_only_its_own_level() {
        let cause = Error::new(ErrorKind::Internal, "disk I/O error").with_source("no space left");
        let error = Error::new(ErrorKind::Unavailable, "cannot commit").with_source(cause);
        assert_eq!(error.to_string(), "cannot commit");
        assert_eq!(error.chain(), "cannot commit: disk I/O error: no space left");
    }

    #[test]
    fn what_a_partner_answered_is_kept_and_its_body_not_shown() {
        let answer = PartnerAnswer { status: 422, body: Bytes::from_static(b"Jane Doe") };
        let error = Error::from(ErrorKind::PartnerRejected).with_answer(answer.clone());
        assert_eq!(error.answer(), Some(&answer));
        let shown = format!("{error:?}");
        assert!(
            shown.contains("PartnerRejected") && shown.contains("PartnerAnswer { status: 422, bytes: 8 }"),
            "{shown}"
        );
        assert!(!shown.contains("Jane"), "{shown}");
    }

    #[test]
    fn an_invalid_request_counts_its_fields_and_keeps_them() {
        let mut details = FieldErrors::default();
        details.push("phone", "is missing");
        let error = Error::invalid(ErrorKind::InvalidRequest, details.clone());
        assert_eq!((error.message(), error.details()), ("1 field is invalid", &details));
        details.push("name", "is missing");
        assert_eq!(Error::invalid(ErrorKind::InvalidRequest, details).message(), "2 fields are invalid");
    }
}
