use std::time::Duration;

use base64::{Engine, engine::general_purpose::STANDARD};
use http::HeaderMap;
use jiff::Timestamp;
use subtle::{Choice, ConstantTimeEq};

use super::{
    ReplayGuard, WebhookSecrets, header,
    replay::ReplayKey,
    secret::Code,
    timestamp::{check_window, parse_rfc3339, parse_seconds},
};
use crate::error::InvalidSignature;

/// More signatures than anybody rotates through; what follows is not looked at.
const MAX_SIGNATURES: usize = 8;

/// How strictly a verifier looks.
///
/// Defaults: 300 s of tolerance both ways, the last 100 000 messages remembered by id, no legacy signatures.
#[derive(Debug, Clone)]
pub struct VerifyConfig {
    /// How far a timestamp may lie from now, inclusively; zero means not at all, never "off".
    pub tolerance: Duration,
    /// How many messages are remembered against replay, for twice the tolerance.
    pub remembered: usize,
    /// What counts as a replay.
    pub replay: ReplayScope,
    /// Accepts `X-FSM-Signature` over the body alone, without any timestamp: replays pass after a while.
    pub legacy_payload_only: bool,
}

impl Default for VerifyConfig {
    fn default() -> Self {
        Self {
            tolerance: Duration::from_secs(300),
            remembered: 100_000,
            replay: ReplayScope::Message,
            legacy_payload_only: false,
        }
    }
}

/// What a verifier accepts only once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ReplayScope {
    /// An id, on whichever attempt: for handlers that do not deduplicate (requirement W5).
    ///
    /// A sender that missed the answer to a message is refused when it tries again.
    #[default]
    Message,
    /// One signed attempt: for handlers that deduplicate by id and then repeat their first answer.
    Attempt,
}

/// Which headers a signature was read from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Family {
    /// `webhook-id`, `webhook-timestamp`, `webhook-signature`; the id is signed.
    Standard,
    /// `X-FSM-Timestamp`, `X-FSM-Signature`; the event id is not signed.
    Fsm,
}

/// A message whose signature holds.
#[derive(Clone)]
pub struct Verified {
    family: Family,
    id: Option<String>,
    timestamp: Option<Timestamp>,
    keys: [Option<ReplayKey>; 2],
}

impl Verified {
    /// Which headers were judged.
    #[must_use]
    pub fn family(&self) -> Family {
        self.family
    }

    /// The message's id, if it has one; signed in the standard family only.
    #[must_use]
    pub fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }

    /// When this attempt was signed; `None` for a legacy signature.
    #[must_use]
    pub fn timestamp(&self) -> Option<Timestamp> {
        self.timestamp
    }

    fn keys(&self) -> impl Iterator<Item = ReplayKey> + Clone {
        self.keys.into_iter().flatten()
    }
}

impl std::fmt::Debug for Verified {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Verified")
            .field("family", &self.family)
            .field("id", &self.id)
            .field("timestamp", &self.timestamp)
            .finish()
    }
}

/// Judges whether a message comes from who shares a secret, is fresh and is new.
///
/// Clones share secrets and memory. No input makes it panic.
#[derive(Debug, Clone)]
pub struct WebhookVerifier {
    secrets: WebhookSecrets,
    guard: ReplayGuard,
    tolerance: Duration,
    replay: ReplayScope,
    legacy_payload_only: bool,
}

impl WebhookVerifier {
    /// Creates a verifier with the default settings.
    #[must_use]
    pub fn new(secrets: WebhookSecrets) -> Self {
        Self::with_config(secrets, &VerifyConfig::default())
    }

    /// Creates a verifier.
    #[must_use]
    pub fn with_config(secrets: WebhookSecrets, config: &VerifyConfig) -> Self {
        if config.legacy_payload_only {
            tracing::warn!(
                "webhook.legacy_payload_only: signatures without timestamp are accepted; move the sender on"
            );
        }
        Self {
            secrets,
            guard: ReplayGuard::new(config.remembered),
            tolerance: config.tolerance,
            replay: config.replay,
            legacy_payload_only: config.legacy_payload_only,
        }
    }

    /// Verifies the raw bytes of a message and remembers it.
    ///
    /// # Errors
    /// Which check failed first; for logs, never for the sender.
    pub fn verify(&self, headers: &HeaderMap, body: &[u8]) -> Result<Verified, InvalidSignature> {
        let now = self.secrets.now();
        let verified = if headers.contains_key(header::STANDARD_SIGNATURE) {
            self.verify_standard(headers, body, now)?
        } else {
            self.verify_fsm(headers, body, now)?
        };
        let keep = self.tolerance.saturating_mul(2);
        if self.guard.insert(verified.keys(), now, keep) { Ok(verified) } else { Err(InvalidSignature::Replay) }
    }

