//! HMAC-SHA256 (RFC 2104) over a message in two pieces, with the key taken in once.
//!
//! The compression function is that of `sha2`; what is here is how its blocks are put together. Not the crate `hmac`,
//! because what that does around the compression of 1 KiB takes another 11 % of it: here whole blocks are hashed where
//! they lie, blocks in pieces are written before the first is hashed, and nothing is wiped but what the key is in. That
//! both say the same of any message is tested.

use sha2::{Digest, Sha256, block_api::compress256};
use zeroize::Zeroizing;

use super::{
    code::Code,
    signed::{BLOCK, Pieces, Signed},
};

/// Where in its last block the length of what was hashed is.
const LENGTH: usize = BLOCK - 8;
/// What SHA-256 begins with (FIPS 180-4, 5.3.3).
const START: State =
    [0x6a09_e667, 0xbb67_ae85, 0x3c6e_f372, 0xa54f_f53a, 0x510e_527f, 0x9b05_688c, 0x1f83_d9ab, 0x5be0_cd19];
/// The outer hash's last block, but for the inner hash that it begins with: the end of 96 bytes, which are 0x300 bits.
const OUTER: Block = {
    let mut block = [0; BLOCK];
    block[32] = 0x80;
    block[62] = 3;
    block
};

type State = [u32; 8];
type Block = [u8; BLOCK];

/// A key that was taken in, so that its own two blocks are hashed once; wiped when dropped.
#[derive(Clone)]
pub(super) struct Keyed {
    inner: Zeroizing<State>,
    outer: Zeroizing<State>,
}

impl Keyed {
    pub(super) fn new(key: &[u8]) -> Self {
        let mut block = Zeroizing::new([0; BLOCK]);
        if key.len() > BLOCK {
            block[..32].copy_from_slice(&Sha256::digest(key));
        } else {
            block[..key.len()].copy_from_slice(key);
        }
        Self { inner: taken_in(&block, 0x36), outer: taken_in(&block, 0x5c) }
    }

    pub(super) fn code(&self, signed: Signed<'_>) -> Code {
        let Pieces { front, body, tail } = signed.pieces();
        let mut blocks = [[0; BLOCK]; 2];
        let end = end(&mut blocks, tail, BLOCK + signed.len());
        // The copies of the keyed states end as hashes: nothing of the key stays here.
        let mut inner = *self.inner;
        for blocks in [front, body, end] {
            if !blocks.is_empty() {
                compress256(&mut inner, blocks);
            }
        }
        let mut last = OUTER;
        last[..32].copy_from_slice(&bytes(inner));
        let mut outer = *self.outer;
        compress256(&mut outer, &[last]);
        bytes(outer)
    }
}

fn taken_in(key: &Block, pad: u8) -> Zeroizing<State> {
    let mut state = Zeroizing::new(START);
    let padded = Zeroizing::new(key.map(|byte| byte ^ pad));
    compress256(&mut state, &[*padded]);
    state
}

/// Writes the last bytes of a message of so many, and its padding (FIPS 180-4, 5.1.1), as one block or two.
///
/// Where they stay: bytes that were written in pieces and are moved at once make the processor wait.
#[inline]
fn end<'a>(blocks: &'a mut [Block; 2], tail: &[u8], length: usize) -> &'a [Block] {
    let text = blocks.as_flattened_mut();
    text[..tail.len()].copy_from_slice(tail);
    text[tail.len()] = 0x80;
    let last = usize::from(tail.len() >= LENGTH);
    let bits = (length as u64).wrapping_mul(8);
    blocks[last][LENGTH..].copy_from_slice(&bits.to_be_bytes());
    &blocks[..=last]
}

#[inline]
fn bytes(state: State) -> Code {
    let mut code = Code::default();
    for (four, word) in code.as_chunks_mut::<4>().0.iter_mut().zip(state) {
        *four = word.to_be_bytes();
    }
    code
}

#[cfg(test)]
mod tests {
    use hmac::{Hmac, KeyInit, Mac};
    use proptest::prelude::*;

    use super::{super::signed::Assembly, *};

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
            let code = Keyed::new(key).code(Assembly::new().signed([], data));
            assert_eq!(code.map(|byte| format!("{byte:02x}")).concat(), expected);
        }
    }

    fn by_hmac(key: &[u8], parts: &[&[u8]]) -> Code {
        let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("any length is taken");
        parts.iter().for_each(|part| mac.update(part));
        mac.finalize().into_bytes().into()
    }

    #[test]
    fn every_length_around_the_blocks_is_hashed_as_by_hmac() {
        let (keyed, heads, bodies) = (Keyed::new(b"key"), [b'h'; 200], [b'b'; 200]);
        for head in (0..200).map(|length| &heads[..length]) {
            for body in (0..200).map(|length| &bodies[..length]) {
                let code = keyed.code(Assembly::new().signed([head], body));
                assert_eq!(code, by_hmac(b"key", &[head, b".", body]));
            }
        }
    }

    proptest! {
        #[test]
        fn what_it_says_hmac_says(
            key in prop::collection::vec(any::<u8>(), 0..200),
            id in prop::collection::vec(any::<u8>(), 0..300),
            stamp in prop::collection::vec(any::<u8>(), 0..40),
            body in prop::collection::vec(any::<u8>(), 0..3_000),
        ) {
            let code = Keyed::new(&key).code(Assembly::new().signed([&id, &stamp], &body));
            prop_assert_eq!(code, by_hmac(&key, &[&id, b".", &stamp, b".", &body]));
        }
    }
}
