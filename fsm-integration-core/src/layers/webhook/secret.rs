use std::{fmt, str::FromStr};

use base64::{Engine, engine::general_purpose::STANDARD};
use subtle::Choice;
use zeroize::Zeroizing;

#[cfg(feature = "ed25519")]
use super::asymmetric::KeyPair;
use super::{
    code::{Code, Signature, any_is},
    mac::Keyed,
    signed::Signed,
};

const PREFIX: &str = "whsec_";
const GENERATED_BYTES: usize = 32;

/// Text or bytes that cannot be a webhook secret; says what to give instead.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidSecret {
    /// Nothing was given.
    #[error("the webhook secret is empty")]
    Empty,
    /// It does not begin with `whsec_`.
    #[error("a webhook secret begins with `whsec_`")]
    NoPrefix,
    /// A versioned secret was pasted whole.
    #[error("paste the webhook secret without its version: drop the leading `v1,`")]
    Versioned,
    /// A signature was pasted instead of a secret.
    #[error("this is a webhook signature (`v1,…`), not a secret; a secret begins with `whsec_`")]
    Signature,
    /// A key of the asymmetric scheme was pasted where the feature `ed25519` is off.
    #[error("keys that begin with `whsk_` or `whpk_` need the feature `ed25519`; a shared secret begins with `whsec_`")]
    Asymmetric,
    /// A public key was pasted where a secret belongs.
    #[error("`whpk_` begins a public key, which verifies and cannot sign; a secret begins with `whsec_` or `whsk_`")]
    PublicKey,
    /// It is no key of the asymmetric scheme.
    #[error(
        "a `whsk_` key is 64 (or 32) bytes of an Ed25519 key pair, a `whpk_` key 32 bytes of a public key, in base64"
    )]
    NotAKey,
    /// What follows the prefix is no base64.
    #[error("what follows `whsec_` in the webhook secret is not standard base64")]
    NotBase64,
    /// There are too few bytes.
    #[error("a webhook secret has at least {} bytes, this one has {bytes}", WebhookSecret::MIN_BYTES)]
    TooShort {
        /// How many there are.
        bytes: usize,
    },
    /// There are too many bytes.
    #[error("a webhook secret has at most {} bytes", WebhookSecret::MAX_BYTES)]
    TooLong,
    /// The operating system gave no random bytes.
    #[error("the operating system gave no random bytes")]
    NoRandomness,
}

/// A secret that signs and verifies; never shown, and wiped from memory when dropped (requirement W7).
///
/// Its text says which scheme it is of: `whsec_` a shared secret (`v1`), with the feature `ed25519` also `whsk_` a key
/// pair (`v1a`), whose receivers need no more than its [`public_key`](Self::public_key).
///
/// ```
/// use fsm_integration_core::layers::webhook::{InvalidSecret, WebhookSecret};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let secret: WebhookSecret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".parse()?;
/// assert!(!format!("{secret:?}").contains("MfKQ9r8G"), "it is never shown");
/// assert_eq!("whsec_c2hvcnQ=".parse::<WebhookSecret>().unwrap_err(), InvalidSecret::TooShort { bytes: 5 });
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct WebhookSecret(Scheme);

#[derive(Clone)]
enum Scheme {
    Shared(Shared),
    #[cfg(feature = "ed25519")]
    Pair(KeyPair),
}

#[derive(Clone)]
struct Shared {
    bytes: Zeroizing<Vec<u8>>,
    keyed: Keyed,
}

impl WebhookSecret {
    /// The fewest bytes that are accepted (requirement W7).
    pub const MIN_BYTES: usize = 24;
    /// The most bytes that are accepted.
    pub const MAX_BYTES: usize = 1024;

    /// Makes a new shared secret of 32 random bytes.
    ///
    /// # Errors
    /// [`InvalidSecret::NoRandomness`] when the operating system has none.
    pub fn generate() -> Result<Self, InvalidSecret> {
        let mut bytes = Zeroizing::new(vec![0; GENERATED_BYTES]);
        getrandom::fill(&mut bytes).map_err(|_| InvalidSecret::NoRandomness)?;
        Self::from_bytes(bytes)
    }

