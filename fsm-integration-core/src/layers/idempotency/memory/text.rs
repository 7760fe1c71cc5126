use crate::layers::idempotency::IdempotencyKey;

/// As much as fits, with its length, into 56 bytes.
const SHORT: usize = 55;

/// A kept key: a short one as it is, so that it takes no part in whatever becomes of the caller's own.
///
/// The caller's text would have to be looked up in memory again when the record goes, long after anybody used it.
pub(super) struct Text {
    /// 0 when it is long.
    length: u8,
    bytes: [u8; SHORT],
    long: Option<Box<IdempotencyKey>>,
}

impl Text {
    /// No key's text.
    pub(super) const NONE: Self = Self { length: 0, bytes: [0; SHORT], long: None };

    /// Makes it a key's; written where it is, since to move it costs more.
    #[inline]
    pub(super) fn set(&mut self, key: &IdempotencyKey) {
        let text = key.as_bytes();
        match self.bytes.get_mut(..text.len()) {
            Some(bytes) => {
                bytes.copy_from_slice(text);
                self.length = text.len() as u8;
            }
            None => (self.length, self.long) = (0, Some(Box::new(key.clone()))),
        }
    }

    /// Gives back what is not part of it.
    #[inline]
    pub(super) fn clear(&mut self) {
        if self.length == 0 {
            self.long = None;
        }
    }

    #[inline]
    pub(super) fn is(&self, key: &IdempotencyKey) -> bool {
        if self.length > 0 {
            self.bytes[..usize::from(self.length)] == *key.as_bytes()
        } else {
            self.long.as_deref() == Some(key)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_the_key_that_it_was_made_of_and_no_other() {
        let key = |length: usize| IdempotencyKey::new("a", "b", &"x".repeat(length)).expect("a key");
        let keys: Vec<_> = (1..=100).map(key).collect();
        let mut text = Text::NONE;
        for one in keys.iter().chain(keys.iter().rev()) {
            text.set(one);
            assert_eq!(text.long.is_none(), one.as_bytes().len() <= SHORT);
            assert!(keys.iter().all(|other| text.is(other) == (one == other)));
            text.clear();
        }
        text.set(&keys[0]);
        assert!(!text.is(&IdempotencyKey::new("c", "b", "x").expect("a key")), "as long, and another");
    }
}
