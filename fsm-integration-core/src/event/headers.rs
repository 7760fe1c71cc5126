use std::fmt;

use bytes::Bytes;

use crate::error::{Error, ErrorKind};

/// What stands beside a record: a short ordered list of names and bytes.
///
/// Bounded: at most [`Headers::MAX_COUNT`] headers of [`Headers::MAX_BYTES`] bytes together. A name may stand there twice,
/// as on Kafka; the last one counts.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Headers(Vec<(String, Bytes)>);

/// A header was refused: the list is full, or the name is no name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "a record carries at most {} headers of {} bytes together, with names of 1 to 255 bytes",
    Headers::MAX_COUNT,
    Headers::MAX_BYTES
)]
pub struct HeadersFull;

impl Headers {
    /// The most headers that one record carries.
    pub const MAX_COUNT: usize = 64;
    /// The most bytes that names and values take together.
    pub const MAX_BYTES: usize = 32 * 1024;

    /// Adds a header at the end, even when the name is there already.
    ///
    /// # Errors
    /// [`HeadersFull`] when it does not fit; nothing is changed.
    pub fn push(&mut self, name: impl Into<String>, value: impl Into<Bytes>) -> Result<(), HeadersFull> {
        let (name, value) = (name.into(), value.into());
        Self::fit(self.iter(), &name, &value)?;
        self.0.push((name, value));
        Ok(())
    }

    /// Replaces every header of the name by one.
    ///
    /// # Errors
    /// [`HeadersFull`] when it does not fit in their place; nothing is changed.
    pub fn set(&mut self, name: &str, value: impl Into<Bytes>) -> Result<(), HeadersFull> {
        let value = value.into();
        Self::fit(self.iter().filter(|(known, _)| *known != name), name, &value)?;
        self.0.retain(|(known, _)| known != name);
        self.0.push((name.to_owned(), value));
        Ok(())
    }

    /// Whether there is room beside the others for one more.
    fn fit<'a>(
        others: impl Iterator<Item = (&'a str, &'a Bytes)>,
        name: &str,
        value: &Bytes,
    ) -> Result<(), HeadersFull> {
        let (count, bytes) =
            others.fold((0, 0), |(count, bytes), (name, value)| (count + 1, bytes + name.len() + value.len()));
        let fits = (1..=255).contains(&name.len())
            && count < Self::MAX_COUNT
            && bytes + name.len() + value.len() <= Self::MAX_BYTES;
        if fits { Ok(()) } else { Err(HeadersFull) }
    }

    /// The last value of a name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Bytes> {
        self.0.iter().rev().find(|(known, _)| known == name).map(|(_, value)| value)
    }

    /// The last value of a name, if it is text.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<&str> {
        self.get(name).and_then(|value| std::str::from_utf8(value).ok())
    }

    /// Each of them, in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &Bytes)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value))
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Packs them for a store: name length (1 byte), name, value length (4 bytes, big-endian), value.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.size() + 5 * self.len());
        for (name, value) in self.iter() {
            bytes.push(u8::try_from(name.len()).expect("push refuses longer names"));
            bytes.extend_from_slice(name.as_bytes());
            bytes.extend_from_slice(&u32::try_from(value.len()).expect("push refuses longer values").to_be_bytes());
            bytes.extend_from_slice(value);
        }
        bytes
    }

    /// Unpacks what [`to_bytes`](Headers::to_bytes) packed; `None` for anything else.
    #[must_use]
    pub fn from_bytes(mut bytes: &[u8]) -> Option<Self> {
        let mut headers = Self::default();
        while let Some((&length, rest)) = bytes.split_first() {
            let (name, rest) = rest.split_at_checked(length.into())?;
            let (length, rest) = rest.split_first_chunk::<4>()?;
            let (value, rest) = rest.split_at_checked(usize::try_from(u32::from_be_bytes(*length)).ok()?)?;
            headers.push(std::str::from_utf8(name).ok()?, Bytes::copy_from_slice(value)).ok()?;
            bytes = rest;
        }
        Some(headers)
    }

    fn size(&self) -> usize {
        self.0.iter().map(|(name, value)| name.len() + value.len()).sum()
    }
}

impl From<HeadersFull> for Error {
    fn from(refusal: HeadersFull) -> Self {
        Self::new(ErrorKind::PayloadTooLarge, refusal.to_string())
    }
}

/// Shows the names only: a value may be personal or secret.
impl fmt::Debug for Headers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter().map(|(name, _)| name)).finish()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_last_of_two_headers_counts_and_both_are_kept() {
        let mut headers = Headers::default();
        headers.push("a", "1").unwrap();
        headers.push("a", "2").unwrap();
        assert_eq!((headers.text("a"), headers.len()), (Some("2"), 2));
        headers.set("a", "3").unwrap();
        assert_eq!((headers.text("a"), headers.len()), (Some("3"), 1));
    }

    #[test]
    fn a_header_that_does_not_fit_leaves_the_old_ones() {
        let mut headers = Headers::default();
        headers.push("a", "1").unwrap();
        headers.push("b", "2").unwrap();
        let before = headers.clone();
        assert_eq!(headers.set("a", vec![0; Headers::MAX_BYTES]), Err(HeadersFull));
        assert_eq!(headers, before);
        // What is replaced makes room.
        assert_eq!(headers.set("a", vec![0; Headers::MAX_BYTES - 3]), Ok(()));
        assert_eq!(headers.len(), 2);
    }

    #[test]
    fn headers_are_bounded_in_count_and_in_bytes() {
        let mut headers = Headers::default();
        assert_eq!(headers.push("big", vec![0; Headers::MAX_BYTES]), Err(HeadersFull));
        assert_eq!(headers.push("", "x"), Err(HeadersFull));
        for _ in 0..Headers::MAX_COUNT {
            headers.push("a", "1").unwrap();
        }
        assert_eq!(headers.push("a", "1"), Err(HeadersFull));
    }

    #[test]
    fn names_and_values_together_may_fill_the_bytes_and_no_more() {
        let half = Headers::MAX_BYTES / 2;
        let mut headers = Headers::default();
        assert!(headers.is_empty());
        headers.push("a", vec![0; half - 1]).unwrap();
        assert!(!headers.is_empty());
        assert_eq!(headers.push("bb", vec![0; half - 1]), Err(HeadersFull));
        assert_eq!(headers.push("bb", vec![0; half - 2]), Ok(()));
        let told = "a record carries at most 64 headers of 32768 bytes together, with names of 1 to 255 bytes";
        assert_eq!(HeadersFull.to_string(), told);
    }

    #[test]
    fn debug_shows_no_value() {
        let mut headers = Headers::default();
        headers.push("authorization", "hunter2").unwrap();
        assert_eq!(format!("{headers:?}"), r#"{"authorization"}"#);
    }

    proptest! {
        #[test]
        fn packing_loses_nothing(list in prop::collection::vec(("[a-z]{1,20}", prop::collection::vec(any::<u8>(), 0..50)), 0..20)) {
            let mut headers = Headers::default();
            for (name, value) in list {
                headers.push(name, value).unwrap();
            }
            prop_assert_eq!(Headers::from_bytes(&headers.to_bytes()), Some(headers));
        }

        #[test]
        fn unpacking_never_panics(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = Headers::from_bytes(&bytes);
        }
    }
}
