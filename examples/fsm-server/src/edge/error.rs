use std::{sync::Arc, time::Duration};

use axum::{
    http::StatusCode,
    response::{IntoResponse, Response},
};
use fsm_integration_core::error::{Error, ErrorKind};

/// A failure as a handler returns it; [`Edge::outer`](super::Edge::outer) writes its body.
#[derive(Debug, Clone)]
pub struct ApiError(Arc<Error>);

impl ApiError {
    /// The failure itself.
    #[must_use]
    pub fn error(&self) -> &Error {
        &self.0
    }

    pub(super) fn status(&self) -> StatusCode {
        StatusCode::from_u16(self.0.kind().status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    /// What the caller reads: ours only where the caller can do something about it, nothing of the inside.
    pub(super) fn message(&self) -> &str {
        let kind = self.0.kind();
        match (kind.status(), kind) {
            (..500, _) => self.0.message(),
            (500, _) => ErrorKind::Internal.summary(),
            (503, ErrorKind::BulkheadFull) => kind.summary(),
            (503, _) => ErrorKind::Unavailable.summary(),
            _ => kind.summary(),
        }
    }

    /// When to ask again, in whole seconds, where the table of the specification wants it said.
    pub(super) fn retry_after(&self) -> Option<u64> {
        const SOON: Duration = Duration::from_secs(1);
        let told = matches!(self.0.kind().status(), 429 | 503) || self.0.kind() == ErrorKind::InProgress;
        told.then(|| {
            let wait = self.0.retry_after().unwrap_or(SOON).max(SOON);
            wait.as_secs() + u64::from(wait.subsec_nanos() > 0)
        })
    }

    /// The failure that an answer means which somebody else made: axum, or a handler by hand.
    pub(super) fn of_status(status: StatusCode) -> Self {
        let kind = match status.as_u16() {
            401 => ErrorKind::Unauthorized,
            403 => ErrorKind::Forbidden,
            404 => ErrorKind::NotFound,
            405 => ErrorKind::MethodNotAllowed,
            408 | 504 => ErrorKind::Timeout,
            413 => ErrorKind::PayloadTooLarge,
            415 => ErrorKind::UnsupportedMediaType,
            422 => ErrorKind::InvalidRequest,
            429 => ErrorKind::RateLimited,
            503 => ErrorKind::Unavailable,
            400..=499 => ErrorKind::MalformedRequest,
            _ => ErrorKind::Internal,
        };
        Error::from(kind).into()
    }
}

impl<E: Into<Error>> From<E> for ApiError {
    fn from(error: E) -> Self {
        Self(Arc::new(error.into()))
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut response = self.status().into_response();
        response.extensions_mut().insert(self);
        response
    }
}

/// Put into the extensions of an answer of 400 and above, keeps the body that the handler wrote (health reports).
#[derive(Debug, Clone, Copy)]
pub struct KeepBody;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_the_inside_leaks() {
        for kind in ErrorKind::ALL.into_iter().filter(|kind| kind.status() >= 500) {
            let error = ApiError::from(Error::new(kind, "postgres://user:hunter2@db"));
            assert!(!error.message().contains("hunter2"), "{kind:?}");
        }
        assert_eq!(ApiError::from(Error::new(ErrorKind::NotFound, "no such order")).message(), "no such order");
    }

    #[test]
    fn retry_after_is_whole_seconds_and_at_least_one() {
        let wait = |kind, hint: Option<u64>| {
            ApiError::from(Error::from(kind).with_retry_after(hint.map(Duration::from_millis))).retry_after()
        };
        assert_eq!(wait(ErrorKind::RateLimited, Some(1)), Some(1));
        assert_eq!(wait(ErrorKind::RateLimited, Some(2001)), Some(3));
        assert_eq!(wait(ErrorKind::CircuitOpen, Some(60_000)), Some(60));
        assert_eq!(wait(ErrorKind::Unavailable, None), Some(1));
        assert_eq!(wait(ErrorKind::InProgress, None), Some(1));
        assert_eq!(wait(ErrorKind::NotFound, None), None);
    }

    #[test]
    fn a_foreign_status_gets_the_kind_of_the_same_status() {
        for status in [400, 401, 403, 404, 405, 413, 415, 422, 429, 500, 503, 504] {
            let error = ApiError::of_status(StatusCode::from_u16(status).expect("a status"));
            assert_eq!(error.status().as_u16(), status);
        }
    }
}
