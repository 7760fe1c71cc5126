use std::{fmt, str::FromStr, sync::Arc};

/// Text that cannot be a path of a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a secret's path has 1 to 8 segments, each matching ^[a-z0-9][a-z0-9_-]{{0,63}}$, with slashes between")]
pub struct InvalidSecretPath;

/// Where a secret lies; no segment can climb out of it or into another tenant's (requirement K4).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SecretPath(Arc<str>);

impl SecretPath {
    const MAX_SEGMENTS: usize = 8;

    /// Checks the text and makes it a path.
    ///
    /// # Errors
    /// [`InvalidSecretPath`] when a segment is malformed or there are too many.
    pub fn new(text: impl AsRef<str>) -> Result<Self, InvalidSecretPath> {
        let text = text.as_ref();
        let valid = text.split('/').count() <= Self::MAX_SEGMENTS && text.split('/').all(is_segment);
        if valid { Ok(Self(text.into())) } else { Err(InvalidSecretPath) }
    }

    /// Composes a path of segments, none of which can hold a slash.
    ///
    /// # Errors
    /// [`InvalidSecretPath`] as [`new`](Self::new).
    pub fn from_segments(segments: &[&str]) -> Result<Self, InvalidSecretPath> {
        if segments.iter().all(|segment| is_segment(segment)) {
            Self::new(segments.join("/"))
        } else {
            Err(InvalidSecretPath)
        }
    }

    /// The path of the key that an adapter authenticates with: `integrations/{tenant}/{adapter}/api-key`.
    ///
    /// # Errors
    /// [`InvalidSecretPath`] when an id is malformed.
    pub fn api_key(tenant: &str, adapter: &str) -> Result<Self, InvalidSecretPath> {
        Self::from_segments(&["integrations", tenant, adapter, "api-key"])
    }

    /// The path of a sales system's webhook secret: `integrations/{tenant}/sales/{system}/webhook-secret`.
    ///
    /// # Errors
    /// [`InvalidSecretPath`] when an id is malformed.
    pub fn webhook_secret(tenant: &str, system: &str) -> Result<Self, InvalidSecretPath> {
        Self::from_segments(&["integrations", tenant, "sales", system, "webhook-secret"])
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Each segment.
    pub fn segments(&self) -> impl Iterator<Item = &str> {
        self.0.split('/')
    }
}

fn is_segment(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    text.len() <= 64
        && text.bytes().next().is_some_and(plain)
        && text.bytes().all(|byte| plain(byte) || byte == b'_' || byte == b'-')
}

impl fmt::Display for SecretPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for SecretPath {
    type Err = InvalidSecretPath;

    fn from_str(text: &str) -> Result<Self, InvalidSecretPath> {
        Self::new(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn f_k2_a_tenant_cannot_climb_out_of_its_path() {
        for tenant in ["..", ".", "", "a/b", "../other", "a%2fb", "A", "a b", "a\0", "-a", &"a".repeat(65)] {
            assert!(SecretPath::api_key(tenant, "pyxis").is_err(), "{tenant:?}");
            assert!(SecretPath::webhook_secret("demo", tenant).is_err(), "{tenant:?}");
        }
        let path = SecretPath::webhook_secret("demo", "pyxis").expect("a path");
        assert_eq!(path.as_str(), "integrations/demo/sales/pyxis/webhook-secret");
    }

    #[test]
    fn a_path_has_no_empty_or_absolute_parts_and_is_bounded() {
        for bad in ["", "/", "/a", "a/", "a//b", "a/../b", "a/./b", "1/2/3/4/5/6/7/8/9"] {
            assert!(SecretPath::new(bad).is_err(), "{bad:?}");
        }
        assert_eq!(SecretPath::new("a/b-c").expect("a path").segments().count(), 2);
    }
}
