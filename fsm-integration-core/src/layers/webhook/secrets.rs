use std::{sync::Arc, time::Duration};

use jiff::{SignedDuration, Timestamp};
use parking_lot::{RwLock, RwLockReadGuard};

use super::WebhookSecret;
use crate::{
    clock::WallClock,
    observe::{Listening, Observation, Observers},
};

/// The secrets of one endpoint, newest first; older ones hold until their overlap ends (requirement W6).
///
/// Clones share the secrets, so that a rotation reaches every signer and verifier at once. Public keys are held in the
/// same way (`WebhookPublicKeys`).
///
/// ```
/// use std::sync::Arc;
/// use fsm_integration_core::{clock::SystemClock, layers::webhook::*};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let secrets = WebhookSecrets::new(WebhookSecret::generate()?, Arc::new(SystemClock));
/// let verifier = WebhookVerifier::new(secrets.clone());
/// let mut headers = http::HeaderMap::new();
/// WebhookSigner::new(secrets.clone()).sign(&WebhookId::new("evt_1")?, b"{}").apply(&mut headers);
///
/// // What was signed with the old secret holds for another day.
/// secrets.rotate(WebhookSecret::generate()?, WebhookSecrets::DEFAULT_OVERLAP);
/// assert!(verifier.verify(&headers, b"{}").is_ok());
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct WebhookSecrets<K = WebhookSecret> {
    shared: Arc<Shared<K>>,
    clock: Arc<dyn WallClock>,
}

#[derive(Debug)]
struct Shared<K> {
    held: RwLock<Vec<Held<K>>>,
    listening: RwLock<Listening>,
}

/// The public keys that one sender's webhooks are verified with, newest first.
#[cfg(feature = "ed25519")]
#[cfg_attr(docsrs, doc(cfg(feature = "ed25519")))]
pub type WebhookPublicKeys = WebhookSecrets<super::WebhookPublicKey>;

#[derive(Debug)]
struct Held<K> {
    secret: K,
    /// Until when it holds, exclusively; for ever when absent, which only the newest is.
    valid_until: Option<Timestamp>,
}

/// The secrets of one endpoint that hold at a point in time.
pub(super) struct Holding<'a, K> {
    held: RwLockReadGuard<'a, Vec<Held<K>>>,
    now: Timestamp,
}

/// How many an endpoint holds, and for how long.
impl WebhookSecrets {
    /// How long the secret that was replaced goes on to hold, unless said otherwise (requirement W6).
    pub const DEFAULT_OVERLAP: Duration = Duration::from_secs(24 * 60 * 60);
    /// The most that are held; a rotation beyond it drops the oldest.
    pub const MAX: usize = 4;
}

impl<K> WebhookSecrets<K> {
    /// Creates a set of one secret.
    #[must_use]
    pub fn new(secret: K, clock: Arc<dyn WallClock>) -> Self {
        let held = RwLock::new(vec![Held { secret, valid_until: None }]);
        let listening = RwLock::new(Listening::new("webhook"));
        Self { shared: Arc::new(Shared { held, listening }), clock }
    }

    /// Names the endpoint for those who are told of its rotations, by whichever clone; the default is `webhook`.
    #[must_use]
    pub fn with_name(self, name: &str) -> Self {
        self.shared.listening.write().name = name.into();
        self
    }

    /// Says who is told of rotations, by whichever clone; the default is [`Observers::standard`].
    #[must_use]
    pub fn with_observers(self, observers: Observers) -> Self {
        self.shared.listening.write().observers = observers;
        self
    }

    /// Adds an older secret that still holds until a date, as when both are read from a store.
    #[must_use]
    pub fn with_previous(self, secret: K, valid_until: Timestamp) -> Self {
        {
            let mut held = self.shared.held.write();
            held.push(Held { secret, valid_until: Some(valid_until) });
            held.truncate(WebhookSecrets::MAX);
        }
        self
    }

    /// Makes a secret the newest; the one before it holds for the overlap, older ones as they did.
    ///
    /// Observers are told ([`Observation::WebhookSecretRotated`]), which is what an audit asks for (requirement W6).
    pub fn rotate(&self, secret: K, overlap: Duration) {
        let now = self.clock.timestamp();
        let until = SignedDuration::try_from(overlap).unwrap_or(SignedDuration::MAX);
        let until = now.saturating_add(until).unwrap_or(Timestamp::MAX);
        let mut held = self.shared.held.write();
        held.retain(|held| held.holds_at(now));
        for older in held.iter_mut().filter(|held| held.valid_until.is_none()) {
            older.valid_until = Some(until);
        }
        held.insert(0, Held { secret, valid_until: None });
        held.truncate(WebhookSecrets::MAX);
        let rotated = Observation::WebhookSecretRotated { previous_valid_until: until, held: held.len() };
        drop(held);
        // A copy, so that observers may use the set.
        let listening = self.shared.listening.read().clone();
        listening.observe(rotated);
    }

    /// The point in time by the clock of this set.
    pub(super) fn now(&self) -> Timestamp {
        self.clock.timestamp()
    }

    /// The secrets that hold; no rotation goes on while they are looked at.
    #[inline]
    pub(super) fn holding(&self, now: Timestamp) -> Holding<'_, K> {
        Holding { held: self.shared.held.read(), now }
    }
}

impl<K> Holding<'_, K> {
    /// Newest first.
    #[inline]
    pub(super) fn iter(&self) -> impl Iterator<Item = &K> {
        self.held.iter().filter(|held| held.holds_at(self.now)).map(|held| &held.secret)
    }
}

impl<K> Clone for WebhookSecrets<K> {
    fn clone(&self) -> Self {
        Self { shared: Arc::clone(&self.shared), clock: Arc::clone(&self.clock) }
    }
}

impl<K> Held<K> {
    fn holds_at(&self, now: Timestamp) -> bool {
        self.valid_until.is_none_or(|until| now < until)
    }
}