    /// Forgets a message that was verified but could not be handled, so that its redelivery is let in.
    pub fn forget(&self, verified: &Verified) {
        self.guard.forget(verified.keys());
    }

    fn verify_standard(&self, headers: &HeaderMap, body: &[u8], now: Timestamp) -> Result<Verified, InvalidSignature> {
        let id = header::required(headers, &header::STANDARD_ID)?;
        let stamp = header::required(headers, &header::STANDARD_TIMESTAMP)?;
        let signatures = header::required(headers, &header::STANDARD_SIGNATURE)?;
        let timestamp = parse_seconds(stamp)?;
        check_window(timestamp, now, self.tolerance)?;
        self.check(&parse_v1(signatures), now, &[id, b".", stamp, b".", body])?;
        let own = match self.replay {
            ReplayScope::Message => self.guard.key("id", &[id]),
            ReplayScope::Attempt => self.guard.key("attempt", &[id, stamp]),
        };
        // The FSM headers of the same message must not let it in a second time, stripped of the standard ones.
        let twin = headers.get(header::FSM_SIGNATURE).and_then(|value| parse_hex(value.as_bytes()));
        Ok(Verified {
            family: Family::Standard,
            id: Some(String::from_utf8_lossy(id).into_owned()),
            timestamp: Some(timestamp),
            keys: [Some(own), twin.map(|code| self.guard.key("code", &[&code]))],
        })
    }

    fn verify_fsm(&self, headers: &HeaderMap, body: &[u8], now: Timestamp) -> Result<Verified, InvalidSignature> {
        let signature = header::required(headers, &header::FSM_SIGNATURE)?;
        let id = header::optional(headers, &header::FSM_EVENT_ID)?;
        let code = parse_hex(signature);
        let timestamp = if self.legacy_payload_only {
            self.check(&code.into_iter(), now, &[body])?;
            None
        } else {
            let stamp = header::required(headers, &header::FSM_TIMESTAMP)?;
            let timestamp = parse_rfc3339(stamp)?;
            check_window(timestamp, now, self.tolerance)?;
            self.check(&code.into_iter(), now, &[stamp, b".", body])?;
            Some(timestamp)
        };
        Ok(Verified {
            family: Family::Fsm,
            id: id.map(|id| String::from_utf8_lossy(id).into_owned()),
            timestamp,
            keys: [code.map(|code| self.guard.key("code", &[&code])), None],
        })
    }

    /// Compares every signature with every secret's code, in constant time and without stopping at a match.
    fn check(
        &self,
        signatures: &(impl Iterator<Item = Code> + Clone),
        now: Timestamp,
        signed: &[&[u8]],
    ) -> Result<(), InvalidSignature> {
        let mut matches = Choice::from(0);
        self.secrets.for_each(now, |secret| {
            let code = secret.code(signed);
            for signature in signatures.clone() {
                matches |= code.ct_eq(&signature);
            }
        });
        if matches.into() { Ok(()) } else { Err(InvalidSignature::BadSignature) }
    }
}

/// The codes of `v1,<base64> v1,<base64> …`; other versions and malformed ones are left out.
fn parse_v1(header: &[u8]) -> impl Iterator<Item = Code> + Clone {
    header.split(|byte| *byte == b' ').take(MAX_SIGNATURES).filter_map(|signature| {
        let encoded = signature.strip_prefix(b"v1,")?;
        // 44 characters decode to 33 bytes at most, padding included.
        let mut code = [0; 33];
        let length = if encoded.len() == 44 { STANDARD.decode_slice(encoded, &mut code).ok()? } else { 0 };
        code[..length].try_into().ok()
    })
}

/// The code of exactly 64 hex digits.
fn parse_hex(header: &[u8]) -> Option<Code> {
    let header: &[u8; 64] = header.try_into().ok()?;
    let mut code = Code::default();
    for (byte, pair) in code.iter_mut().zip(header.chunks_exact(2)) {
        let high = char::from(pair[0]).to_digit(16)?;
        let low = char::from(pair[1]).to_digit(16)?;
        *byte = u8::try_from(high << 4 | low).ok()?;
    }
    Some(code)
}
