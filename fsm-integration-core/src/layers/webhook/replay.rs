use std::{
    collections::VecDeque,
    fmt,
    hash::{BuildHasher, BuildHasherDefault, Hash, Hasher},
    sync::Arc,
    time::Duration,
};

use async_trait::async_trait;
use hashbrown::{DefaultHashBuilder, HashSet};
use jiff::Timestamp;
use parking_lot::Mutex;

use super::code::Code;
use crate::{
    clock::{Clock, CoarseClock, Origin},
    error::BoxError,
};

/// Remembers accepted messages for several processes, in Redis or a database (requirement W5).
///
/// [`VerifyLayer::remember_in`](super::VerifyLayer::remember_in) asks it after the memory of this process, which
/// refuses most replays without a round trip and stands in while the store fails.
#[async_trait]
pub trait ReplayStore: fmt::Debug + Send + Sync + 'static {
    /// Remembers a message for so long; `false`, and nothing is changed, when it is known.
    ///
    /// `verifier` is the verifier's name, by which a store tells endpoints apart. Keys that were remembered before are
    /// known, whoever remembered them.
    ///
    /// # Errors
    /// When the store does not answer; the message is then judged by the memory of this process alone, and
    /// [`forget`](Self::forget) is not called for it: the keys could be another process's, who handled the message.
    /// Only the store can tell. One that may have written although the reply was lost takes its own mark back
    /// before it fails (say, a random value beside the key, deleted if it is still that one); a mark left behind
    /// has the redeliveries of a message whose handling failed refused until it expires.
    ///
    /// # Cancel safety
    /// Need not be: [`VerifyLayer`](super::VerifyLayer) lets it end, also when the request is dropped, if there is a
    /// tokio runtime.
    async fn remember(&self, verifier: &str, keys: &ReplayKeys, keep: Duration) -> Result<bool, BoxError>;

    /// Forgets a message that could not be handled, so that its redelivery is let in.
    ///
    /// # Errors
    /// When the store does not answer; the keys then expire by themselves.
    async fn forget(&self, verifier: &str, keys: &ReplayKeys) -> Result<(), BoxError>;
}

/// What a message is known by in a [`ReplayStore`]: the same text in every process.
///
/// A message with both families of signatures leaves a mark of each, so that it does not come in again with one of
/// them taken away. The FSM signature does not cover the id: two messages with the same body, signed in the same
/// millisecond, share it, and that alone must not make the second a replay.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReplayKeys {
    /// If one of these is remembered, the message is a replay.
    pub known_by: Vec<String>,
    /// What is remembered of it.
    pub remembered_as: Vec<String>,
}

/// As [`ReplayKeys`], hashed, for the memory of this process.
#[derive(Clone, Copy)]
pub(super) struct HashedKeys {
    /// The mark that it leaves, and is known by.
    mark: ReplayKey,
    /// What it is known by as well.
    other: Option<ReplayKey>,
    /// Whether it leaves the twin of that, too.
    leaves_twin: bool,
}

impl HashedKeys {
    /// Of a message of the standard family, with the code of the FSM family beside it, if there is one.
    #[inline]
    fn standard(mark: ReplayKey, code: Option<&Code>) -> Self {
        let code = code.map(ReplayKey::of_code);
        Self { mark, other: code, leaves_twin: true }
    }

    /// Of a message of the FSM family.
    #[inline]
    pub(super) fn fsm(code: &Code) -> Self {
        let mark = ReplayKey::of_code(code);
        Self { mark, other: Some(mark.as_twin()), leaves_twin: false }
    }

    /// The mark that it leaves beside.
    #[inline]
    fn twin(&self) -> Option<ReplayKey> {
        if self.leaves_twin { self.other.map(ReplayKey::as_twin) } else { None }
    }
}

/// What a message is known by: a keyed hash over something that its signature covers.
#[derive(Clone, Copy, PartialEq, Eq)]
struct ReplayKey([u64; 2]);

impl ReplayKey {
    /// The key of a code, which is as good as random where it is one.
    fn of_code(code: &Code) -> Self {
        let part = |from: usize| u64::from_ne_bytes(std::array::from_fn(|at| code[from + at]));
        Self([part(0) ^ part(16), part(8) ^ part(24)])
    }

    /// The mark that a code leaves when the other family's signature was judged.
    fn as_twin(self) -> Self {
        Self(self.0.map(|half| !half))
    }
}

/// One half is hash enough: a key is a hash already.
impl Hash for ReplayKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.0[0]);
    }
}

