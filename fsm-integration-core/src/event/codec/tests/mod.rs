mod damage;
mod evolution;
mod samples;

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::{Debug, Write as _},
};

use proptest::prelude::*;

use self::samples::Visit;
use super::*;
use crate::event::{
    Amount, Currency,
    catalogue::{self, OrderIntakeReceived, WcfSigned},
};

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
    for personal in
        ["John", "Doe", "example.com", "Main St", "94105", "winter", "ring twice", "no calls", "{\\\"externalOrderId"]
    {
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
        event.order_data.metadata.0.insert("m".into(), meta);
        event.order_data.total_amount.total = amount;
        event.raw_payload = raw.into();
        let codec = AvroCodec::bundled();
        let bytes = codec.encode(&event).unwrap();
        prop_assert_eq!(codec.decode::<OrderIntakeReceived>(&bytes), Ok(event));
    }
}
