use std::ops::Range;

use http::{HeaderMap, HeaderValue};
use jiff::Timestamp;

use super::{
    Family, WebhookId, WebhookSecrets,
    code::write_hex,
    header,
    text::Text,
    timestamp::{write_rfc3339, write_seconds},
};

/// Signs webhooks with every active secret, newest first.
///
/// Clones share the secrets. Signing takes one allocation, whatever the number of headers. Both families are sent
/// unless [`only`](Self::only) says otherwise; each costs one pass over the body.
#[derive(Debug, Clone)]
pub struct WebhookSigner {
    secrets: WebhookSecrets,
    only: Option<Family>,
    legacy_payload_only: bool,
}

impl WebhookSigner {
    /// Creates a signer for one endpoint.
    #[must_use]
    pub fn new(secrets: WebhookSecrets) -> Self {
        Self { secrets, only: None, legacy_payload_only: false }
    }

    /// Sends the headers of one family, for a receiver of which it is known that it reads no other.
    ///
    /// The FSM family needs a shared secret: a signer that holds key pairs alone sends the standard one.
    #[must_use]
    pub fn only(mut self, family: Family) -> Self {
        self.only = Some(family);
        self
    }

    /// Makes `X-FSM-Signature` cover the body alone, for a receiver that knows nothing else (requirement W1).
    ///
    /// Such a signature can be replayed for ever under any timestamp; the standard headers are sent beside it.
    #[must_use]
    pub fn legacy_payload_only(mut self) -> Self {
        tracing::warn!(
            "webhook.legacy_payload_only: X-FSM-Signature does not cover its timestamp; move the receiver on"
        );
        self.legacy_payload_only = true;
        self
    }

    /// Signs one attempt, now.
    #[must_use]
    pub fn sign(&self, id: &WebhookId, body: &[u8]) -> SignedHeaders {
        self.sign_at(id, self.secrets.now(), body)
    }

    /// Signs one attempt at a given time.
    #[must_use]
    pub fn sign_at(&self, id: &WebhookId, at: Timestamp, body: &[u8]) -> SignedHeaders {
        let mut text = Text::new();
        let id = text.push(id.as_bytes());
        text.push(b".");
        let seconds = text.push_with(|room| write_seconds(at, room));
        text.push(b".");
        let prefix = 0..text.end();
        let fsm = if self.only == Some(Family::Standard) { None } else { self.write_fsm(&mut text, at, body) };
        let standard = self.only != Some(Family::Fsm) || fsm.is_none();
        let signatures = standard.then(|| self.write_standard(&mut text, &prefix, at, body));
        let value = text.into_values();
        SignedHeaders {
            id: value(id),
            fsm: fsm.map(|[timestamp, signature]| [value(timestamp), value(signature)]),
            standard: signatures.map(|signatures| [value(seconds), value(signatures)]),
        }
    }

    /// The timestamp and the signature over `timestamp.body`; nothing without a shared secret.
    fn write_fsm(&self, text: &mut Text, at: Timestamp, body: &[u8]) -> Option<[Range<usize>; 2]> {
        let timestamp = text.push_with(|room| write_rfc3339(at, room));
        text.push(b".");
        let signed = text.read(&(timestamp.start..text.end()));
        let newest = self.secrets.find(at, |secret| {
            if self.legacy_payload_only { secret.code(&[body]) } else { secret.code(&[signed, body]) }
        });
        let signature = text.push(&write_hex(&newest?));
        Some([timestamp, signature])
    }

    /// The signatures over `id.seconds.body`, one for each secret.
    fn write_standard(&self, text: &mut Text, prefix: &Range<usize>, at: Timestamp, body: &[u8]) -> Range<usize> {
        let start = text.end();
        self.secrets.for_each(at, |secret| {
            let signature = secret.sign(&[text.read(prefix), body]);
            if text.end() > start {
                text.push(b" ");
            }
            text.push_signature(&signature);
        });
        start..text.end()
    }
}

/// The headers that go with one attempt.
#[derive(Debug, Clone)]
pub struct SignedHeaders {
    id: HeaderValue,
    /// Timestamp and signature.
    fsm: Option<[HeaderValue; 2]>,
    /// Timestamp and signatures.
    standard: Option<[HeaderValue; 2]>,
}

impl SignedHeaders {
    /// Puts them into a request's headers, in place of any of an earlier attempt.
    pub fn apply(self, headers: &mut HeaderMap) {
        headers.reserve(6);
        if let Some([timestamp, signature]) = self.fsm {
            headers.insert(header::FSM_EVENT_ID, self.id.clone());
            headers.insert(header::FSM_TIMESTAMP, timestamp);
            headers.insert(header::FSM_SIGNATURE, signature);
        }
        // The id stays when its family is not sent: it is where an id is read from.
        headers.insert(header::STANDARD_ID, self.id);
        if let Some([timestamp, signatures]) = self.standard {
            headers.insert(header::STANDARD_TIMESTAMP, timestamp);
            headers.insert(header::STANDARD_SIGNATURE, signatures);
        }
    }
}
