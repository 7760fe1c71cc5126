//! The bytes that a signature covers.

/// What is signed, in the pieces that it lies in: none is copied to be hashed, and most messages are far longer than a block.
pub(super) struct Signed<'a>([&'a [u8]; 5]);

impl<'a> Signed<'a> {
    /// `id.seconds.body`, which the standard family covers.
    #[inline]
    pub(super) const fn standard(id: &'a [u8], seconds: &'a [u8], body: &'a [u8]) -> Self {
        Self([id, b".", seconds, b".", body])
    }

    /// `timestamp.body`, which the FSM family covers.
    #[inline]
    pub(super) const fn stamped(timestamp: &'a [u8], body: &'a [u8]) -> Self {
        Self([b"", b"", timestamp, b".", body])
    }

    /// The body alone.
    #[inline]
    pub(super) const fn bare(body: &'a [u8]) -> Self {
        Self([b"", b"", b"", b"", body])
    }

    /// All of it, in its order.
    #[inline]
    pub(super) const fn pieces(&self) -> &[&'a [u8]] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_stop_follows_each_piece_but_the_body() {
        let all = |signed: Signed<'_>| signed.pieces().concat();
        assert_eq!(all(Signed::standard(b"evt_1", b"17", b"{}")), b"evt_1.17.{}");
        assert_eq!(all(Signed::stamped(b"17", b"{}")), b"17.{}");
        assert_eq!(all(Signed::bare(b"{}")), b"{}");
    }
}
