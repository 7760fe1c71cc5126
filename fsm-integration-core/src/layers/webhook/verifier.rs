use std::{sync::Arc, time::Duration};

use http::{HeaderMap, HeaderValue};
use jiff::Timestamp;

use super::{
    Families, Family, ReplayGuard, ReplayScope, TrustedKeys, Verified, VerifyConfig,
    code::{Code, read_hex},
    header::{Found, Once},
    replay::{HashedKeys, Insertion},
    signed::Signed,
    timestamp::{check_window, parse_rfc3339, parse_seconds},
};
use crate::{
    error::InvalidSignature,
    observe::{Observation, Observers},
};

/// Judges whether a message comes from who it says, is fresh and is new.
///
/// Clones share keys and memory. No input makes it panic. Each refusal is told as
/// [`Observation::WebhookRefused`] with one of seven reasons; a message that passes is told to nobody.
///
/// ```
/// use std::sync::Arc;
/// use fsm_integration_core::{clock::SystemClock, error::InvalidSignature, layers::webhook::*};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let secret = WebhookSecret::generate()?.expose();
/// // The sender's secret, as the sender shows it.
/// let secrets = WebhookSecrets::new(secret.parse()?, Arc::new(SystemClock));
/// # let mut headers = http::HeaderMap::new();
/// # let body = br#"{"type":"order.created"}"#;
/// # WebhookSigner::new(secrets.clone()).sign(&WebhookId::new("evt_1")?, body).apply(&mut headers);
/// let verifier = WebhookVerifier::new(secrets);
///
/// // The headers and the raw bytes, as they came.
/// let verified = verifier.verify(&headers, body)?;
/// assert_eq!(verified.id(), Some("evt_1"));
/// assert_eq!(verifier.verify(&headers, body).unwrap_err(), InvalidSignature::Replay);
///
/// // What could not be handled is forgotten, so that its redelivery is let in.
/// verifier.forget(&verified);
/// assert!(verifier.verify(&headers, body).is_ok());
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct WebhookVerifier {
    keys: TrustedKeys,
    guard: ReplayGuard,
    tolerance: Duration,
    replay: ReplayScope,
    families: Families,
    legacy_payload_only: bool,
    name: Arc<str>,
    observers: Observers,
}

/// What the headers say; nothing of it is proven.
enum Claim<'a> {
    Standard(Standard<'a>),
    Fsm(Fsm<'a>),
}

struct Standard<'a> {
    id: &'a HeaderValue,
    stamp: &'a [u8],
    timestamp: Timestamp,
    signatures: &'a [u8],
    /// The FSM family's code, if the message has that beside, too.
    code: Option<Code>,
}

struct Fsm<'a> {
    id: Option<&'a HeaderValue>,
    /// The text and what it means; `None` for a legacy signature.
    stamp: Option<(&'a [u8], Timestamp)>,
    /// Nothing if it is malformed.
    code: Option<Code>,
}

impl WebhookVerifier {
    /// Creates a verifier with the default settings.
    #[must_use]
    pub fn new(keys: impl Into<TrustedKeys>) -> Self {
        Self::with_config(keys, &VerifyConfig::default())
    }

    /// Creates a verifier.
    #[must_use]
    pub fn with_config(keys: impl Into<TrustedKeys>, config: &VerifyConfig) -> Self {
        if config.legacy_payload_only {
            tracing::warn!(
                "webhook.legacy_payload_only: signatures without timestamp are accepted; move the sender on"
            );
        }
        Self {
            keys: keys.into(),
            guard: ReplayGuard::new(config.remembered),
            tolerance: config.tolerance,
            replay: config.replay,
            families: config.families,
            legacy_payload_only: config.legacy_payload_only,
            name: Arc::from("webhook"),
            observers: Observers::default(),
        }
    }

    /// Names it for metrics, logs and a shared [`ReplayStore`](super::ReplayStore); the default is `webhook`.
    #[must_use]
    pub fn with_name(mut self, name: &str) -> Self {
        self.name = Arc::from(name);
        self
    }

