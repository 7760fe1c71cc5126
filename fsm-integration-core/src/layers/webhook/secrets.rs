use std::{sync::Arc, time::Duration};

use jiff::{SignedDuration, Timestamp};
use parking_lot::RwLock;

use super::WebhookSecret;
use crate::clock::WallClock;

/// The secrets of one endpoint, newest first; older ones hold until their overlap ends (requirement W6).
///
/// Clones share the secrets, so that a rotation reaches every signer and verifier at once.
#[derive(Debug, Clone)]
pub struct WebhookSecrets {
    held: Arc<RwLock<Vec<Held>>>,
    clock: Arc<dyn WallClock>,
}

#[derive(Debug, Clone)]
struct Held {
    secret: WebhookSecret,
    /// Until when it holds, exclusively; for ever when absent, which only the newest is.
    valid_until: Option<Timestamp>,
}

impl WebhookSecrets {
    /// How long the secret that was replaced goes on to hold, unless said otherwise (requirement W6).
    pub const DEFAULT_OVERLAP: Duration = Duration::from_secs(24 * 60 * 60);
    /// The most that are held; a rotation beyond it drops the oldest.
    pub const MAX: usize = 4;

    /// Creates a set of one secret.
    #[must_use]
    pub fn new(secret: WebhookSecret, clock: Arc<dyn WallClock>) -> Self {
        Self { held: Arc::new(RwLock::new(vec![Held { secret, valid_until: None }])), clock }
    }

    /// Adds an older secret that still holds until a date, as when both are read from a store.
    #[must_use]
    pub fn with_previous(self, secret: WebhookSecret, valid_until: Timestamp) -> Self {
        {
            let mut held = self.held.write();
            held.push(Held { secret, valid_until: Some(valid_until) });
            held.truncate(Self::MAX);
        }
        self
    }

    /// Makes a secret the newest; the one before it holds for the overlap, older ones as they did.
    pub fn rotate(&self, secret: WebhookSecret, overlap: Duration) {
        let now = self.clock.timestamp();
        let until = SignedDuration::try_from(overlap).unwrap_or(SignedDuration::MAX);
        let until = now.saturating_add(until).unwrap_or(Timestamp::MAX);
        let mut held = self.held.write();
        held.retain(|held| held.holds_at(now));
        for older in held.iter_mut().filter(|held| held.valid_until.is_none()) {
            older.valid_until = Some(until);
        }
        held.insert(0, Held { secret, valid_until: None });
        held.truncate(Self::MAX);
        tracing::info!(previous_valid_until = %until, held = held.len(), "webhook.secret_rotated");
    }

    /// The point in time by the clock of this set.
    pub(super) fn now(&self) -> Timestamp {
        self.clock.timestamp()
    }

    /// Calls with each secret that holds, newest first.
    pub(super) fn for_each(&self, now: Timestamp, mut call: impl FnMut(&WebhookSecret)) {
        self.held.read().iter().filter(|held| held.holds_at(now)).for_each(|held| call(&held.secret));
    }
}

impl Held {
    fn holds_at(&self, now: Timestamp) -> bool {
        self.valid_until.is_none_or(|until| now < until)
    }
}
