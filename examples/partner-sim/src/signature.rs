//! Both signatures of a webhook, checked independently of the code that makes them.
//!
//! The standard headers are checked by the public `standardwebhooks` crate, the `X-FSM-*` headers here. Every check
//! uses the stand-in's clock: the crate knows only the machine's, so its verdict about the window is replaced by ours.

use base64::{Engine, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit, Mac};
use http::{HeaderMap, HeaderValue};
use jiff::{SignedDuration, Timestamp};
use sha2::Sha256;
use standardwebhooks::{HEADER_WEBHOOK_ID, HEADER_WEBHOOK_SIGNATURE, HEADER_WEBHOOK_TIMESTAMP, Webhook, WebhookError};
use subtle::ConstantTimeEq;

/// How far a timestamp may lie from the receiver's clock, in both directions (requirement W4).
pub const TOLERANCE: SignedDuration = SignedDuration::from_mins(5);

/// The header of the hexadecimal signature.
pub const FSM_SIGNATURE: &str = "x-fsm-signature";
/// The header of the attempt's time, RFC 3339 in UTC with milliseconds.
pub const FSM_TIMESTAMP: &str = "x-fsm-timestamp";
/// The header of the event's id, equal to `webhook-id`.
pub const FSM_EVENT_ID: &str = "x-fsm-event-id";

/// A webhook secret that is not `whsec_` and base64 of at least 24 bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a webhook secret is `whsec_` and the base64 form of at least 24 bytes")]
pub struct BadSecret;

/// Why a delivery is not believed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refused {
    /// A header is absent.
    #[error("header {0} is missing")]
    Missing(&'static str),
    /// A header is sent more than once.
    #[error("header {0} is sent more than once")]
    Repeated(&'static str),
    /// A header cannot be read.
    #[error("header {0} is malformed")]
    Malformed(&'static str),
    /// The timestamp is outside the window.
    #[error("header {0} is more than five minutes from the receiver's clock")]
    OutsideWindow(&'static str),
    /// The two header families disagree about the id or the time.
    #[error("{0} and {1} disagree")]
    Disagree(&'static str, &'static str),
    /// A signature does not match.
    #[error("header {0} does not match the body")]
    BadSignature(&'static str),
}

/// A delivery whose signatures hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// The event's id, the same over all attempts.
    pub id: String,
    /// When the attempt was signed.
    pub sent_at: Timestamp,
}

/// A shared webhook secret.
#[derive(Clone)]
pub struct WebhookKey(Vec<u8>);

impl WebhookKey {
    /// Reads `whsec_` and base64.
    ///
    /// # Errors
    ///
    /// [`BadSecret`] on any other form.
    pub fn parse(secret: &str) -> Result<Self, BadSecret> {
        let key = secret.strip_prefix("whsec_").and_then(|text| STANDARD.decode(text).ok());
        key.filter(|key| key.len() >= 24).map(Self).ok_or(BadSecret)
    }

    /// Signs a body with both header families.
    ///
    /// # Panics
    ///
    /// When the id is no header value or the body no UTF-8.
    #[must_use]
    pub fn sign(&self, id: &str, at: Timestamp, body: &[u8]) -> HeaderMap {
        let fsm_timestamp = format!("{at:.3}");
        let standard = self.standard().sign(id, at.as_second(), body).expect("the body is UTF-8");
        let fsm = to_hex(&self.fsm_mac(fsm_timestamp.as_bytes(), body).finalize().into_bytes());
        let mut headers = HeaderMap::new();
        let mut put = |name: &'static str, value: &str| {
            headers.insert(name, HeaderValue::from_str(value).expect("ids are header values"));
        };
        put(HEADER_WEBHOOK_ID, id);
        put(HEADER_WEBHOOK_TIMESTAMP, &at.as_second().to_string());
        put(HEADER_WEBHOOK_SIGNATURE, &standard);
        put(FSM_EVENT_ID, id);
        put(FSM_TIMESTAMP, &fsm_timestamp);
        put(FSM_SIGNATURE, &fsm);
        headers
    }

    fn standard(&self) -> Webhook {
        Webhook::from_bytes(self.0.clone()).expect("any bytes are a key")
    }

    fn fsm_mac(&self, timestamp: &[u8], body: &[u8]) -> Hmac<Sha256> {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).expect("HMAC takes keys of any length");
        mac.update(timestamp);
        mac.update(b".");
        mac.update(body);
        mac
    }

    fn standard_holds(&self, headers: &HeaderMap, sent: &Sent<'_>, body: &[u8]) -> bool {
        match self.standard().verify(body, headers) {
            Ok(()) => true,
            // The crate's window is the machine's; ours has been checked already, so only the signature counts.
            Err(WebhookError::TimestampTooOldError | WebhookError::FutureTimestampError) => {
                let expected = self.standard().sign(sent.id, sent.standard_at.as_second(), body);
                expected.is_ok_and(|expected| {
                    sent.standard_signatures.split(' ').any(|one| one.as_bytes().ct_eq(expected.as_bytes()).into())
                })
            }
            Err(_) => false,
        }
    }
}

/// Names no byte of the key.
impl std::fmt::Debug for WebhookKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("WebhookKey(..)")
    }
}

