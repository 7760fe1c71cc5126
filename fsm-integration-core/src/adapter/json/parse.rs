use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

use super::{JsonError, JsonFault};
use crate::adapter::fields::Path;

/// How large a JSON value may be; its bytes are for whoever reads the body to bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct JsonLimits {
    /// How deeply arrays and objects may nest; default 32, more than 127 is 127.
    pub max_depth: usize,
    /// How many values there may be in all; default 65 536.
    pub max_values: usize,
}

impl Default for JsonLimits {
    fn default() -> Self {
        Self { max_depth: 32, max_values: 65_536 }
    }
}

/// Reads one JSON value strictly.
///
/// Numbers become `u64`, `i64` or else the nearest `f64`; money travels as text for that reason.
///
/// ```
/// use fsm_integration_core::adapter::json::{JsonFault, JsonLimits, parse};
///
/// let error = parse(br#"{"customer": {"email": "a", "email": "b"}}"#, &JsonLimits::default()).unwrap_err();
/// assert_eq!((error.fault, error.path.as_str()), (JsonFault::DuplicateKey, "customer.email"));
/// ```
///
/// # Errors
/// [`JsonError`] with the place and the reason.
pub fn parse(bytes: &[u8], limits: &JsonLimits) -> Result<Value, JsonError> {
    let text = std::str::from_utf8(bytes).map_err(|error| not_utf8(bytes, error.valid_up_to()))?;
    let mut found = Found { values_left: limits.max_values, fault: None };
    let mut reader = serde_json::Deserializer::from_str(text);
    let top = Strict { path: &Path::Root, depth_left: limits.max_depth, found: &mut found };
    let value = top.deserialize(&mut reader).map_err(|error| at(&error, found.fault.take()))?;
    reader.end().map_err(|error| at(&error, Some((JsonFault::TrailingData, String::new()))))?;
    Ok(value)
}

fn not_utf8(bytes: &[u8], valid: usize) -> JsonError {
    let before = &bytes[..valid];
    let line_start = before.iter().rposition(|byte| *byte == b'\n').map_or(0, |newline| newline + 1);
    JsonError {
        fault: JsonFault::NotUtf8,
        path: String::new(),
        line: before.iter().filter(|byte| **byte == b'\n').count() + 1,
        column: valid - line_start + 1,
    }
}

/// serde_json knows the position, we know the path; what we found ourselves beats what it says.
fn at(error: &serde_json::Error, found: Option<(JsonFault, String)>) -> JsonError {
    let (fault, path) = found.unwrap_or_else(|| {
        let fault = if error.is_eof() { JsonFault::Truncated } else { JsonFault::Syntax };
        (fault, String::new())
    });
    JsonError { fault, path, line: error.line(), column: error.column() }
}

struct Found {
    values_left: usize,
    /// The first fault, with its path; the innermost place reports first.
    fault: Option<(JsonFault, String)>,
}

struct Strict<'a> {
    path: &'a Path<'a>,
    depth_left: usize,
    found: &'a mut Found,
}

impl Strict<'_> {
    fn fault<E: serde::de::Error>(&mut self, fault: JsonFault) -> E {
        self.found.fault.get_or_insert_with(|| (fault, self.path.to_string()));
        E::custom("refused")
    }

    fn enter<E: serde::de::Error>(&mut self) -> Result<usize, E> {
        self.depth_left.checked_sub(1).ok_or_else(|| self.fault(JsonFault::TooDeep))
    }
}

/// Says where a syntax error is, unless something more exact was found further in.
fn locate<T, E: serde::de::Error>(result: Result<T, E>, path: &Path<'_>, found: &mut Found) -> Result<T, E> {
    if let Err(error) = &result
        && found.fault.is_none()
    {
        let text = error.to_string();
        let fault = if text.starts_with("EOF") {
            JsonFault::Truncated
        } else if text.starts_with("recursion limit") {
            JsonFault::TooDeep
        } else {
            JsonFault::Syntax
        };
        found.fault = Some((fault, path.to_string()));
    }
    result
}

