use std::ops::Range;

use bytes::{Buf, Bytes};
use http::HeaderValue;

use super::{
    WebhookSecrets,
    code::Signature,
    timestamp::{MOST_RFC3339, MOST_SECONDS},
};

/// What the standard family takes beside its signatures: seconds.
pub(super) const STANDARD: usize = MOST_SECONDS;
/// What the FSM family takes: a timestamp and a hex code.
pub(super) const FSM: usize = MOST_RFC3339 + 64;
/// Room for the standard family with one shared secret.
pub(super) const LEAST: usize = 64;
/// Room for both families with one shared secret, or for the standard one with three.
pub(super) const USUAL: usize = 160;
/// Room for any, with a space after each signature.
pub(super) const MOST: usize = STANDARD + FSM + (Signature::MOST_TEXT + 1) * WebhookSecrets::MAX;

/// The text of every header of one attempt, in one piece: what is signed is read from it, and the headers share it.
pub(super) struct Text<const N: usize> {
    bytes: [u8; N],
    length: usize,
}

/// Text that was given away to headers.
pub(super) struct Values(Bytes);

impl<const N: usize> Text<N> {
    #[inline]
    pub(super) fn new() -> Self {
        Self { bytes: [0; N], length: 0 }
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

    /// Appends what a function writes into the room that is left, of which it tells the length.
    ///
    /// In place: bytes that were written one by one and are copied together make the processor wait for each.
    #[inline]
    pub(super) fn write(&mut self, write: impl FnOnce(&mut [u8]) -> usize) -> Range<usize> {
        let start = self.length;
        self.length += write(&mut self.bytes[start..]);
        start..self.length
    }

    /// Gives the text away to the values of headers, all in one allocation.
    #[inline]
    pub(super) fn into_values(self) -> Values {
        Values(Bytes::from_owner(self))
    }
}

impl Values {
    #[inline(always)]
    pub(super) fn value(&self, range: Range<usize>) -> HeaderValue {
        value(self.0.slice(range))
    }

    /// The value after which none is needed, which is counted by no one more.
    #[inline(always)]
    pub(super) fn last(self, range: Range<usize>) -> HeaderValue {
        let mut bytes = self.0;
        bytes.truncate(range.end);
        bytes.advance(range.start);
        value(bytes)
    }
}

#[inline(always)]
fn value(bytes: Bytes) -> HeaderValue {
    HeaderValue::from_maybe_shared(bytes).expect("all of it is ASCII")
}

impl<const N: usize> AsRef<[u8]> for Text<N> {
    fn as_ref(&self) -> &[u8] {
        &self.bytes[..self.length]
    }
}
