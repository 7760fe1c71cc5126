use apache_avro::{Decimal, Schema, types::Value};

use crate::event::amount::ticks_of_bytes;

/// Turns what an older or newer schema wrote into what `reader` says; `None` when it cannot be.
pub(super) fn resolve(value: Value, reader: &Schema) -> Option<Value> {
    widen(value)?.resolve(reader).ok()
}

/// Writes every decimal with 16 bytes: `apache-avro` 0.22 refuses to resolve one that is shorter than the longest of its
/// precision, though Avro's specification lets a decimal be as short as it gets.
fn widen(value: Value) -> Option<Value> {
    Some(match value {
        Value::Decimal(decimal) => Value::Decimal(wide(&decimal)?),
        Value::Union(index, inner) => Value::Union(index, Box::new(widen(*inner)?)),
        Value::Array(items) => Value::Array(items.into_iter().map(widen).collect::<Option<_>>()?),
        Value::Map(entries) => {
            Value::Map(entries.into_iter().map(|(key, value)| Some((key, widen(value)?))).collect::<Option<_>>()?)
        }
        Value::Record(fields) => {
            Value::Record(fields.into_iter().map(|(name, value)| Some((name, widen(value)?))).collect::<Option<_>>()?)
        }
        other => other,
    })
}

fn wide(decimal: &Decimal) -> Option<Decimal> {
    let bytes = Vec::try_from(decimal).ok()?;
    Some(Decimal::from(ticks_of_bytes(&bytes)?.to_be_bytes()))
}
