use std::{
    collections::HashMap,
    fmt,
    sync::Arc,
    time::{Duration, Instant},
};

use async_trait::async_trait;
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};

use super::{Secret, SecretPath, SecretSource};
use crate::{
    clock::{Clock, SystemClock},
    error::{Error, ErrorKind, Result},
};

/// How long a secret is believed.
///
/// Defaults (requirement K2): 60 s, give or take a tenth; 15 minutes when the source fails; 5 s for one read and
/// between two tries of a failing source; 10 000 paths.
///
/// ```
/// use fsm_integration_core::secret::CacheConfig;
///
/// let config: CacheConfig = serde_json::from_str(r#"{"ttl": "5m"}"#)?;
/// assert_eq!((config.ttl.as_secs(), config.capacity), (300, 10_000));
/// # Ok::<_, serde_json::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CacheConfig {
    /// How long a secret is used before it is read again; each reading varies it by a tenth.
    #[serde(with = "jiff::fmt::serde::unsigned_duration::friendly::compact::required")]
    pub ttl: Duration,
    /// How old a secret may be used when the source fails.
    #[serde(with = "jiff::fmt::serde::unsigned_duration::friendly::compact::required")]
    pub max_stale: Duration,
    /// How long one reading may take.
    #[serde(with = "jiff::fmt::serde::unsigned_duration::friendly::compact::required")]
    pub read_timeout: Duration,
    /// How long a failing source is left alone while a stale secret serves.
    #[serde(with = "jiff::fmt::serde::unsigned_duration::friendly::compact::required")]
    pub retry_after: Duration,
    /// How many paths are kept; the least recently read goes first.
    pub capacity: usize,
}

impl Default for CacheConfig {
    fn default() -> Self {
        Self {
            ttl: Duration::from_secs(60),
            max_stale: Duration::from_secs(15 * 60),
            read_timeout: Duration::from_secs(5),
            retry_after: Duration::from_secs(5),
            capacity: 10_000,
        }
    }
}

/// A cache in front of a source: one reading at a time per path, stale secrets while the source fails.
///
/// Whoever asks while a reading is under way shares what comes of it, its failure too.
/// A secret that is gone or forbidden is forgotten at once: that is a revocation, not a failure.
pub struct CachedSecrets<S, C = SystemClock> {
    source: S,
    config: CacheConfig,
    clock: C,
    slots: Mutex<HashMap<SecretPath, Arc<Slot>>>,
}

/// The lock is held while the source is read: whoever waits for it finds what came of it.
type Slot = tokio::sync::Mutex<Held>;

/// What is known of one path.
#[derive(Default)]
struct Held {
    entry: Option<Entry>,
    failure: Option<Failure>,
}

struct Entry {
    secret: Secret<String>,
    read_at: Instant,
    /// When to ask the source again; never where it is further away than instants reach.
    due: Option<Instant>,
}

/// How the latest reading failed, if it did.
struct Failure {
    at: Instant,
    kind: ErrorKind,
    message: String,
}

impl Held {
    /// The failure of a reading that ended after `asked`.
    fn failed_since(&self, asked: Instant) -> Option<Error> {
        let failure = self.failure.as_ref().filter(|failure| failure.at > asked)?;
        Some(Error::new(failure.kind, failure.message.clone()))
    }
}

impl<S: SecretSource> CachedSecrets<S> {
    /// Creates a cache with the default settings.
    #[must_use]
    pub fn new(source: S) -> Self {
        Self::with_clock(source, CacheConfig::default(), SystemClock)
    }
}

impl<S: SecretSource, C: Clock> CachedSecrets<S, C> {
    /// Creates a cache that tells the time by `clock`.
    #[must_use]
    pub fn with_clock(source: S, config: CacheConfig, clock: C) -> Self {
        Self { source, config, clock, slots: Mutex::default() }
    }

    /// Reads the source whatever the cache holds, as after a 401 (requirement K2).
    ///
    /// Callers that ask while a reading is under way share its result.
    ///
    /// # Errors
    /// As the source; a stale secret is not handed out here.
    pub async fn refresh(&self, path: &SecretPath) -> Result<Secret<String>> {
        let asked = self.clock.now();
        let slot = self.slot(path);
        let mut held = slot.lock().await;
        match &held.entry {
            Some(entry) if entry.read_at > asked => Ok(entry.secret.clone()),
            _ => self.read_unless_failed(path, &mut held, asked).await,
        }
    }

    /// Reads, unless a reading has failed while the caller waited for its turn: who waits together fails together.
    async fn read_unless_failed(&self, path: &SecretPath, held: &mut Held, asked: Instant) -> Result<Secret<String>> {
        match held.failed_since(asked) {
            Some(error) => Err(error),
            None => self.read(path, held).await,
        }
    }