/// Remembers which messages were accepted, in memory and bounded (requirement W5).
///
/// A message is remembered for twice the tolerance: as long as its timestamp could still pass. That time must be over by
/// the wall clock and by the monotonic one, so that a wall clock that jumps lets no replay in. At capacity the
/// oldest is forgotten first, which is warned of at most once a minute while its timestamp could still pass; only
/// validly signed messages come here, so a stranger cannot flush it.
/// Clones share the memory. A mark takes some 70 bytes, and a message with both families of headers leaves two.
///
/// ```
/// use std::sync::Arc;
/// use fsm_integration_core::{clock::SystemClock, layers::webhook::*};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let secrets = WebhookSecrets::new(WebhookSecret::generate()?, Arc::new(SystemClock));
/// // A sender of ten messages a second, and twice five minutes.
/// let config = VerifyConfig { remembered: 6_000, ..Default::default() };
/// let verifier = WebhookVerifier::with_config(secrets.clone(), &config);
///
/// let mut headers = http::HeaderMap::new();
/// let signer = WebhookSigner::new(secrets).only(Family::Standard);
/// signer.sign(&WebhookId::new("evt_1")?, b"{}").apply(&mut headers);
/// assert!(verifier.verify(&headers, b"{}").is_ok());
/// assert!(verifier.verify(&headers, b"{}").is_err(), "a replay");
/// // How full the memory is, for a gauge.
/// assert_eq!(verifier.replay_guard().len(), 1);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct ReplayGuard {
    seen: Arc<Mutex<Seen>>,
    /// Of marks.
    capacity: usize,
    /// Two of them make 128 bits, too many to collide by chance. Who could make them collide on purpose must be able
    /// to sign, and would only have its own messages refused.
    hashers: [DefaultHashBuilder; 2],
    clock: CoarseClock,
    made: Origin,
}

/// The present second, by the clock that may jump and by the one that does not.
#[derive(Clone, Copy)]
struct Seconds {
    wall: i64,
    /// Since the guard was made.
    passed: u64,
}

/// A mark, and the seconds after which it is forgotten, both of them.
struct Mark {
    until: Seconds,
    key: ReplayKey,
}

#[derive(Default)]
struct Seen {
    keys: HashSet<ReplayKey, BuildHasherDefault<Hashed>>,
    /// In order of insertion, which is the order of expiry.
    expiry: VecDeque<Mark>,
    /// The second in which it was last told that there is too little room.
    told_full: Option<u64>,
}

/// Whether a message is new.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Insertion {
    New,
    /// New, and another was forgotten before its time to make room; not said again for a minute.
    NewForOld,
    /// Nothing was changed.
    Known,
}

/// The marks that one message leaves at most.
const MARKS: usize = 2;

/// How long nothing is said after it was said that there is too little room, in seconds.
const SILENCE: u64 = 60;

/// Of a second.
const NANOS: u64 = 1_000_000_000;

/// A key is a hash already.
#[derive(Default)]
struct Hashed(u64);

impl Hasher for Hashed {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, _: &[u8]) {
        unreachable!("a key hashes one number");
    }

    fn write_u64(&mut self, key: u64) {
        self.0 = key;
    }
}

impl ReplayGuard {
    /// Creates a guard that remembers so many messages, at least one, each with two marks.
    #[must_use]
    pub fn new(messages: usize) -> Self {
        let capacity = messages.max(1).saturating_mul(MARKS);
        let clock = CoarseClock::new();
        Self { seen: Arc::default(), capacity, hashers: Default::default(), clock, made: clock.origin() }
    }

    /// How many marks are held: one for each message, two for one with both families of headers.
    #[must_use]
    pub fn len(&self) -> usize {
        self.seen.lock().keys.len()
    }

    /// Whether none is remembered.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The keys of a message of the standard family by its id, or by what else its signature covers.
    #[inline]
    pub(super) fn keys(&self, of: impl Hash, code: Option<&Code>) -> HashedKeys {
        HashedKeys::standard(ReplayKey(self.hashers.each_ref().map(|hasher| hasher.hash_one(&of))), code)
    }

    /// Remembers a message, unless it is known.
    #[inline]
    pub(super) fn insert(&self, keys: &HashedKeys, now: Timestamp, keep: Duration) -> Insertion {
        let passed = self.clock.nanos_since(&self.made) / NANOS;
        self.insert_at(keys, Seconds { wall: now.as_second(), passed }, keep)
    }

    fn insert_at(&self, keys: &HashedKeys, now: Seconds, keep: Duration) -> Insertion {
        let until = now.after(keep);
        let mut seen = self.seen.lock();
        seen.drop_expired(now);
        if keys.other.is_some_and(|other| seen.keys.contains(&other)) || !seen.put(keys.mark, until) {
            return Insertion::Known;
        }
        if let Some(twin) = keys.twin() {
            seen.put(twin, until);
        }
        if seen.expiry.len() <= self.capacity { Insertion::New } else { seen.make_room(self.capacity, now) }
    }

    /// Forgets a message whose handling failed, so that its redelivery is let in.
    pub(super) fn forget(&self, keys: &HashedKeys) {
        let mut seen = self.seen.lock();
        for key in [Some(keys.mark), keys.twin()].into_iter().flatten() {
            if seen.keys.remove(&key) {
                // Rare, and the newest entries are at the back.
                if let Some(index) = seen.expiry.iter().rposition(|mark| mark.key == key) {
                    seen.expiry.remove(index);
                }
            }
        }
    }
}

