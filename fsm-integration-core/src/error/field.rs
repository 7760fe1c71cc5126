use std::fmt;

use serde::Serialize;

/// One field that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FieldError {
    /// Where it stands, as in `serviceItems[0].quantity`; empty for the whole body.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub field: String,
    /// What is wrong and what would be right; never the value, which may be personal.
    pub message: String,
}

/// All fields that are wrong, in the order they were found.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct FieldErrors(Vec<FieldError>);

impl FieldErrors {
    /// The most that are kept: a body of a megabyte must not make an answer of ten.
    pub const MAX: usize = 100;

    /// Adds one; beyond [`FieldErrors::MAX`] it is dropped.
    pub fn push(&mut self, field: impl Into<String>, message: impl Into<String>) {
        if self.0.len() < Self::MAX {
            self.0.push(FieldError { field: field.into(), message: message.into() });
        }
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether nothing is wrong.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Each of them.
    pub fn iter(&self) -> std::slice::Iter<'_, FieldError> {
        self.0.iter()
    }

    /// `Ok` when nothing is wrong.
    ///
    /// # Errors
    /// Itself, when something is.
    pub fn into_result(self) -> Result<(), Self> {
        if self.is_empty() { Ok(()) } else { Err(self) }
    }
}

impl<'a> IntoIterator for &'a FieldErrors {
    type Item = &'a FieldError;
    type IntoIter = std::slice::Iter<'a, FieldError>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl fmt::Display for FieldErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, error) in self.iter().enumerate() {
            let separator = if index == 0 { "" } else { "; " };
            write!(f, "{separator}{}: {}", error.field, error.message)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_is_told_in_the_order_it_was_found() {
        let mut errors = FieldErrors::default();
        assert!(errors.is_empty() && errors.clone().into_result().is_ok());
        errors.push("items[0].quantity", "must be at least 1");
        errors.push("phone", "is missing");
        assert_eq!(errors.to_string(), "items[0].quantity: must be at least 1; phone: is missing");
        let fields: Vec<_> = (&errors).into_iter().map(|error| error.field.as_str()).collect();
        assert_eq!(fields, ["items[0].quantity", "phone"]);
        assert!(!errors.is_empty());
        assert_eq!(errors.clone().into_result(), Err(errors));
    }

    #[test]
    fn a_hundred_are_told_and_the_rest_dropped() {
        let mut errors = FieldErrors::default();
        let lengths: Vec<_> = (0..102)
            .map(|n| {
                errors.push(format!("items[{n}]"), "is wrong");
                errors.len()
            })
            .collect();
        assert_eq!((lengths[0], &lengths[98..]), (1, &[99, 100, 100, 100][..]));
    }
}
