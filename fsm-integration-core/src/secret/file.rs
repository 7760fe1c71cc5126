use std::{
    io::{ErrorKind as Io, Read},
    path::{Path, PathBuf},
};

use async_trait::async_trait;

use super::{MAX_BYTES, Secret, SecretPath, SecretSource, not_found};
use crate::error::{Error, ErrorKind, Result};

/// Secrets from files under one directory, as container platforms mount them.
///
/// The path's segments are folders and the file's name; one trailing newline is not part of the secret.
/// A link that leads out of the directory is refused.
#[derive(Debug, Clone)]
pub struct FileSecrets {
    directory: PathBuf,
}

impl FileSecrets {
    /// Creates a source that reads under the directory.
    pub fn new(directory: impl Into<PathBuf>) -> Self {
        Self { directory: directory.into() }
    }
}

#[async_trait]
impl SecretSource for FileSecrets {
    async fn get(&self, path: &SecretPath) -> Result<Secret<String>> {
        let (directory, path) = (self.directory.clone(), path.clone());
        tokio::task::spawn_blocking(move || read(&directory, &path))
            .await
            .map_err(|panic| Error::from(ErrorKind::Internal).with_source(panic))?
    }
}

fn read(directory: &Path, path: &SecretPath) -> Result<Secret<String>> {
    let file = path.segments().fold(directory.to_owned(), |folder, segment| folder.join(segment));
    let failed = |error: std::io::Error| match error.kind() {
        Io::NotFound | Io::NotADirectory => not_found(path, file.display()),
        Io::PermissionDenied => refused(path, "may not be read by this process").with_source(error),
        Io::InvalidData => refused(path, "is no UTF-8 text"),
        _ => Error::new(ErrorKind::Unavailable, format!("cannot read the secret {path}")).with_source(error),
    };
    let root = directory.canonicalize().map_err(failed)?;
    let real = file.canonicalize().map_err(failed)?;
    if !real.starts_with(&root) {
        return Err(refused(path, "leads out of the directory of secrets"));
    }
    let mut text = Secret::new(String::with_capacity(1024));
    let mut limited = std::fs::File::open(&real).map_err(failed)?.take(MAX_BYTES as u64 + 1);
    limited.read_to_string(text.expose_mut()).map_err(failed)?;
    if text.expose().len() > MAX_BYTES {
        return Err(refused(path, "is larger than 64 KiB"));
    }
    let length = text.expose().strip_suffix('\n').map(|text| text.strip_suffix('\r').unwrap_or(text)).map(str::len);
    if let Some(length) = length {
        text.expose_mut().truncate(length);
    }
    if text.expose().is_empty() { Err(not_found(path, file.display())) } else { Ok(text) }
}

fn refused(path: &SecretPath, why: &str) -> Error {
    Error::new(ErrorKind::Forbidden, format!("the file of the secret {path} {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source() -> (tempfile::TempDir, FileSecrets) {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::create_dir_all(folder.path().join("secrets/a")).expect("a folder");
        let source = FileSecrets::new(folder.path().join("secrets"));
        (folder, source)
    }

    async fn get(source: &FileSecrets, path: &str) -> Result<String> {
        let secret = source.get(&SecretPath::new(path).expect("a path")).await?;
        Ok(secret.expose().clone())
    }

    #[tokio::test]
    async fn one_trailing_newline_is_not_part_of_the_secret() {
        let (_folder, source) = source();
        for (content, secret) in [("s", "s"), ("s\n", "s"), ("s\r\n", "s"), ("s\n\n", "s\n"), (" s ", " s ")] {
            std::fs::write(source.directory.join("a/b"), content).expect("written");
            assert_eq!(get(&source, "a/b").await.expect("there"), secret);
        }
    }

    #[tokio::test]
    async fn what_is_absent_empty_too_large_or_no_text_fails_for_good() {
        let (_folder, source) = source();
        std::fs::write(source.directory.join("empty"), "\n").expect("written");
        std::fs::write(source.directory.join("large"), "x".repeat(MAX_BYTES + 1)).expect("written");
        std::fs::write(source.directory.join("binary"), [0xff, 0xfe]).expect("written");
        for (path, kind) in [
            ("b", ErrorKind::NotFound),
            ("a/b/c", ErrorKind::NotFound),
            ("empty", ErrorKind::NotFound),
            ("large", ErrorKind::Forbidden),
            ("binary", ErrorKind::Forbidden),
        ] {
            let error = get(&source, path).await.expect_err("refused");
            assert_eq!((error.kind(), error.kind().class().is_final()), (kind, true), "{path}");
        }
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn a_link_that_leads_out_is_refused_and_one_that_stays_is_followed() {
        let (folder, source) = source();
        std::fs::write(folder.path().join("outside"), "x").expect("written");
        std::fs::write(source.directory.join("inside"), "y").expect("written");
        std::os::unix::fs::symlink("../../outside", source.directory.join("a/out")).expect("linked");
        std::os::unix::fs::symlink("../inside", source.directory.join("a/in")).expect("linked");
        assert_eq!(get(&source, "a/out").await.expect_err("refused").kind(), ErrorKind::Forbidden);
        assert_eq!(get(&source, "a/in").await.expect("there"), "y");
    }
}