impl Seconds {
    /// Whole seconds, never too few: one more for the fraction that is cut off.
    #[inline]
    fn after(self, keep: Duration) -> Self {
        let keep = keep.as_secs().saturating_add(u64::from(keep.subsec_nanos() > 0));
        Self { wall: self.wall.saturating_add_unsigned(keep), passed: self.passed.saturating_add(keep) }
    }

    /// Whether both clocks have left it behind.
    #[inline]
    const fn is_over(self, now: Self) -> bool {
        self.wall < now.wall && self.passed < now.passed
    }
}

impl Seen {
    /// Remembers a mark, unless it is known.
    #[inline]
    fn put(&mut self, key: ReplayKey, until: Seconds) -> bool {
        let new = self.keys.insert(key);
        if new {
            self.expiry.push_back(Mark { until, key });
        }
        new
    }

    fn drop_expired(&mut self, now: Seconds) {
        while self.expiry.front().is_some_and(|mark| mark.until.is_over(now)) {
            self.drop_oldest();
        }
    }

    /// Forgets what has not expired.
    #[cold]
    fn make_room(&mut self, capacity: usize, now: Seconds) -> Insertion {
        while self.expiry.len() > capacity {
            self.drop_oldest();
        }
        if self.told_full.is_some_and(|told| now.passed.saturating_sub(told) < SILENCE) {
            return Insertion::New;
        }
        self.told_full = Some(now.passed);
        Insertion::NewForOld
    }

    fn drop_oldest(&mut self) {
        if let Some(mark) = self.expiry.pop_front() {
            self.keys.remove(&mark.key);
        }
    }
}

impl fmt::Debug for ReplayGuard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReplayGuard").field("len", &self.len()).field("capacity", &self.capacity).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEEP: Duration = Duration::from_secs(600);

    fn insert(guard: &ReplayGuard, id: &[u8], second: u32) -> bool {
        inserted(guard, id, second) != Insertion::Known
    }

    fn inserted(guard: &ReplayGuard, id: &[u8], second: u32) -> Insertion {
        inserted_by(guard, id, second.into(), second)
    }

    fn inserted_by(guard: &ReplayGuard, id: &[u8], wall: i64, passed: u32) -> Insertion {
        guard.insert_at(&guard.keys(id, None), Seconds { wall, passed: passed.into() }, KEEP)
    }

    #[test]
    fn a_wall_clock_that_jumps_lets_no_replay_in() {
        let guard = ReplayGuard::new(10);
        assert_eq!(inserted_by(&guard, b"a", 0, 0), Insertion::New);
        assert_eq!(inserted_by(&guard, b"b", 3_600, 1), Insertion::New, "an hour ahead");
        assert_eq!(inserted_by(&guard, b"a", 10, 10), Insertion::Known, "and back");
        assert_eq!(
            inserted_by(&guard, b"a", -3_600, 700),
            Insertion::Known,
            "its timestamp passes once more in an hour"
        );
        assert_eq!(inserted_by(&guard, b"a", 601, 5_000), Insertion::New);
    }

    #[test]
    fn an_id_is_new_once_until_it_expires() {
        let guard = ReplayGuard::new(10);
        assert!(insert(&guard, b"a", 0));
        assert!(!insert(&guard, b"a", 600), "the last second counts");
        assert!(insert(&guard, b"a", 601));
    }

    #[test]
    fn a_forgotten_id_is_new_again_for_its_full_time() {
        let guard = ReplayGuard::new(10);
        assert!(insert(&guard, b"a", 0));
        guard.forget(&guard.keys(b"a".as_slice(), None));
        assert!(insert(&guard, b"a", 500));
        assert!(!insert(&guard, b"a", 1_000), "the first insertion's expiry is gone");
    }

    #[test]
    fn the_guard_is_bounded_and_drops_the_oldest() {
        let guard = ReplayGuard::new(1);
        assert!(insert(&guard, b"a", 0) && insert(&guard, b"b", 1) && insert(&guard, b"c", 2));
        assert_eq!(guard.len(), 2);
        assert!(!insert(&guard, b"c", 3));
        assert!(insert(&guard, b"a", 3));
    }

    #[test]
    fn it_is_told_once_a_minute_that_what_has_not_expired_is_forgotten() {
        let guard = ReplayGuard::new(1);
        let cases = [
            (0_u32, Insertion::New),
            (1, Insertion::New),
            (2, Insertion::NewForOld),
            (61, Insertion::New),
            (62, Insertion::NewForOld),
        ];
        for (second, expected) in cases {
            assert_eq!(inserted(&guard, &second.to_be_bytes(), second), expected, "{second}");
        }
        let expiring = ReplayGuard::new(1);
        for (id, second) in [(b"a", 0), (b"b", 0), (b"c", 601), (b"d", 601), (b"e", 1_202)] {
            assert_eq!(inserted(&expiring, id, second), Insertion::New, "what expired is no loss");
        }
    }
}
