use std::fmt;

use serde::{Deserialize, Serialize};

/// An ISO 4217 currency code.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Currency([u8; 3]);

/// Text that is no currency code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a currency is three capital letters, as in EUR")]
pub struct InvalidCurrency;

impl Currency {
    /// Euro.
    pub const EUR: Self = Self(*b"EUR");
    /// United States dollar.
    pub const USD: Self = Self(*b"USD");

    /// Checks the form of a code; which codes exist changes over time and is not checked.
    ///
    /// # Errors
    /// [`InvalidCurrency`] unless it is three capital letters.
    pub fn new(code: &str) -> Result<Self, InvalidCurrency> {
        match code.as_bytes() {
            &[a, b, c] if [a, b, c].iter().all(u8::is_ascii_uppercase) => Ok(Self([a, b, c])),
            _ => Err(InvalidCurrency),
        }
    }

    /// The code.
    #[must_use]
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).expect("three ASCII letters")
    }

    /// How many places its amounts are written with: 0 for JPY, 3 for KWD, mostly 2 (ISO 4217).
    #[must_use]
    pub const fn minor_units(self) -> u32 {
        match &self.0 {
            b"BIF" | b"CLP" | b"DJF" | b"GNF" | b"ISK" | b"JPY" | b"KMF" | b"KRW" | b"PYG" | b"RWF" | b"UGX"
            | b"VND" | b"VUV" | b"XAF" | b"XOF" | b"XPF" => 0,
            b"BHD" | b"IQD" | b"JOD" | b"KWD" | b"LYD" | b"OMR" | b"TND" => 3,
            _ => 2,
        }
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl TryFrom<String> for Currency {
    type Error = InvalidCurrency;

    fn try_from(code: String) -> Result<Self, InvalidCurrency> {
        Self::new(&code)
    }
}

impl From<Currency> for String {
    fn from(currency: Currency) -> Self {
        currency.as_str().to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_three_capital_letters_are_a_currency() {
        for bad in ["", "EU", "EURO", "eur", "E R", "€UR", "12A"] {
            assert_eq!(Currency::new(bad), Err(InvalidCurrency), "{bad:?}");
        }
        assert_eq!(Currency::new("EUR"), Ok(Currency::EUR));
        assert_eq!(format!("{0} {0:?}", Currency::EUR), "EUR EUR");
    }
}
