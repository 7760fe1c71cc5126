use jiff::Timestamp;
use subtle::Choice;

use super::{
    WebhookSecrets,
    code::{Code, same_code},
    signed::Signed,
};

/// What a verifier believes: shared secrets and, with the feature `ed25519`, public keys.
///
/// Made from either; a receiver whose sender moves from one to the other believes both for a while.
#[derive(Debug, Clone)]
pub struct TrustedKeys(Kind);

#[derive(Debug, Clone)]
enum Kind {
    Secrets(WebhookSecrets),
    #[cfg(feature = "ed25519")]
    PublicKeys(super::WebhookPublicKeys),
    #[cfg(feature = "ed25519")]
    Both(WebhookSecrets, super::WebhookPublicKeys),
}

impl From<WebhookSecrets> for TrustedKeys {
    fn from(secrets: WebhookSecrets) -> Self {
        Self(Kind::Secrets(secrets))
    }
}

#[cfg(feature = "ed25519")]
#[cfg_attr(docsrs, doc(cfg(feature = "ed25519")))]
impl From<super::WebhookPublicKeys> for TrustedKeys {
    fn from(keys: super::WebhookPublicKeys) -> Self {
        Self(Kind::PublicKeys(keys))
    }
}

#[cfg(feature = "ed25519")]
#[cfg_attr(docsrs, doc(cfg(feature = "ed25519")))]
impl From<(WebhookSecrets, super::WebhookPublicKeys)> for TrustedKeys {
    fn from((secrets, keys): (WebhookSecrets, super::WebhookPublicKeys)) -> Self {
        Self(Kind::Both(secrets, keys))
    }
}

impl TrustedKeys {
    pub(super) fn now(&self) -> Timestamp {
        match &self.0 {
            Kind::Secrets(secrets) => secrets.now(),
            #[cfg(feature = "ed25519")]
            Kind::PublicKeys(keys) => keys.now(),
            #[cfg(feature = "ed25519")]
            Kind::Both(secrets, _) => secrets.now(),
        }
    }

    fn secrets(&self) -> Option<&WebhookSecrets> {
        match &self.0 {
            Kind::Secrets(secrets) => Some(secrets),
            #[cfg(feature = "ed25519")]
            Kind::PublicKeys(_) => None,
            #[cfg(feature = "ed25519")]
            Kind::Both(secrets, _) => Some(secrets),
        }
    }

    /// Compares every signature with every key that holds, in constant time and without stopping at a match.
    #[inline]
    pub(super) fn match_standard(&self, now: Timestamp, header: &[u8], signed: &Signed<'_>) -> bool {
        let shared =
            |secrets: &WebhookSecrets| any(secrets.holding(now).iter().map(|secret| secret.matches(header, signed)));
        #[cfg(feature = "ed25519")]
        let public =
            |keys: &super::WebhookPublicKeys| any(keys.holding(now).iter().map(|key| key.matches(header, signed)));
        match &self.0 {
            Kind::Secrets(secrets) => shared(secrets),
            #[cfg(feature = "ed25519")]
            Kind::PublicKeys(keys) => public(keys),
            #[cfg(feature = "ed25519")]
            Kind::Both(secrets, keys) => shared(secrets) | public(keys),
        }
    }

    /// Compares a code with that of every secret that holds, in constant time and without stopping at a match.
    #[inline]
    pub(super) fn match_code(&self, now: Timestamp, code: &Code, signed: &Signed<'_>) -> bool {
        let Some(secrets) = self.secrets() else { return false };
        let secrets = secrets.holding(now);
        any(secrets.iter().filter_map(|secret| secret.code(signed)).map(|own| same_code(&own, code)))
    }
}

/// Whether one of them is; looks at all.
#[inline]
fn any(choices: impl Iterator<Item = Choice>) -> bool {
    choices.reduce(|one, other| one | other).is_some_and(bool::from)
}
