use std::{error::Error as StdError, io};

use super::resolver::HostNotFound;
use crate::{
    egress::TargetRefused,
    error::{Error, ErrorKind},
};

/// What kept an answer from coming; the source of the [`Error`] that the client returns.
#[derive(Debug, thiserror::Error)]
#[error("{cause}")]
pub struct TransportError {
    /// What it was.
    pub cause: TransportCause,
    #[source]
    source: reqwest::Error,
}

/// What kept an answer from coming, told by type and never by text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum TransportCause {
    /// The host's name does not resolve.
    #[error("the host name cannot be resolved")]
    HostNotFound,
    /// Nobody listens at the port.
    #[error("the connection was refused")]
    Refused,
    /// No connection, or no whole answer, in time.
    #[error("no answer in time")]
    TimedOut,
    /// A connection could not be made for another reason, TLS included.
    #[error("no connection could be made")]
    NotConnected,
    /// The connection broke after the request had begun: whether it was worked on is not known.
    #[error("the connection broke before the answer was whole")]
    Broken,
}

impl TransportCause {
    /// The cause inside an error of the client, if it was one of transport.
    #[must_use]
    pub fn of(error: &Error) -> Option<Self> {
        find::<TransportError>(error).map(|transport| transport.cause)
    }
}

/// Classifies by type, and strips the URL, whose query may hold a secret (F-W14).
pub(super) fn of(error: reqwest::Error) -> Error {
    let error = error.without_url();
    if let Some(refusal) = find::<TargetRefused>(&error) {
        return Error::from(*refusal);
    }
    if error.is_builder() {
        return Error::new(ErrorKind::InvalidRequest, "the request cannot be sent as it is").with_source(error);
    }
    let cause = cause(&error);
    let kind = if cause == TransportCause::TimedOut { ErrorKind::Timeout } else { ErrorKind::Unavailable };
    Error::new(kind, cause.to_string()).with_source(TransportError { cause, source: error })
}

fn cause(error: &reqwest::Error) -> TransportCause {
    let refused = |io: &io::Error| io.kind() == io::ErrorKind::ConnectionRefused;
    if error.is_timeout() {
        TransportCause::TimedOut
    } else if find::<HostNotFound>(error).is_some() {
        TransportCause::HostNotFound
    } else if find::<io::Error>(error).is_some_and(refused) {
        TransportCause::Refused
    } else if error.is_connect() {
        TransportCause::NotConnected
    } else {
        TransportCause::Broken
    }
}

fn find<'a, T: StdError + 'static>(error: &'a (dyn StdError + 'static)) -> Option<&'a T> {
    std::iter::successors(Some(error), |&error| error.source()).find_map(|error| error.downcast_ref())
}
