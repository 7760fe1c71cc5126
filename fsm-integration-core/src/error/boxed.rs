//! What a failure means whose type is erased.

use std::{error::Error as StdError, io, iter::successors, time::Duration};

use super::{
    BodyTooLarge, BoxError, BulkheadFull, CircuitOpen, Classify, Error, ErrorClass, ErrorKind, IdempotencyConflict,
    InvalidIdempotencyKey, InvalidSignature, Overloaded, RateLimited, TargetRefused, TimedOut,
};

/// So many errors of a chain are looked at: more than any client nests, and an end where a chain has none.
const DEPTH: usize = 16;

type Cause<'a> = &'a (dyn StdError + 'static);

/// Finds what this crate can classify, in the error or in what caused it, the outermost first.
///
/// So a client's own error around a refused connection is [`ErrorClass::Transient`]. Anything else is
/// [`ErrorClass::Permanent`], because an unknown failure that is retried blindly does harm.
impl Classify for BoxError {
    fn class(&self) -> ErrorClass {
        Known::within(&**self).map_or(ErrorKind::Unclassified, |known| known.kind).class()
    }

    fn retry_after(&self) -> Option<Duration> {
        Known::within(&**self)?.retry_after
    }

    fn is_local(&self) -> bool {
        Known::within(&**self).is_some_and(|known| known.is_local)
    }
}

/// The one place where an erased error becomes ours again; it means what it meant in its box.
impl From<BoxError> for Error {
    fn from(error: BoxError) -> Self {
        match error.downcast::<Self>() {
            Ok(own) => *own,
            Err(other) => refusal(&*other).unwrap_or_else(|| around(other)),
        }
    }
}

/// A refusal says itself all that there is to say.
fn refusal(error: Cause<'_>) -> Option<Error> {
    fn of<R: Copy + StdError + Into<Error> + 'static>(error: Cause<'_>) -> Option<Error> {
        error.downcast_ref::<R>().map(|refusal| (*refusal).into())
    }
    of::<CircuitOpen>(error)
        .or_else(|| of::<RateLimited>(error))
        .or_else(|| of::<TimedOut>(error))
        .or_else(|| of::<BulkheadFull>(error))
        .or_else(|| of::<Overloaded>(error))
        .or_else(|| of::<BodyTooLarge>(error))
        .or_else(|| of::<IdempotencyConflict>(error))
        .or_else(|| of::<InvalidIdempotencyKey>(error))
        .or_else(|| of::<InvalidSignature>(error))
        .or_else(|| of::<TargetRefused>(error))
}

/// Our error around another, by what is known of that.
fn around(error: BoxError) -> Error {
    let Some(Known { kind, retry_after, is_local, own }) = Known::within(&*error) else {
        return Error::from(ErrorKind::Unclassified).with_source(error);
    };
    let mut outer = Error::from(kind).with_retry_after(retry_after).with_local(is_local);
    if let Some(own) = own {
        outer = outer.with_details(own.details().clone());
        if let Some(answer) = own.answer() {
            outer = outer.with_answer(answer.clone());
        }
    }
    outer.with_source(error)
}

/// What is known of an error.
struct Known<'a> {
    kind: ErrorKind,
    retry_after: Option<Duration>,
    is_local: bool,
    /// Itself, if it is ours.
    own: Option<&'a Error>,
}

impl<'a> Known<'a> {
    /// Looks into an error until something is known.
    fn within(error: Cause<'a>) -> Option<Self> {
        let causes =
            successors(Some(error), |&error| match error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
                // What an I/O error holds is not its source; the source is what that has.
                Some(held) => Some(held as Cause<'_>),
                None => error.source(),
            });
        causes.take(DEPTH).find_map(Self::of)
    }

    /// Looks at one error only.
    fn of(error: Cause<'a>) -> Option<Self> {
        let (mut retry_after, mut is_local, mut own) = (None, false, None);
        let kind = if let Some(error) = error.downcast_ref::<Error>() {
            (retry_after, is_local, own) = (error.retry_after(), error.is_local(), Some(error));
            error.kind()
        } else if let Some(error) = error.downcast_ref::<io::Error>() {
            kind_of_io(error.kind())?
        } else if let Some(open) = error.downcast_ref::<CircuitOpen>() {
            (retry_after, is_local) = (open.retry_after, open.is_local());
            ErrorKind::CircuitOpen
        } else if let Some(limited) = error.downcast_ref::<RateLimited>() {
            (retry_after, is_local) = (limited.retry_after, limited.is_local());
            limited.into()
        } else if let Some(conflict) = error.downcast_ref::<IdempotencyConflict>() {
            (retry_after, is_local) = (conflict.retry_after(), conflict.is_local());
            conflict.into()
        } else {
            is_local = error.is::<BulkheadFull>() || error.is::<Overloaded>();
            kind_of_plain(error)?
        };
        Some(Self { kind, retry_after, is_local, own })
    }
}

