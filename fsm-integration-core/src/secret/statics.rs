use std::collections::BTreeMap;

use async_trait::async_trait;

use super::{Secret, SecretPath, SecretSource, not_found};
use crate::error::Result;

/// Secrets that are given at the start, for tests and small set-ups.
#[derive(Debug, Clone, Default)]
pub struct StaticSecrets(BTreeMap<SecretPath, Secret<String>>);

impl FromIterator<(SecretPath, Secret<String>)> for StaticSecrets {
    fn from_iter<I: IntoIterator<Item = (SecretPath, Secret<String>)>>(secrets: I) -> Self {
        Self(secrets.into_iter().collect())
    }
}

#[async_trait]
impl SecretSource for StaticSecrets {
    async fn get(&self, path: &SecretPath) -> Result<Secret<String>> {
        self.0.get(path).cloned().ok_or_else(|| not_found(path, "the configured secrets"))
    }
}
