use std::{collections::HashSet, fmt, str::FromStr};

use fsm_integration_core::adapter::TenantId;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::{Doc, Mistake, Mistakes, ServerConfig};

/// Who may call.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct AuthConfig {
    /// API keys by tenant, hashed; a tenant may have several, so that keys can be rotated.
    pub keys: Vec<ApiKey>,
    /// Hash of the operators' token; absent, the admin listener serves loopback only.
    #[serde(with = "optional_hash")]
    pub admin_token_sha256: Option<KeyHash>,
}

/// A key that opens the API for a tenant.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ApiKey {
    /// Whose key it is.
    pub tenant: TenantId,
    /// SHA-256 of the key.
    pub sha256: KeyHash,
}

/// SHA-256 of a key; the key itself is never stored.
#[derive(Clone, Copy, Eq)]
pub struct KeyHash([u8; 32]);

impl KeyHash {
    /// Hashes a key as a caller presents it.
    #[must_use]
    pub fn of(key: &str) -> Self {
        Self(Sha256::digest(key.as_bytes()).into())
    }
}

/// In constant time: how much of a hash agrees is nobody's business.
impl PartialEq for KeyHash {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl std::hash::Hash for KeyHash {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}

/// Text that is no SHA-256 in hexadecimal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a SHA-256 has 64 hexadecimal digits; `printf %s \"$KEY\" | sha256sum` prints it")]
pub struct InvalidHash;

impl FromStr for KeyHash {
    type Err = InvalidHash;

    fn from_str(text: &str) -> Result<Self, InvalidHash> {
        let mut hash = [0; 32];
        if text.len() != 64 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(InvalidHash);
        }
        for (index, byte) in hash.iter_mut().enumerate() {
            *byte = u8::from_str_radix(&text[2 * index..2 * index + 2], 16).map_err(|_| InvalidHash)?;
        }
        Ok(Self(hash))
    }
}

impl fmt::Display for KeyHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for KeyHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(hash)")
    }
}

impl Serialize for KeyHash {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for KeyHash {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// A hash or nothing, nothing being the empty string: so the example file can show the key.
mod optional_hash {
    use serde::{Deserialize, Deserializer, Serializer};

    use super::KeyHash;

    pub(super) fn serialize<S: Serializer>(hash: &Option<KeyHash>, serializer: S) -> Result<S::Ok, S::Error> {
        match hash {
            Some(hash) => serializer.collect_str(hash),
            None => serializer.serialize_str(""),
        }
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<KeyHash>, D::Error> {
        let text = String::deserialize(deserializer)?;
        if text.is_empty() { Ok(None) } else { text.parse().map(Some).map_err(serde::de::Error::custom) }
    }
}

pub(super) const DOCS: &[Doc] = &[
    (
        "keys",
        "API keys, hashed: { tenant = \"acme\", sha256 = \"...\" }, the hash as `printf %s \"$KEY\" | sha256sum` prints it.\n\
         A tenant may have several. Callers send the key as `Authorization: Bearer <key>`.",
    ),
    ("admin_token_sha256", "SHA-256 of the operators' token; empty: the admin listener serves loopback only."),
];

impl AuthConfig {
    pub(super) fn check(&self, server: &ServerConfig, found: &mut Mistakes) {
        found.require(
            server.listen.ip().is_loopback() || !self.keys.is_empty(),
            "server.listen",
            "is reachable by others, and auth.keys is empty",
            "add a key to auth.keys, or listen on 127.0.0.1",
        );
        found.require(
            server.admin_listen.ip().is_loopback() || self.admin_token_sha256.is_some(),
            "server.admin_listen",
            "is reachable by others, and auth.admin_token_sha256 is empty",
            "set auth.admin_token_sha256, or listen on 127.0.0.1",
        );
        let mut seen = HashSet::new();
        for (index, key) in self.keys.iter().enumerate() {
            if !seen.insert(key.sha256) {
                let problem = format!("tenant {} has a key that stands here twice", key.tenant);
                found.push(Mistake::of(format!("auth.keys[{index}]"), problem, "give every tenant keys of its own"));
            }
        }
    }
}
