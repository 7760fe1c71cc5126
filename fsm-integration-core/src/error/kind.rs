use super::ErrorClass;

/// What went wrong, from a closed list; the table below it is the only place that says what follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The order's body cannot be read.
    MalformedOrder,
    /// The order was read but breaks a rule.
    InvalidOrder,
    /// A body that carries no order cannot be read.
    MalformedRequest,
    /// A request that carries no order was read but breaks a rule.
    InvalidRequest,
    /// The identity is known with another payload.
    DuplicateOrder,
    /// The same request is still being worked on.
    InProgress,
    /// No appointment slot is free where one is demanded.
    NoSlotsAvailable,
    /// No technician has the skills that are demanded.
    SkillsNotAvailable,
    /// The address cannot be geocoded.
    InvalidAddress,
    /// Who calls is not known.
    Unauthorized,
    /// Who calls may not do this.
    Forbidden,
    /// The thing does not exist.
    NotFound,
    /// The route exists, the method does not.
    MethodNotAllowed,
    /// The body is larger than the limit.
    PayloadTooLarge,
    /// The content type is not served.
    UnsupportedMediaType,
    /// A rate limit refused the call, ours or the partner's (429).
    RateLimited,
    /// Too many calls are under way.
    BulkheadFull,
    /// The service behind was not ready for the call.
    Overloaded,
    /// A circuit breaker refused the call.
    CircuitOpen,
    /// A dependency cannot be reached or answered 5xx.
    Unavailable,
    /// No answer in time.
    Timeout,
    /// The caller went away.
    Cancelled,
    /// A partner answered 4xx: the same call will fail again.
    PartnerRejected,
    /// A partner answered 410: the endpoint is gone for good.
    PartnerGone,
    /// A partner's answer cannot be understood.
    PartnerUnreadable,
    /// An event cannot be decoded.
    Undecodable,
    /// The work was done, or may have been, and what came of it is not known; a person has to look.
    OutcomeUnknown,
    /// A failure of a type that says nothing about itself.
    Unclassified,
    /// A fault of ours.
    Internal,
}

impl ErrorKind {
    /// Every kind, in the order of the table.
    pub const ALL: [Self; 29] = [
        Self::MalformedOrder,
        Self::InvalidOrder,
        Self::MalformedRequest,
        Self::InvalidRequest,
        Self::DuplicateOrder,
        Self::InProgress,
        Self::NoSlotsAvailable,
        Self::SkillsNotAvailable,
        Self::InvalidAddress,
        Self::Unauthorized,
        Self::Forbidden,
        Self::NotFound,
        Self::MethodNotAllowed,
        Self::PayloadTooLarge,
        Self::UnsupportedMediaType,
        Self::RateLimited,
        Self::BulkheadFull,
        Self::Overloaded,
        Self::CircuitOpen,
        Self::Unavailable,
        Self::Timeout,
        Self::Cancelled,
        Self::PartnerRejected,
        Self::PartnerGone,
        Self::PartnerUnreadable,
        Self::Undecodable,
        Self::OutcomeUnknown,
        Self::Unclassified,
        Self::Internal,
    ];

