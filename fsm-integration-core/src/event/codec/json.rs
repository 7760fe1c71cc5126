use apache_avro::types::Value;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use jiff::Timestamp;
use rust_decimal::Decimal;
use serde_json::{Map, json};

use crate::event::{amount, catalogue::wire::date_of_days};

/// Shows a decoded record to a person: instants and dates as ISO 8601, decimals as text, bytes as Base64.
pub(super) fn of(value: Value) -> serde_json::Value {
    match value {
        Value::Null => serde_json::Value::Null,
        Value::Boolean(value) => json!(value),
        Value::Int(value) => json!(value),
        Value::Long(value) => json!(value),
        Value::Float(value) => json!(value),
        Value::Double(value) => json!(value),
        Value::String(text) | Value::Enum(_, text) => json!(text),
        Value::Uuid(id) => json!(id),
        Value::Union(_, inner) => of(*inner),
        Value::Array(items) => items.into_iter().map(of).collect(),
        Value::Map(entries) => entries.into_iter().map(|(key, value)| (key, of(value))).collect::<Map<_, _>>().into(),
        Value::Record(fields) => {
            fields.into_iter().map(|(name, value)| (name, of(value))).collect::<Map<_, _>>().into()
        }
        Value::Date(days) => date_of_days(days).map_or(json!(days), |date| json!(date)),
        Value::TimestampMillis(millis) => Timestamp::from_millisecond(millis).map_or(json!(millis), |at| json!(at)),
        Value::Bytes(bytes) | Value::Fixed(_, bytes) => json!(STANDARD.encode(bytes)),
        Value::Decimal(decimal) => Vec::try_from(&decimal).map_or(json!("?"), |bytes| json!(decimal_text(&bytes))),
        other => json!(format!("{other:?}")),
    }
}

/// Every decimal of the catalogue has four places, held by a test.
fn decimal_text(bytes: &[u8]) -> String {
    amount::ticks_of_bytes(bytes)
        .and_then(|ticks| Decimal::try_from_i128_with_scale(ticks, amount::Amount::SCALE).ok())
        .map_or_else(|| STANDARD.encode(bytes), |value| value.to_string())
}
