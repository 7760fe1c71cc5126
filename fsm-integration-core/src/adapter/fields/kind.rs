use std::cell::RefCell;

use serde_json::Value;

use super::Path;
use crate::error::FieldErrors;

/// What a field may hold, and what it is read as.
pub trait Kind {
    /// What the field is read as.
    type Value;

    /// Reads the value; reports what is wrong to `at` and returns a placeholder then.
    fn read(&self, at: At<'_>) -> Self::Value;
}

/// A value, where it stands, and where to report what is wrong with it.
#[derive(Debug, Clone, Copy)]
pub struct At<'a> {
    pub(super) value: &'a Value,
    pub(super) path: &'a Path<'a>,
    /// `None` while a placeholder is made: its faults are nobody's.
    pub(super) errors: Option<&'a RefCell<FieldErrors>>,
}

impl<'a> At<'a> {
    /// The value.
    #[must_use]
    pub fn value(&self) -> &'a Value {
        self.value
    }

    /// Reports that the value is wrong; the message says what would be right, never what is there.
    pub fn error(&self, message: impl Into<String>) {
        if let Some(errors) = self.errors {
            errors.borrow_mut().push(self.path.to_string(), message);
        }
    }
}

/// Whether the value counts as not being there.
pub(super) fn is_absent(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.trim().is_empty(),
        _ => false,
    }
}

/// A kind that is one check: what is right, in words, and how to read it.
pub(super) struct Check<T> {
    pub(super) must: &'static str,
    pub(super) read: fn(&Value) -> Option<T>,
    pub(super) placeholder: T,
}

impl<T: Clone> Kind for Check<T> {
    type Value = T;

    fn read(&self, at: At<'_>) -> T {
        (self.read)(at.value).unwrap_or_else(|| {
            at.error(self.must);
            self.placeholder.clone()
        })
    }
}
