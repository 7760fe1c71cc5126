use std::fmt;

use rust_decimal::{Decimal, prelude::ToPrimitive};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::{Currency, currency::InvalidCurrency};

/// A sum of money, exact: at most 15 digits before the point and 4 after it.
///
/// On the wire it is both a `decimal`, which is the truth, and a `value`, the nearest double, for readers that
/// know no better.
///
/// ```
/// use fsm_integration_core::event::Amount;
///
/// let amount = Amount::parse("8.50", "USD")?;
/// assert_eq!(amount.to_string(), "8.50 USD");
/// assert!(Amount::parse("8.500001", "USD").is_err());
/// # Ok::<(), fsm_integration_core::event::InvalidAmount>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Amount {
    value: Decimal,
    currency: Currency,
}

/// Text or a number that is no amount; never says which.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidAmount {
    /// It is no plain decimal number, or has too many digits.
    #[error("an amount is a plain decimal number with at most 15 digits before the point and 4 after it")]
    Number,
    /// The currency is no currency code.
    #[error(transparent)]
    Currency(#[from] InvalidCurrency),
}

impl Amount {
    /// The most places after the point.
    pub const SCALE: u32 = 4;
    /// One above the largest count of ten-thousandths: 19 digits.
    const LIMIT: i128 = 10_i128.pow(19);

    /// Makes an amount of a number that is exact already.
    ///
    /// # Errors
    /// [`InvalidAmount::Number`] when it has too many digits; nothing is ever rounded.
    pub fn new(value: Decimal, currency: Currency) -> Result<Self, InvalidAmount> {
        let value = value.normalize();
        let missing = Self::SCALE.checked_sub(value.scale()).ok_or(InvalidAmount::Number)?;
        let ticks = value.mantissa().checked_mul(10_i128.pow(missing)).ok_or(InvalidAmount::Number)?;
        Self::from_ticks(ticks, currency)
    }

    /// Reads a number as people and partners write it: `-12.5`, never `1e2`, `1_000`, `+1` or `.5`.
    ///
    /// # Errors
    /// [`InvalidAmount`] when it is anything else, has too many digits, or the currency is none.
    pub fn parse(text: &str, currency: &str) -> Result<Self, InvalidAmount> {
        let currency = Currency::new(currency)?;
        let (sign, digits) = text.strip_prefix('-').map_or((1, text), |rest| (-1, rest));
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
        let plain =
            |part: &str, most: usize| (1..=most).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit());
        if !plain(whole, 15) || !plain(fraction, Self::SCALE as usize) {
            return Err(InvalidAmount::Number);
        }
        let ticks: i128 = format!("{whole}{fraction:0<4}").parse().map_err(|_| InvalidAmount::Number)?;
        Self::from_ticks(sign * ticks, currency)
    }

    /// The number.
    #[must_use]
    pub fn value(&self) -> Decimal {
        self.value
    }

    /// The currency.
    #[must_use]
    pub fn currency(&self) -> Currency {
        self.currency
    }

    /// Makes an amount of ten-thousandths.
    fn from_ticks(ticks: i128, currency: Currency) -> Result<Self, InvalidAmount> {
        if ticks.unsigned_abs() >= Self::LIMIT.unsigned_abs() {
            return Err(InvalidAmount::Number);
        }
        let mut value = Decimal::from_i128_with_scale(ticks, Self::SCALE).normalize();
        if value.scale() < currency.minor_units() {
            value.rescale(currency.minor_units());
        }
        Ok(Self { value, currency })
    }

    /// The count of ten-thousandths.
    fn ticks(&self) -> i128 {
        self.value.mantissa() * 10_i128.pow(Self::SCALE - self.value.scale())
    }

    /// For records of producers that know no decimal: the double, rounded to the places that we keep.
    fn from_double(value: f64, currency: Currency) -> Result<Self, InvalidAmount> {
        if !value.is_finite() || value.abs() >= 1e15 {
            return Err(InvalidAmount::Number);
        }
        let ticks = format!("{value:.4}").replace('.', "").parse().map_err(|_| InvalidAmount::Number)?;
        Self::from_ticks(ticks, currency)
    }
}