    /// The table: class, wire code, HTTP status, and the message used when there is no better one.
    #[rustfmt::skip]
    const fn row(self) -> (ErrorClass, &'static str, u16, &'static str) {
        use ErrorClass::{Cancelled, Open, Permanent, Throttled, Timeout, Transient};
        match self {
            Self::MalformedOrder       => (Permanent, "INVALID_ORDER",          400, "the order cannot be read"),
            Self::InvalidOrder         => (Permanent, "INVALID_ORDER",          422, "the order is invalid"),
            Self::MalformedRequest     => (Permanent, "INVALID_REQUEST",        400, "the request cannot be read"),
            Self::InvalidRequest       => (Permanent, "INVALID_REQUEST",        422, "the request is invalid"),
            Self::DuplicateOrder       => (Permanent, "DUPLICATE_ORDER",        422, "the identity is known with another payload"),
            Self::InProgress           => (Throttled, "DUPLICATE_ORDER",        409, "the same request is still being worked on"),
            Self::NoSlotsAvailable     => (Permanent, "NO_SLOTS_AVAILABLE",     409, "no appointment slot is available"),
            Self::SkillsNotAvailable   => (Permanent, "SKILLS_NOT_AVAILABLE",   409, "no technician has the required skills"),
            Self::InvalidAddress       => (Permanent, "INVALID_ADDRESS",        422, "the address cannot be geocoded"),
            Self::Unauthorized         => (Permanent, "UNAUTHORIZED",           401, "authentication is required"),
            Self::Forbidden            => (Permanent, "FORBIDDEN",              403, "this is not allowed"),
            Self::NotFound             => (Permanent, "NOT_FOUND",              404, "not found"),
            Self::MethodNotAllowed     => (Permanent, "METHOD_NOT_ALLOWED",     405, "the method is not allowed on this route"),
            Self::PayloadTooLarge      => (Permanent, "PAYLOAD_TOO_LARGE",      413, "the body is too large"),
            Self::UnsupportedMediaType => (Permanent, "UNSUPPORTED_MEDIA_TYPE", 415, "the content type is not supported"),
            Self::RateLimited          => (Throttled, "RATE_LIMIT_EXCEEDED",    429, "the rate limit is exceeded"),
            Self::BulkheadFull         => (Throttled, "SERVICE_UNAVAILABLE",    503, "too many calls are under way"),
            Self::Overloaded           => (Throttled, "SERVICE_UNAVAILABLE",    503, "the service is not ready for more calls"),
            Self::CircuitOpen          => (Open,      "SERVICE_UNAVAILABLE",    503, "the circuit breaker is open"),
            Self::Unavailable          => (Transient, "SERVICE_UNAVAILABLE",    503, "the service is unavailable"),
            Self::Timeout              => (Timeout,   "TIMEOUT",                504, "no answer in time"),
            Self::Cancelled            => (Cancelled, "INTERNAL",               500, "the call was cancelled"),
            Self::PartnerRejected      => (Permanent, "INTERNAL",               500, "the partner refused the call"),
            Self::PartnerGone          => (Permanent, "INTERNAL",               500, "the partner's endpoint is gone"),
            Self::PartnerUnreadable    => (Transient, "SERVICE_UNAVAILABLE",    503, "the partner's answer cannot be understood"),
            Self::Undecodable          => (Permanent, "INTERNAL",               500, "the event cannot be decoded"),
            Self::OutcomeUnknown       => (Permanent, "INTERNAL",               500, "the work may be done; its outcome is not known"),
            Self::Unclassified         => (Permanent, "INTERNAL",               500, "unknown failure"),
            Self::Internal             => (Transient, "INTERNAL",               500, "internal error"),
        }
    }

    /// What to do about it.
    #[must_use]
    pub const fn class(self) -> ErrorClass {
        self.row().0
    }

