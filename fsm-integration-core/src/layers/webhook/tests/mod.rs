#[cfg(feature = "ed25519")]
mod asymmetric;
mod judging;
mod layers;
mod rotation;
mod sharing;

use std::sync::Arc;

use http::{HeaderMap, HeaderValue};
use jiff::{SignedDuration, Timestamp};

use super::*;
use crate::{
    clock::{Sleep, WallClock},
    error::InvalidSignature,
    observe::Told,
};

const VECTOR_SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const VECTOR_ID: &str = "msg_p5jXN8AQM9LWM0D4loKWxJek";
const VECTOR_SECOND: i64 = 1_614_265_330;
const VECTOR_BODY: &[u8] = br#"{"test": 2432232314}"#;
const VECTOR_SIGNATURE: &str = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";

/// A wall clock that stands where a test puts it.
#[derive(Debug, Clone)]
struct Hands(Arc<parking_lot::Mutex<Timestamp>>);

impl Hands {
    fn at(second: i64) -> Self {
        Self(Arc::new(parking_lot::Mutex::new(Timestamp::from_second(second).expect("in range"))))
    }

    fn advance(&self, seconds: i64) {
        *self.0.lock() += SignedDuration::from_secs(seconds);
    }
}

impl WallClock for Hands {
    fn timestamp(&self) -> Timestamp {
        *self.0.lock()
    }

    fn sleep_until(&self, _: Timestamp) -> Sleep {
        Box::pin(std::future::pending())
    }
}

struct Room {
    clock: Hands,
    secrets: WebhookSecrets,
    signer: WebhookSigner,
    verifier: WebhookVerifier,
}

fn room() -> Room {
    let clock = Hands::at(VECTOR_SECOND);
    let secrets = WebhookSecrets::new(VECTOR_SECRET.parse().expect("the vector"), Arc::new(clock.clone()));
    let signer = WebhookSigner::new(secrets.clone());
    let verifier = WebhookVerifier::new(secrets.clone());
    Room { clock, secrets, signer, verifier }
}

fn secret(byte: u8) -> WebhookSecret {
    WebhookSecret::from_bytes(vec![byte; 32]).expect("long enough")
}

fn id() -> WebhookId {
    WebhookId::new(VECTOR_ID).expect("the vector")
}

impl Room {
    fn signed(&self) -> HeaderMap {
        let mut headers = HeaderMap::new();
        self.signer.sign(&id(), VECTOR_BODY).apply(&mut headers);
        headers
    }

    fn signed_fsm(&self) -> HeaderMap {
        without(self.signed(), &["webhook-id", "webhook-timestamp", "webhook-signature"])
    }

    fn verify(&self, headers: &HeaderMap) -> Result<Verified, InvalidSignature> {
        self.verifier.verify(headers, VECTOR_BODY)
    }

    fn refusal(&self, headers: &HeaderMap) -> InvalidSignature {
        self.verify(headers).expect_err("a refusal")
    }
}

fn without(mut headers: HeaderMap, names: &[&str]) -> HeaderMap {
    for name in names {
        headers.remove(*name);
    }
    headers
}

fn with(mut headers: HeaderMap, name: &'static str, value: &str) -> HeaderMap {
    headers.insert(name, HeaderValue::from_bytes(value.as_bytes()).expect("a value"));
    headers
}

fn secret_of_vector() -> WebhookSecret {
    VECTOR_SECRET.parse().expect("the vector")
}
