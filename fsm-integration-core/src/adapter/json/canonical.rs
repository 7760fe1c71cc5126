use std::fmt::Write;

use serde_json::{Map, Number, Value};
use sha2::{Digest, Sha256};

/// Writes the value as RFC 8785 canonical JSON.
///
/// Keys are in the order of their UTF-16 code units; numbers are written as ECMAScript writes them, so that `1`,
/// `1.0` and `10e-1` are the same. One deviation, on purpose: an integer beyond 2^53 that fits 64 bits keeps its
/// digits, where the RFC would round it, because two different identifiers must not become equal.
///
/// ```
/// use fsm_integration_core::adapter::json::canonical;
///
/// let value = serde_json::json!({"b": 1.0, "a": "x"});
/// assert_eq!(canonical(&value), r#"{"a":"x","b":1}"#);
/// ```
#[must_use]
pub fn canonical(value: &Value) -> String {
    let mut text = String::new();
    write(&mut text, value);
    text
}

/// The SHA-256 of the value's [`canonical`] text.
#[must_use]
pub fn fingerprint(value: &Value) -> [u8; 32] {
    Sha256::digest(canonical(value)).into()
}

fn write(out: &mut String, value: &Value) {
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(true) => out.push_str("true"),
        Value::Bool(false) => out.push_str("false"),
        Value::Number(number) => write_number(out, number),
        Value::String(text) => write_text(out, text),
        Value::Array(elements) => {
            out.push('[');
            for (index, element) in elements.iter().enumerate() {
                separate(out, index);
                write(out, element);
            }
            out.push(']');
        }
        Value::Object(object) => write_object(out, object),
    }
}

fn separate(out: &mut String, index: usize) {
    if index > 0 {
        out.push(',');
    }
}

fn write_object(out: &mut String, object: &Map<String, Value>) {
    let mut entries: Vec<_> = object.iter().collect();
    entries.sort_unstable_by(|(left, _), (right, _)| left.encode_utf16().cmp(right.encode_utf16()));
    out.push('{');
    for (index, (key, value)) in entries.into_iter().enumerate() {
        separate(out, index);
        write_text(out, key);
        out.push(':');
        write(out, value);
    }
    out.push('}');
}

fn write_text(out: &mut String, text: &str) {
    out.push('"');
    for character in text.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\u{8}' => out.push_str("\\b"),
            '\t' => out.push_str("\\t"),
            '\n' => out.push_str("\\n"),
            '\u{c}' => out.push_str("\\f"),
            '\r' => out.push_str("\\r"),
            control if control < ' ' => append(out, format_args!("\\u{:04x}", u32::from(control))),
            other => out.push(other),
        }
    }
    out.push('"');
}

fn append(out: &mut String, text: std::fmt::Arguments<'_>) {
    out.write_fmt(text).expect("writing to a String cannot fail");
}

fn write_number(out: &mut String, number: &Number) {
    match number.as_f64() {
        Some(float) if number.is_f64() => write_float(out, float),
        _ => append(out, format_args!("{number}")),
    }
}

