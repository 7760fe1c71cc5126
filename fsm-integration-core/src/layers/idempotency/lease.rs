/// Who holds a lease: 128 random bits, so that no two owners are alike (requirement I7).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Owner(u128);

impl Owner {
    /// Makes a new owner.
    #[must_use]
    pub fn random() -> Self {
        Self(fastrand::u128(..))
    }

    /// The owner as bytes, for a store.
    #[must_use]
    pub const fn to_bytes(self) -> [u8; 16] {
        self.0.to_be_bytes()
    }

    /// The owner that a store holds as bytes.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(u128::from_be_bytes(bytes))
    }
}

/// The right to do the work of a key, until it is lost or given back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lease {
    /// Who holds it.
    pub owner: Owner,
    /// Grows with each lease of the store; hand it to the system that the work changes, which refuses lower ones.
    pub fence: u64,
}
