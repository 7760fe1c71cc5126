//! Signed webhooks: signs what goes out, verifies what comes in, over the raw bytes.
//!
//! Every message carries two families of headers (requirement W1), each sufficient alone:
//!
//! | family | headers | signed bytes | signature |
//! |---|---|---|---|
//! | Standard Webhooks | `webhook-id`, `webhook-timestamp`, `webhook-signature` | `id.seconds.body` | `v1,<base64>`, one for each active secret |
//! | FSM | `X-FSM-Event-ID`, `X-FSM-Timestamp`, `X-FSM-Signature` | `timestamp.body` | lower-case hex, by the newest secret |
//!
//! The receivers of the FSM family compare one value, so it carries one signature: hand them the new secret
//! before you [rotate](WebhookSecrets::rotate). The event id of the FSM family is *not* covered by its
//! signature; a receiver that relies on the id reads the standard family.
//!
//! What is verified, in this order: headers there once, timestamp readable, within the window, signature under
//! any accepted secret, not seen before. A [`WebhookVerifier`] with a standard signature in front of it judges
//! that one and ignores the FSM family.
//!
//! ```
//! use std::sync::Arc;
//! use fsm_integration_core::{clock::SystemClock, layers::webhook::*};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let secrets = WebhookSecrets::new(WebhookSecret::generate()?, Arc::new(SystemClock));
//! let signer = WebhookSigner::new(secrets.clone());
//! let verifier = WebhookVerifier::new(secrets);
//!
//! let mut headers = http::HeaderMap::new();
//! signer.sign(&WebhookId::new("evt_1")?, b"{}").apply(&mut headers);
//! assert!(verifier.verify(&headers, b"{}").is_ok());
//! assert!(verifier.verify(&headers, b"{ }").is_err());
//! # Ok(())
//! # }
//! ```

mod header;
mod id;
mod replay;
mod secret;
mod secrets;
mod sign;
mod signer;
mod timestamp;
mod verifier;
mod verify;

#[cfg(test)]
mod tests;

pub use self::{
    id::{InvalidWebhookId, WebhookId},
    replay::ReplayGuard,
    secret::{InvalidSecret, WebhookSecret},
    secrets::WebhookSecrets,
    sign::{SignLayer, SignService},
    signer::{SignedHeaders, WebhookSigner},
    verifier::{Family, ReplayScope, Verified, VerifyConfig, WebhookVerifier},
    verify::{VerifyFuture, VerifyLayer, VerifyService},
};
