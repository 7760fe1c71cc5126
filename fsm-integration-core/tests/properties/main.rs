//! What holds for every input from outside, whatever it is.
//!
//! Each module has one `check`: it takes bytes and panics when a promise is broken. Here proptest and the seeds of
//! `fuzz/corpus` feed it; in `fuzz/` (a workspace of its own) a fuzzer that looks at which code the bytes reach.

#[cfg(feature = "avro")]
mod avro_bodies;
mod input;
mod json_bodies;
#[cfg(feature = "http")]
mod retry_after;
mod signature_headers;
mod timestamps;

use std::{fs, path::Path};

use proptest::prelude::*;

/// Feeds the committed seeds of one target.
fn seeds(target: &str, check: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus").join(target);
    // Absent from the packaged crate.
    let Ok(files) = fs::read_dir(folder) else { return };
    for file in files {
        check(&fs::read(file.expect("a folder").path()).expect("a seed"));
    }
}

/// Bytes of every kind, and those that are often met.
fn bytes() -> impl Strategy<Value = Vec<u8>> {
    let telling = prop::sample::select(b"\0\n\"{}[],:;=-+.0123456789eETZv1a /GMT".as_slice());
    let mostly = prop_oneof![4 => telling, 1 => any::<u8>()];
    prop_oneof![prop::collection::vec(any::<u8>(), 0..300), prop::collection::vec(mostly, 0..300)]
}

proptest! {
    #[test]
    fn signature_headers_hold(data in bytes()) {
        signature_headers::check(&data);
    }

    #[test]
    fn timestamps_hold(data in bytes()) {
        timestamps::check(&data);
    }

    #[test]
    fn json_bodies_hold(data in bytes()) {
        json_bodies::check(&data);
    }
}

#[cfg(feature = "http")]
proptest! {
    #[test]
    fn retry_after_holds(data in bytes()) {
        retry_after::check(&data);
    }
}

#[cfg(feature = "avro")]
proptest! {
    #[test]
    fn avro_bodies_hold(data in bytes()) {
        avro_bodies::check(&data);
    }
}

#[test]
fn they_hold_for_the_seeds() {
    seeds("signature_headers", signature_headers::check);
    seeds("timestamps", timestamps::check);
    seeds("json_bodies", json_bodies::check);
    #[cfg(feature = "http")]
    seeds("retry_after", retry_after::check);
    #[cfg(feature = "avro")]
    seeds("avro_bodies", avro_bodies::check);
}
