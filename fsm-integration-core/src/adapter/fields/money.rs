use serde_json::Value;

use super::kind::{Check, Kind};

const MUST: &str = "must be a decimal string such as \"99.99\": digits, at most 15 before and 4 after the point";

/// An amount of money as the text it came in: a decimal string, not negative.
#[must_use]
pub fn money_text() -> impl Kind<Value = String> {
    Check {
        must: MUST,
        read: |value: &Value| value.as_str().filter(|text| is_money(text)).map(str::to_owned),
        placeholder: "0".to_owned(),
    }
}

/// An amount of money as an exact decimal; at most 15 digits before and 4 after the point, not negative.
#[cfg(feature = "avro")]
#[must_use]
pub fn money() -> impl Kind<Value = rust_decimal::Decimal> {
    Check {
        must: MUST,
        // The grammar comes first: rust_decimal would also take `1_000`, and round a 29th digit silently.
        read: |value: &Value| value.as_str().filter(|text| is_money(text))?.parse().ok(),
        placeholder: rust_decimal::Decimal::ZERO,
    }
}

fn is_money(text: &str) -> bool {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |part: &str, max: usize| (1..=max).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit());
    digits(whole, 15) && digits(fraction, 4)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::{
        super::{FieldReader, read},
        *,
    };

    #[test]
    fn f_v2_only_a_plain_decimal_string_is_money() {
        for good in ["0", "99.99", "0.0001", "999999999999999.9999", "007.50"] {
            assert!(is_money(good), "{good:?}");
        }
        let bad = [
            "",
            "abc",
            "NaN",
            "Infinity",
            "0x10",
            "1,000.00",
            "99.99abc",
            "-1",
            "+1",
            "1e2",
            "1_000",
            ".5",
            "5.",
            "1.2.3",
            " 1",
            "1 ",
            "1000000000000000",
            "1.00001",
            "\u{ff11}",
            "1\n",
        ];
        for bad in bad {
            assert!(!is_money(bad), "{bad:?}");
        }
        let number = read(&json!({"a": 99.99}), |body: &FieldReader<'_>| body.required("a", money_text()));
        assert!(number.is_err(), "a JSON number is a float on its way");
    }

    #[cfg(feature = "avro")]
    proptest! {
        #[test]
        fn money_is_exact(whole in 0_u64..1_000_000_000_000_000, fraction in 0_u32..10_000) {
            let text = format!("{whole}.{fraction:04}");
            let amount = read(&json!({"a": text}), |body: &FieldReader<'_>| body.required("a", money())).unwrap();
            prop_assert_eq!(amount.to_string(), text);
        }
    }

    proptest! {
        #[test]
        fn no_text_panics(text: String) {
            let _ = is_money(&text);
        }
    }
}
