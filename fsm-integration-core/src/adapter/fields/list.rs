use std::{collections::BTreeMap, ops::RangeInclusive};

use serde_json::Value;

use super::{
    FieldReader, Path,
    kind::{At, Kind},
    text::is_id,
};

/// An object with a schema of its own.
pub fn object<T>(schema: impl Fn(&FieldReader<'_>) -> T) -> impl Kind<Value = T> {
    Object(schema)
}

/// An array with bounded length, each element of one kind.
pub fn list<K: Kind>(length: RangeInclusive<usize>, element: K) -> impl Kind<Value = Vec<K::Value>> {
    List { length, element }
}

/// An object with free keys (at most 128 printable characters) and at most `max` entries of one kind.
pub fn map<K: Kind>(max: usize, entry: K) -> impl Kind<Value = BTreeMap<String, K::Value>> {
    Entries { max, entry }
}

struct Object<F>(F);

impl<T, F: Fn(&FieldReader<'_>) -> T> Kind for Object<F> {
    type Value = T;

    fn read(&self, at: At<'_>) -> T {
        if at.value.is_object() {
            return (self.0)(&FieldReader::new(at));
        }
        at.error("must be an object");
        (self.0)(&FieldReader::new(At { errors: None, ..at }))
    }
}

struct List<K> {
    length: RangeInclusive<usize>,
    element: K,
}

impl<K: Kind> Kind for List<K> {
    type Value = Vec<K::Value>;

    fn read(&self, at: At<'_>) -> Vec<K::Value> {
        let Value::Array(elements) = at.value else {
            at.error("must be an array");
            return Vec::new();
        };
        if !self.length.contains(&elements.len()) {
            at.error(format!("must have {} to {} elements", self.length.start(), self.length.end()));
            return Vec::new();
        }
        let element =
            |(index, value)| self.element.read(At { value, path: &Path::Index(at.path, index), errors: at.errors });
        elements.iter().enumerate().map(element).collect()
    }
}

struct Entries<K> {
    max: usize,
    entry: K,
}

impl<K: Kind> Kind for Entries<K> {
    type Value = BTreeMap<String, K::Value>;

    fn read(&self, at: At<'_>) -> Self::Value {
        let Value::Object(entries) = at.value else {
            at.error("must be an object");
            return BTreeMap::new();
        };
        if entries.len() > self.max {
            at.error(format!("must have at most {} entries", self.max));
            return BTreeMap::new();
        }
        if !entries.keys().all(|key| is_id(key)) {
            at.error("must have keys of 1 to 128 printable characters");
            return BTreeMap::new();
        }
        let entry = |(key, value): (&String, &_)| {
            let path = Path::Key(at.path, key);
            (key.clone(), self.entry.read(At { value, path: &path, errors: at.errors }))
        };
        entries.iter().map(entry).collect()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{
        super::{read, text},
        *,
    };

    #[test]
    fn a_list_outside_its_bounds_is_one_fault_and_its_elements_are_not_read() {
        let schema = |body: &FieldReader<'_>| body.required("a", list(1..=2, text(9)));
        assert_eq!(read(&json!({"a": ["x"]}), schema), Ok(vec!["x".to_owned()]));
        for bad in [json!({"a": []}), json!({"a": [1, 2, 3]}), json!({"a": {}}), json!({"a": "x"})] {
            assert_eq!(read(&bad, schema).unwrap_err().len(), 1, "{bad}");
        }
    }

    #[test]
    fn a_map_checks_keys_and_values() {
        let schema = |body: &FieldReader<'_>| body.required("m", map(2, text(3)));
        assert_eq!(read(&json!({"m": {"k": "v"}}), schema).unwrap()["k"], "v");
        let errors = read(&json!({"m": {"k": "four"}}), schema).unwrap_err();
        assert_eq!(errors.iter().next().unwrap().field, "m.k");
        for bad in [json!({"m": {"a\n": "v"}}), json!({"m": {"a": "", "b": "", "c": ""}}), json!({"m": []})] {
            assert_eq!(read(&bad, schema).unwrap_err().iter().next().unwrap().field, "m", "{bad}");
        }
    }
}
