//! Records of older and newer schemas.

use std::{fmt::Debug, sync::Arc};

use apache_avro::{Schema, types::Value, writer::datum::GenericDatumWriter};
use serde_json::json;

use super::samples::{self, Visit};
use crate::event::{
    Event, Topic,
    catalogue::{FsmOrderStatusUpdated, OrderStatus, ServiceOrderClosed, ServiceOrderCreated},
    codec::{AvroCodec, MAGIC, SchemaId, SchemaRegistry, registered_schema},
};

/// Another registry: our topics have the id 1, and records of the id 2 were written with another schema.
#[derive(Debug)]
struct Other(Schema);

const OURS: SchemaId = SchemaId(1);
const THEIRS: SchemaId = SchemaId(2);

impl SchemaRegistry for Other {
    fn id_of(&self, _: &Topic) -> Option<SchemaId> {
        Some(OURS)
    }

    fn schema(&self, id: SchemaId) -> Option<Arc<Schema>> {
        (id == THEIRS).then(|| Arc::new(self.0.clone()))
    }
}

impl Other {
    /// The topic's schema after `change`, as an older or a newer version of us would have it.
    fn with(topic: &Topic, change: impl FnOnce(&mut serde_json::Value)) -> Self {
        let mut schema = serde_json::from_str(&registered_schema(topic).unwrap()).unwrap();
        change(&mut schema);
        Self(Schema::parse(&schema).unwrap())
    }

    /// A record in their schema, of the fields that they have.
    fn record(&self, fields: &serde_json::Value) -> Vec<u8> {
        let writer = GenericDatumWriter::builder(&self.0).build().unwrap();
        let value = avro(fields).resolve(&self.0).unwrap();
        let mut bytes = vec![MAGIC, 0, 0, 0, 2];
        writer.write_value(&mut bytes, value).unwrap();
        bytes
    }
}

/// Plain JSON as Avro; every number is a whole one.
fn avro(json: &serde_json::Value) -> Value {
    match json {
        serde_json::Value::Null => Value::Null,
        serde_json::Value::Bool(value) => Value::Boolean(*value),
        serde_json::Value::Number(number) => Value::Long(number.as_i64().unwrap()),
        serde_json::Value::String(text) => Value::String(text.clone()),
        serde_json::Value::Array(items) => Value::Array(items.iter().map(avro).collect()),
        serde_json::Value::Object(fields) => {
            Value::Map(fields.iter().map(|(name, value)| (name.clone(), avro(value))).collect())
        }
    }
}

/// The slow path must read what the fast path reads.
#[test]
fn every_event_survives_resolution_to_its_own_schema() {
    struct Resolve;
    impl Visit for Resolve {
        fn visit<E: Event + Debug + PartialEq>(&mut self, event: E) {
            let bytes = AvroCodec::bundled().encode(&event).unwrap();
            let other = Other::with(&E::TOPIC, |_| ());
            let theirs = [&[MAGIC, 0, 0, 0, 2], &bytes[5..]].concat();
            assert_eq!(AvroCodec::new(other).decode::<E>(&theirs), Ok(event), "{}", E::TOPIC);
        }
    }
    samples::each(&mut Resolve);
}

#[test]
fn a_record_without_the_added_fields_gets_their_defaults() {
    let old = Other::with(&ServiceOrderCreated::TOPIC, |schema| {
        let added = ["correlation_id", "tenant_id", "sequence", "source_system", "external_order_id"];
        schema["fields"].as_array_mut().unwrap().retain(|field| !added.contains(&field["name"].as_str().unwrap()));
    });
    let record = old.record(&json!({
        "event_id": "00000000-0000-0000-0000-000000000001", "event_timestamp": 1_737_363_600_123_i64,
        "service_order_id": "00000000-0000-0000-0000-000000000002",
        "project_id": "00000000-0000-0000-0000-000000000003", "service_type": "INSTALLATION", "country_code": "US",
        "bu_code": "BU", "estimated_duration_min": 120, "requires_confirmation_tv": true, "depends_on_order_id": null
    }));
    let event: ServiceOrderCreated = AvroCodec::new(old).decode(&record).unwrap();
    assert_eq!((event.meta.tenant_id.as_str(), event.meta.correlation_id.as_str()), ("unknown", "unknown"));
    assert_eq!((event.meta.sequence, event.source_system), (0, None));
}

#[test]
fn a_symbol_of_a_newer_version_is_read_as_unknown() {
    let newer = Other::with(&FsmOrderStatusUpdated::TOPIC, |schema| {
        let fields = schema["fields"].as_array_mut().unwrap();
        let status = fields.iter_mut().find(|field| field["name"] == "status").unwrap();
        status["type"]["symbols"].as_array_mut().unwrap().push("ON_HOLD".into());
    });
    let record = newer.record(&json!({
        "event_id": "00000000-0000-0000-0000-000000000001", "event_timestamp": 0, "correlation_id": "c",
        "tenant_id": "demo", "sequence": 1, "source_system": "PYXIS", "external_order_id": "PX-1",
        "fsm_service_order_id": "00000000-0000-0000-0000-000000000002", "status": "ON_HOLD",
        "scheduled_date": null, "provider_name": null
    }));
    let event: FsmOrderStatusUpdated = AvroCodec::new(newer).decode(&record).unwrap();
    assert_eq!(event.status, OrderStatus::Unknown);
}

/// Flaw F-E4: a producer that knows the double only.
#[test]
fn an_amount_without_a_decimal_is_read_from_its_double() {
    let codec = AvroCodec::bundled();
    let bytes = codec.encode(&samples::closed()).unwrap();
    let amount = samples::usd("108.49");
    let (double, decimal) = (108.49_f64.to_le_bytes(), [0x02, 0x06, 0x10, 0x8d, 0xe4]);
    let both = [&double[..], b"\x06USD", &decimal].concat();
    let at = bytes.windows(both.len()).position(|window| window == both).expect("value, currency, decimal");
    let bare = [&bytes[..at], &double, b"\x06USD", &[0], &bytes[at + both.len()..]].concat();
    assert_eq!(codec.decode::<ServiceOrderClosed>(&bare).unwrap().customer_amount, amount);
}