/// ECMAScript's `Number::toString`: shortest digits that read back, with an exponent from 1e21 up and below 1e-6.
fn write_float(out: &mut String, float: f64) {
    if float == 0.0 {
        return out.push('0');
    }
    if float < 0.0 {
        out.push('-');
    }
    let scientific = format!("{:e}", float.abs());
    let (mantissa, exponent) = scientific.split_once('e').expect("Rust writes an exponent for {:e}");
    let digits: String = mantissa.chars().filter(char::is_ascii_digit).collect();
    let point: i32 = exponent.parse::<i32>().expect("Rust writes a decimal exponent") + 1;
    let count = i32::try_from(digits.len()).expect("a double has at most 17 digits");
    let zeros = |count: i32| "0".repeat(usize::try_from(count).unwrap_or(0));
    match point {
        22.. | ..=-6 => {
            let (first, rest) = digits.split_at(1);
            let dot = if rest.is_empty() { "" } else { "." };
            append(out, format_args!("{first}{dot}{rest}e{:+}", point - 1));
        }
        _ if point >= count => append(out, format_args!("{digits}{}", zeros(point - count))),
        1.. => {
            let (whole, fraction) = digits.split_at(usize::try_from(point).unwrap_or(0));
            append(out, format_args!("{whole}.{fraction}"));
        }
        _ => append(out, format_args!("0.{}{digits}", zeros(-point))),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::{super::parse::*, *};

    fn number(text: &str) -> String {
        canonical(&parse(text.as_bytes(), &JsonLimits::default()).unwrap())
    }

    #[test]
    fn numbers_are_written_as_the_rfc_writes_them() {
        // RFC 8785, appendix B, and section 3.2.4.
        for (bits, expected) in [
            (0x0000_0000_0000_0000, "0"),
            (0x8000_0000_0000_0000, "0"),
            (0x0000_0000_0000_0001, "5e-324"),
            (0x8000_0000_0000_0001, "-5e-324"),
            (0x7fef_ffff_ffff_ffff, "1.7976931348623157e+308"),
            (0x4340_0000_0000_0000, "9007199254740992"),
            (0x4430_0000_0000_0000, "295147905179352830000"),
            (0x44b5_2d02_c7e1_4af5, "9.999999999999997e+22"),
            (0x44b5_2d02_c7e1_4af6, "1e+23"),
            (0x444b_1ae4_d6e2_ef4e, "999999999999999700000"),
            (0x444b_1ae4_d6e2_ef50, "1e+21"),
            (0x3eb0_c6f7_a0b5_ed8c, "9.999999999999997e-7"),
            (0x3eb0_c6f7_a0b5_ed8d, "0.000001"),
            (0x41b3_de43_5555_5553, "333333333.3333332"),
            (0xbecb_f647_612f_3696, "-0.0000033333333333333333"),
        ] {
            let mut text = String::new();
            write_float(&mut text, f64::from_bits(bits));
            assert_eq!(text, expected);
        }
        assert_eq!([number("1"), number("1.0"), number("10e-1"), number("-0.0")], ["1", "1", "1", "0"]);
        assert_ne!(number("9007199254740993"), number("9007199254740992"), "digits beyond 2^53 are kept");
    }

    #[test]
    fn the_rfc_example_of_key_order_holds() {
        let value = json!({
            "\u{20ac}": "Euro Sign", "\r": "Carriage Return", "\u{fb33}": "Hebrew Letter Dalet With Dagesh",
            "1": "One", "\u{1f600}": "Emoji: Grinning Face", "\u{80}": "Control", "\u{f6}": "Latin"
        });
        let text = canonical(&value);
        let order = ["Carriage", "One", "Control", "Latin", "Euro", "Emoji", "Hebrew"];
        let places: Vec<_> = order.iter().map(|word| text.find(word).unwrap()).collect();
        assert!(places.is_sorted(), "{text}");
    }

    #[test]
    fn text_is_escaped_as_the_rfc_escapes_it() {
        assert_eq!(canonical(&json!("\u{20ac}$\u{f}\nA'B\"\\\"/\u{7f}")), "\"€$\\u000f\\nA'B\\\"\\\\\\\"/\u{7f}\"");
    }

    #[test]
    fn a_fingerprint_is_the_hash_of_the_canonical_text() {
        let hex: String = fingerprint(&json!({})).iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hex, "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a");
    }

    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            any::<String>().prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 32, 6, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
                proptest::collection::btree_map(any::<String>(), inner, 0..6)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    /// The same value, its keys backwards and white space everywhere.
    fn backwards(value: &Value) -> String {
        match value {
            Value::Array(elements) => {
                format!("[ {} ]", elements.iter().map(backwards).collect::<Vec<_>>().join(" ,\n"))
            }
            Value::Object(object) => {
                let entry = |(key, value)| format!("\t{} : {}", json!(key), backwards(value));
                format!("{{ {} }}", object.iter().rev().map(entry).collect::<Vec<_>>().join(" , "))
            }
            leaf => leaf.to_string(),
        }
    }

    proptest! {
        #[test]
        fn key_order_and_white_space_do_not_matter(value in any_json()) {
            let plain = parse(value.to_string().as_bytes(), &JsonLimits::default()).unwrap();
            let other = parse(backwards(&value).as_bytes(), &JsonLimits::default()).unwrap();
            prop_assert_eq!(canonical(&plain), canonical(&other));
        }

        #[test]
        fn canonical_text_is_json_of_the_same_canonical_text(value in any_json()) {
            let text = canonical(&value);
            let again = parse(text.as_bytes(), &JsonLimits::default()).unwrap();
            prop_assert_eq!(canonical(&again), text);
        }
    }
}