    /// Says who is told of refusals; the default is [`Observers::standard`].
    #[must_use]
    pub fn with_observers(mut self, observers: Observers) -> Self {
        self.observers = observers;
        self
    }

    /// Verifies the raw bytes of a message and remembers it (requirement W2: before anything is parsed).
    ///
    /// # Errors
    /// Which check failed first; for logs, never for the sender.
    #[inline]
    pub fn verify(&self, headers: &HeaderMap, body: &[u8]) -> Result<Verified, InvalidSignature> {
        self.judge(headers, body).map_err(|reason| self.refused(reason))
    }

    /// Verifies all but that the message is new, and remembers nothing.
    ///
    /// For a handler that deduplicates by id, or asks a [`ReplayStore`](super::ReplayStore) for
    /// [`Verified::replay_keys`] itself.
    ///
    /// # Errors
    /// As [`verify`](Self::verify), but for a replay.
    #[inline]
    pub fn verify_signature(&self, headers: &HeaderMap, body: &[u8]) -> Result<Verified, InvalidSignature> {
        self.authenticate(headers, body, self.keys.now()).map_err(|reason| self.refused(reason))
    }

    /// Checks what can be told before the body is read: headers there once, a timestamp within the window.
    ///
    /// # Errors
    /// As [`verify`](Self::verify), but for a bad signature and a replay.
    pub fn check_headers(&self, headers: &HeaderMap) -> Result<(), InvalidSignature> {
        match self.claim(headers, self.keys.now()) {
            Ok(_) => Ok(()),
            Err(reason) => Err(self.refused(reason)),
        }
    }

    /// Forgets a message that was verified but could not be handled, so that its redelivery is let in.
    pub fn forget(&self, verified: &Verified) {
        self.guard.forget(&self.keys_of(verified));
    }

    /// The memory of this process.
    #[must_use]
    pub fn replay_guard(&self) -> &ReplayGuard {
        &self.guard
    }

    /// How long a message is remembered: as long as its timestamp could still pass.
    pub(super) fn keep(&self) -> Duration {
        self.tolerance.saturating_mul(2)
    }

    pub(super) fn name(&self) -> &Arc<str> {
        &self.name
    }

    #[cold]
    #[inline(never)]
    pub(super) fn refused(&self, reason: InvalidSignature) -> InvalidSignature {
        self.observers.observe(&self.name, Observation::WebhookRefused { reason: reason.label() });
        reason
    }

    fn judge(&self, headers: &HeaderMap, body: &[u8]) -> Result<Verified, InvalidSignature> {
        let now = self.keys.now();
        let verified = self.authenticate(headers, body, now)?;
        match self.guard.insert(&self.keys_of(&verified), now, self.keep()) {
            Insertion::Known => return Err(InvalidSignature::Replay),
            Insertion::NewForOld => self.warn_of_forgetting(),
            Insertion::New => {}
        }
        Ok(verified)
    }

    #[cold]
    #[inline(never)]
    fn warn_of_forgetting(&self) {
        tracing::warn!(
            webhook = %self.name,
            "webhook.replay_memory_full: messages are forgotten while their replay could pass; raise `remembered`"
        );
    }

    #[inline]
    fn authenticate(&self, headers: &HeaderMap, body: &[u8], now: Timestamp) -> Result<Verified, InvalidSignature> {
        match self.claim(headers, now)? {
            Claim::Standard(claim) => self.authenticate_standard(&claim, body, now),
            Claim::Fsm(claim) => self.authenticate_fsm(&claim, body, now),
        }
    }

    #[inline]
    fn authenticate_standard(
        &self,
        claim: &Standard<'_>,
        body: &[u8],
        now: Timestamp,
    ) -> Result<Verified, InvalidSignature> {
        let id = claim.id.as_bytes();
        if !separable(id) {
            return Err(InvalidSignature::BadSignature);
        }
        if !self.keys.match_standard(now, claim.signatures, &Signed::standard(id, claim.stamp, body)) {
            return Err(InvalidSignature::BadSignature);
        }
        Ok(Verified {
            family: Family::Standard,
            id: Some(claim.id.clone()),
            timestamp: Some(claim.timestamp),
            scope: self.replay,
            code: claim.code,
        })
    }