/// The kind of a refusal that names no time to wait.
fn kind_of_plain(error: Cause<'_>) -> Option<ErrorKind> {
    if error.is::<TimedOut>() {
        Some(ErrorKind::Timeout)
    } else if error.is::<BulkheadFull>() {
        Some(ErrorKind::BulkheadFull)
    } else if error.is::<Overloaded>() {
        Some(ErrorKind::Overloaded)
    } else if error.is::<BodyTooLarge>() {
        Some(ErrorKind::PayloadTooLarge)
    } else if error.is::<InvalidIdempotencyKey>() {
        Some(ErrorKind::MalformedRequest)
    } else if error.is::<InvalidSignature>() {
        Some(ErrorKind::Unauthorized)
    } else if error.is::<TargetRefused>() {
        Some(ErrorKind::Forbidden)
    } else {
        None
    }
}

/// What an I/O failure means, if it is the network's; the others are ours.
fn kind_of_io(kind: io::ErrorKind) -> Option<ErrorKind> {
    use io::ErrorKind as Io;
    match kind {
        Io::TimedOut => Some(ErrorKind::Timeout),
        Io::ConnectionRefused
        | Io::ConnectionReset
        | Io::ConnectionAborted
        | Io::NotConnected
        | Io::BrokenPipe
        | Io::UnexpectedEof
        | Io::HostUnreachable
        | Io::NetworkUnreachable
        | Io::NetworkDown
        | Io::Interrupted
        | Io::WouldBlock
        | Io::AddrNotAvailable => Some(ErrorKind::Unavailable),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::{FieldErrors, PartnerAnswer};
    use crate::layers::coalesce::ShareError;

    /// A client's own error around what caused it.
    #[derive(Debug, thiserror::Error)]
    #[error("the client failed")]
    struct Client(#[source] BoxError);

    fn wrapped(error: impl Into<BoxError>) -> BoxError {
        Client(error.into()).into()
    }

    /// A refusal tells it in three forms: itself, in a box, and as our error.
    #[test]
    fn a_refusal_means_the_same_in_each_of_its_forms() {
        fn check<R: Classify + Copy + std::fmt::Debug + StdError + Send + Sync + Into<Error> + 'static>(refusal: R) {
            let told = |error: &dyn Classify| (error.class(), error.retry_after(), error.is_local());
            let expected = told(&refusal);
            assert_eq!(told(&BoxError::from(refusal)), expected, "{refusal:?} in a box");
            assert_eq!(told(&refusal.into()), expected, "{refusal:?} as our error");
            assert_eq!(told(&Error::from(BoxError::from(refusal))), expected, "{refusal:?} out of its box");
        }
        let wait = Duration::from_secs(7);
        for retry_after in [None, Some(wait)] {
            check(CircuitOpen { retry_after });
            check(RateLimited { retry_after });
        }
        check(TimedOut { after: wait });
        check(BulkheadFull { limit: 1 });
        check(Overloaded);
        check(BodyTooLarge { bytes: 2, limit: 1 });
        for conflict in [
            IdempotencyConflict::Mismatch,
            IdempotencyConflict::InProgress { retry_after: wait },
            IdempotencyConflict::LostLease,
            IdempotencyConflict::StoreUnavailable,
            IdempotencyConflict::OutcomeUnknown,
            IdempotencyConflict::OutcomeUnreadable,
            InvalidIdempotencyKey::Missing.into(),
        ] {
            check(conflict);
        }
    }

    #[test]
    fn what_this_process_refused_is_told_from_what_the_other_side_did() {
        let retry_after = Some(Duration::from_secs(1));
        let in_progress = IdempotencyConflict::InProgress { retry_after: Duration::from_secs(1) };
        let table: [(BoxError, bool); 7] = [
            (RateLimited { retry_after }.into(), true),
            (CircuitOpen { retry_after }.into(), true),
            (BulkheadFull { limit: 1 }.into(), true),
            (Overloaded.into(), true),
            (in_progress.into(), true),
            (TimedOut { after: Duration::ZERO }.into(), false),
            (Error::from(ErrorKind::RateLimited).with_retry_after(retry_after).into(), false),
        ];
        for (boxed, is_local) in table {
            assert_eq!(boxed.is_local(), is_local, "{boxed:?} in a box");
            let own = Error::from(boxed);
            assert_eq!(own.is_local(), is_local, "{own:?}");
            assert_eq!(own.share().is_local(), is_local, "{own:?} shared");
        }
    }

    #[test]
    fn a_refusal_for_ever_is_permanent() {
        let boxed: BoxError = RateLimited { retry_after: None }.into();
        assert_eq!(boxed.class(), ErrorClass::Permanent);
        let own = Error::from(boxed);
        assert_eq!((own.kind(), own.class()), (ErrorKind::InvalidRequest, ErrorClass::Permanent));
    }

    #[test]
    fn in_a_box_each_refusal_means_what_it_means_as_our_error() {
        let wait = Duration::from_secs(7);
        let retry_after = Some(wait);
        let table: [(BoxError, ErrorKind, ErrorClass, Option<Duration>); 13] = [
            (CircuitOpen { retry_after }.into(), ErrorKind::CircuitOpen, ErrorClass::Open, retry_after),
            (RateLimited { retry_after }.into(), ErrorKind::RateLimited, ErrorClass::Throttled, retry_after),
            (TimedOut { after: wait }.into(), ErrorKind::Timeout, ErrorClass::Timeout, None),
            (BulkheadFull { limit: 1 }.into(), ErrorKind::BulkheadFull, ErrorClass::Throttled, None),
            (Overloaded.into(), ErrorKind::Overloaded, ErrorClass::Throttled, None),
            (IdempotencyConflict::Mismatch.into(), ErrorKind::DuplicateOrder, ErrorClass::Permanent, None),
            (IdempotencyConflict::LostLease.into(), ErrorKind::OutcomeUnknown, ErrorClass::Permanent, None),
            (IdempotencyConflict::OutcomeUnknown.into(), ErrorKind::OutcomeUnknown, ErrorClass::Permanent, None),
            (InvalidIdempotencyKey::Missing.into(), ErrorKind::MalformedRequest, ErrorClass::Permanent, None),
            (InvalidSignature::BadSignature.into(), ErrorKind::Unauthorized, ErrorClass::Permanent, None),
            (TargetRefused::Address.into(), ErrorKind::Forbidden, ErrorClass::Permanent, None),
            (
                IdempotencyConflict::InProgress { retry_after: wait }.into(),
                ErrorKind::InProgress,
                ErrorClass::Throttled,
                retry_after,
            ),
            (
                Error::from(ErrorKind::Unavailable).with_retry_after(retry_after).into(),
                ErrorKind::Unavailable,
                ErrorClass::Transient,
                retry_after,
            ),
        ];
        for (boxed, kind, class, hint) in table {
            assert_eq!((boxed.class(), Classify::retry_after(&boxed)), (class, hint), "{kind:?} in a box");
            let own = Error::from(boxed);
            assert_eq!((own.kind(), own.class(), Classify::retry_after(&own)), (kind, class, hint));
        }
    }

    #[test]
    fn what_a_failure_of_the_network_means() {
        for (io, class, kind) in [
            (io::ErrorKind::TimedOut, ErrorClass::Timeout, ErrorKind::Timeout),
            (io::ErrorKind::ConnectionRefused, ErrorClass::Transient, ErrorKind::Unavailable),
            (io::ErrorKind::BrokenPipe, ErrorClass::Transient, ErrorKind::Unavailable),
            (io::ErrorKind::PermissionDenied, ErrorClass::Permanent, ErrorKind::Unclassified),
        ] {
            let boxed: BoxError = io::Error::from(io).into();
            assert_eq!((boxed.class(), Error::from(boxed).kind()), (class, kind), "{io:?}");
        }
    }

    #[test]
    fn a_reset_connection_is_transient_whatever_its_text_says() {
        let boxed: BoxError = io::Error::new(io::ErrorKind::ConnectionReset, "all good").into();
        assert_eq!(boxed.class(), ErrorClass::Transient);
        let text_only: BoxError = "ECONNREFUSED ETIMEDOUT".into();
        assert_eq!(text_only.class(), ErrorClass::Permanent);
    }

    #[test]
    fn an_error_survives_the_trip_through_a_box() {
        let boxed: BoxError = Error::new(ErrorKind::NotFound, "no such order").into();
        assert_eq!(Error::from(boxed).message(), "no such order");
    }

    #[test]
    fn a_failure_means_the_same_in_its_box_and_as_our_error() {
        let boxes: [BoxError; 8] = [
            "odd".into(),
            io::Error::from(io::ErrorKind::PermissionDenied).into(),
            io::Error::from(io::ErrorKind::ConnectionReset).into(),
            io::Error::other("odd").into(),
            InvalidSignature::BadSignature.into(),
            TargetRefused::Address.into(),
            wrapped("odd"),
            wrapped(Overloaded),
        ];
        for boxed in boxes {
            let (shown, class) = (format!("{boxed:?}"), boxed.class());
            assert_eq!(Error::from(boxed).class(), class, "{shown}");
        }
    }

    #[test]
    fn an_unknown_failure_is_told_as_a_fault_of_ours_and_not_repeated() {
        let error = Error::from(BoxError::from("odd"));
        assert_eq!(
            (error.kind(), error.kind().code(), error.kind().status()),
            (ErrorKind::Unclassified, "INTERNAL", 500)
        );
        assert!(!error.class().is_retryable() && error.class().is_final());
    }

    #[test]
    fn what_a_client_wraps_is_found() {
        let retry_after = Some(Duration::from_secs(7));
        let table: [(BoxError, ErrorKind, Option<Duration>); 6] = [
            (io::Error::from(io::ErrorKind::ConnectionRefused).into(), ErrorKind::Unavailable, None),
            (io::Error::new(io::ErrorKind::TimedOut, "slow").into(), ErrorKind::Timeout, None),
            (io::Error::other(CircuitOpen { retry_after }).into(), ErrorKind::CircuitOpen, retry_after),
            (RateLimited { retry_after }.into(), ErrorKind::RateLimited, retry_after),
            (
                io::Error::new(io::ErrorKind::PermissionDenied, TargetRefused::Address).into(),
                ErrorKind::Forbidden,
                None,
            ),
            ("odd".into(), ErrorKind::Unclassified, None),
        ];
        for (cause, kind, hint) in table {
            let boxed = wrapped(wrapped(cause));
            assert_eq!((boxed.class(), Classify::retry_after(&boxed)), (kind.class(), hint), "{kind:?}");
            let own = Error::from(boxed);
            assert_eq!((own.kind(), own.retry_after()), (kind, hint));
            assert!(own.chain().contains("the client failed"), "{}", own.chain());
        }
    }

    #[test]
    fn the_outermost_that_is_known_counts() {
        let inner = Error::from(ErrorKind::NotFound).with_source(io::Error::from(io::ErrorKind::ConnectionReset));
        assert_eq!(wrapped(inner).class(), ErrorClass::Permanent);
        let reset = io::Error::new(io::ErrorKind::ConnectionReset, Error::from(ErrorKind::NotFound));
        assert_eq!(wrapped(reset).class(), ErrorClass::Transient);
    }

    #[test]
    fn our_error_under_another_keeps_what_it_knows() {
        let mut details = FieldErrors::default();
        details.push("phone", "is missing");
        let answer = PartnerAnswer { status: 422, body: bytes::Bytes::from_static(b"{}") };
        let inner = Error::invalid(ErrorKind::InvalidOrder, details.clone()).with_answer(answer.clone());
        let outer = Error::from(wrapped(inner));
        assert_eq!((outer.kind(), outer.details(), outer.answer()), (ErrorKind::InvalidOrder, &details, Some(&answer)));
    }

    #[test]
    fn a_chain_without_end_is_left_in_time() {
        #[derive(Debug)]
        struct Loop;

        impl std::fmt::Display for Loop {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("again")
            }
        }

        impl StdError for Loop {
            fn source(&self) -> Option<Cause<'_>> {
                Some(&Loop)
            }
        }
        assert_eq!(BoxError::from(Loop).class(), ErrorClass::Permanent);
    }
}