    /// The code that callers of the API see.
    #[must_use]
    pub const fn code(self) -> &'static str {
        self.row().1
    }

    /// The HTTP status that callers of the API see.
    #[must_use]
    pub const fn status(self) -> u16 {
        self.row().2
    }

    /// The message used when there is no better one.
    #[must_use]
    pub const fn summary(self) -> &'static str {
        self.row().3
    }

    /// The kind as one stable lower-case word, for metric labels and the store.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::MalformedOrder => "malformed_order",
            Self::InvalidOrder => "invalid_order",
            Self::MalformedRequest => "malformed_request",
            Self::InvalidRequest => "invalid_request",
            Self::DuplicateOrder => "duplicate_order",
            Self::InProgress => "in_progress",
            Self::NoSlotsAvailable => "no_slots_available",
            Self::SkillsNotAvailable => "skills_not_available",
            Self::InvalidAddress => "invalid_address",
            Self::Unauthorized => "unauthorized",
            Self::Forbidden => "forbidden",
            Self::NotFound => "not_found",
            Self::MethodNotAllowed => "method_not_allowed",
            Self::PayloadTooLarge => "payload_too_large",
            Self::UnsupportedMediaType => "unsupported_media_type",
            Self::RateLimited => "rate_limited",
            Self::BulkheadFull => "bulkhead_full",
            Self::Overloaded => "overloaded",
            Self::CircuitOpen => "circuit_open",
            Self::Unavailable => "unavailable",
            Self::Timeout => "timeout",
            Self::Cancelled => "cancelled",
            Self::PartnerRejected => "partner_rejected",
            Self::PartnerGone => "partner_gone",
            Self::PartnerUnreadable => "partner_unreadable",
            Self::Undecodable => "undecodable",
            Self::OutcomeUnknown => "outcome_unknown",
            Self::Unclassified => "unclassified",
            Self::Internal => "internal",
        }
    }

    /// The kind that a partner's HTTP status means; `None` for 2xx.
    ///
    /// 408, 425, 429 and every 5xx but 501 and 505 may pass on a later try (requirement E3); a redirect is a
    /// failure, because redirects are never followed (W10).
    #[must_use]
    pub const fn of_partner_status(status: u16) -> Option<Self> {
        Some(match status {
            200..=299 => return None,
            408 => Self::Timeout,
            410 => Self::PartnerGone,
            429 => Self::RateLimited,
            501 | 505 => Self::PartnerRejected,
            425 | 500..=599 => Self::Unavailable,
            _ => Self::PartnerRejected,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_its_own_label() {
        let mut labels: Vec<_> = ErrorKind::ALL.iter().map(|kind| kind.label()).collect();
        labels.sort_unstable();
        labels.dedup();
        assert_eq!(labels.len(), ErrorKind::ALL.len());
    }

    #[test]
    fn every_kind_has_a_status_of_failure_and_its_own_summary() {
        assert!(ErrorKind::ALL.iter().all(|kind| (400..600).contains(&kind.status())));
        let summaries: std::collections::BTreeSet<_> = ErrorKind::ALL.iter().map(|kind| kind.summary()).collect();
        assert_eq!(summaries.len(), ErrorKind::ALL.len());
    }

    #[test]
    fn the_codes_that_the_sales_systems_know_are_retryable_as_documented() {
        let retryable = |code: &str| {
            ErrorKind::ALL.iter().filter(|kind| kind.code() == code).all(|kind| kind.class().is_retryable_later())
        };
        for code in ["INVALID_ORDER", "NO_SLOTS_AVAILABLE", "INVALID_ADDRESS", "SKILLS_NOT_AVAILABLE"] {
            assert!(!retryable(code), "{code}");
        }
        for code in ["RATE_LIMIT_EXCEEDED", "SERVICE_UNAVAILABLE", "TIMEOUT"] {
            assert!(retryable(code), "{code}");
        }
    }

    #[test]
    fn a_partner_status_means_what_table_e3_says() {
        for status in [408, 425, 429, 500, 502, 503, 504, 520] {
            let kind = ErrorKind::of_partner_status(status).expect("a failure");
            assert!(kind.class().is_retryable(), "{status}");
        }
        for status in [301, 302, 400, 401, 403, 404, 409, 410, 422, 501, 505] {
            let kind = ErrorKind::of_partner_status(status).expect("a failure");
            assert!(kind.class().is_final(), "{status}");
        }
        assert_eq!(ErrorKind::of_partner_status(410), Some(ErrorKind::PartnerGone));
        for status in [200, 201, 202, 204, 206, 299] {
            assert_eq!(ErrorKind::of_partner_status(status), None, "{status}");
        }
    }
}
