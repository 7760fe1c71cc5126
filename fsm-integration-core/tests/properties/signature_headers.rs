//! Whatever the headers say, a verifier answers with a reason out of seven, and believes only what a signer signs.

use std::sync::Arc;

use fsm_integration_core::{
    clock::{Sleep, WallClock},
    error::InvalidSignature,
    layers::webhook::{Family, WebhookId, WebhookSecret, WebhookSecrets, WebhookSigner, WebhookVerifier},
};
use http::{HeaderMap, HeaderName, HeaderValue};
use jiff::Timestamp;

use super::input;

const NAMES: [&str; 6] =
    ["webhook-id", "webhook-timestamp", "webhook-signature", "x-fsm-event-id", "x-fsm-timestamp", "x-fsm-signature"];
const REASONS: [&str; 7] =
    ["missing_header", "duplicate_header", "bad_timestamp", "too_old", "too_new", "bad_signature", "replay"];

/// A clock that stands.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Standing(pub(crate) Timestamp);

impl WallClock for Standing {
    fn timestamp(&self) -> Timestamp {
        self.0
    }

    fn sleep_until(&self, _: Timestamp) -> Sleep {
        Box::pin(std::future::pending())
    }
}

/// The secrets of the official vectors.
fn secrets(at: Timestamp) -> WebhookSecrets {
    let secret: WebhookSecret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".parse().expect("the vector");
    let secrets = WebhookSecrets::new(secret, Arc::new(Standing(at)));
    #[cfg(feature = "ed25519")]
    let secrets = secrets.with_previous(
        "whsk_6Xb/dCcHpPea21PS1N9VY/NZW723CEc77N4rJCubMbc=".parse().expect("the vector"),
        Timestamp::MAX,
    );
    secrets
}

/// Six lines of header values, each after a byte that says how often it is there; then the body.
pub(crate) fn check(mut data: &[u8]) {
    let signer = WebhookSigner::new(secrets(signer_time()));
    let mut headers = HeaderMap::new();
    for name in NAMES {
        let line = input::line(&mut data);
        let (Some((times, text)), name) = (line.split_first(), HeaderName::from_static(name)) else { continue };
        let Ok(value) = HeaderValue::from_bytes(text) else { continue };
        for _ in 0..(times % 3) {
            headers.append(&name, value.clone());
        }
    }
    judge(&signer, &headers, data);
    round_trip(&signer, &headers, data);
}

fn judge(signer: &WebhookSigner, headers: &HeaderMap, body: &[u8]) {
    let verifier = WebhookVerifier::new(secrets(signer_time()));
    let early = verifier.check_headers(headers);
    match verifier.verify(headers, body) {
        Ok(verified) => {
            assert_eq!(early, Ok(()), "the headers alone were refused");
            assert_eq!(verifier.verify(headers, body).err(), Some(InvalidSignature::Replay));
            believed(signer, headers, body, verified.family());
        }
        Err(reason) => {
            assert!(REASONS.contains(&reason.label()), "{reason:?}");
            let by_the_body = matches!(reason, InvalidSignature::BadSignature | InvalidSignature::Replay);
            assert_eq!(early, if by_the_body { Ok(()) } else { Err(reason) });
        }
    }
}

/// The official vector's.
fn signer_time() -> Timestamp {
    Timestamp::from_second(1_614_265_330).expect("in range")
}

/// What is believed holds a signature that a signer with the same secrets makes of the same message.
fn believed(signer: &WebhookSigner, headers: &HeaderMap, body: &[u8], family: Family) {
    // Beside a good signature there may stand what is none, and no text either.
    let text = |name: &str| String::from_utf8_lossy(headers[name].as_bytes()).into_owned();
    let (at, id, name) = match family {
        Family::Standard => {
            let second = text("webhook-timestamp").parse().expect("seconds");
            (Timestamp::from_second(second).expect("in range"), text("webhook-id"), "webhook-signature")
        }
        Family::Fsm => (text("x-fsm-timestamp").parse().expect("RFC 3339"), "any".to_owned(), "x-fsm-signature"),
    };
    let Ok(id) = WebhookId::new(id) else { return };
    let mut own = HeaderMap::new();
    signer.sign_at(&id, at, body).apply(&mut own);
    let theirs = text(name);
    // Hex of either case is read; base64 is not.
    let theirs = if family == Family::Fsm { theirs.to_ascii_lowercase() } else { theirs };
    let own = own[name].to_str().expect("ASCII");
    assert!(own.split(' ').any(|signature| theirs.split(' ').any(|other| other == signature)), "{theirs} is not {own}");
}

/// What is signed verifies, in either family, and one changed byte does not.
fn round_trip(signer: &WebhookSigner, headers: &HeaderMap, body: &[u8]) {
    let given = headers.get("webhook-id").and_then(|value| value.to_str().ok());
    let id =
        given.and_then(|text| WebhookId::new(text).ok()).unwrap_or_else(|| WebhookId::new("msg_1").expect("an id"));
    for family in [Family::Standard, Family::Fsm] {
        let mut signed = HeaderMap::new();
        signer.clone().only(family).sign(&id, body).apply(&mut signed);
        let verifier = WebhookVerifier::new(secrets(signer_time()));
        let changed = [body, b"\0"].concat();
        assert_eq!(verifier.verify(&signed, &changed).err(), Some(InvalidSignature::BadSignature));
        let verified = verifier.verify(&signed, body).expect("what is signed verifies");
        assert_eq!(verified.family(), family);
        if family == Family::Standard {
            assert_eq!(verified.id(), Some(id.as_str()));
        }
    }
}
