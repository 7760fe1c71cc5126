//! Signatures as bytes and as text, without allocation.

use base64::{Engine, engine::general_purpose::STANDARD};
use subtle::{Choice, ConstantTimeEq};

/// A code of 32 bytes over a message.
pub(super) type Code = [u8; 32];

/// The characters of `v1,` and a code in base64.
const V1: usize = 3 + 44;

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
    pub(super) const MOST_TEXT: usize = if cfg!(feature = "ed25519") { 4 + 88 } else { V1 };

    /// Writes `v1,<base64>` or `v1a,<base64>`, and tells its length.
    #[inline]
    pub(super) fn write(&self, room: &mut [u8]) -> usize {
        match self {
            Self::Shared(code) => write_v1(code, room),
            #[cfg(feature = "ed25519")]
            Self::Asymmetric(signature) => super::asymmetric::write_v1a(signature, room),
        }
    }
}

/// What could be the signatures of `v1,<base64> v1a,<base64> …`.
pub(super) fn candidates(header: &[u8]) -> impl Iterator<Item = &[u8]> {
    header.split(|byte| *byte == b' ').take(MOST)
}

/// Whether one of the signatures is that of a code; looks at all of them, match or no match.
///
/// Compared as text: a code has one in base64, and writing it once costs less than reading each signature.
#[inline]
pub(super) fn any_is(header: &[u8], code: &Code) -> Choice {
    let mut own = [0; V1];
    write_v1(code, &mut own);
    let is_own = |theirs: &[u8]| <&[u8; V1]>::try_from(theirs).map_or(Choice::from(0), |theirs| same(&own, theirs));
    // Nearly all have one signature; looking for where it ends costs as much as comparing it.
    if header.len() == V1 {
        return is_own(header);
    }
    candidates(header).fold(Choice::from(0), |found, theirs| found | is_own(theirs))
}

/// Whether two codes are the same, in the same time for any two.
#[inline]
pub(super) fn same_code(one: &Code, other: &Code) -> Choice {
    same(one, other)
}

/// Whether two texts of one length are the same, in the same time for any two: one choice at the end.
#[inline]
fn same<const N: usize>(one: &[u8; N], other: &[u8; N]) -> Choice {
    one.iter().zip(other).fold(0, |found, (one, other)| found | (one ^ other)).ct_eq(&0)
}

/// Writes `v1,` and the code in base64 (RFC 4648, 4), and tells its length.
#[inline]
fn write_v1(code: &Code, room: &mut [u8]) -> usize {
    let (version, encoded) = room.split_at_mut(3);
    version.copy_from_slice(b"v1,");
    3 + STANDARD.encode_slice(code, encoded).expect("room for 44 characters")
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

    fn v1(code: &Code) -> [u8; V1] {
        let mut text = [0; V1];
        assert_eq!(Signature::Shared(*code).write(&mut text), text.len());
        text
    }

    #[test]
    fn only_whole_signatures_of_the_version_count() {
        let good = v1(&[7; 32]);
        let is = |header: &[u8]| bool::from(any_is(header, &[7; 32]));
        assert!(is(&[b"v1, v2,AAAA v1 , ".as_slice(), &good, b" v1,AAAA  v1a,"].concat()));
        let mut other = good;
        other[1] = b'2';
        for bad in [b"".as_slice(), b" ", b"v1,", &good[1..], &good[..46], &good[3..], &other] {
            assert!(!is(bad), "{}", bad.escape_ascii());
            assert!(is(&[bad, b" ", &good].concat()) && is(&[&good[..], b" ", bad].concat()), "{}", bad.escape_ascii());
            assert_eq!(is(&[bad, &good].concat()), bad.trim_ascii().is_empty(), "{}", bad.escape_ascii());
        }
        assert!(is(&[&good[..], b" ", &good].concat()), "twice is not never");
    }

    #[test]
    fn the_longest_signature_fills_its_room() {
        #[cfg(feature = "ed25519")]
        let longest = Signature::Asymmetric([7; 64]);
        #[cfg(not(feature = "ed25519"))]
        let longest = Signature::Shared([7; 32]);
        assert_eq!(longest.write(&mut [0; 200]), Signature::MOST_TEXT);
    }

    #[test]
    fn what_follows_the_eighth_signature_is_not_looked_at() {
        let good = String::from_utf8(v1(&[7; 32]).to_vec()).expect("ASCII");
        assert!(bool::from(any_is(format!("a b c d e f g {good}").as_bytes(), &[7; 32])));
        assert!(!bool::from(any_is(format!("a b c d e f g h {good}").as_bytes(), &[7; 32])));
    }

    proptest! {
        #[test]
        fn a_code_survives_its_text(code: [u8; 32]) {
            prop_assert_eq!(v1(&code).to_vec(), format!("v1,{}", STANDARD.encode(code)).into_bytes());
            prop_assert!(bool::from(any_is(&v1(&code), &code)));
            prop_assert_eq!(read_hex(&write_hex(&code)), Some(code));
            prop_assert!(bool::from(same_code(&code, &code.clone())));
            prop_assert_eq!(read_hex(&write_hex(&code).to_ascii_uppercase()), Some(code));
        }

        #[test]
        fn one_changed_bit_is_another_code(code: [u8; 32], at in 0_usize..256) {
            let mut changed = code;
            changed[at / 8] ^= 1 << (at % 8);
            prop_assert!(!bool::from(same_code(&code, &changed)));
            prop_assert!(!bool::from(any_is(&v1(&changed), &code)));
        }

        /// Differences of the same bits in two words must not make up for each other.
        #[test]
        fn two_changed_bits_are_another_code(code: [u8; 32], bit in 0_usize..64, one in 0_usize..4, further in 1_usize..4) {
            let mut changed = code;
            for word in [one, (one + further) % 4] {
                changed[8 * word + bit / 8] ^= 1 << (bit % 8);
            }
            prop_assert!(!bool::from(same_code(&code, &changed)));
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
}
