use std::ops::Range;

use bytes::Bytes;
use http::HeaderValue;

use super::{
    WebhookSecrets,
    code::Signature,
    id::MOST_ID,
    timestamp::{MOST_RFC3339, MOST_SECONDS},
};

/// An id, two timestamps, a hex code, a full stop after three of them, and a signature and a space for each secret.
const CAPACITY: usize =
    MOST_ID + MOST_SECONDS + MOST_RFC3339 + 64 + 3 + (Signature::MOST_TEXT + 1) * WebhookSecrets::MAX;

/// The text of every header of one attempt, in one piece: what is signed is read from it, and the headers share it.
pub(super) struct Text {
    bytes: [u8; CAPACITY],
    length: usize,
}

impl Text {
    #[inline]
    pub(super) fn new() -> Self {
        Self { bytes: [0; CAPACITY], length: 0 }
    }

    pub(super) fn read(&self, range: &Range<usize>) -> &[u8] {
        &self.bytes[range.clone()]
    }

    /// Where the next text begins.
    pub(super) fn end(&self) -> usize {
        self.length
    }

    #[inline]
    pub(super) fn push(&mut self, text: &[u8]) -> Range<usize> {
        let start = self.length;
        self.length += text.len();
        self.bytes[start..self.length].copy_from_slice(text);
        start..self.length
    }

    /// Appends what a function writes into room for `N` characters.
    pub(super) fn push_with<const N: usize>(&mut self, write: impl FnOnce(&mut [u8; N]) -> usize) -> Range<usize> {
        let mut room = [0; N];
        let length = write(&mut room);
        self.push(&room[..length])
    }

    pub(super) fn push_signature(&mut self, signature: &Signature) {
        self.length += signature.write(&mut self.bytes[self.length..]);
    }

    /// Gives the text away to the values of headers, all in one allocation.
    #[inline]
    pub(super) fn into_values(self) -> impl Fn(Range<usize>) -> HeaderValue {
        let bytes = Bytes::from_owner(self);
        move |range| HeaderValue::from_maybe_shared(bytes.slice(range)).expect("all of it is ASCII")
    }
}

impl AsRef<[u8]> for Text {
    fn as_ref(&self) -> &[u8] {
        &self.bytes[..self.length]
    }
}
