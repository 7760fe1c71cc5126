use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::{Debug, Write as _},
};

use apache_avro::writer::datum::GenericDatumWriter;
use proptest::prelude::*;
use serde_json::json;

use super::{
    registry::SchemaRegistry,
    samples::{self, Visit},
    *,
};
use crate::event::{
    Amount, Currency,
    catalogue::{
        self, FsmOrderStatusUpdated, OrderIntakeReceived, OrderStatus, ServiceOrderClosed, ServiceOrderCreated,
        WcfSigned,
    },
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

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").unwrap();
        text
    })
}

/// Every event's bytes, so that tests can damage them.
fn encoded() -> BTreeMap<String, Bytes> {
    struct Encode(BTreeMap<String, Bytes>);
    impl Visit for Encode {
        fn visit<E: Event + Debug + PartialEq>(&mut self, event: E) {
            let bytes = AvroCodec::bundled().encode(&event).expect("it matches its schema");
            assert!(self.0.insert(E::TOPIC.to_string(), bytes).is_none(), "two samples of {}", E::TOPIC);
        }
    }
    let mut encode = Encode(BTreeMap::new());
    samples::each(&mut encode);
    encode.0
}

/// Tries to read bytes as every event there is, and as JSON.
fn read_as_everything(bytes: &[u8]) {
    struct Read<'a>(&'a [u8]);
    impl Visit for Read<'_> {
        fn visit<E: Event + Debug + PartialEq>(&mut self, _: E) {
            let _ = AvroCodec::bundled().decode::<E>(self.0);
            let _ = AvroCodec::bundled().to_json(self.0);
        }
    }
    samples::each(&mut Read(bytes));
}

#[test]
fn every_topic_that_is_published_has_a_sample() {
    let published = catalogue::ALL.iter().filter(|spec| !spec.schema_only).map(|spec| spec.topic.to_string());
    assert_eq!(encoded().into_keys().collect::<BTreeSet<_>>(), published.collect());
}

