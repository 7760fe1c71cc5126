//! The back office's JSON as it is.

use jiff::{Timestamp, civil::Date};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize, Serializer, ser::Error as _};
use serde_json::value::RawValue;

/// What every answer is wrapped in; a 200 may still say that it failed.
#[derive(Debug, Deserialize)]
pub(crate) struct Envelope<'a> {
    pub(crate) success: bool,
    #[serde(borrow, default)]
    pub(crate) data: Option<&'a RawValue>,
    #[serde(borrow, default)]
    pub(crate) error: Option<&'a RawValue>,
}

/// An error inside the envelope, where it is no plain text.
#[derive(Debug, Deserialize)]
pub(crate) struct ErrorObject {
    pub(crate) message: String,
}

/// The inventory where it comes in pages; without pages it is the bare list.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ItemPage<'a> {
    #[serde(borrow)]
    pub(crate) items: Vec<&'a RawValue>,
    #[serde(default)]
    pub(crate) next_cursor: Option<String>,
}

/// An item whose every field may be missing or of any type: one bad item must not spoil the others.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct RawItem<'a> {
    #[serde(borrow)]
    pub(crate) sku: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(crate) name: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(crate) price: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(crate) category: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(crate) description: Option<&'a RawValue>,
}

/// Answer of the health route.
#[derive(Debug, Deserialize)]
pub(crate) struct ApiHealth {
    pub(crate) status: String,
}

/// Body of the sales push.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Sales<'a> {
    pub(crate) date: Date,
    pub(crate) location_id: &'a str,
    pub(crate) transactions: Vec<Transaction<'a>>,
}

#[derive(Debug, Serialize)]
pub(crate) struct Transaction<'a> {
    pub(crate) id: &'a str,
    pub(crate) timestamp: Timestamp,
    pub(crate) total: Number,
    pub(crate) items: Vec<Line<'a>>,
}

#[derive(Debug, Serialize)]
pub(crate) struct Line<'a> {
    pub(crate) sku: &'a str,
    pub(crate) quantity: Number,
    pub(crate) price: Number,
}

/// A JSON number whose digits are kept; never a float on the way (F-X6).
#[derive(Debug, Clone, Copy)]
pub(crate) struct Number(pub(crate) Decimal);

impl Serialize for Number {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        RawValue::from_string(self.0.to_string()).map_err(S::Error::custom)?.serialize(serializer)
    }
}
