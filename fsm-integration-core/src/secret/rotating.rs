use jiff::Timestamp;
use zeroize::Zeroize;

use super::Secret;

/// A secret in its current version and, while an overlap lasts, the previous one (requirement K3).
#[derive(Debug, Clone)]
pub struct RotatingSecret<T: Zeroize> {
    /// The version to sign or authenticate with.
    pub current: Secret<T>,
    /// The version before, and until when it is accepted, exclusively.
    pub previous: Option<(Secret<T>, Timestamp)>,
}

impl<T: Zeroize> RotatingSecret<T> {
    /// Creates the first version.
    pub fn new(current: Secret<T>) -> Self {
        Self { current, previous: None }
    }

    /// Makes a new version the current one; the one before is accepted until a date.
    #[must_use]
    pub fn rotate(self, next: Secret<T>, previous_valid_until: Timestamp) -> Self {
        Self { current: next, previous: Some((self.current, previous_valid_until)) }
    }

    /// The versions that are accepted at a point in time, newest first.
    pub fn accepted(&self, now: Timestamp) -> impl Iterator<Item = &Secret<T>> {
        let previous = self.previous.as_ref().filter(|(_, until)| now < *until).map(|(secret, _)| secret);
        std::iter::once(&self.current).chain(previous)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn f_k1_a_rotation_overlaps_and_ends() {
        let until = Timestamp::from_second(100).expect("in range");
        let secret = |text: &str| Secret::new(text.to_owned());
        let rotated = RotatingSecret::new(secret("old")).rotate(secret("new"), until);
        let accepted = |second| {
            let now = Timestamp::from_second(second).expect("in range");
            rotated.accepted(now).map(|secret| secret.expose().as_str()).collect::<Vec<_>>()
        };
        assert_eq!(accepted(99), ["new", "old"]);
        assert_eq!(accepted(100), ["new"]);
    }
}