    async fn read(&self, path: &SecretPath, held: &mut Held) -> Result<Secret<String>> {
        let timed_out = |_| Error::new(ErrorKind::Timeout, format!("the source of the secret {path} does not answer"));
        let read = tokio::time::timeout(self.config.read_timeout, self.source.get(path)).await.map_err(timed_out);
        match read.and_then(|read| read) {
            Ok(secret) => {
                let read_at = self.clock.now();
                let ttl = self.config.ttl.as_secs_f64() * (0.9 + 0.2 * fastrand::f64());
                let due = Duration::try_from_secs_f64(ttl).ok().and_then(|ttl| read_at.checked_add(ttl));
                *held = Held { entry: Some(Entry { secret: secret.clone(), read_at, due }), failure: None };
                Ok(secret)
            }
            Err(error) => {
                if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::Forbidden) {
                    held.entry = None;
                }
                let (at, kind, message) = (self.clock.now(), error.kind(), error.message().to_owned());
                held.failure = Some(Failure { at, kind, message });
                Err(error)
            }
        }
    }

    /// What is held, if it is not too old for a time of need; it then serves until the next try.
    fn stale(&self, path: &SecretPath, held: &mut Held, error: &Error) -> Option<Secret<String>> {
        let now = self.clock.now();
        let entry = held.entry.as_mut()?;
        if now.saturating_duration_since(entry.read_at) > self.config.max_stale {
            held.entry = None;
            return None;
        }
        tracing::warn!(%path, %error, "secret.stale: the source fails, the last known secret serves");
        entry.due = now.checked_add(self.config.retry_after);
        Some(entry.secret.clone())
    }

    fn slot(&self, path: &SecretPath) -> Arc<Slot> {
        let mut slots = self.slots.lock();
        if let Some(slot) = slots.get(path) {
            return Arc::clone(slot);
        }
        if slots.len() >= self.config.capacity {
            forget_one(&mut slots);
        }
        Arc::clone(slots.entry(path.clone()).or_default())
    }
}

/// Forgets the secret that was read longest ago, or an empty slot; one that is being read stays.
fn forget_one(slots: &mut HashMap<SecretPath, Arc<Slot>>) {
    let read_at = |slot: &Slot| slot.try_lock().ok().map(|held| held.entry.as_ref().map(|entry| entry.read_at));
    let oldest = slots.iter().filter_map(|(path, slot)| Some((read_at(slot)?, path))).min();
    if let Some(path) = oldest.map(|(_, path)| path.clone()) {
        slots.remove(&path);
    }
}

#[async_trait]
impl<S: SecretSource, C: Clock> SecretSource for CachedSecrets<S, C> {
    async fn get(&self, path: &SecretPath) -> Result<Secret<String>> {
        let (asked, slot) = (self.clock.now(), self.slot(path));
        let mut held = slot.lock().await;
        if let Some(entry) = held.entry.as_ref().filter(|entry| entry.due.is_none_or(|due| self.clock.now() < due)) {
            return Ok(entry.secret.clone());
        }
        match self.read_unless_failed(path, &mut held, asked).await {
            Ok(secret) => Ok(secret),
            Err(error) => self.stale(path, &mut held, &error).ok_or(error),
        }
    }
}

