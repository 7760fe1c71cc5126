//! What a record says and what may be done with it: no clock, no store, milliseconds come in.

use super::{Fingerprint, Lease, Owner};

/// One key's record; a key without record is absent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Record<T> {
    /// Somebody works on it, or did until the lease ran out.
    InProgress { lease: Lease, fingerprint: Fingerprint, until: i64 },
    /// It is done; the outcome is kept until it expires.
    Done { fingerprint: Fingerprint, outcome: T, until: i64 },
}

/// What a caller that wants to begin gets.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Decision<'a, T> {
    /// The work is the caller's.
    Acquire,
    /// The outcome of the first call.
    Replay(&'a T),
    /// The key belongs to another payload.
    Mismatch,
    /// Somebody works on it, for so many milliseconds at least.
    InProgress { left: i64 },
}

/// Decides a begin: mismatch first, then progress (requirement I3).
pub(super) fn begin<T>(record: Option<&Record<T>>, fingerprint: Fingerprint, now: i64) -> Decision<'_, T> {
    match record {
        None => Decision::Acquire,
        Some(Record::Done { until, .. }) if *until <= now => Decision::Acquire,
        // A crashed owner's payload stays bound to the key: its effect may be there.
        Some(Record::InProgress { fingerprint: known, .. } | Record::Done { fingerprint: known, .. })
            if *known != fingerprint =>
        {
            Decision::Mismatch
        }
        Some(Record::Done { outcome, .. }) => Decision::Replay(outcome),
        Some(Record::InProgress { until, .. }) if now < *until => Decision::InProgress { left: until - now },
        Some(Record::InProgress { .. }) => Decision::Acquire,
    }
}

/// Whether the caller still owns the record, and may renew, complete or release it (requirement I7).
///
/// A lease that ran out but was not taken over is still owned.
pub(super) fn owns<T>(record: Option<&Record<T>>, owner: Owner) -> bool {
    matches!(record, Some(Record::InProgress { lease, .. }) if lease.owner == owner)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const A: Fingerprint = Fingerprint([1; 32]);
    const B: Fingerprint = Fingerprint([2; 32]);

    fn lease(owner: u8, fence: u64) -> Lease {
        Lease { owner: Owner::from_bytes([owner; 16]), fence }
    }

    #[test]
    fn f_i11_a_mismatch_is_told_before_progress() {
        let record = Record::<()>::InProgress { lease: lease(1, 1), fingerprint: A, until: 30 };
        assert_eq!(begin(Some(&record), B, 0), Decision::Mismatch);
        assert_eq!(begin(Some(&record), B, 99), Decision::Mismatch, "even after the owner's crash");
        assert_eq!(begin(Some(&record), A, 29), Decision::InProgress { left: 1 });
        assert_eq!(begin(Some(&record), A, 30), Decision::Acquire);
    }

    #[test]
    fn a_done_record_replays_until_it_expires() {
        let record = Record::Done { fingerprint: A, outcome: (), until: 10 };
        assert_eq!(begin(Some(&record), A, 9), Decision::Replay(&()));
        assert_eq!(begin(Some(&record), B, 9), Decision::Mismatch);
        assert_eq!(begin(Some(&record), B, 10), Decision::Acquire);
        assert_eq!(begin::<()>(None, A, 0), Decision::Acquire);
    }

    /// What a caller may try, and when.
    #[derive(Debug, Clone)]
    enum Step {
        Begin { owner: u8, other_payload: bool },
        Renew(u8),
        Complete(u8),
        Release(u8),
        Pass(i64),
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            (0..4_u8, any::<bool>()).prop_map(|(owner, other_payload)| Step::Begin { owner, other_payload }),
            (0..4_u8).prop_map(Step::Renew),
            (0..4_u8).prop_map(Step::Complete),
            (0..4_u8).prop_map(Step::Release),
            (0..40_i64).prop_map(Step::Pass),
        ]
    }

    proptest! {
        #[test]
        fn one_owner_at_a_time_completes_and_a_live_lease_is_never_taken(
            steps in proptest::collection::vec(step(), 0..60),
        ) {
            let (mut record, mut now, mut fence) = (None::<Record<u64>>, 0, 0);
            for step in steps {
                match step {
                    Step::Pass(by) => now += by,
                    Step::Begin { owner, other_payload } => {
                        let live = matches!(&record, Some(Record::InProgress { until, .. }) if now < *until);
                        let kept = matches!(&record, Some(Record::Done { until, .. }) if now < *until);
                        let fingerprint = if other_payload { B } else { A };
                        if begin(record.as_ref(), fingerprint, now) == Decision::Acquire {
                            prop_assert!(!live && !kept);
                            fence += 1;
                            record = Some(Record::InProgress { lease: lease(owner, fence), fingerprint, until: now + 30 });
                        }
                    }
                    Step::Renew(owner) => {
                        if let Some(Record::InProgress { lease: held, fingerprint, .. }) = record.clone()
                            && owns(record.as_ref(), Owner::from_bytes([owner; 16]))
                        {
                            record = Some(Record::InProgress { lease: held, fingerprint, until: now + 30 });
                        }
                    }
                    Step::Complete(owner) => {
                        if owns(record.as_ref(), Owner::from_bytes([owner; 16])) {
                            let Some(Record::InProgress { lease: held, fingerprint, .. }) = record else { unreachable!() };
                            prop_assert_eq!(held.owner, Owner::from_bytes([owner; 16]));
                            prop_assert_eq!(held.fence, fence, "only the highest fence completes");
                            record = Some(Record::Done { fingerprint, outcome: held.fence, until: now + 100 });
                        }
                    }
                    Step::Release(owner) => {
                        if owns(record.as_ref(), Owner::from_bytes([owner; 16])) {
                            record = None;
                        }
                    }
                }
            }
        }
    }
}
