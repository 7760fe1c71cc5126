//! Takes values off the front of whatever bytes there are; zeroes when they run out.

use jiff::Timestamp;

pub(crate) fn array<const N: usize>(data: &mut &[u8]) -> [u8; N] {
    let mut taken = [0; N];
    let length = N.min(data.len());
    let (front, rest) = data.split_at(length);
    taken[..length].copy_from_slice(front);
    *data = rest;
    taken
}

pub(crate) fn timestamp(data: &mut &[u8]) -> Timestamp {
    let (first, last) = (Timestamp::MIN.as_second(), Timestamp::MAX.as_second());
    let second = first + i64::from_le_bytes(array(data)).rem_euclid(last - first);
    let nano = i32::from_le_bytes(array(data)).rem_euclid(1_000_000_000);
    Timestamp::new(second, nano).expect("in range")
}

/// The text up to the next line break, which is taken too.
pub(crate) fn line<'a>(data: &mut &'a [u8]) -> &'a [u8] {
    let end = data.iter().position(|byte| *byte == b'\n');
    let line = &data[..end.unwrap_or(data.len())];
    *data = &data[end.map_or(data.len(), |end| end + 1)..];
    line
}