impl<'de> DeserializeSeed<'de> for Strict<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(mut self, reader: D) -> Result<Value, D::Error> {
        let Some(left) = self.found.values_left.checked_sub(1) else {
            return Err(self.fault(JsonFault::TooMany));
        };
        self.found.values_left = left;
        reader.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Value, E> {
        Number::from_f64(value).map(Value::Number).ok_or_else(|| E::custom("number out of range"))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut elements: A) -> Result<Value, A::Error> {
        let depth_left = self.enter()?;
        let mut array = Vec::new();
        loop {
            let path = Path::Index(self.path, array.len());
            let element = elements.next_element_seed(Strict { path: &path, depth_left, found: self.found });
            match locate(element, &path, self.found)? {
                Some(element) => array.push(element),
                None => return Ok(Value::Array(array)),
            }
        }
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut entries: A) -> Result<Value, A::Error> {
        let depth_left = self.enter()?;
        let mut object = Map::new();
        while let Some(key) = locate(entries.next_key::<String>(), self.path, self.found)? {
            let path = Path::Key(self.path, &key);
            let mut entry = Strict { path: &path, depth_left, found: self.found };
            if object.contains_key(&key) {
                return Err(entry.fault(JsonFault::DuplicateKey));
            }
            let value = entries.next_value_seed(entry);
            let value = locate(value, &path, self.found)?;
            object.insert(key, value);
        }
        Ok(Value::Object(object))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn fault(text: &str) -> (JsonFault, String) {
        let error = parse(text.as_bytes(), &JsonLimits::default()).unwrap_err();
        (error.fault, error.path)
    }

    fn at(fault: JsonFault, path: &str) -> (JsonFault, String) {
        (fault, path.to_owned())
    }

    #[test]
    fn a_duplicate_key_is_refused_with_its_path_even_when_written_with_an_escape() {
        assert_eq!(fault(r#"{"a":1,"a":1}"#), at(JsonFault::DuplicateKey, "a"));
        assert_eq!(fault(r#"{"items":[{"x":0},{"id":1,"\u0069d":2}]}"#), at(JsonFault::DuplicateKey, "items[1].id"));
        assert!(parse(br#"[{"a":1},{"a":1}]"#, &JsonLimits::default()).is_ok());
    }

    #[test]
    fn what_is_no_single_json_value_is_refused() {
        assert_eq!(fault(""), at(JsonFault::Truncated, ""));
        assert_eq!(fault("{\"a\":"), at(JsonFault::Truncated, "a"));
        assert_eq!(fault("{} {}"), at(JsonFault::TrailingData, ""));
        assert_eq!(fault("{}x"), at(JsonFault::TrailingData, ""));
        for bad in
            ["{a:1}", "[1,]", "{\"a\":1,}", "'a'", "NaN", "01", "[1.]", "+1", "\u{feff}{}", "\"\\ud800\"", "\"\t\""]
        {
            assert_eq!(fault(bad).0, JsonFault::Syntax, "{bad:?}");
        }
        assert_eq!(fault("[0,{\"a\":tru}]"), at(JsonFault::Syntax, "[1].a"));
        assert_eq!(fault("{\"a\":1e999}"), at(JsonFault::Syntax, "a"));
    }

    #[test]
    fn invalid_utf8_is_refused_with_its_place() {
        let error = parse(b"{\n\"a\":\"\xff\"}", &JsonLimits::default()).unwrap_err();
        assert_eq!((error.fault, error.line, error.column), (JsonFault::NotUtf8, 2, 6));
    }

    #[test]
    fn depth_and_number_of_values_are_bounded() {
        let nested = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
        assert!(parse(nested(32).as_bytes(), &JsonLimits::default()).is_ok());
        assert_eq!(fault(&nested(33)).0, JsonFault::TooDeep);
        assert_eq!(fault(&"[".repeat(1_000_000)).0, JsonFault::TooDeep);
        let generous = JsonLimits { max_depth: 10_000, ..JsonLimits::default() };
        assert_eq!(parse(nested(5_000).as_bytes(), &generous).unwrap_err().fault, JsonFault::TooDeep);
        let few = JsonLimits { max_values: 3, ..JsonLimits::default() };
        assert!(parse(b"[1,2]", &few).is_ok());
        assert_eq!(parse(b"[1,2,3]", &few).unwrap_err().fault, JsonFault::TooMany);
    }

    #[test]
    fn an_error_shows_the_place_and_never_the_value() {
        let error = parse(br#"{"email":"john.doe@example.com","email":"x"}"#, &JsonLimits::default()).unwrap_err();
        assert_eq!(error.to_string(), "the key is there twice (line 1, column 39, at email)");
        let hostile = format!("{{\"{0}\\n\":1,\"{0}\\n\":2}}", "k".repeat(5_000));
        let error = parse(hostile.as_bytes(), &JsonLimits::default()).unwrap_err();
        assert!(error.path.len() < 300 && !error.path.contains('\n'), "{}", error.path.len());
    }

    #[test]
    fn a_value_is_read_as_serde_json_reads_it() {
        let text = r#"{"a":[1,-2,1.5,18446744073709551615,null,true,"\u00e9\n"],"b":{}}"#;
        let value = parse(text.as_bytes(), &JsonLimits::default()).unwrap();
        assert_eq!(value, json!({"a": [1, -2, 1.5, u64::MAX, null, true, "é\n"], "b": {}}));
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = parse(&bytes, &JsonLimits::default());
        }

        #[test]
        fn no_json_like_text_panics_and_what_is_read_agrees_with_serde_json(text in r#"[\[\]{}",:0-9a-e\\u. tnf-]{0,60}"#) {
            if let Ok(value) = parse(text.as_bytes(), &JsonLimits::default()) {
                prop_assert_eq!(Some(value), serde_json::from_str(&text).ok());
            }
        }
    }
}
