//! A timestamp is read as jiff reads it, judged as exact arithmetic judges it, and survives being written.

use std::{sync::Arc, time::Duration};

use fsm_integration_core::{
    error::InvalidSignature,
    layers::webhook::{Family, VerifyConfig, WebhookId, WebhookSecrets, WebhookSigner, WebhookVerifier},
};
use http::{HeaderMap, HeaderValue};
use jiff::Timestamp;

use super::{input, signature_headers::Standing};

/// The time of the verifier, its tolerance, and the text.
pub(crate) fn check(mut data: &[u8]) {
    let now = input::timestamp(&mut data);
    let tolerance = Duration::from_secs(u32::from_le_bytes(input::array(&mut data)).into());
    for tolerance in [tolerance, Duration::ZERO, Duration::MAX] {
        judged("webhook-timestamp", "webhook-signature", data, now, tolerance, seconds(data));
        judged("x-fsm-timestamp", "x-fsm-signature", data, now, tolerance, rfc3339(data));
    }
    written(now);
}

fn judged(
    name: &'static str,
    other: &'static str,
    text: &[u8],
    now: Timestamp,
    tolerance: Duration,
    at: Option<Timestamp>,
) {
    let Ok(value) = HeaderValue::from_bytes(text) else { return };
    let mut headers = HeaderMap::new();
    headers.insert(name, value);
    headers.insert(other, HeaderValue::from_static("v1,"));
    headers.insert("webhook-id", HeaderValue::from_static("msg_1"));
    let expected = at.map_or(Err(InvalidSignature::BadTimestamp), |at| {
        let age = now.as_nanosecond() - at.as_nanosecond();
        let tolerance = i128::try_from(tolerance.as_nanos()).expect("584 years are few");
        if age > tolerance {
            Err(InvalidSignature::TooOld)
        } else if age < -tolerance {
            Err(InvalidSignature::TooNew)
        } else {
            Ok(())
        }
    });
    let config = VerifyConfig { tolerance, ..VerifyConfig::default() };
    let verifier = WebhookVerifier::with_config(at_time(now), &config);
    assert_eq!(verifier.check_headers(&headers), expected, "{name}: {}", text.escape_ascii());
}

fn at_time(now: Timestamp) -> WebhookSecrets {
    let secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".parse().expect("the vector");
    WebhookSecrets::new(secret, Arc::new(Standing(now)))
}

/// Digits with at most a minus in front.
fn seconds(text: &[u8]) -> Option<Timestamp> {
    let text = std::str::from_utf8(text).ok()?;
    let plain = text.strip_prefix('-').unwrap_or(text).bytes().all(|byte| byte.is_ascii_digit());
    Timestamp::from_second(text.parse().ok().filter(|_| plain)?).ok()
}

/// What jiff takes, without spaces, annotations and the like.
fn rfc3339(text: &[u8]) -> Option<Timestamp> {
    let text = std::str::from_utf8(text).ok()?;
    let plain = text.len() <= 40 && text.bytes().all(|byte| byte.is_ascii_digit() || b"-+:.TtZz".contains(&byte));
    text.parse().ok().filter(|_| plain)
}

fn written(at: Timestamp) {
    let signer = WebhookSigner::new(at_time(at));
    let verifier = WebhookVerifier::new(at_time(at));
    let id = WebhookId::new("msg_1").expect("an id");
    for (family, expected) in [
        (Family::Standard, Timestamp::from_second(at.as_second()).ok()),
        (
            Family::Fsm,
            Timestamp::from_millisecond(at.as_nanosecond().div_euclid(1_000_000).try_into().expect("in range")).ok(),
        ),
    ] {
        let mut headers = HeaderMap::new();
        signer.clone().only(family).sign(&id, b"{}").apply(&mut headers);
        let verified = verifier.verify(&headers, b"{}").expect("what is signed now is fresh");
        assert_eq!(verified.timestamp(), expected, "{headers:?}");
    }
}
