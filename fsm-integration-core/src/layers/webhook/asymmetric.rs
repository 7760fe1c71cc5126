use std::{fmt, str::FromStr};

use base64::{Engine, engine::general_purpose::STANDARD};
use ed25519_dalek::{
    Signature, SigningKey, VerifyingKey,
    ed25519::signature::{MultipartSigner, MultipartVerifier},
};
use subtle::Choice;
use zeroize::Zeroizing;

use super::{InvalidSecret, code::candidates, signed::Signed};

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

    pub(super) fn sign(&self, signed: &Signed<'_>) -> [u8; 64] {
        self.0.multipart_sign(signed.pieces()).to_bytes()
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
    pub(super) fn matches(&self, header: &[u8], signed: &Signed<'_>) -> Choice {
        candidates(header).filter_map(read_v1a).fold(Choice::from(0), |matches, signature| {
            matches | Choice::from(u8::from(self.0.multipart_verify(signed.pieces(), &signature).is_ok()))
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

/// Writes `v1a,` and the signature in base64.
pub(super) fn write_v1a(signature: &[u8; 64], room: &mut [u8]) -> usize {
    let (version, encoded) = room.split_at_mut(4);
    version.copy_from_slice(b"v1a,");
    4 + STANDARD.encode_slice(signature, encoded).expect("room for 88 characters")
}

fn read_v1a(text: &[u8]) -> Option<Signature> {
    let encoded: &[u8; 88] = text.strip_prefix(b"v1a,")?.try_into().ok()?;
    // As much as 88 characters may decode to.
    let mut bytes = [0; 66];
    let length = STANDARD.decode_slice(encoded, &mut bytes).ok()?;
    Signature::from_slice(&bytes[..length]).ok()
}

fn decode(encoded: &str) -> Result<Vec<u8>, InvalidSecret> {
    if encoded.len() > MAX_TEXT {
        return Err(InvalidSecret::NotAKey);
    }
    STANDARD.decode(encoded).map_err(|_| InvalidSecret::NotAKey)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn v1a(signature: &[u8; 64]) -> [u8; 92] {
        let mut text = [0; 92];
        assert_eq!(write_v1a(signature, &mut text), text.len());
        text
    }

    #[test]
    fn only_whole_signatures_of_the_version_are_read() {
        let good = v1a(&[7; 64]);
        assert!(read_v1a(&good).is_some());
        for bad in [b"".as_slice(), b"v1a,", &good[..91], &good[1..], &good[4..], &[&good[..], b"="].concat()] {
            assert_eq!(read_v1a(bad), None, "{}", bad.escape_ascii());
        }
    }

    proptest! {
        #[test]
        fn a_signature_survives_its_text(low: [u8; 32], high: [u8; 32]) {
            let signature: [u8; 64] = [low, high].concat().try_into().expect("64 bytes");
            prop_assert_eq!(read_v1a(&v1a(&signature)).map(|read| read.to_bytes()), Some(signature));
        }
    }
}
