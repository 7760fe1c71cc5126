use crate::sync::atomic::{AtomicU64, Ordering};

/// Who holds a lease: 128 bits, no two alike (requirement I7).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Owner(u64, u64);

impl Owner {
    /// Who holds what nobody holds; never made at random.
    pub(super) const NOBODY: Self = Self(0, 0);

    /// Makes a new owner.
    #[must_use]
    pub fn random() -> Self {
        Self::from_bits(uuid::Uuid::new_v4().as_u128())
    }

    /// The owner as bytes, for a store.
    #[must_use]
    pub const fn to_bytes(self) -> [u8; 16] {
        let bits = (self.0 as u128) << 64 | self.1 as u128;
        bits.to_be_bytes()
    }

    /// The owner that a store holds as bytes.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self::from_bits(u128::from_be_bytes(bytes))
    }

    /// Two words, which need no more alignment than what stands beside them in a record.
    #[inline]
    const fn from_bits(bits: u128) -> Self {
        Self((bits >> 64) as u64, bits as u64)
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

/// Makes owners without asking the operating system each time: 128 random bits, counted on from there.
#[derive(Debug)]
pub(super) struct Owners {
    first: u128,
    next: AtomicU64,
}

impl Owners {
    pub(super) fn new() -> Self {
        Self { first: uuid::Uuid::new_v4().as_u128(), next: AtomicU64::new(0) }
    }

    #[inline]
    pub(super) fn next(&self) -> Owner {
        Owner::from_bits(self.first.wrapping_add(self.next.fetch_add(1, Ordering::Relaxed).into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_owner_is_the_same_in_a_store_to_every_bit() {
        let bytes: [u8; 16] = std::array::from_fn(|at| u8::try_from(at + 1).expect("small") << 3 | 1);
        assert_eq!(Owner::from_bytes(bytes).to_bytes(), bytes);
        let (one, other) = (Owner::random(), Owner::random());
        assert_eq!(Owner::from_bytes(one.to_bytes()), one);
        assert!(one != other && one != Owner::NOBODY);
    }

    #[test]
    fn owners_made_one_after_the_other_are_not_alike_even_where_the_count_begins_again() {
        let owners = Owners { first: u128::MAX, next: AtomicU64::new(0) };
        assert_eq!([(); 2].map(|()| owners.next().to_bytes()), [[255; 16], [0; 16]]);
        assert_ne!(Owners::new().next(), Owners::new().next());
    }
}
