use std::{
    fmt,
    hash::{DefaultHasher, Hasher},
};

use sha2::{Digest, Sha256};

/// A digest of what the work is about: the same key with another one is a mismatch (requirement I3).
///
/// Take it over canonical JSON, so that key order and white space do not matter.
///
/// | made by | cost for 100 bytes | for |
/// |---|---|---|
/// | [`of`](Self::of) | SHA-256 | any store |
/// | [`in_process`](Self::in_process) | a tenth of it | a store that lives no longer than this process |
/// | [`NONE`](Self::NONE) | nothing | work that its key says all about |
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Fingerprint(pub [u8; 32]);

impl Fingerprint {
    /// Compares nothing: every payload under a key is the same.
    pub const NONE: Self = Self([0; 32]);

    /// The fingerprint of bytes as they are.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }

    /// A cheap fingerprint of bytes as they are: 64 bits of SipHash.
    ///
    /// Good against mistakes; a client that seeks a collision finds one, and gets its own earlier answer for it. Not
    /// for a shared store: the standard library may hash otherwise from one release to the next.
    #[must_use]
    pub fn in_process(bytes: &[u8]) -> Self {
        let mut hasher = DefaultHasher::new();
        hasher.write(bytes);
        let mut fingerprint = [0; 32];
        fingerprint[..8].copy_from_slice(&hasher.finish().to_be_bytes());
        fingerprint[8..16].copy_from_slice(&(bytes.len() as u64).to_be_bytes());
        Self(fingerprint)
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0[..4].iter().try_for_each(|byte| write!(f, "{byte:02x}"))?;
        f.write_str("…")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fingerprint_shows_how_it_begins() {
        assert_eq!(format!("{:?}", Fingerprint([0xab; 32])), "abababab…");
    }

    #[test]
    fn other_bytes_have_another_fingerprint() {
        for of in [Fingerprint::of, Fingerprint::in_process] {
            assert_eq!(of(b"{}"), of(b"{}"));
            assert_ne!(of(b"{}"), of(b"{ }"));
            assert_ne!(of(b""), Fingerprint::NONE);
        }
        assert_ne!(Fingerprint::of(b"{}"), Fingerprint::in_process(b"{}"));
    }
}
