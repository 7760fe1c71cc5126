//! HMAC-SHA256 (RFC 2104) with the key taken in once.

use hmac::{
    KeyInit,
    block_api::HmacCore,
    digest::{
        block_api::{Buffer, FixedOutputCore, UpdateCore},
        common::Output,
    },
};
use sha2::Sha256;

use super::{code::Code, signed::Signed};

/// HMAC-SHA256 without a buffer of its own: a message is there as a whole, and needs one for as long as it is hashed.
type Core = HmacCore<Sha256>;

/// A key that was taken in, so that its own two blocks are hashed once; wiped when dropped.
#[derive(Clone)]
pub(super) struct Keyed(Core);

impl Keyed {
    pub(super) fn new(key: &[u8]) -> Self {
        Self(Core::new_from_slice(key).expect("a key of any length is taken"))
    }

    #[inline]
    pub(super) fn code(&self, signed: &Signed<'_>) -> Code {
        let (mut core, mut buffer) = (self.0.clone(), Buffer::<Core>::default());
        for piece in signed.pieces() {
            buffer.digest_blocks(piece, |blocks| core.update_blocks(blocks));
        }
        let mut code = Output::<Core>::default();
        core.finalize_fixed_core(&mut buffer, &mut code);
        code.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The test cases of RFC 4231, 4: key, data, HMAC-SHA-256. The fifth, whose code is cut off, is left out.
    const RFC_4231: [(&[u8], &[u8], &str); 6] = [
        (&[0x0b; 20], b"Hi There", "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"),
        (
            b"Jefe",
            b"what do ya want for nothing?",
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
        ),
        (&[0xaa; 20], &[0xdd; 50], "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"),
        (
            &[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25],
            &[0xcd; 50],
            "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b",
        ),
        (
            &[0xaa; 131],
            b"Test Using Larger Than Block-Size Key - Hash Key First",
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
        ),
        (
            &[0xaa; 131],
            b"This is a test using a larger than block-size key and a larger than block-size data. The key needs to be hashed before being used by the HMAC algorithm.",
            "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2",
        ),
    ];

    #[test]
    fn the_vectors_of_rfc_4231_hold() {
        for (key, data, expected) in RFC_4231 {
            let code = Keyed::new(key).code(&Signed::bare(data));
            assert_eq!(code.map(|byte| format!("{byte:02x}")).concat(), expected);
        }
    }
}
