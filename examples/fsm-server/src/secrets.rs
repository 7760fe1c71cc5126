//! Where the server's secrets come from: the environment, else a directory of files.

use async_trait::async_trait;
use fsm_integration_core::{
    error::{ErrorKind, Result},
    secret::{CachedSecrets, EnvSecrets, FileSecrets, Secret, SecretPath, SecretSource},
};

use crate::config::SecretsConfig;

/// The prefix of variables that hold secrets: `FSM_SECRET__INTEGRATIONS__...`.
const PREFIX: &str = "FSM_SECRET";

/// The sources that the configuration names, cached for a minute.
#[must_use]
pub fn source(config: &SecretsConfig) -> Box<dyn SecretSource> {
    Box::new(CachedSecrets::new(EnvironmentThenFiles {
        environment: EnvSecrets::new(PREFIX),
        files: FileSecrets::new(&config.directory),
    }))
}

struct EnvironmentThenFiles {
    environment: EnvSecrets,
    files: FileSecrets,
}

#[async_trait]
impl SecretSource for EnvironmentThenFiles {
    async fn get(&self, path: &SecretPath) -> Result<Secret<String>> {
        match self.environment.get(path).await {
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::InvalidRequest) => {
                self.files.get(path).await
            }
            found => found,
        }
    }
}
