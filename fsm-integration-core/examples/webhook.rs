//! A webhook signed and verified; then changed on the way, sent twice, and signed with the next secret.
//!
//! `cargo run -p fsm-integration-core --example webhook`

use std::{sync::Arc, time::Duration};

use fsm_integration_core::{
    clock::SystemClock,
    error::BoxError,
    layers::webhook::{WebhookId, WebhookSecret, WebhookSecrets, WebhookSigner, WebhookVerifier},
};
use http::HeaderMap;

const BODY: &[u8] = br#"{"status":"SCHEDULED"}"#;

fn main() -> Result<(), BoxError> {
    let secrets = WebhookSecrets::new(WebhookSecret::generate()?, Arc::new(SystemClock));
    let (signer, verifier) = (WebhookSigner::new(secrets.clone()), WebhookVerifier::new(secrets.clone()));
    let signed = |id: &str| -> Result<HeaderMap, BoxError> {
        let mut headers = HeaderMap::new();
        signer.sign(&WebhookId::new(id)?, BODY).apply(&mut headers);
        Ok(headers)
    };

    let first = signed("evt_1")?;
    for name in first.keys() {
        println!("{name}: {:?}", first[name]);
    }
    println!("as sent: {:?}", verifier.verify(&first, BODY).map(|_| "accepted"));
    println!("sent twice: {:?}", verifier.verify(&first, BODY).map(|_| "accepted"));
    println!("changed: {:?}", verifier.verify(&signed("evt_2")?, b"{}").map(|_| "accepted"));

    // The old secret stays good for a day, so that nothing in flight is lost.
    secrets.rotate(WebhookSecret::generate()?, Duration::from_secs(24 * 60 * 60));
    println!("after the rotation: {:?}", verifier.verify(&signed("evt_3")?, BODY).map(|_| "accepted"));
    Ok(())
}