    /// Takes the raw bytes of a shared secret, for partners that share no `whsec_` text.
    ///
    /// # Errors
    /// [`InvalidSecret`] when there are too few or too many.
    pub fn from_bytes(bytes: impl Into<Zeroizing<Vec<u8>>>) -> Result<Self, InvalidSecret> {
        let bytes = bytes.into();
        match bytes.len() {
            0 => Err(InvalidSecret::Empty),
            short if short < Self::MIN_BYTES => Err(InvalidSecret::TooShort { bytes: short }),
            long if long > Self::MAX_BYTES => Err(InvalidSecret::TooLong),
            _ => {
                let keyed = Keyed::new(&bytes);
                Ok(Self(Scheme::Shared(Shared { bytes, keyed })))
            }
        }
    }

    /// The `whsec_` or `whsk_` text, to keep, or to hand to the other side of a shared secret over a safe channel.
    #[must_use]
    pub fn expose(&self) -> Zeroizing<String> {
        match &self.0 {
            Scheme::Shared(shared) => {
                let encoded = Zeroizing::new(STANDARD.encode(&*shared.bytes));
                Zeroizing::new([PREFIX, encoded.as_str()].concat())
            }
            #[cfg(feature = "ed25519")]
            Scheme::Pair(pair) => pair.expose(),
        }
    }

    /// The code over what is signed; `None` for a key pair, which has no such code.
    #[inline]
    pub(super) fn code(&self, signed: &Signed<'_>) -> Option<Code> {
        match &self.0 {
            Scheme::Shared(shared) => Some(shared.keyed.code(signed)),
            #[cfg(feature = "ed25519")]
            Scheme::Pair(_) => None,
        }
    }

    /// Signs in the scheme of this secret.
    #[inline]
    pub(super) fn sign(&self, signed: &Signed<'_>) -> Signature {
        match &self.0 {
            Scheme::Shared(shared) => Signature::Shared(shared.keyed.code(signed)),
            #[cfg(feature = "ed25519")]
            Scheme::Pair(pair) => Signature::Asymmetric(pair.sign(signed)),
        }
    }

    /// How many characters a signature takes.
    #[inline]
    pub(super) fn signature_length(&self) -> usize {
        match &self.0 {
            Scheme::Shared(_) => 47,
            #[cfg(feature = "ed25519")]
            Scheme::Pair(_) => 92,
        }
    }

    /// Whether one of the signatures is of this secret; looks at all of them, match or no match.
    #[inline]
    pub(super) fn matches(&self, header: &[u8], signed: &Signed<'_>) -> Choice {
        match &self.0 {
            Scheme::Shared(shared) => any_is(header, &shared.keyed.code(signed)),
            #[cfg(feature = "ed25519")]
            Scheme::Pair(pair) => pair.public_key().matches(header, signed),
        }
    }
}

#[cfg(feature = "ed25519")]
#[cfg_attr(docsrs, doc(cfg(feature = "ed25519")))]
impl WebhookSecret {
    /// Makes a new key pair.
    ///
    /// # Errors
    /// [`InvalidSecret::NoRandomness`] when the operating system has none.
    pub fn generate_key_pair() -> Result<Self, InvalidSecret> {
        KeyPair::generate().map(|pair| Self(Scheme::Pair(pair)))
    }

    /// What the receivers of a key pair need to verify; `None` for a shared secret.
    #[must_use]
    pub fn public_key(&self) -> Option<super::WebhookPublicKey> {
        match &self.0 {
            Scheme::Shared(_) => None,
            Scheme::Pair(pair) => Some(pair.public_key()),
        }
    }
}

impl FromStr for WebhookSecret {
    type Err = InvalidSecret;