/// With as many places as the currency has, or more where there are more.
impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.value, self.currency)
    }
}

impl fmt::Debug for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The record `Amount` of the schemas; the name is part of the wire.
#[derive(Serialize, Deserialize)]
#[serde(rename = "Amount")]
struct Wire {
    value: f64,
    currency: Currency,
    decimal: Option<Ticks>,
}

impl Serialize for Amount {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let value = self.value.to_f64().ok_or_else(|| serde::ser::Error::custom(InvalidAmount::Number))?;
        Wire { value, currency: self.currency, decimal: Some(Ticks(self.ticks())) }.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Amount {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let wire = Wire::deserialize(deserializer)?;
        match wire.decimal {
            Some(Ticks(ticks)) => Self::from_ticks(ticks, wire.currency),
            None => Self::from_double(wire.value, wire.currency),
        }
        .map_err(de::Error::custom)
    }
}

/// The unscaled number as Avro writes a decimal: two's complement, big-endian, as short as it gets.
struct Ticks(i128);

impl Serialize for Ticks {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let bytes = self.0.to_be_bytes();
        let redundant =
            |pair: &[u8]| matches!(pair, [0x00, next] if *next < 0x80) || matches!(pair, [0xff, next] if *next >= 0x80);
        let start = bytes.windows(2).take_while(|pair| redundant(pair)).count();
        serializer.serialize_bytes(&bytes[start..])
    }
}

/// The unscaled number of a decimal, unless it is empty or wider than 16 bytes.
pub(super) fn ticks_of_bytes(bytes: &[u8]) -> Option<i128> {
    let fill = if *bytes.first()? < 0x80 { 0x00 } else { 0xff };
    let mut wide = [fill; 16];
    wide[16_usize.checked_sub(bytes.len())?..].copy_from_slice(bytes);
    Some(i128::from_be_bytes(wide))
}

impl<'de> Deserialize<'de> for Ticks {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;

        impl<'de> de::Visitor<'de> for Visitor {
            type Value = Ticks;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("1 to 16 bytes of two's complement")
            }

            fn visit_bytes<E: de::Error>(self, bytes: &[u8]) -> Result<Ticks, E> {
                ticks_of_bytes(bytes).map(Ticks).ok_or_else(|| E::invalid_length(bytes.len(), &self))
            }