impl<S, C> fmt::Debug for CachedSecrets<S, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CachedSecrets")
            .field("config", &self.config)
            .field("paths", &self.slots.lock().len())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::sleep;

    use super::*;

    /// A source that answers as the test says and counts its readings.
    #[derive(Default)]
    struct Source(Mutex<State>);

    #[derive(Default)]
    struct State {
        readings: u32,
        failure: Option<ErrorKind>,
        takes: Duration,
    }

    #[async_trait]
    impl SecretSource for Arc<Source> {
        async fn get(&self, _: &SecretPath) -> Result<Secret<String>> {
            let (takes, answer) = {
                let mut state = self.0.lock();
                state.readings += 1;
                let answer = state.failure.map_or(Ok(format!("v{}", state.readings)), |kind| Err(kind.into()));
                (state.takes, answer)
            };
            sleep(takes).await;
            answer.map(Secret::new)
        }
    }

    fn room() -> (Arc<Source>, CachedSecrets<Arc<Source>>, SecretPath) {
        let source = Arc::<Source>::default();
        (Arc::clone(&source), CachedSecrets::new(source), SecretPath::new("a/b").expect("a path"))
    }

    async fn text(secrets: &CachedSecrets<Arc<Source>>, path: &SecretPath) -> Result<String> {
        Ok(secrets.get(path).await?.expose().clone())
    }

    #[tokio::test(start_paused = true)]
    async fn k2_a_secret_is_believed_for_a_minute_give_or_take_a_tenth() {
        let (source, secrets, path) = room();
        assert_eq!(text(&secrets, &path).await.expect("there"), "v1");
        sleep(Duration::from_millis(53_900)).await;
        assert_eq!(text(&secrets, &path).await.expect("there"), "v1");
        sleep(Duration::from_millis(12_200)).await;
        assert_eq!(text(&secrets, &path).await.expect("there"), "v2");
        assert_eq!(source.0.lock().readings, 2);
    }

    #[tokio::test(start_paused = true)]
    async fn many_callers_share_one_reading() {
        let (source, secrets, path) = room();
        source.0.lock().takes = Duration::from_secs(1);
        let all = futures_util::future::join_all((0..50).map(|_| text(&secrets, &path))).await;
        assert!(all.into_iter().all(|secret| secret.is_ok_and(|secret| secret == "v1")));
        assert_eq!(source.0.lock().readings, 1);
    }

    #[tokio::test(start_paused = true)]
    async fn a_failing_source_is_bridged_for_fifteen_minutes_and_left_alone_between() {
        let (source, secrets, path) = room();
        text(&secrets, &path).await.expect("there");
        source.0.lock().failure = Some(ErrorKind::Unavailable);
        sleep(Duration::from_secs(14 * 60)).await;
        for _ in 0..100 {
            assert_eq!(text(&secrets, &path).await.expect("stale"), "v1");
        }
        assert_eq!(source.0.lock().readings, 2);
        sleep(Duration::from_secs(61)).await;
        assert_eq!(text(&secrets, &path).await.expect_err("too old").kind(), ErrorKind::Unavailable);
    }

    #[tokio::test(start_paused = true)]
    async fn a_revoked_secret_is_not_bridged() {
        let (source, secrets, path) = room();
        text(&secrets, &path).await.expect("there");
        source.0.lock().failure = Some(ErrorKind::NotFound);
        sleep(Duration::from_secs(67)).await;
        assert_eq!(text(&secrets, &path).await.expect_err("revoked").kind(), ErrorKind::NotFound);
        source.0.lock().failure = Some(ErrorKind::Unavailable);
        assert!(text(&secrets, &path).await.is_err(), "it was forgotten");
    }

    #[tokio::test(start_paused = true)]
    async fn a_source_that_hangs_is_given_up_on() {
        let (source, secrets, path) = room();
        source.0.lock().takes = Duration::from_secs(3_600);
        let began = tokio::time::Instant::now();
        assert_eq!(text(&secrets, &path).await.expect_err("hangs").kind(), ErrorKind::Timeout);
        assert_eq!(began.elapsed(), Duration::from_secs(5));
    }

    #[tokio::test(start_paused = true)]
    async fn a_refresh_reads_again_and_callers_share_it() {
        let (source, secrets, path) = room();
        text(&secrets, &path).await.expect("there");
        source.0.lock().takes = Duration::from_secs(1);
        sleep(Duration::from_secs(1)).await;
        let all = futures_util::future::join_all((0..50).map(|_| secrets.refresh(&path))).await;
        assert!(all.into_iter().all(|secret| secret.is_ok_and(|secret| secret.expose() == "v2")));
        assert_eq!(source.0.lock().readings, 2);
    }

    #[tokio::test(start_paused = true)]
    async fn who_waits_for_a_dead_source_waits_together() {
        let (source, secrets, path) = room();
        source.0.lock().takes = Duration::from_secs(3_600);
        let began = tokio::time::Instant::now();
        for all in [
            futures_util::future::join_all((0..20).map(|_| text(&secrets, &path))).await,
            futures_util::future::join_all(
                (0..20).map(|_| async { Ok(secrets.refresh(&path).await?.expose().clone()) }),
            )
            .await,
        ] {
            assert!(all.into_iter().all(|secret| secret.is_err_and(|error| error.kind() == ErrorKind::Timeout)));
        }
        assert_eq!((began.elapsed(), source.0.lock().readings), (Duration::from_secs(10), 2));
        source.0.lock().takes = Duration::ZERO;
        assert_eq!(text(&secrets, &path).await.expect("who asks later asks the source"), "v3");
    }

    #[tokio::test(start_paused = true)]
    async fn a_secret_may_be_believed_for_ever() {
        let source = Arc::<Source>::default();
        let (ttl, retry_after) = (Duration::MAX, Duration::MAX);
        let config = CacheConfig { ttl, retry_after, max_stale: Duration::MAX, ..CacheConfig::default() };
        let secrets = CachedSecrets::with_clock(Arc::clone(&source), config, SystemClock);
        let path = SecretPath::new("a").expect("a path");
        for _ in 0..2 {
            assert_eq!(text(&secrets, &path).await.expect("there"), "v1");
            sleep(Duration::from_secs(1_000_000)).await;
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_cache_is_bounded() {
        let source = Arc::<Source>::default();
        let config = CacheConfig { capacity: 2, ..CacheConfig::default() };
        let secrets = CachedSecrets::with_clock(source, config, SystemClock);
        for n in 0..10 {
            secrets.get(&SecretPath::new(n.to_string()).expect("a path")).await.expect("there");
        }
        assert_eq!(secrets.slots.lock().len(), 2);
    }
}
