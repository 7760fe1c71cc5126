use std::{fmt, sync::Arc};

use serde::{Deserialize, Serialize};

/// Text that is no valid id; says what one looks like.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what} must match {pattern}")]
pub struct InvalidId {
    what: &'static str,
    pattern: &'static str,
}

/// Whether text is safe in a path, a label and a key (requirement K4): `^[a-z0-9][a-z0-9_-]{0,63}$`.
fn is_slug(text: &str) -> bool {
    let tail = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_' || byte == b'-';
    let bytes = text.as_bytes();
    matches!(bytes.first(), Some(first) if first.is_ascii_lowercase() || first.is_ascii_digit())
        && bytes.len() <= 64
        && bytes.iter().copied().all(tail)
}

/// Whether text is safe in a header and a log line: 1 to 128 printable ASCII characters without spaces.
fn is_token(text: &str) -> bool {
    (1..=128).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $what:literal, $pattern:literal, $valid:path) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(Arc<str>);

        impl $name {
            /// Checks the text and makes it an id.
            ///
            /// # Errors
            /// [`InvalidId`] when the text does not match the pattern.
            pub fn new(text: impl AsRef<str>) -> Result<Self, InvalidId> {
                let text = text.as_ref();
                if $valid(text) {
                    Ok(Self(text.into()))
                } else {
                    Err(InvalidId { what: $what, pattern: $pattern })
                }
            }

            /// The text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&self.0, f)
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidId;

            fn try_from(text: String) -> Result<Self, InvalidId> {
                Self::new(text)
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.as_str().to_owned()
            }
        }

        impl std::str::FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                Self::new(text)
            }
        }
    };
}

id! {
    /// Whose data it is; part of every key, label and path.
    TenantId, "a tenant id", "^[a-z0-9][a-z0-9_-]{0,63}$", is_slug
}
id! {
    /// The name of an adapter.
    AdapterId, "an adapter id", "^[a-z0-9][a-z0-9_-]{0,63}$", is_slug
}
id! {
    /// The other company's system; open, so that a fourth partner touches no file of this crate.
    Partner, "a partner", "^[a-z0-9][a-z0-9_-]{0,63}$", is_slug
}
id! {
    /// What ties one journey together: answer header, event header, callback, log line and span.
    CorrelationId, "a correlation id", "1 to 128 printable ASCII characters without spaces", is_token
}

impl CorrelationId {
    /// Makes a new one.
    #[must_use]
    pub fn random() -> Self {
        Self(uuid::Uuid::now_v7().to_string().into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tenant_id_cannot_climb_out_of_a_path() {
        for bad in ["", "..", "../acme", "a/b", "Acme", "-a", "a b", "ä", &"a".repeat(65)] {
            assert!(TenantId::new(bad).is_err(), "{bad:?}");
        }
        for good in ["demo", "a", "0", "acme-eu_2", &"a".repeat(64)] {
            assert!(TenantId::new(good).is_ok(), "{good:?}");
        }
    }

    #[test]
    fn a_correlation_id_cannot_split_a_header_or_a_log_line() {
        for bad in ["", "a b", "a\nb", "a\r\n", "é", &"x".repeat(129)] {
            assert!(CorrelationId::new(bad).is_err(), "{bad:?}");
        }
        assert!(CorrelationId::new(CorrelationId::random().as_str()).is_ok());
    }
}
