//! Oracle's JSON as it is.

use jiff::civil::Date;
use rust_decimal::Decimal;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _, ser::Error as _};
use serde_json::value::RawValue;

/// A JSON number whose digits are kept; never a float on the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Amount(pub(crate) Decimal);

impl Serialize for Amount {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        RawValue::from_string(self.0.to_string()).map_err(S::Error::custom)?.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Amount {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = <&RawValue>::deserialize(deserializer)?.get();
        let parsed =
            if raw.contains(['e', 'E']) { Decimal::from_scientific(raw) } else { Decimal::from_str_exact(raw) };
        parsed.map(Self).map_err(|_| D::Error::custom("not an exact decimal number"))
    }
}

/// Body of `POST invoices`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct NewInvoice<'a> {
    pub(crate) invoice_number: String,
    pub(crate) invoice_currency: &'a str,
    pub(crate) payment_currency: &'a str,
    pub(crate) invoice_amount: Amount,
    pub(crate) invoice_date: Date,
    pub(crate) business_unit: &'a str,
    pub(crate) supplier_number: &'a str,
    pub(crate) supplier_site: &'a str,
    pub(crate) invoice_source: &'a str,
    pub(crate) invoice_type: &'static str,
    pub(crate) description: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) payment_terms: Option<&'a str>,
    #[serde(rename = "invoiceLines")]
    pub(crate) lines: [NewLine<'a>; 1],
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct NewLine<'a> {
    pub(crate) line_number: u32,
    pub(crate) line_type: &'static str,
    pub(crate) line_amount: Amount,
    pub(crate) description: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) distribution_combination: Option<&'a str>,
}

/// An invoice as Oracle gives it back; only what is asked for.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Invoice {
    pub(crate) invoice_id: u64,
    pub(crate) invoice_number: String,
    pub(crate) invoice_amount: Amount,
    pub(crate) invoice_currency: String,
    pub(crate) supplier_number: Option<String>,
}

/// One page of a collection.
#[derive(Debug, Deserialize)]
pub(crate) struct Page {
    pub(crate) items: Vec<Invoice>,
    #[serde(default, rename = "hasMore")]
    pub(crate) has_more: bool,
}

/// A refusal, from framework version 4 on.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Problem {
    pub(crate) title: Option<String>,
    pub(crate) detail: Option<String>,
    #[serde(rename = "o:errorDetails")]
    pub(crate) details: Vec<ProblemDetail>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct ProblemDetail {
    pub(crate) detail: Option<String>,
    #[serde(rename = "o:errorCode")]
    pub(crate) code: Option<String>,
}