/// Verifies both signatures against any of the keys.
///
/// # Errors
///
/// [`Refused`] names the first check that fails.
pub fn verify(keys: &[WebhookKey], headers: &HeaderMap, body: &[u8], now: Timestamp) -> Result<Verified, Refused> {
    let sent = Sent::read(headers)?;
    sent.check_window(now)?;
    if sent.event_id != sent.id {
        return Err(Refused::Disagree(FSM_EVENT_ID, HEADER_WEBHOOK_ID));
    }
    if sent.fsm_at.duration_since(sent.standard_at).abs() > SignedDuration::from_secs(1) {
        return Err(Refused::Disagree(FSM_TIMESTAMP, HEADER_WEBHOOK_TIMESTAMP));
    }
    if !keys.iter().any(|key| key.standard_holds(headers, &sent, body)) {
        return Err(Refused::BadSignature(HEADER_WEBHOOK_SIGNATURE));
    }
    let fsm_holds =
        |key: &WebhookKey| key.fsm_mac(sent.fsm_timestamp.as_bytes(), body).verify_slice(&sent.fsm_mac).is_ok();
    if !keys.iter().any(fsm_holds) {
        return Err(Refused::BadSignature(FSM_SIGNATURE));
    }
    Ok(Verified { id: sent.id.to_owned(), sent_at: sent.fsm_at })
}

/// The six headers, read.
struct Sent<'a> {
    id: &'a str,
    event_id: &'a str,
    standard_at: Timestamp,
    standard_signatures: &'a str,
    fsm_timestamp: &'a str,
    fsm_at: Timestamp,
    fsm_mac: [u8; 32],
}

impl<'a> Sent<'a> {
    fn read(headers: &'a HeaderMap) -> Result<Self, Refused> {
        let fsm_timestamp = single(headers, FSM_TIMESTAMP)?;
        Ok(Self {
            id: single(headers, HEADER_WEBHOOK_ID)?,
            event_id: single(headers, FSM_EVENT_ID)?,
            standard_at: unix_seconds(single(headers, HEADER_WEBHOOK_TIMESTAMP)?)?,
            standard_signatures: single(headers, HEADER_WEBHOOK_SIGNATURE)?,
            fsm_timestamp,
            fsm_at: utc_millis(fsm_timestamp)?,
            fsm_mac: from_hex(single(headers, FSM_SIGNATURE)?).ok_or(Refused::Malformed(FSM_SIGNATURE))?,
        })
    }

    fn check_window(&self, now: Timestamp) -> Result<(), Refused> {
        let outside = |at: Timestamp| at.duration_since(now).abs() > TOLERANCE;
        if outside(self.fsm_at) {
            return Err(Refused::OutsideWindow(FSM_TIMESTAMP));
        }
        // Whole seconds: the signer may have dropped up to 999 ms.
        if outside(self.standard_at) && outside(self.standard_at + SignedDuration::from_millis(999)) {
            return Err(Refused::OutsideWindow(HEADER_WEBHOOK_TIMESTAMP));
        }
        Ok(())
    }
}

fn single<'a>(headers: &'a HeaderMap, name: &'static str) -> Result<&'a str, Refused> {
    let mut values = headers.get_all(name).iter();
    let value = values.next().ok_or(Refused::Missing(name))?;
    if values.next().is_some() {
        return Err(Refused::Repeated(name));
    }
    value.to_str().ok().filter(|text| !text.is_empty()).ok_or(Refused::Malformed(name))
}

fn unix_seconds(text: &str) -> Result<Timestamp, Refused> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    let seconds = text.parse().ok().filter(|_| digits);
    // A year of margin below the clock's range keeps later arithmetic from overflowing.
    let margin = SignedDuration::from_hours(24 * 366);
    seconds
        .and_then(|seconds| Timestamp::from_second(seconds).ok())
        .filter(|at| at.checked_add(margin).is_ok())
        .ok_or(Refused::Malformed(HEADER_WEBHOOK_TIMESTAMP))
}

/// Exactly `2025-01-16T10:30:00.000Z`, the one form that we send.
fn utc_millis(text: &str) -> Result<Timestamp, Refused> {
    let parsed = text.parse::<Timestamp>().ok();
    parsed.filter(|at| format!("{at:.3}") == text).ok_or(Refused::Malformed(FSM_TIMESTAMP))
}

pub(crate) fn to_hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        write!(text, "{byte:02x}").expect("a String takes all");
        text
    })
}

fn from_hex(text: &str) -> Option<[u8; 32]> {
    let lowercase = text.len() == 64 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    let mut bytes = [0; 32];
    for (index, byte) in bytes.iter_mut().enumerate().filter(|_| lowercase) {
        *byte = u8::from_str_radix(&text[index * 2..index * 2 + 2], 16).ok()?;
    }
    lowercase.then_some(bytes)
}

#[cfg(test)]
mod tests;
