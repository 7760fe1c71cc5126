//! Signatures as bytes and as text, without allocation.

use base64::{Engine, engine::general_purpose::STANDARD};
use subtle::{Choice, ConstantTimeEq};

/// A code of 32 bytes over a message.
pub(super) type Code = [u8; 32];

/// More signatures than anybody rotates through; what follows is not looked at.
const MOST: usize = 8;

/// One signature of the standard family.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Signature {
    /// `v1`: HMAC-SHA256.
    Shared(Code),
    /// `v1a`: Ed25519.
    #[cfg(feature = "ed25519")]
    Asymmetric([u8; 64]),
}

impl Signature {
    /// The most characters that one takes.
    pub(super) const MOST_TEXT: usize = if cfg!(feature = "ed25519") { 4 + 88 } else { 3 + 44 };

    /// Writes `v1,<base64>` or `v1a,<base64>` and tells its length.
    ///
    /// # Panics
    /// When there is less room than [`MOST_TEXT`](Self::MOST_TEXT).
    pub(super) fn write(&self, room: &mut [u8]) -> usize {
        let (version, bytes): (&[u8], &[u8]) = match self {
            Self::Shared(code) => (b"v1,", code),
            #[cfg(feature = "ed25519")]
            Self::Asymmetric(signature) => (b"v1a,", signature),
        };
        let (start, rest) = room.split_at_mut(version.len());
        start.copy_from_slice(version);
        version.len() + STANDARD.encode_slice(bytes, rest).expect("there is room for a signature")
    }

    fn read(text: &[u8]) -> Option<Self> {
        if let Some(encoded) = text.strip_prefix(b"v1,") {
            return decoded::<32, 33>(encoded, 44).map(Self::Shared);
        }
        #[cfg(feature = "ed25519")]
        if let Some(encoded) = text.strip_prefix(b"v1a,") {
            return decoded::<64, 66>(encoded, 88).map(Self::Asymmetric);
        }
        None
    }
}

/// The signatures of `v1,<base64> v1a,<base64> …`; other versions and malformed ones are left out.
pub(super) fn signatures(header: &[u8]) -> impl Iterator<Item = Signature> + Clone {
    header.split(|byte| *byte == b' ').take(MOST).filter_map(Signature::read)
}

/// `N` bytes from exactly so many characters, which decode to `ROOM` bytes at most.
fn decoded<const N: usize, const ROOM: usize>(encoded: &[u8], characters: usize) -> Option<[u8; N]> {
    let mut bytes = [0; ROOM];
    let length = if encoded.len() == characters { STANDARD.decode_slice(encoded, &mut bytes).ok()? } else { 0 };
    bytes[..length].try_into().ok()
}

/// Whether two codes are the same, in the same time for any two: eight bytes at a step, and one choice at the end.
pub(super) fn same(one: &Code, other: &Code) -> Choice {
    let words = |code: &Code| -> [u64; 4] {
        std::array::from_fn(|word| u64::from_ne_bytes(std::array::from_fn(|byte| code[8 * word + byte])))
    };
    let difference = words(one).iter().zip(words(other)).fold(0, |found, (one, other)| found | (one ^ other));
    difference.ct_eq(&0)
}

/// Writes 64 lower-case hex digits.
pub(super) fn write_hex(code: &Code) -> [u8; 64] {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut text = [0; 64];
    for (pair, byte) in text.chunks_exact_mut(2).zip(code) {
        pair[0] = DIGITS[usize::from(byte >> 4)];
        pair[1] = DIGITS[usize::from(byte & 15)];
    }
    text
}

/// The code of exactly 64 hex digits, of either case.
pub(super) fn read_hex(text: &[u8]) -> Option<Code> {
    let text: &[u8; 64] = text.try_into().ok()?;
    let mut code = Code::default();
    // Looked at to the end, so that the loop has no branches: a wrong digit has the high bits set.
    let mut wrong = 0;
    for (byte, pair) in code.iter_mut().zip(text.chunks_exact(2)) {
        let (high, low) = (digit(pair[0]), digit(pair[1]));
        wrong |= high | low;
        *byte = high << 4 | low & 15;
    }
    (wrong < 16).then_some(code)
}

