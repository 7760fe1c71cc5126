use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use zeroize::Zeroize;

/// A value that never shows itself and is wiped from memory when dropped (requirement K5).
///
/// `Debug` and serde write `[redacted]`; serde reads the value, for configuration. Not comparable, on purpose:
/// compare in constant time.
#[derive(Clone)]
pub struct Secret<T: Zeroize>(T);

const REDACTED: &str = "[redacted]";

impl<T: Zeroize> Secret<T> {
    /// Takes the value in.
    pub fn new(value: T) -> Self {
        Self(value)
    }

    /// Shows the value to code that needs it; never log or store what this returns.
    pub fn expose(&self) -> &T {
        &self.0
    }

    pub(super) fn expose_mut(&mut self) -> &mut T {
        &mut self.0
    }
}

impl<T: Zeroize> Drop for Secret<T> {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl<T: Zeroize> From<T> for Secret<T> {
    fn from(value: T) -> Self {
        Self(value)
    }
}

impl<T: Zeroize> fmt::Debug for Secret<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(REDACTED)
    }
}

impl<T: Zeroize> Serialize for Secret<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(REDACTED)
    }
}

impl<'de, T: Zeroize + Deserialize<'de>> Deserialize<'de> for Secret<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // The reason of a format may quote what it found.
        T::deserialize(deserializer).map(Self).map_err(|_| D::Error::custom("this is no secret of the right type"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn k5_neither_debug_nor_serde_shows_a_secret() {
        let secret: Secret<String> = serde_json::from_str("\"hunter2\"").expect("reads");
        assert_eq!(secret.expose(), "hunter2");
        assert_eq!(format!("{secret:?} {:?}", Some(&secret)), "[redacted] Some([redacted])");
        assert_eq!(serde_json::to_string(&secret).expect("writes"), "\"[redacted]\"");
    }

    #[test]
    fn k5_a_value_of_the_wrong_type_is_not_shown_either() {
        for text in ["12345678", "{\"hunter2\": 1}", "[\"hunter2\"]"] {
            let error = serde_json::from_str::<Secret<String>>(text).expect_err("no text").to_string();
            assert!(!error.contains("12345678") && !error.contains("hunter2"), "{error}");
        }
        let error = serde_json::from_str::<Secret<u32>>("\"hunter2\"").expect_err("no number").to_string();
        assert!(!error.contains("hunter2"), "{error}");
    }
}
