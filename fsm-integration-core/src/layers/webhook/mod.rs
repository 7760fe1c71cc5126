//! Signed webhooks: signs what goes out, verifies what comes in, over the raw bytes.
//!
//! Every message carries two families of headers (requirement W1), each sufficient alone:
//!
//! | family | headers | signed bytes | signature |
//! |---|---|---|---|
//! | Standard Webhooks | `webhook-id`, `webhook-timestamp`, `webhook-signature` | `id.seconds.body` | `v1,<base64>`, one for each active secret |
//! | FSM | `X-FSM-Event-ID`, `X-FSM-Timestamp`, `X-FSM-Signature` | `timestamp.body` | lower-case hex, by the newest secret |
//!
//! With the feature `ed25519` a secret may also be a key pair (`whsk_`), which adds `v1a,<base64>` to the standard
//! family's signatures: its receivers hold a public key (`whpk_`) and cannot sign.
//!
//! The receivers of the FSM family compare one value, so it carries one signature: hand them the new secret
//! before you [rotate](WebhookSecrets::rotate). The event id of the FSM family is *not* covered by its
//! signature; a receiver that relies on the id reads the standard family. For receivers elsewhere, who know Standard
//! Webhooks only, sign with [`only`](WebhookSigner::only) that family: it is half the work.
//!
//! What is verified, in this order: headers there once, timestamp readable, within the window, signature under
//! any accepted key, not seen before. A [`WebhookVerifier`] with a standard signature in front of it judges
//! that one and ignores the FSM family. Why a message is refused is one of seven reasons
//! ([`InvalidSignature`](crate::error::InvalidSignature)), told to observers and never to the sender.
//!
//! One family an endpoint is best ([`VerifyConfig::families`]): the two are signed apart, and nothing signed says that
//! they belong together. A message with both is remembered by both, so that neither comes in again without the
//! other; but who controls its *first* delivery can split it into two messages, the FSM headers alone and then the
//! standard ones alone, and each is accepted once. A handler that deduplicates by id is not safe from that either,
//! since the id of the FSM family is not signed.
//!
//! | layer | where | right | wrong |
//! |---|---|---|---|
//! | [`SignLayer`] | outbound, innermost | inside retry: each attempt has its own timestamp | outside: the third attempt is signed with a time that the receiver takes for a replay |
//! | [`VerifyLayer`] | inbound, before anything reads the body | over the raw bytes | after a JSON extractor: what was parsed and printed again is not what was signed |
//!
//! A body above 1 MB is not sent, and one above 100 kB is told of ([`SignConfig`], requirement W19).
//!
//! Costs: one HMAC over the body for each family and secret, and beside it about a tenth of what the HMAC of 1 KiB
//! takes, and half a tenth to remember the message; one allocation to sign, none to verify. Keyed states are made once per secret. A
//! [`CoarseClock`](crate::clock::CoarseClock) for the secrets saves 30 ns of a verification.
//!
//! What it does not do: it keeps no secrets (`secret`), retries nothing (`retry`), and does not say where a webhook
//! may be sent ([`egress`](crate::egress)). Nor does it discover keys: Standard Webhooks says nothing of where a sender's
//! public key is to be found ([issue 34](https://github.com/standard-webhooks/standard-webhooks/issues/34) asks for it), and
//! who fetched it by the message itself would trust whoever sent that. Keys come by configuration, `whsec_` or
//! `whpk_`; whoever has a way to fetch new ones hands them to [`WebhookSecrets::rotate`].
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

#[cfg(feature = "ed25519")]
mod asymmetric;
mod code;
mod config;
mod endpoint;
mod header;
mod id;
mod mac;
mod replay;
mod secret;
mod secrets;
mod sign;
mod signed;
mod signer;
mod text;
mod timestamp;
mod trusted;
mod verified;
mod verifier;
mod verify;

#[cfg(test)]
mod tests;

#[cfg(feature = "ed25519")]
#[cfg_attr(docsrs, doc(cfg(feature = "ed25519")))]
pub use self::{asymmetric::WebhookPublicKey, secrets::WebhookPublicKeys};
pub use self::{
    config::{Families, ReplayScope, SignConfig, VerifyConfig},
    endpoint::{Delivery, EndpointChange, EndpointConfig, EndpointHealth},
    id::{InvalidWebhookId, WebhookId},
    replay::{ReplayGuard, ReplayKeys, ReplayStore},
    secret::{InvalidSecret, WebhookSecret},
    secrets::WebhookSecrets,
    sign::{SignFuture, SignLayer, SignService, Signable},
    signer::{SignedHeaders, WebhookSigner},
    trusted::TrustedKeys,
    verified::{Family, Verified},
    verifier::WebhookVerifier,
    verify::{Buffered, InMemory, ReadBody, Reading, VerifyFuture, VerifyLayer, VerifyService},
};