#[test]
fn every_event_survives_the_trip_through_bytes() {
    struct RoundTrip;
    impl Visit for RoundTrip {
        fn visit<E: Event + Debug + PartialEq>(&mut self, event: E) {
            let codec = AvroCodec::bundled();
            let bytes = codec.encode(&event).unwrap();
            assert_eq!(codec.decode::<E>(&bytes), Ok(event), "{}", E::TOPIC);
        }
    }
    samples::each(&mut RoundTrip);
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

/// The bytes on the bus are a promise: what changes them needs a schema change that the registry sees.
#[test]
fn the_bytes_of_every_event_are_as_recorded() {
    let lines = encoded().iter().fold(String::new(), |text, (topic, bytes)| text + topic + " " + &hex(bytes) + "\n");
    let recorded = include_str!("golden.txt");
    for (ours, theirs) in lines.lines().zip(recorded.lines()) {
        assert_eq!(ours, theirs);
    }
    assert_eq!(lines.lines().count(), recorded.lines().count(), "the new lines are:\n{lines}");
}

#[test]
fn every_bundled_schema_has_its_own_id_of_31_bits() {
    let ids: BTreeSet<_> = catalogue::ALL.iter().map(|spec| BundledRegistry.id_of(&spec.topic).unwrap()).collect();
    assert_eq!(ids.len(), catalogue::ALL.len());
    assert!(ids.iter().all(|id| id.0 < 1 << 31));
    for spec in catalogue::ALL {
        let id = BundledRegistry.id_of(&spec.topic).unwrap();
        let known = BundledRegistry.schema(id).expect("known by its id");
        assert_eq!(known.canonical_form(), Compiled::of(spec.topic.as_str()).unwrap().schema.canonical_form());
        for released in spec.released {
            let released = Schema::parse_str(released).unwrap();
            let known = BundledRegistry.schema(schema::id_of(&released)).expect("known by its id");
            assert_eq!(known.canonical_form(), released.canonical_form(), "two released schemas share an id");
        }
    }
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

#[test]
fn every_cut_and_every_addition_is_refused() {
    for (topic, bytes) in encoded() {
        for length in 0..bytes.len() {
            assert!(AvroCodec::bundled().to_json(&bytes[..length]).is_err(), "{topic} cut at {length}");
        }
        let longer = [&bytes[..], &[0]].concat();
        assert_eq!(AvroCodec::bundled().to_json(&longer), Err(DecodeError::TrailingBytes), "{topic}");
    }
    let bytes = AvroCodec::bundled().encode(&samples::created()).unwrap();
    for length in 0..bytes.len() {
        assert!(AvroCodec::bundled().decode::<ServiceOrderCreated>(&bytes[..length]).is_err(), "cut at {length}");
    }
}

/// Flaw F-D1: what is no event is told apart, and never thrown for.
#[test]
fn what_is_no_event_is_undecodable_for_a_named_reason() {
    let codec = AvroCodec::bundled();
    let reason = |bytes: &[u8]| codec.decode::<ServiceOrderCreated>(bytes).unwrap_err();
    assert_eq!(reason(b""), DecodeError::TooShort);
    assert_eq!(reason(b"\0\0\0"), DecodeError::TooShort);
    assert_eq!(reason(br#"{"event_id":"1"}"#), DecodeError::NotWireFormat);
    assert_eq!(reason(b"\0\0\0\0\x07rest"), DecodeError::UnknownSchema(SchemaId(7)));
    assert_eq!(reason(&vec![0; MAX_EVENT_BYTES + 1]), DecodeError::TooLarge);
    let other = codec.encode(&samples::wcf()).unwrap();
    assert_eq!(reason(&other), DecodeError::OtherEvent);
    assert_eq!(Error::from(DecodeError::Malformed).kind(), ErrorKind::Undecodable);
}

#[test]
fn an_event_above_a_mebibyte_is_refused_before_it_is_published() {
    let mut event = samples::intake();
    event.raw_payload = "x".repeat(MAX_EVENT_BYTES).into();
    assert_eq!(AvroCodec::bundled().encode(&event).unwrap_err().kind(), ErrorKind::PayloadTooLarge);
}

#[test]
fn an_operator_sees_dates_instants_and_exact_amounts() {
    let codec = AvroCodec::bundled();
    let shown = codec.to_json(&codec.encode(&samples::closed()).unwrap()).unwrap();
    assert_eq!(shown["event_timestamp"], "2025-01-20T09:00:00.123Z");
    assert_eq!(shown["warranty_start_date"], "2025-01-20");
    assert_eq!(shown["provider_amount"]["decimal"], "999999999999999.9999");
    assert_eq!(shown["tenant_id"], "demo");
}

#[test]
fn an_envelope_carries_what_the_event_says() {
    let event = samples::intake();
    let envelope = AvroCodec::bundled().envelope(&event, "integration-adapters-sales").unwrap();
    assert_eq!(envelope.event_type, "OrderIntakeReceived");
    assert_eq!(envelope.key, "4:demo,5:PYXIS,11:PX-TEST-001,");
    assert_eq!((envelope.id, envelope.occurred_at), (event.meta.event_id, event.meta.event_timestamp));
    assert_eq!(AvroCodec::bundled().decode::<OrderIntakeReceived>(&envelope.payload), Ok(event));
}

#[test]
fn debug_of_an_event_shows_nothing_personal() {
    let text = format!("{:?}", samples::intake());
    for personal in ["John", "Doe", "example.com", "Main St", "ring twice", "no calls", "{\\\"externalOrderId"] {
        assert!(!text.contains(personal), "{personal} in {text}");
    }
}

#[test]
fn an_open_reserve_or_a_refusal_stands_in_the_way_of_payment() {
    let mut wcf: WcfSigned = samples::wcf();
    assert!(!wcf.allows_payment(), "a reserve is open");
    wcf.reserves[0].resolved = true;
    assert!(wcf.allows_payment());
    wcf.customer_accepted = false;
    assert!(!wcf.allows_payment());
}

proptest! {
    #[test]
    fn any_text_and_any_amount_survive(
        texts in prop::array::uniform4(".{0,60}"), ticks in -9_999_999_999_999_999_999_i128..10_i128.pow(19), sequence in any::<i64>(),
    ) {
        let [name, note, raw, meta] = texts;
        let amount = Amount::new(rust_decimal::Decimal::from_i128_with_scale(ticks, 4), Currency::EUR).unwrap();
        let mut event = samples::intake();
        event.meta.sequence = sequence;
        event.order_data.customer.first_name = name.into();
        event.order_data.scheduling_preferences = Some(catalogue::SchedulingPreferences { notes: Some(note.into()), ..Default::default() });
        event.order_data.metadata.insert("m".into(), meta);
        event.order_data.total_amount.total = amount;
        event.raw_payload = raw.into();
        let codec = AvroCodec::bundled();
        let bytes = codec.encode(&event).unwrap();
        prop_assert_eq!(codec.decode::<OrderIntakeReceived>(&bytes), Ok(event));
    }

    #[test]
    fn no_bytes_make_the_codec_panic(bytes in prop::collection::vec(any::<u8>(), 0..300), at in any::<prop::sample::Index>()) {
        read_as_everything(&bytes);
        let encoded = encoded();
        let known = encoded.values().nth(at.index(encoded.len())).unwrap();
        read_as_everything(&[&known[..5], &bytes].concat());
    }

    #[test]
    fn no_damaged_event_makes_the_codec_panic(which in any::<prop::sample::Index>(), damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4)) {
        let encoded = encoded();
        let mut bytes = encoded.values().nth(which.index(encoded.len())).unwrap().to_vec();
        for (at, byte) in damage {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        read_as_everything(&bytes);
    }
}
