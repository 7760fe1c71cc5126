use std::ops::Range;

use http::{HeaderMap, HeaderValue};
use jiff::Timestamp;

use super::{
    Family, WebhookId, WebhookSecret, WebhookSecrets,
    code::write_hex,
    header,
    secrets::Holding,
    signed::Signed,
    text::{self, Text},
    timestamp::write_rfc3339,
};

/// Signs webhooks with every active secret, newest first.
///
/// Clones share the secrets. Signing takes one allocation, whatever the number of headers. Both families are sent
/// unless [`only`](Self::only) says otherwise; each costs one pass over the body.
///
/// ```
/// use std::sync::Arc;
/// use fsm_integration_core::{clock::SystemClock, layers::webhook::*};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let secrets = WebhookSecrets::new(WebhookSecret::generate()?, Arc::new(SystemClock));
/// let signer = WebhookSigner::new(secrets).only(Family::Standard);
///
/// let body = r#"{"type":"order.created"}"#;
/// let mut request = http::Request::post("https://partner.example/hooks").body(body)?;
/// signer.sign(&WebhookId::new("evt_1")?, body.as_bytes()).apply(request.headers_mut());
/// assert_eq!(request.headers()["webhook-id"], "evt_1");
/// assert!(request.headers()["webhook-signature"].to_str()?.starts_with("v1,"));
/// # Ok(())
/// # }
/// ```
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
        let mut digits = itoa::Buffer::new();
        let seconds = digits.format(at.as_second()).as_bytes();
        let attempt = Attempt { signer: self, secrets: self.secrets.holding(at), id, at, seconds, body };
        let beside = match self.only {
            Some(Family::Standard) => text::STANDARD,
            Some(Family::Fsm) | None => text::STANDARD + text::FSM,
        };
        let signatures: usize = attempt.secrets.iter().map(|secret| secret.signature_length() + 1).sum();
        let most = beside + signatures;
        if most <= text::LEAST {
            attempt.sign::<{ text::LEAST }>()
        } else if most <= text::USUAL {
            attempt.sign::<{ text::USUAL }>()
        } else {
            attempt.sign::<{ text::MOST }>()
        }
    }
}

/// One attempt to be signed.
struct Attempt<'a> {
    signer: &'a WebhookSigner,
    secrets: Holding<'a, WebhookSecret>,
    id: &'a WebhookId,
    at: Timestamp,
    seconds: &'a [u8],
    body: &'a [u8],
}

impl Attempt<'_> {
    /// Signs with so much room for all text.
    fn sign<const N: usize>(&self) -> SignedHeaders {
        let mut text = Text::<N>::new();
        let only = self.signer.only;
        let fsm = if only == Some(Family::Standard) { None } else { self.write_fsm(&mut text) };
        let standard = (only != Some(Family::Fsm) || fsm.is_none()).then(|| self.write_standard(&mut text));
        let values = text.into_values();
        SignedHeaders {
            id: self.id.as_header(),
            fsm: fsm.map(|[timestamp, signature]| [values.value(timestamp), values.value(signature)]),
            standard: standard.map(|[seconds, signatures]| [values.value(seconds), values.last(signatures)]),
        }
    }

    /// The timestamp and the signature over `timestamp.body`; nothing without a shared secret.
    fn write_fsm<const N: usize>(&self, text: &mut Text<N>) -> Option<[Range<usize>; 2]> {
        let timestamp = text.write(|room| write_rfc3339(self.at, room));
        let signed = if self.signer.legacy_payload_only {
            Signed::bare(self.body)
        } else {
            Signed::stamped(text.read(&timestamp), self.body)
        };
        let newest = self.secrets.iter().find_map(|secret| secret.code(&signed))?;
        let signature = text.push(&write_hex(&newest));
        Some([timestamp, signature])
    }

    /// The seconds, and the signatures over `id.seconds.body`, one for each secret.
    #[inline]
    fn write_standard<const N: usize>(&self, text: &mut Text<N>) -> [Range<usize>; 2] {
        let signed = Signed::standard(self.id.as_bytes(), self.seconds, self.body);
        let seconds = text.push(self.seconds);
        let start = text.end();
        for secret in self.secrets.iter() {
            let signature = secret.sign(&signed);
            if text.end() > start {
                text.push(b" ");
            }
            text.write(|room| signature.write(room));
        }
        [seconds, start..text.end()]
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
