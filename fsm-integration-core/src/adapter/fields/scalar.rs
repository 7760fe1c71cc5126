use std::ops::RangeInclusive;

use serde_json::Value;

use super::kind::{At, Check, Kind};

/// `true` or `false`.
#[must_use]
pub fn boolean() -> impl Kind<Value = bool> {
    Check { must: "must be true or false", read: Value::as_bool, placeholder: false }
}

/// A whole number within bounds; `2.0` is one, `"2"` is not.
#[must_use]
pub fn integer(bounds: RangeInclusive<i64>) -> impl Kind<Value = i64> {
    Integer(bounds)
}

/// A number within bounds.
#[must_use]
pub fn number(bounds: RangeInclusive<f64>) -> impl Kind<Value = f64> {
    Number(bounds)
}

/// One word of a closed list, exactly as written there.
///
/// # Panics
/// When the list is empty.
#[must_use]
pub fn one_of<T: Copy>(words: &[(&'static str, T)]) -> impl Kind<Value = T> {
    assert!(!words.is_empty(), "a closed list has at least one word");
    OneOf(words)
}

struct Integer(RangeInclusive<i64>);

/// Whole numbers are exact in a double below this.
const EXACT: f64 = 9_007_199_254_740_992.0;

fn whole(value: &Value) -> Option<i64> {
    value.as_i64().or_else(|| {
        let float = value.as_f64().filter(|float| float.fract() == 0.0 && float.abs() < EXACT)?;
        #[expect(clippy::cast_possible_truncation, reason = "whole and below 2^53")]
        Some(float as i64)
    })
}

impl Kind for Integer {
    type Value = i64;

    fn read(&self, at: At<'_>) -> i64 {
        whole(at.value).filter(|number| self.0.contains(number)).unwrap_or_else(|| {
            at.error(format!("must be a whole number from {} to {}", self.0.start(), self.0.end()));
            *self.0.start()
        })
    }
}

struct Number(RangeInclusive<f64>);

impl Kind for Number {
    type Value = f64;

    fn read(&self, at: At<'_>) -> f64 {
        at.value.as_f64().filter(|number| self.0.contains(number)).unwrap_or_else(|| {
            at.error(format!("must be a number from {} to {}", self.0.start(), self.0.end()));
            *self.0.start()
        })
    }
}

struct OneOf<'w, T>(&'w [(&'static str, T)]);

impl<T: Copy> Kind for OneOf<'_, T> {
    type Value = T;

    fn read(&self, at: At<'_>) -> T {
        let text = at.value.as_str();
        self.0.iter().find(|(word, _)| Some(*word) == text).map_or_else(
            || {
                let words: Vec<_> = self.0.iter().map(|(word, _)| *word).collect();
                at.error(format!("must be one of {}", words.join(", ")));
                self.0[0].1
            },
            |(_, value)| *value,
        )
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{
        super::{FieldReader, read},
        *,
    };

    #[test]
    fn an_integer_is_whole_within_bounds_and_no_text() {
        let schema = |body: &FieldReader<'_>| body.required("n", integer(1..=10));
        for good in [json!(1), json!(10), json!(2.0)] {
            assert!(read(&json!({"n": good}), schema).is_ok(), "{good}");
        }
        for bad in [json!(0), json!(11), json!(1.5), json!("1"), json!(true), json!([1]), json!(u64::MAX), json!(1e300)]
        {
            assert!(read(&json!({"n": bad}), schema).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_number_may_be_zero_and_must_be_within_bounds() {
        let schema = |body: &FieldReader<'_>| body.required("n", number(-90.0..=90.0));
        for good in [json!(0), json!(-0.0), json!(90), json!(-90), json!(37.77)] {
            assert!(read(&json!({"n": good}), schema).is_ok(), "{good}");
        }
        for bad in [json!(90.000_1), json!(999), json!("0"), json!(false)] {
            assert!(read(&json!({"n": bad}), schema).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_closed_list_says_what_it_allows() {
        let schema = |body: &FieldReader<'_>| body.required("p", one_of(&[("LOW", 1), ("HIGH", 2)]));
        assert_eq!(read(&json!({"p": "HIGH"}), schema), Ok(2));
        for bad in [json!("high"), json!("HIGH "), json!(2), json!(["HIGH"])] {
            let errors = read(&json!({"p": bad}), schema).unwrap_err();
            assert_eq!(errors.to_string(), "p: must be one of LOW, HIGH", "{bad}");
        }
    }
}
