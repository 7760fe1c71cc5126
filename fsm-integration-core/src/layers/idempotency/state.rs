//! What a record says and what may be done with it: no clock, no store; the present comes in, in the store's own unit.

use std::sync::Arc;

use super::{Fingerprint, Lease, Owner, RecoveryPoint};

/// One key's record; a key without record is absent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Record<T> {
    /// Somebody works on it, or did until the lease ran out.
    InProgress { lease: Lease, fingerprint: Fingerprint, until: i64, point: Option<Arc<RecoveryPoint>> },
    /// It is done; the outcome is kept until it expires.
    Done { fingerprint: Fingerprint, outcome: T, until: i64 },
}

impl<T> Record<T> {
    /// The outcome, if it is done.
    #[inline]
    pub(super) fn into_outcome(self) -> Option<T> {
        match self {
            Self::Done { outcome, .. } => Some(outcome),
            Self::InProgress { .. } => None,
        }
    }
}

/// What a caller that wants to begin gets.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Decision<'a, T> {
    /// The work is the caller's, from this point on if an earlier owner recorded one.
    Acquire { resumed: Option<&'a Arc<RecoveryPoint>> },
    /// The outcome of the first call.
    Replay(&'a T),
    /// The key belongs to another payload.
    Mismatch,
    /// Somebody works on it, for so long at least.
    InProgress { left: i64 },
}

/// Decides a begin: mismatch first, then progress (requirement I3).
///
/// What a crashed owner leaves, its point and the payload that is bound to the key, lives for `ttl` after its lease.
#[inline]
pub(super) fn begin<T>(record: Option<&Record<T>>, fingerprint: Fingerprint, now: i64, ttl: i64) -> Decision<'_, T> {
    match record {
        None => Decision::Acquire { resumed: None },
        Some(Record::Done { until, .. }) if *until <= now => Decision::Acquire { resumed: None },
        Some(Record::InProgress { until, .. }) if until.saturating_add(ttl) <= now => {
            Decision::Acquire { resumed: None }
        }
        // A crashed owner's payload stays bound to the key: its effect may be there.
        Some(Record::InProgress { fingerprint: known, .. } | Record::Done { fingerprint: known, .. })
            if *known != fingerprint =>
        {
            Decision::Mismatch
        }
        Some(Record::Done { outcome, .. }) => Decision::Replay(outcome),
        Some(Record::InProgress { until, .. }) if now < *until => Decision::InProgress { left: until - now },
        Some(Record::InProgress { point, .. }) => Decision::Acquire { resumed: point.as_ref() },
    }
}

/// Whether the caller still owns the record, and may renew, complete or release it (requirement I7).
///
/// A lease that ran out but was not taken over is still owned.
#[inline]
pub(super) fn owns<T>(record: &Record<T>, owner: Owner) -> bool {
    matches!(record, Record::InProgress { lease, .. } if lease.owner == owner && owner != Owner::NOBODY)
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: Fingerprint = Fingerprint([1; 32]);
    const B: Fingerprint = Fingerprint([2; 32]);
    const TTL: i64 = 100;

    fn lease(owner: u8, fence: u64) -> Lease {
        Lease { owner: Owner::from_bytes([owner; 16]), fence }
    }

    #[test]
    fn f_i11_a_mismatch_is_told_before_progress() {
        let record = Record::<()>::InProgress { lease: lease(1, 1), fingerprint: A, until: 30, point: None };
        assert_eq!(begin(Some(&record), B, 0, TTL), Decision::Mismatch);
        assert_eq!(begin(Some(&record), B, 99, TTL), Decision::Mismatch, "even after the owner's crash");
        assert_eq!(begin(Some(&record), A, 29, TTL), Decision::InProgress { left: 1 });
        assert_eq!(begin(Some(&record), A, 30, TTL), Decision::Acquire { resumed: None });
    }

    #[test]
    fn a_done_record_replays_until_it_expires() {
        let record = Record::Done { fingerprint: A, outcome: (), until: 10 };
        assert_eq!(begin(Some(&record), A, 9, TTL), Decision::Replay(&()));
        assert_eq!(begin(Some(&record), B, 9, TTL), Decision::Mismatch);
        assert_eq!(begin(Some(&record), B, 10, TTL), Decision::Acquire { resumed: None });
        assert_eq!(begin::<()>(None, A, 0, TTL), Decision::Acquire { resumed: None });
    }

    #[test]
    fn a_later_owner_resumes_from_the_point_of_an_earlier_one() {
        let point = Arc::new(RecoveryPoint { name: "charged".into(), data: 1.into() });
        let record =
            Record::<()>::InProgress { lease: lease(1, 1), fingerprint: A, until: 30, point: Some(Arc::clone(&point)) };
        assert_eq!(begin(Some(&record), A, 129, TTL), Decision::Acquire { resumed: Some(&point) });
        assert_eq!(begin(Some(&record), B, 129, TTL), Decision::Mismatch);
        assert_eq!(begin(Some(&record), B, 130, TTL), Decision::Acquire { resumed: None });
    }

    #[test]
    fn nobody_owns_what_was_given_back() {
        let record = |owner| {
            let lease = Lease { owner, fence: 1 };
            Record::<()>::InProgress { lease, fingerprint: A, until: 0, point: None }
        };
        assert!(owns(&record(lease(1, 1).owner), lease(1, 1).owner));
        assert!(!owns(&record(lease(1, 1).owner), lease(2, 1).owner));
        assert!(!owns(&record(Owner::NOBODY), Owner::NOBODY));
        assert!(!owns(&Record::Done { fingerprint: A, outcome: (), until: 9 }, lease(1, 1).owner));
    }
}