/// The value of a hex digit, or 255.
const fn digit(character: u8) -> u8 {
    match character {
        b'0'..=b'9' => character - b'0',
        b'a'..=b'f' => character - b'a' + 10,
        b'A'..=b'F' => character - b'A' + 10,
        _ => u8::MAX,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn text_of(signature: Signature) -> Vec<u8> {
        let mut room = [0; Signature::MOST_TEXT];
        let length = signature.write(&mut room);
        room[..length].to_vec()
    }

    #[test]
    fn only_whole_signatures_of_known_versions_are_read() {
        let good = text_of(Signature::Shared([7; 32]));
        let header = [b"v1, v2,AAAA v1 , ".as_slice(), &good, b" v1,AAAA  v1a,"].concat();
        assert_eq!(signatures(&header).collect::<Vec<_>>(), [Signature::Shared([7; 32])]);
    }

    #[test]
    fn the_longest_signature_fills_its_room() {
        #[cfg(feature = "ed25519")]
        let longest = Signature::Asymmetric([7; 64]);
        #[cfg(not(feature = "ed25519"))]
        let longest = Signature::Shared([7; 32]);
        let mut room = [0; 1000];
        assert_eq!(longest.write(&mut room), Signature::MOST_TEXT);
    }

    #[test]
    fn what_follows_the_eighth_signature_is_not_looked_at() {
        let good = String::from_utf8(text_of(Signature::Shared([7; 32]))).expect("ASCII");
        assert_eq!(signatures(format!("a b c d e f g {good}").as_bytes()).count(), 1);
        assert_eq!(signatures(format!("a b c d e f g h {good}").as_bytes()).count(), 0);
    }

    proptest! {
        #[test]
        fn a_code_survives_its_text(code: [u8; 32]) {
            let text = text_of(Signature::Shared(code));
            prop_assert_eq!(signatures(&text).collect::<Vec<_>>(), vec![Signature::Shared(code)]);
            prop_assert_eq!(read_hex(&write_hex(&code)), Some(code));
            prop_assert!(bool::from(same(&code, &code.clone())));
            prop_assert_eq!(read_hex(&write_hex(&code).to_ascii_uppercase()), Some(code));
        }

        #[test]
        fn one_changed_bit_is_another_code(code: [u8; 32], at in 0_usize..256) {
            let mut changed = code;
            changed[at / 8] ^= 1 << (at % 8);
            prop_assert!(!bool::from(same(&code, &changed)));
        }

        /// Differences of the same bits in two words must not make up for each other.
        #[test]
        fn two_changed_bits_are_another_code(code: [u8; 32], bit in 0_usize..64, one in 0_usize..4, further in 1_usize..4) {
            let mut changed = code;
            for word in [one, (one + further) % 4] {
                changed[8 * word + bit / 8] ^= 1 << (bit % 8);
            }
            prop_assert!(!bool::from(same(&code, &changed)));
        }

        #[test]
        fn a_byte_of_two_wrong_digits_is_no_code(code: [u8; 32], at in 0_usize..32) {
            let mut text = write_hex(&code);
            text[2 * at..][..2].copy_from_slice(b"gg");
            prop_assert_eq!(read_hex(&text), None);
        }

        #[test]
        fn one_wrong_digit_is_no_code(code: [u8; 32], at in 0_usize..64, wrong: u8) {
            let mut text = write_hex(&code);
            text[at] = wrong;
            prop_assert_eq!(read_hex(&text).is_some(), wrong.is_ascii_hexdigit());
        }
    }

    #[cfg(feature = "ed25519")]
    proptest! {
        #[test]
        fn an_asymmetric_signature_survives_its_text(low: [u8; 32], high: [u8; 32]) {
            let signature = Signature::Asymmetric([low, high].concat().try_into().expect("64 bytes"));
            prop_assert_eq!(signatures(&text_of(signature)).collect::<Vec<_>>(), vec![signature]);
        }
    }
}
