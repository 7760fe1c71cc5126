use std::{fmt, str::FromStr};

use base64::{Engine, engine::general_purpose::STANDARD};
use ed25519_dalek::{
    SigningKey, VerifyingKey,
    ed25519::signature::{MultipartSigner, MultipartVerifier},
};
use subtle::Choice;
use zeroize::Zeroizing;

use super::{InvalidSecret, code::Signature};

const PAIR_PREFIX: &str = "whsk_";
const PUBLIC_PREFIX: &str = "whpk_";
/// Longer than the base64 of any key.
const MAX_TEXT: usize = 128;

/// An Ed25519 key pair; the library wipes it when it is dropped.
#[derive(Clone)]
pub(super) struct KeyPair(SigningKey);

impl KeyPair {
    pub(super) fn generate() -> Result<Self, InvalidSecret> {
        let mut seed = Zeroizing::new([0; 32]);
        getrandom::fill(seed.as_mut()).map_err(|_| InvalidSecret::NoRandomness)?;
        Ok(Self(SigningKey::from_bytes(&seed)))
    }

    /// Reads seed and public key, as the libraries write a pair, or the seed alone.
    pub(super) fn from_base64(encoded: &str) -> Result<Self, InvalidSecret> {
        let bytes = Zeroizing::new(decode(encoded)?);
        if let Ok(seed) = bytes.as_slice().try_into() {
            return Ok(Self(SigningKey::from_bytes(seed)));
        }
        let pair = bytes.as_slice().try_into().map_err(|_| InvalidSecret::NotAKey)?;
        SigningKey::from_keypair_bytes(pair).map(Self).map_err(|_| InvalidSecret::NotAKey)
    }

    pub(super) fn expose(&self) -> Zeroizing<String> {
        let bytes = Zeroizing::new(self.0.to_keypair_bytes());
        let encoded = Zeroizing::new(STANDARD.encode(bytes.as_slice()));
        Zeroizing::new([PAIR_PREFIX, encoded.as_str()].concat())
    }

    pub(super) fn sign(&self, parts: &[&[u8]]) -> [u8; 64] {
        self.0.multipart_sign(parts).to_bytes()
    }

    pub(super) fn public_key(&self) -> WebhookPublicKey {
        WebhookPublicKey(self.0.verifying_key())
    }
}

/// The public half of a key pair: verifies webhooks of the scheme `v1a` and cannot sign any (requirement W8).
///
/// Read from `whpk_` text; it is no secret, so it is shown. Verification takes some 40 µs, fifty times a shared
/// secret's; at most eight signatures of a message are looked at.
///
/// ```
/// use std::sync::Arc;
/// use fsm_integration_core::{clock::SystemClock, layers::webhook::*};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let pair = WebhookSecret::generate_key_pair()?;
/// let public_key: WebhookPublicKey = pair.public_key().expect("of a pair").to_string().parse()?;
///
/// let signer = WebhookSigner::new(WebhookSecrets::new(pair, Arc::new(SystemClock)));
/// let verifier = WebhookVerifier::new(WebhookPublicKeys::new(public_key, Arc::new(SystemClock)));
///
/// let mut headers = http::HeaderMap::new();
/// signer.sign(&WebhookId::new("evt_1")?, b"{}").apply(&mut headers);
/// assert!(verifier.verify(&headers, b"{}").is_ok());
/// # Ok(())
/// # }
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct WebhookPublicKey(VerifyingKey);

impl WebhookPublicKey {
    /// Takes the 32 bytes of a public key.
    ///
    /// # Errors
    /// [`InvalidSecret::NotAKey`] when they are no point of the curve, or one under which anything verifies.
    pub fn from_bytes(bytes: &[u8; 32]) -> Result<Self, InvalidSecret> {
        let key = VerifyingKey::from_bytes(bytes).map_err(|_| InvalidSecret::NotAKey)?;
        if key.is_weak() { Err(InvalidSecret::NotAKey) } else { Ok(Self(key)) }
    }

    /// Whether one of the signatures is by the other half of this key.
    pub(super) fn matches(&self, signatures: impl Iterator<Item = Signature>, parts: &[&[u8]]) -> Choice {
        signatures.fold(Choice::from(0), |matches, signature| match signature {
            Signature::Asymmetric(bytes) => {
                let signature = ed25519_dalek::Signature::from_bytes(&bytes);
                matches | Choice::from(u8::from(self.0.multipart_verify(parts, &signature).is_ok()))
            }
            Signature::Shared(_) => matches,
        })
    }
}

impl FromStr for WebhookPublicKey {
    type Err = InvalidSecret;

    fn from_str(text: &str) -> Result<Self, InvalidSecret> {
        let text = text.trim();
        if text.is_empty() {
            return Err(InvalidSecret::Empty);
        }
        let encoded = text.strip_prefix(PUBLIC_PREFIX).ok_or(InvalidSecret::NotAKey)?;
        let bytes = decode(encoded)?;
        Self::from_bytes(bytes.as_slice().try_into().map_err(|_| InvalidSecret::NotAKey)?)
    }
}

impl fmt::Display for WebhookPublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{PUBLIC_PREFIX}{}", STANDARD.encode(self.0.as_bytes()))
    }
}

impl fmt::Debug for WebhookPublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "WebhookPublicKey({self})")
    }
}

fn decode(encoded: &str) -> Result<Vec<u8>, InvalidSecret> {
    if encoded.len() > MAX_TEXT {
        return Err(InvalidSecret::NotAKey);
    }
    STANDARD.decode(encoded).map_err(|_| InvalidSecret::NotAKey)
}