    fn authenticate_fsm(&self, claim: &Fsm<'_>, body: &[u8], now: Timestamp) -> Result<Verified, InvalidSignature> {
        let code = claim.code.ok_or(InvalidSignature::BadSignature)?;
        let signed = match claim.stamp {
            Some((stamp, _)) => Signed::stamped(stamp, body),
            None => Signed::bare(body),
        };
        if !self.keys.match_code(now, &code, &signed) {
            return Err(InvalidSignature::BadSignature);
        }
        Ok(Verified {
            family: Family::Fsm,
            id: claim.id.cloned(),
            timestamp: claim.stamp.map(|(_, timestamp)| timestamp),
            scope: self.replay,
            code: Some(code),
        })
    }

    /// What the memory of this process knows a message by.
    #[inline]
    fn keys_of(&self, verified: &Verified) -> HashedKeys {
        let Verified { family, id, timestamp, scope, code } = verified;
        match (family, code) {
            (Family::Fsm, Some(code)) => HashedKeys::fsm(code),
            _ => {
                let id = id.as_ref().map_or(b"".as_slice(), HeaderValue::as_bytes);
                match scope {
                    ReplayScope::Message => self.guard.keys(id, code.as_ref()),
                    ReplayScope::Attempt => self.guard.keys((id, timestamp), code.as_ref()),
                }
            }
        }
    }

    #[inline]
    fn claim<'a>(&self, headers: &'a HeaderMap, now: Timestamp) -> Result<Claim<'a>, InvalidSignature> {
        let found = Found::of(headers);
        let claim = match self.families {
            Families::Both if found.standard_signature.is_absent() => self.claim_fsm(&found)?,
            // The FSM headers of the same message must not let it in a second time, stripped of the standard ones.
            Families::Both => claim_standard(&found, found.fsm_signature)?,
            Families::Standard => claim_standard(&found, Once::Absent)?,
            Families::Fsm => self.claim_fsm(&found)?,
        };
        if let Some(timestamp) = claim.timestamp() {
            check_window(timestamp, now, self.tolerance)?;
        }
        Ok(claim)
    }

    fn claim_fsm<'a>(&self, found: &Found<'a>) -> Result<Claim<'a>, InvalidSignature> {
        let signature = found.fsm_signature.required()?.as_bytes();
        let id = found.fsm_id.optional()?;
        let stamp = if self.legacy_payload_only {
            None
        } else {
            let stamp = found.fsm_timestamp.required()?.as_bytes();
            Some((stamp, parse_rfc3339(stamp)?))
        };
        Ok(Claim::Fsm(Fsm { id, stamp, code: read_hex(signature) }))
    }
}

impl Claim<'_> {
    fn timestamp(&self) -> Option<Timestamp> {
        match self {
            Self::Standard(claim) => Some(claim.timestamp),
            Self::Fsm(claim) => claim.stamp.map(|(_, timestamp)| timestamp),
        }
    }
}

/// Whether `id.timestamp.body` can be read in one way only: whoever moved the first full stop of a message with the id
/// `evt.1614265330` would have another id, time and body under the same signature.
///
/// The signature of such a message proves none of the three, which is what a bad signature is; no signer of ours makes
/// one ([`WebhookId`](super::WebhookId)). The timestamp is digits.
fn separable(id: &[u8]) -> bool {
    !id.is_empty() && !id.contains(&b'.')
}

#[inline]
fn claim_standard<'a>(found: &Found<'a>, twin: Once<'a>) -> Result<Claim<'a>, InvalidSignature> {
    let id = found.standard_id.required()?;
    let stamp = found.standard_timestamp.required()?.as_bytes();
    let signatures = found.standard_signature.required()?.as_bytes();
    let code = twin.optional()?.and_then(|value| read_hex(value.as_bytes()));
    let timestamp = parse_seconds(stamp)?;
    Ok(Claim::Standard(Standard { id, stamp, timestamp, signatures, code }))
}
