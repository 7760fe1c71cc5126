use std::{fmt, ops::Range};

use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue};
use jiff::Timestamp;

use super::{WebhookId, WebhookSecret, WebhookSecrets, header, secret::Code};

/// `v1,`, 44 characters of base64 and a space.
const SIGNATURE_LENGTH: usize = 48;
/// One hex code, two timestamps and a signature for each secret.
const CAPACITY: usize = 64 + 32 + 24 + SIGNATURE_LENGTH * WebhookSecrets::MAX;

/// Signs webhooks with every active secret, newest first.
///
/// Clones share the secrets. Signing takes one buffer, whatever the number of headers.
#[derive(Debug, Clone)]
pub struct WebhookSigner {
    secrets: WebhookSecrets,
    legacy_payload_only: bool,
}

impl WebhookSigner {
    /// Creates a signer for one endpoint.
    #[must_use]
    pub fn new(secrets: WebhookSecrets) -> Self {
        Self { secrets, legacy_payload_only: false }
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
        let mut text = Buffer::default();
        let fsm_timestamp = text.write(format_args!("{at:.3}"));
        let seconds = text.write(format_args!("{}", at.as_second()));

        let mut newest = None;
        let mut codes = [Code::default(); WebhookSecrets::MAX];
        let mut count = 0;
        self.secrets.for_each(at, |secret| {
            newest.get_or_insert_with(|| self.fsm_code(secret, text.read(&fsm_timestamp), body));
            codes[count] = secret.code(&[id.as_str().as_bytes(), b".", text.read(&seconds), b".", body]);
            count += 1;
        });

        let fsm_signature = text.write_hex(&newest.expect("the newest secret never expires"));
        let signatures = text.write_signatures(&codes[..count]);
        let bytes = Bytes::from_owner(text);
        let value =
            |range: Range<usize>| HeaderValue::from_maybe_shared(bytes.slice(range)).expect("all of it is ASCII");
        SignedHeaders {
            id: id.as_header().clone(),
            fsm_timestamp: value(fsm_timestamp),
            fsm_signature: value(fsm_signature),
            seconds: value(seconds),
            signatures: value(signatures),
        }
    }

    fn fsm_code(&self, secret: &WebhookSecret, timestamp: &[u8], body: &[u8]) -> Code {
        if self.legacy_payload_only { secret.code(&[body]) } else { secret.code(&[timestamp, b".", body]) }
    }
}

/// The headers that go with one attempt.
#[derive(Debug, Clone)]
pub struct SignedHeaders {
    id: HeaderValue,
    fsm_timestamp: HeaderValue,
    fsm_signature: HeaderValue,
    seconds: HeaderValue,
    signatures: HeaderValue,
}

impl SignedHeaders {
    /// Puts them into a request's headers, in place of any of an earlier attempt.
    pub fn apply(self, headers: &mut HeaderMap) {
        headers.reserve(6);
        headers.insert(header::FSM_EVENT_ID, self.id.clone());
        headers.insert(header::FSM_TIMESTAMP, self.fsm_timestamp);
        headers.insert(header::FSM_SIGNATURE, self.fsm_signature);
        headers.insert(header::STANDARD_ID, self.id);
        headers.insert(header::STANDARD_TIMESTAMP, self.seconds);
        headers.insert(header::STANDARD_SIGNATURE, self.signatures);
    }
}

/// The text of every header that is made here, in one piece.
struct Buffer {
    bytes: [u8; CAPACITY],
    length: usize,
}

impl Default for Buffer {
    fn default() -> Self {
        Self { bytes: [0; CAPACITY], length: 0 }
    }
}

impl Buffer {
    fn read(&self, range: &Range<usize>) -> &[u8] {
        &self.bytes[range.clone()]
    }

    fn write(&mut self, text: fmt::Arguments<'_>) -> Range<usize> {
        let start = self.length;
        fmt::Write::write_fmt(self, text).expect("the buffer holds the longest timestamps");
        start..self.length
    }

    fn write_hex(&mut self, code: &Code) -> Range<usize> {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let start = self.length;
        for byte in code {
            self.bytes[self.length] = DIGITS[usize::from(byte >> 4)];
            self.bytes[self.length + 1] = DIGITS[usize::from(byte & 15)];
            self.length += 2;
        }
        start..self.length
    }

    fn write_signatures(&mut self, codes: &[Code]) -> Range<usize> {
        let start = self.length;
        for (index, code) in codes.iter().enumerate() {
            let prefix: &[u8] = if index == 0 { b"v1," } else { b" v1," };
            self.push(prefix);
            let written = STANDARD.encode_slice(code, &mut self.bytes[self.length..]);
            self.length += written.expect("the buffer holds a signature for each secret");
        }
        start..self.length
    }

    fn push(&mut self, bytes: &[u8]) {
        self.bytes[self.length..self.length + bytes.len()].copy_from_slice(bytes);
        self.length += bytes.len();
    }
}

impl fmt::Write for Buffer {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        if self.length + text.len() > CAPACITY {
            return Err(fmt::Error);
        }
        self.push(text.as_bytes());
        Ok(())
    }
}

impl AsRef<[u8]> for Buffer {
    fn as_ref(&self) -> &[u8] {
        &self.bytes[..self.length]
    }
}