            /// JSON has no bytes: it writes them as a list of numbers.
            fn visit_seq<A: de::SeqAccess<'de>>(self, mut list: A) -> Result<Ticks, A::Error> {
                let (mut bytes, mut length) = ([0; 16], 0);
                while let Some(byte) = list.next_element()? {
                    *bytes.get_mut(length).ok_or_else(|| de::Error::invalid_length(length + 1, &self))? = byte;
                    length += 1;
                }
                self.visit_bytes(&bytes[..length])
            }
        }

        deserializer.deserialize_byte_buf(Visitor)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn only_a_plain_decimal_number_is_an_amount() {
        for bad in
            ["", "-", ".", ".5", "5.", "1e2", "1_000", "+1", " 1", "1,5", "NaN", "inf", "0x1", "--1", "١", "1.00001"]
        {
            assert_eq!(Amount::parse(bad, "EUR"), Err(InvalidAmount::Number), "{bad:?}");
        }
        assert!(matches!(Amount::parse("1", "eur"), Err(InvalidAmount::Currency(_))));
    }

    #[test]
    fn fifteen_digits_before_the_point_and_four_after_it_are_the_limit() {
        assert_eq!(Amount::parse("999999999999999.9999", "EUR").unwrap().to_string(), "999999999999999.9999 EUR");
        assert_eq!(Amount::parse("1000000000000000", "EUR"), Err(InvalidAmount::Number));
        let exact = Decimal::from_i128_with_scale(10_i128.pow(19), 4);
        assert_eq!(Amount::new(exact, Currency::EUR), Err(InvalidAmount::Number));
        assert_eq!(Amount::new(Decimal::MAX, Currency::EUR), Err(InvalidAmount::Number));
        assert!(Amount::new(Decimal::new(10_000_000, 10), Currency::EUR).is_ok(), "trailing zeros are no digits");
    }

    #[test]
    fn an_amount_is_written_with_the_places_of_its_currency() {
        let written = |text, currency| Amount::parse(text, currency).unwrap().to_string();
        assert_eq!(written("8.5", "USD"), "8.50 USD");
        assert_eq!(written("100.0000", "JPY"), "100 JPY");
        assert_eq!(written("1.5", "KWD"), "1.500 KWD");
        assert_eq!(written("0.0001", "EUR"), "0.0001 EUR");
        assert_eq!(written("-0", "EUR"), "0.00 EUR");
    }

    #[test]
    fn equal_sums_are_equal_however_they_are_written() {
        let amount = Amount::parse("1.50", "EUR").unwrap();
        assert_eq!(Ok(amount), Amount::parse("1.5", "EUR"));
        assert_eq!((amount.value(), amount.currency()), (Decimal::new(15, 1), Currency::EUR));
        assert_eq!(format!("{amount:?}"), "1.50 EUR");
    }

    #[test]
    fn a_decimal_of_no_or_too_many_bytes_is_refused() {
        for bytes in [0, 17, 40] {
            let json = serde_json::json!({"value": 0.0, "currency": "EUR", "decimal": vec![0_u8; bytes]});
            let error = serde_json::from_value::<Amount>(json).expect_err("refused").to_string();
            // Read no further than the first that is too many.
            let told = format!("invalid length {}, expected 1 to 16 bytes of two's complement", bytes.min(17));
            assert!(error.contains(&told), "{bytes} bytes: {error}");
        }
    }

    #[test]
    fn the_numbers_at_both_ends_of_sixteen_bytes_are_no_amounts() {
        for ticks in [i128::MIN, i128::MIN + 1, -Amount::LIMIT, Amount::LIMIT, i128::MAX] {
            assert_eq!(Amount::from_ticks(ticks, Currency::EUR), Err(InvalidAmount::Number), "{ticks}");
            let json = serde_json::json!({"value": 0.0, "currency": "EUR", "decimal": ticks.to_be_bytes()});
            assert!(serde_json::from_value::<Amount>(json).is_err(), "{ticks}");
        }
    }

    #[test]
    fn a_decimal_is_written_in_as_few_bytes_as_hold_its_sign() {
        let shortest: [(i128, &[u8]); 8] = [
            (0, &[0]),
            (127, &[0x7f]),
            (128, &[0, 0x80]),
            (-1, &[0xff]),
            (-128, &[0x80]),
            (-129, &[0xff, 0x7f]),
            (32_767, &[0x7f, 0xff]),
            (-32_768, &[0x80, 0]),
        ];
        for (ticks, bytes) in shortest {
            assert_eq!(serde_json::to_value(Ticks(ticks)).unwrap(), serde_json::json!(bytes), "{ticks}");
            assert_eq!(ticks_of_bytes(bytes), Some(ticks));
        }
    }

    #[test]
    fn a_double_alone_is_rounded_to_what_was_meant() {
        let read = |value| Amount::from_double(value, Currency::EUR);
        assert_eq!(read(0.1 + 0.2), Amount::parse("0.3", "EUR"));
        assert_eq!(read(-1e-9), Amount::parse("0", "EUR"));
        for bad in [f64::NAN, f64::INFINITY, 1e15, -1e300] {
            assert_eq!(read(bad), Err(InvalidAmount::Number), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(ticks in -Amount::LIMIT + 1..Amount::LIMIT) {
            let amount = Amount::from_ticks(ticks, Currency::USD).unwrap();
            prop_assert_eq!(amount.ticks(), ticks);
            let text = amount.to_string();
            prop_assert_eq!(Amount::parse(text.strip_suffix(" USD").unwrap(), "USD"), Ok(amount));
            let json = serde_json::to_string(&amount).unwrap();
            prop_assert_eq!(serde_json::from_str::<Amount>(&json).unwrap(), amount);
        }

        #[test]
        fn parsing_never_panics(text in ".{0,40}", currency in ".{0,4}") {
            let _ = Amount::parse(&text, &currency);
        }
    }
}
