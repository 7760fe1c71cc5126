use std::cell::RefCell;

use serde_json::{Map, Value};

use super::{
    Path,
    kind::{At, Kind, is_absent},
    object,
};
use crate::error::FieldErrors;

static ABSENT: Value = Value::Null;

/// Reads the fields of one JSON object.
#[derive(Debug)]
pub struct FieldReader<'a> {
    object: Option<&'a Map<String, Value>>,
    path: &'a Path<'a>,
    errors: Option<&'a RefCell<FieldErrors>>,
}

/// Reads a whole body by its schema.
///
/// # Errors
/// Every field that is wrong, in the order of the schema.
pub fn read<T>(body: &Value, schema: impl Fn(&FieldReader<'_>) -> T) -> Result<T, FieldErrors> {
    let errors = RefCell::new(FieldErrors::default());
    let value = object(schema).read(At { value: body, path: &Path::Root, errors: Some(&errors) });
    errors.into_inner().into_result().map(|()| value)
}

impl<'a> FieldReader<'a> {
    pub(super) fn new(at: At<'a>) -> Self {
        Self { object: at.value.as_object(), path: at.path, errors: at.errors }
    }

    /// Reads a field that must be there.
    #[expect(clippy::needless_pass_by_value, reason = "a schema reads better without `&` before every kind")]
    pub fn required<K: Kind>(&self, name: &str, kind: K) -> K::Value {
        self.present(name, &kind).unwrap_or_else(|| {
            let path = Path::Key(self.path, name);
            let at = At { value: &ABSENT, path: &path, errors: self.errors };
            at.error("is required");
            kind.read(At { errors: None, ..at })
        })
    }

    /// Reads a field that may be absent.
    #[expect(clippy::needless_pass_by_value, reason = "a schema reads better without `&` before every kind")]
    pub fn optional<K: Kind>(&self, name: &str, kind: K) -> Option<K::Value> {
        self.present(name, &kind)
    }

    /// Reads a list or map that may be absent, and then is empty.
    pub fn or_default<K: Kind<Value: Default>>(&self, name: &str, kind: K) -> K::Value {
        self.optional(name, kind).unwrap_or_default()
    }

    fn present<K: Kind>(&self, name: &str, kind: &K) -> Option<K::Value> {
        let value = self.object?.get(name).filter(|value| !is_absent(value))?;
        Some(kind.read(At { value, path: &Path::Key(self.path, name), errors: self.errors }))
    }

    /// Whether nothing has been found wrong so far with a field or anything in it.
    ///
    /// For rules between fields: only sound fields are worth comparing.
    #[must_use]
    pub fn is_sound(&self, name: &str) -> bool {
        let Some(errors) = self.errors else { return false };
        let path = Path::Key(self.path, name).to_string();
        let within = |rest: &str| rest.is_empty() || rest.starts_with(['.', '[']);
        !errors.borrow().iter().any(|error| error.field.strip_prefix(path.as_str()).is_some_and(within))
    }

    /// Whether the field is there, be it blank; `null` is not.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.object.and_then(|object| object.get(name)).is_some_and(|value| !value.is_null())
    }

    /// Reports a rule that the object as a whole breaks.
    pub fn error_here(&self, message: impl Into<String>) {
        At { value: &ABSENT, path: self.path, errors: self.errors }.error(message);
    }

    /// Reports a rule between fields that does not hold, at the field that should change.
    pub fn error(&self, name: &str, message: impl Into<String>) {
        let path = Path::Key(self.path, name);
        At { value: &ABSENT, path: &path, errors: self.errors }.error(message);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{
        super::{id, integer, list, text},
        *,
    };

    #[test]
    fn all_faults_are_collected_with_their_paths() {
        let body = json!({"id": 7, "inner": {"list": ["a", 1, {}]}, "extra": true});
        let errors = read(&body, |body| {
            body.required("id", id());
            body.required("missing", integer(0..=1));
            body.required("inner", object(|inner: &FieldReader<'_>| inner.required("list", list(0..=5, text(9)))));
        })
        .unwrap_err();
        let fields: Vec<_> = errors.iter().map(|error| error.field.as_str()).collect();
        assert_eq!(fields, ["id", "missing", "inner.list[1]", "inner.list[2]"]);
    }

    #[test]
    fn a_missing_object_is_one_fault_not_one_for_each_of_its_fields() {
        let schema = |body: &FieldReader<'_>| {
            body.required("customer", object(|it: &FieldReader<'_>| (it.required("a", id()), it.required("b", id()))))
        };
        for body in [json!({}), json!({"customer": null}), json!({"customer": 1})] {
            assert_eq!(read(&body, schema).unwrap_err().len(), 1, "{body}");
        }
    }

    #[test]
    fn absent_null_and_blank_are_the_same() {
        let schema = |body: &FieldReader<'_>| body.optional("a", text(5));
        for body in [json!({}), json!({"a": null}), json!({"a": ""}), json!({"a": " "})] {
            assert_eq!(read(&body, schema), Ok(None), "{body}");
            let required = read(&body, |body| body.required("a", text(5))).unwrap_err();
            assert_eq!(required.to_string(), "a: is required");
        }
    }

    #[test]
    fn a_body_that_is_no_object_is_told_so() {
        for body in [json!([]), json!("x"), json!(null), json!(1)] {
            let errors = read(&body, |body| body.required("a", id())).unwrap_err();
            assert_eq!((errors.len(), errors.to_string().as_str()), (1, ": must be an object"));
        }
    }

    #[test]
    fn a_rule_between_fields_can_ask_whether_they_are_sound() {
        let body = json!({"a": {"x": 1}, "ab": "bad"});
        let errors = read(&body, |body| {
            body.required("a", object(|a: &FieldReader<'_>| a.required("x", integer(5..=6))));
            body.required("ab", text(9));
            assert_eq!((body.is_sound("a"), body.is_sound("ab"), body.is_sound("b")), (false, true, true));
            body.error("ab", "does not fit");
        });
        assert_eq!(errors.unwrap_err().len(), 2);
    }
}
