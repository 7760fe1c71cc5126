//! Secrets that redact themselves, and where they come from.
//!
//! A [`SecretPath`] names a secret, a [`SecretSource`] finds it: [`EnvSecrets`], [`FileSecrets`],
//! [`StaticSecrets`], or your own. [`CachedSecrets`] stands in front of a source over a network.
//!
//! ```
//! use fsm_integration_core::secret::{Secret, SecretPath, SecretSource, StaticSecrets};
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let path = SecretPath::api_key("demo", "pyxis")?;
//! let source = StaticSecrets::from_iter([(path.clone(), Secret::new("s3cr3t".to_owned()))]);
//! let key = source.get(&path).await?;
//! assert_eq!(key.expose(), "s3cr3t");
//! assert_eq!(format!("{key:?}"), "[redacted]");
//! # Ok(())
//! # }
//! ```

mod cached;
mod env;
mod file;
mod path;
mod statics;
mod value;

use async_trait::async_trait;

pub use self::{
    cached::{CacheConfig, CachedSecrets},
    env::EnvSecrets,
    file::FileSecrets,
    path::{InvalidSecretPath, SecretPath},
    statics::StaticSecrets,
    value::Secret,
};
use crate::error::{Error, ErrorKind, Result};

/// The most bytes that a secret may have.
const MAX_BYTES: usize = 64 * 1024;

/// Where secrets come from.
#[async_trait]
pub trait SecretSource: Send + Sync + 'static {
    /// Finds the secret at the path.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] and [`ErrorKind::Forbidden`] are final; any other kind may pass.
    async fn get(&self, path: &SecretPath) -> Result<Secret<String>>;
}

#[async_trait]
impl<S: SecretSource + ?Sized> SecretSource for std::sync::Arc<S> {
    async fn get(&self, path: &SecretPath) -> Result<Secret<String>> {
        (**self).get(path).await
    }
}

fn not_found(path: &SecretPath, place: impl std::fmt::Display) -> Error {
    Error::new(ErrorKind::NotFound, format!("there is no secret {path}; expected it in {place}"))
}