    fn from_str(text: &str) -> Result<Self, InvalidSecret> {
        let text = text.trim();
        #[cfg(feature = "ed25519")]
        if let Some(encoded) = text.strip_prefix("whsk_") {
            return KeyPair::from_base64(encoded).map(|pair| Self(Scheme::Pair(pair)));
        }
        let Some(encoded) = text.strip_prefix(PREFIX) else { return Err(why_no_prefix(text)) };
        if encoded.len() > 2 * Self::MAX_BYTES {
            return Err(InvalidSecret::TooLong);
        }
        let bytes = STANDARD.decode(encoded).map_err(|_| InvalidSecret::NotBase64)?;
        Self::from_bytes(bytes)
    }
}

fn why_no_prefix(text: &str) -> InvalidSecret {
    if text.is_empty() {
        InvalidSecret::Empty
    } else if cfg!(feature = "ed25519") && text.starts_with("whpk_") {
        InvalidSecret::PublicKey
    } else if text.starts_with("whsk_") || text.starts_with("whpk_") {
        InvalidSecret::Asymmetric
    } else if let Some((_, rest)) = text.split_once(',') {
        if rest.trim_start().starts_with(PREFIX) { InvalidSecret::Versioned } else { InvalidSecret::Signature }
    } else {
        InvalidSecret::NoPrefix
    }
}

impl fmt::Debug for WebhookSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WebhookSecret([redacted])")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(text: &str) -> InvalidSecret {
        text.parse::<WebhookSecret>().expect_err("no secret")
    }

    #[test]
    fn each_pasting_mistake_gets_its_own_answer() {
        assert_eq!(refusal(""), InvalidSecret::Empty);
        assert_eq!(refusal("whsec_"), InvalidSecret::Empty);
        assert_eq!(refusal("hunter2"), InvalidSecret::NoPrefix);
        assert_eq!(refusal("v1,whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"), InvalidSecret::Versioned);
        assert_eq!(refusal("v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="), InvalidSecret::Signature);
        let (pair, public) = if cfg!(feature = "ed25519") {
            (InvalidSecret::NotAKey, InvalidSecret::PublicKey)
        } else {
            (InvalidSecret::Asymmetric, InvalidSecret::Asymmetric)
        };
        assert_eq!(refusal("whsk_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"), pair);
        assert_eq!(refusal("whpk_1SiA4o9hyqTCpIqC5V9HUakiiaeACeqfZTInDBbOir4="), public);
        assert_eq!(refusal("whsec_no base64!"), InvalidSecret::NotBase64);
        assert_eq!(refusal("whsec_c2hvcnQ="), InvalidSecret::TooShort { bytes: 5 });
        assert_eq!(refusal(&format!("whsec_{}", "A".repeat(4096))), InvalidSecret::TooLong);
    }

    #[test]
    fn twenty_four_bytes_are_enough_and_twenty_three_are_not() {
        assert!(WebhookSecret::from_bytes(vec![7; 24]).is_ok());
        assert_eq!(WebhookSecret::from_bytes(vec![7; 23]).expect_err("short"), InvalidSecret::TooShort { bytes: 23 });
    }

    #[test]
    fn a_generated_secret_survives_its_text_and_is_never_the_same() {
        let secret = WebhookSecret::generate().expect("randomness");
        let again: WebhookSecret = secret.expose().parse().expect("its own text");
        let signed = Signed::bare(b"x");
        assert!(again.code(&signed).is_some_and(|code| secret.code(&signed) == Some(code)));
        assert_ne!(*WebhookSecret::generate().expect("randomness").expose(), *secret.expose());
        assert_eq!(secret.expose().len(), PREFIX.len() + 44, "32 bytes");
    }

    #[test]
    fn debug_shows_nothing_of_the_secret() {
        let secret = WebhookSecret::from_bytes(b"an unlikely text in a debug line".to_vec()).expect("long enough");
        assert_eq!(format!("{secret:?}"), "WebhookSecret([redacted])");
    }

    proptest::proptest! {
        #[test]
        fn no_text_panics_the_parser(text in ".{0,80}") {
            let _ = text.parse::<WebhookSecret>();
            let _ = format!("whsec_{text}").parse::<WebhookSecret>();
        }
    }
}
