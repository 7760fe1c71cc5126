//! Bytes that are no events.

use std::fmt::Debug;

use proptest::prelude::*;

use super::{
    encoded,
    samples::{self, Visit},
};
use crate::{
    error::{Error, ErrorKind},
    event::{
        Event,
        catalogue::{ServiceOrderClosed, ServiceOrderCreated},
        codec::{AvroCodec, DecodeError, MAX_EVENT_BYTES, SchemaId},
    },
};

/// The unscaled number of the provider's amount in [`samples::closed`], after its length of nine bytes.
const DECIMAL: [u8; 10] = [18, 0x00, 0x8a, 0xc7, 0x23, 0x04, 0x89, 0xe7, 0xff, 0xff];

/// Tries to read bytes as every event there is, and as JSON.
fn read_as_everything(bytes: &[u8]) {
    struct Read<'a>(&'a [u8]);
    impl Visit for Read<'_> {
        fn visit<E: Event + Debug + PartialEq>(&mut self, _: E) {
            let _ = AvroCodec::bundled().decode::<E>(self.0);
            let _ = AvroCodec::bundled().to_json(self.0);
        }
    }
    samples::each(&mut Read(bytes));
}

#[test]
fn every_cut_and_every_addition_is_refused() {
    for (topic, bytes) in encoded() {
        for length in 0..bytes.len() {
            assert!(AvroCodec::bundled().to_json(&bytes[..length]).is_err(), "{topic} cut at {length}");
        }
        let longer = [&bytes[..], &[0]].concat();
        assert_eq!(AvroCodec::bundled().to_json(&longer), Err(DecodeError::TrailingBytes), "{topic}");
    }
    let bytes = AvroCodec::bundled().encode(&samples::created()).unwrap();
    for length in 0..bytes.len() {
        assert!(AvroCodec::bundled().decode::<ServiceOrderCreated>(&bytes[..length]).is_err(), "cut at {length}");
    }
}

/// Flaw F-D1: what is no event is told apart, and never thrown for.
#[test]
fn what_is_no_event_is_undecodable_for_a_named_reason() {
    let codec = AvroCodec::bundled();
    let reason = |bytes: &[u8]| codec.decode::<ServiceOrderCreated>(bytes).unwrap_err();
    assert_eq!(reason(b""), DecodeError::TooShort);
    assert_eq!(reason(b"\0\0\0"), DecodeError::TooShort);
    assert_eq!(reason(br#"{"event_id":"1"}"#), DecodeError::NotWireFormat);
    assert_eq!(reason(b"\0\0\0\0\x07rest"), DecodeError::UnknownSchema(SchemaId(7)));
    assert_eq!(reason(&vec![0; MAX_EVENT_BYTES + 1]), DecodeError::TooLarge);
    let other = codec.encode(&samples::wcf()).unwrap();
    assert_eq!(reason(&other), DecodeError::OtherEvent);
    assert_eq!(Error::from(DecodeError::Malformed).kind(), ErrorKind::Undecodable);
}

#[test]
fn an_event_above_a_mebibyte_is_refused_before_it_is_published() {
    let mut event = samples::intake();
    event.raw_payload = "x".repeat(MAX_EVENT_BYTES).into();
    assert_eq!(AvroCodec::bundled().encode(&event).unwrap_err().kind(), ErrorKind::PayloadTooLarge);
}

#[test]
fn a_decimal_that_no_amount_can_hold_is_malformed() {
    let bytes = AvroCodec::bundled().encode(&samples::closed()).unwrap();
    let at = bytes.windows(DECIMAL.len()).position(|window| window == DECIMAL).expect("the provider's amount");
    let with = |decimal: &[u8]| {
        let length = u8::try_from(2 * decimal.len()).unwrap();
        [&bytes[..at], &[length], decimal, &bytes[at + DECIMAL.len()..]].concat()
    };
    let read = |decimal: &[u8]| AvroCodec::bundled().decode::<ServiceOrderClosed>(&with(decimal));
    assert!(read(&[0xff; 16]).is_ok(), "minus a ten-thousandth");
    for (first, others, length) in [(0x80, 0, 16), (0x7f, 0xff, 16), (0, 0, 0), (0, 0, 17), (0x80, 0, 17)] {
        let mut decimal = vec![others; length];
        decimal.iter_mut().take(1).for_each(|byte| *byte = first);
        assert_eq!(read(&decimal), Err(DecodeError::Malformed), "{decimal:x?}");
        read_as_everything(&with(&decimal));
    }
}

proptest! {
    #[test]
    fn no_bytes_make_the_codec_panic(bytes in prop::collection::vec(any::<u8>(), 0..300), at in any::<prop::sample::Index>()) {
        read_as_everything(&bytes);
        let encoded = encoded();
        let known = encoded.values().nth(at.index(encoded.len())).unwrap();
        read_as_everything(&[&known[..5], &bytes].concat());
    }

    #[test]
    fn no_damaged_event_makes_the_codec_panic(which in any::<prop::sample::Index>(), damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4)) {
        let encoded = encoded();
        let mut bytes = encoded.values().nth(which.index(encoded.len())).unwrap().to_vec();
        for (at, byte) in damage {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        read_as_everything(&bytes);
    }
}
