//! Signing and verifying a body of 1 KiB.

use std::sync::Arc;

use fsm_integration_core::{
    clock::{SystemClock, WallClock},
    layers::webhook::{Family, VerifyConfig, WebhookId, WebhookSecret, WebhookSecrets, WebhookSigner, WebhookVerifier},
};
use hmac::{Hmac, KeyInit, Mac};
use http::HeaderMap;
use jiff::SignedDuration;
use sha2::Sha256;
use standardwebhooks::Webhook;

use crate::harness::{
    contender::{Lane, Row},
    service::spin,
};

const SECRET: [u8; 32] = [7; 32];
const BODY: [u8; 1_024] = [b'x'; 1_024];
/// Far fewer than there are messages: when a message comes again, it was forgotten, and is no replay.
const REMEMBERED: usize = 512;
const MESSAGES: usize = 4 * REMEMBERED;

pub(crate) fn sign(row: &mut Row) {
    bare_hmac(row);
    let signer = WebhookSigner::new(secrets());
    row.ours("WebhookSigner, standard headers", sign_ours(signer.clone().only(Family::Standard))).alone();
    row.also("WebhookSigner, both families", sign_ours(signer)).alone();
    row.peer("ring, bare", || {
        let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, &SECRET);
        spin(move |_| ring::hmac::sign(&key, &BODY))
    })
    .alone();
    row.peer("standardwebhooks", || {
        let webhook = Webhook::from_bytes(SECRET.to_vec()).expect("a secret");
        spin(move |_| webhook.sign("msg_1", 1_700_000_000, &BODY).expect("text"))
    })
    .alone();
}

pub(crate) fn verify(row: &mut Row) {
    bare_hmac(row);
    let messages = Arc::new(signed_messages());
    row.ours("WebhookVerifier, replays refused", {
        let messages = Arc::clone(&messages);
        move || verify_ours(Arc::clone(&messages))
    })
    .alone();
    row.peer("ring, bare", || {
        let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, &SECRET);
        let tag = ring::hmac::sign(&key, &BODY);
        spin(move |_| ring::hmac::verify(&key, &BODY, tag.as_ref()).expect("it is the tag"))
    })
    .alone();
    // Knows no replays.
    row.peer("standardwebhooks", move || {
        let messages = Arc::clone(&messages);
        let webhook = Webhook::from_bytes(SECRET.to_vec()).expect("a secret");
        spin(move |number| webhook.verify(&BODY, &messages[number as usize % MESSAGES]).expect("it was signed"))
    })
    .alone();
}

fn bare_hmac(row: &mut Row) {
    row.floor("hmac and sha2, key taken in", || {
        let keyed = Hmac::<Sha256>::new_from_slice(&SECRET).expect("any length is taken");
        spin(move |_| {
            let mut mac = keyed.clone();
            mac.update(&BODY);
            mac.finalize()
        })
    })
    .alone();
}

fn sign_ours(signer: WebhookSigner) -> impl Fn() -> Lane {
    move || {
        let (signer, id, now) = (signer.clone(), WebhookId::random(), SystemClock.timestamp());
        spin(move |_| signer.sign_at(&id, now, &BODY))
    }
}

fn verify_ours(messages: Arc<Vec<HeaderMap>>) -> Lane {
    let config = VerifyConfig { remembered: REMEMBERED, ..VerifyConfig::default() };
    let verifier = WebhookVerifier::with_config(secrets(), &config);
    let mut next = messages.len();
    spin(move |_| {
        // Goes on from batch to batch.
        next = if next < MESSAGES - 1 { next + 1 } else { 0 };
        verifier.verify(&messages[next], &BODY).expect("it was signed")
    })
}

/// A millisecond apart: `X-FSM-Signature` does not cover the id, so that equal bodies of one millisecond are one message.
fn signed_messages() -> Vec<HeaderMap> {
    let (signer, now) = (WebhookSigner::new(secrets()), SystemClock.timestamp());
    let message = |number| {
        let mut headers = HeaderMap::new();
        let at = now - SignedDuration::from_millis(number);
        signer.sign_at(&WebhookId::random(), at, &BODY).apply(&mut headers);
        headers
    };
    (0..MESSAGES as i64).map(message).collect()
}

fn secrets() -> WebhookSecrets {
    WebhookSecrets::new(WebhookSecret::from_bytes(SECRET.to_vec()).expect("long enough"), Arc::new(SystemClock))
}
