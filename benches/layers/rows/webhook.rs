//! Signing and verifying a body of 1 KiB.

use std::sync::Arc;

use fsm_integration_core::{
    clock::{CoarseClock, SystemClock, WallClock},
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

type SharedClock = Arc<dyn WallClock>;

const SECRET: [u8; 32] = [7; 32];
const BODY: [u8; 1_024] = [b'x'; 1_024];
/// How many messages a verifier remembers whose messages' headers lie in the cache, as those of a request that was just
/// read do, and one whose headers do not.
const WARM: usize = 4;
const COLD: usize = 512;
/// So many times more messages: when a message comes again, it was forgotten, and is no replay.
const TURNS: usize = 4;

pub(crate) fn sign(row: &mut Row) {
    bare_hmac(row);
    let signer = WebhookSigner::new(secrets(Arc::new(SystemClock)));
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
    let messages = |family, remembered| Arc::new(signed_messages(family, TURNS * remembered));
    let coarse: SharedClock = Arc::new(CoarseClock::new());
    let standard = Some(Family::Standard);
    // What the peers do: none of them knows replays.
    let (warm, clock) = (messages(standard, WARM), Arc::clone(&coarse));
    row.ours("WebhookVerifier::verify_signature, standard headers", move || {
        let verifier = WebhookVerifier::new(secrets(Arc::clone(&clock)));
        one_after_another(Arc::clone(&warm), move |headers| verifier.verify_signature(headers, &BODY).is_ok())
    })
    .alone();
    let mut remembering = |name, family, remembered, clock: SharedClock| {
        let messages = messages(family, remembered);
        row.also(name, move || verify_new(Arc::clone(&messages), remembered, Arc::clone(&clock))).alone();
    };
    remembering("verify, replays refused", standard, WARM, Arc::clone(&coarse));
    remembering("the same with the system's clock", standard, WARM, Arc::new(SystemClock));
    remembering("the same with headers of both families", None, WARM, Arc::clone(&coarse));
    remembering("the same with headers that are not in the cache", standard, COLD, coarse);
    row.peer("ring, bare", || {
        let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, &SECRET);
        let tag = ring::hmac::sign(&key, &BODY);
        spin(move |_| ring::hmac::verify(&key, &BODY, tag.as_ref()).expect("it is the tag"))
    })
    .alone();
    // Knows no replays.
    let messages = Arc::new(signed_messages(standard, TURNS * WARM));
    row.peer("standardwebhooks", move || {
        let messages = Arc::clone(&messages);
        let webhook = Webhook::from_bytes(SECRET.to_vec()).expect("a secret");
        spin(move |number| webhook.verify(&BODY, &messages[number as usize % messages.len()]).expect("it was signed"))
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
    // As many blocks of SHA-256 as the body alone, so the body alone is the floor.
    row.floor("hmac and sha2 of id.timestamp.body", || {
        let keyed = Hmac::<Sha256>::new_from_slice(&SECRET).expect("any length is taken");
        let head = format!("{}.1700000000.", WebhookId::random());
        spin(move |_| {
            let mut mac = keyed.clone();
            mac.update(head.as_bytes());
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

fn verify_new(messages: Arc<Vec<HeaderMap>>, remembered: usize, clock: SharedClock) -> Lane {
    let config = VerifyConfig { remembered, ..VerifyConfig::default() };
    let verifier = WebhookVerifier::with_config(secrets(clock), &config);
    one_after_another(messages, move |headers| verifier.verify(headers, &BODY).is_ok())
}

/// Goes on from batch to batch.
fn one_after_another(messages: Arc<Vec<HeaderMap>>, verify: impl Fn(&HeaderMap) -> bool + Send + 'static) -> Lane {
    let mut next = messages.len();
    spin(move |_| {
        next = if next < messages.len() - 1 { next + 1 } else { 0 };
        assert!(verify(&messages[next]), "it was signed");
    })
}

/// A millisecond apart: `X-FSM-Signature` does not cover the id, so that equal bodies of one millisecond are one message.
fn signed_messages(family: Option<Family>, messages: usize) -> Vec<HeaderMap> {
    let (signer, now) = (WebhookSigner::new(secrets(Arc::new(SystemClock))), SystemClock.timestamp());
    let signer = if let Some(family) = family { signer.only(family) } else { signer };
    let message = |number| {
        let mut headers = HeaderMap::new();
        let at = now - SignedDuration::from_millis(number);
        signer.sign_at(&WebhookId::random(), at, &BODY).apply(&mut headers);
        headers
    };
    (0..messages as i64).map(message).collect()
}

fn secrets(clock: SharedClock) -> WebhookSecrets {
    WebhookSecrets::new(WebhookSecret::from_bytes(SECRET.to_vec()).expect("long enough"), clock)
}
