use std::fmt;

use async_trait::async_trait;

use super::{Secret, SecretPath, SecretSource, not_found};
use crate::error::{Error, ErrorKind, Result};

type Lookup = fn(&str) -> Option<String>;

/// Secrets from the process environment: a prefix and the path in capitals.
///
/// Slashes become two underscores, hyphens one: with the prefix `FSM_SECRET_`, the path
/// `integrations/demo/pyxis/api-key` is `FSM_SECRET_INTEGRATIONS__DEMO__PYXIS__API_KEY`. A path with an
/// underscore or two hyphens in a row is refused, because another path could have the same name.
#[derive(Clone)]
pub struct EnvSecrets {
    prefix: String,
    lookup: Lookup,
}

impl EnvSecrets {
    /// Creates a source that reads variables with the prefix.
    pub fn new(prefix: impl Into<String>) -> Self {
        Self::with_lookup(prefix, |name| std::env::var(name).ok())
    }

    fn with_lookup(prefix: impl Into<String>, lookup: Lookup) -> Self {
        Self { prefix: prefix.into(), lookup }
    }

    fn name(&self, path: &SecretPath) -> Result<String> {
        let ambiguous = |segment: &str| segment.contains('_') || segment.contains("--") || segment.ends_with('-');
        if path.segments().any(ambiguous) {
            return Err(Error::new(
                ErrorKind::InvalidRequest,
                format!("the secret {path} has no unique variable name; use single hyphens in its ids"),
            ));
        }
        Ok(self.prefix.clone() + &path.as_str().replace('/', "__").replace('-', "_").to_ascii_uppercase())
    }
}

#[async_trait]
impl SecretSource for EnvSecrets {
    async fn get(&self, path: &SecretPath) -> Result<Secret<String>> {
        let name = self.name(path)?;
        let value = (self.lookup)(&name).filter(|value| !value.is_empty()).map(Secret::new);
        value.ok_or_else(|| not_found(path, format_args!("the variable {name}")))
    }
}

impl fmt::Debug for EnvSecrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EnvSecrets").field("prefix", &self.prefix).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source() -> EnvSecrets {
        EnvSecrets::with_lookup("FSM_SECRET_", |name| match name {
            "FSM_SECRET_INTEGRATIONS__DEMO__PYXIS__API_KEY" => Some("s3cr3t".to_owned()),
            "FSM_SECRET_EMPTY" => Some(String::new()),
            _ => None,
        })
    }

    #[tokio::test]
    async fn a_path_is_a_variable_in_capitals() {
        let path = SecretPath::api_key("demo", "pyxis").expect("a path");
        assert_eq!(source().get(&path).await.expect("there").expose(), "s3cr3t");
    }

    #[tokio::test]
    async fn what_is_absent_or_empty_is_told_by_its_variable() {
        for text in ["empty", "a/b"] {
            let path = SecretPath::new(text).expect("a path");
            let error = source().get(&path).await.expect_err("absent");
            assert_eq!(error.kind(), ErrorKind::NotFound);
            assert!(error.message().contains("FSM_SECRET_"), "{}", error.message());
        }
    }

    #[test]
    fn two_paths_never_share_a_variable() {
        let name = |text: &str| source().name(&SecretPath::new(text).expect("a path")).ok();
        assert_ne!(name("acme/eu-pyxis"), name("acme-eu/pyxis"));
        for ambiguous in ["a_b", "a--b", "a__b", "a-/b"] {
            assert_eq!(name(ambiguous), None, "{ambiguous}");
        }
    }
}
