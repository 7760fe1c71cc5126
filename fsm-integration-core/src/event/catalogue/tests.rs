//! What holds for every schema; flaws F-E4 to F-E7 of the requirements cannot come back past these.

use std::collections::{BTreeMap, BTreeSet};

use apache_avro::{
    Schema,
    schema_compatibility::{Compatibility, SchemaCompatibility},
};
use serde_json::Value;

use super::*;
use crate::event::{Topic, codec::registered_schema};

/// The 21 topics that the event catalogue of the documents names.
const DOCUMENTED: [&str; 21] = [
    "projects.project.created",
    "projects.service_order.created",
    "projects.service_order.status_changed",
    "projects.service_order.closed",
    "projects.tv_outcome.recorded",
    "projects.task.created",
    "assignments.offer.created",
    "assignments.assignment.confirmed",
    "assignments.date_negotiation.failed",
    "execution.checkin.completed",
    "execution.checkout.completed",
    "contracts.contract.signed",
    "contracts.wcf.signed",
    "integration.sales.order_received",
    "integration.erp.payment_ready",
    "sales.pyxis.order.created",
    "sales.tempo.service.requested",
    "integration.sales.order.normalized",
    "integration.sales.order.failed",
    "fsm.order.status_updated",
    "fsm.tv.outcome_recorded",
];

/// Each schema as it is written, with a name for messages: the topics' and the shared ones.
fn written() -> Vec<(&'static str, Value)> {
    let json = |text: &str| serde_json::from_str::<Value>(text).expect("a schema is JSON");
    let topics = ALL.iter().map(|spec| (spec.topic.as_str(), json(spec.schema)));
    topics.chain(SHARED.iter().map(|text| ("a shared type", json(text)))).collect()
}

/// Calls `check` for every JSON object in a schema.
fn each_object(value: &Value, check: &mut dyn FnMut(&serde_json::Map<String, Value>)) {
    match value {
        Value::Object(object) => {
            check(object);
            object.values().for_each(|inner| each_object(inner, check));
        }
        Value::Array(items) => items.iter().for_each(|inner| each_object(inner, check)),
        _ => {}
    }
}

/// Calls `check` for every field of every record.
fn each_field(check: &mut dyn FnMut(&str, &serde_json::Map<String, Value>)) {
    for (topic, schema) in written() {
        each_object(&schema, &mut |object| {
            for field in object.get("fields").and_then(Value::as_array).into_iter().flatten() {
                check(topic, field.as_object().expect("a field is an object"));
            }
        });
    }
}

fn field_names(schema: &Value) -> Vec<&str> {
    schema["fields"].as_array().unwrap().iter().map(|field| field["name"].as_str().unwrap()).collect()
}

fn files_in(folder: &str) -> BTreeSet<String> {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let names = std::fs::read_dir(path).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.filter_map(|name| name.strip_suffix(".avsc").map(str::to_owned)).collect()
}

#[test]
fn every_schema_file_is_a_topic_and_every_topic_is_there_once() {
    let topics: Vec<_> = ALL.iter().map(|spec| spec.topic.as_str().to_owned()).collect();
    assert_eq!(topics.iter().cloned().collect::<BTreeSet<_>>(), files_in("schemas"));
    assert_eq!(topics.len(), files_in("schemas").len(), "a topic stands there twice");
    assert_eq!(SHARED.len(), files_in("schemas/shared").len());
    for topic in &topics {
        assert!(Topic::new(topic.as_str()).is_ok(), "{topic}");
    }
}

#[test]
fn every_documented_topic_is_known() {
    for topic in DOCUMENTED {
        assert!(find(topic).is_some(), "{topic}");
    }
}

/// Flaw F-E5: topics that are read but never written, or written but never read.
#[test]
fn every_topic_has_a_producer_and_a_consumer_or_is_schema_only() {
    for spec in ALL {
        assert_eq!(spec.producers.is_empty(), spec.schema_only, "{}", spec.topic);
        assert_eq!(spec.consumers.is_empty(), spec.schema_only, "{}", spec.topic);
        let groups: BTreeSet<_> = spec.consumers.iter().collect();
        assert_eq!(groups.len(), spec.consumers.len(), "{} names a group twice", spec.topic);
    }
}

/// Flaw F-E4: keys made of fields that the schema lacks.
#[test]
fn a_partition_key_is_made_of_fields_that_the_schema_has() {
    for (spec, (_, schema)) in ALL.iter().zip(written()) {
        let names = field_names(&schema);
        let mut parts = spec.key.split('{').skip(1).map(|part| part.split_once('}').expect("closed").0).peekable();
        assert!(parts.peek().is_some(), "{}", spec.topic);
        assert!(parts.all(|part| names.contains(&part)), "{}: {}", spec.topic, spec.key);
    }
}

/// Flaw F-E7: events that nobody can tie to a journey or to a tenant.
#[test]
fn every_event_starts_with_the_common_fields() {
    for (spec, (_, schema)) in ALL.iter().zip(written()) {
        let common = ["event_id", "event_timestamp", "correlation_id", "tenant_id", "sequence"];
        assert_eq!(field_names(&schema)[..5], common, "{}", spec.topic);
        for field in &schema["fields"].as_array().unwrap()[2..5] {
            assert!(field.get("default").is_some(), "{}: {field}", spec.topic);
        }
    }
}

/// Flaw F-E4: a logical type beside the type is ignored by every reader.
#[test]
fn a_logical_type_stands_inside_its_type_and_fits_it() {
    each_field(&mut |topic, field| assert!(!field.contains_key("logicalType"), "{topic}: {field:?}"));
    for (topic, schema) in written() {
        each_object(&schema, &mut |object| match object.get("logicalType").and_then(Value::as_str) {
            None => {}
            Some("timestamp-millis") => assert_eq!(object["type"], "long", "{topic}"),
            Some("date") => assert_eq!(object["type"], "int", "{topic}"),
            Some("decimal") => {
                let form = (&object["type"], &object["precision"], &object["scale"]);
                assert_eq!(form, (&"bytes".into(), &19.into(), &4.into()), "{topic}");
            }
            Some(other) => panic!("{topic}: {other} is not used here"),
        });
    }
}

#[test]
fn a_nullable_field_has_null_first_and_as_default() {
    each_field(&mut |topic, field| {
        if let Some(variants) = field["type"].as_array() {
            assert_eq!(variants.len(), 2, "{topic}: {field:?}");
            assert_eq!(variants[0], "null", "{topic}: {field:?}");
            assert_eq!(field.get("default"), Some(&Value::Null), "{topic}: {field:?}");
        }
    });
}

#[test]
fn an_enum_ends_with_unknown_and_falls_back_to_it() {
    for (topic, schema) in written() {
        each_object(&schema, &mut |object| {
            if object.get("type").is_some_and(|kind| kind == "enum") {
                assert_eq!(object["symbols"].as_array().unwrap().last().unwrap(), "UNKNOWN", "{topic}");
                assert_eq!(object["default"], "UNKNOWN", "{topic}");
            }
        });
    }
}

#[test]
fn field_names_are_snake_case() {
    each_field(&mut |topic, field| {
        let name = field["name"].as_str().unwrap();
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
        assert!(name.starts_with(|c: char| c.is_ascii_lowercase()) && name.chars().all(plain), "{topic}: {name}");
    });
}

/// Flaw F-E4: money as a double alone.
#[test]
fn money_is_nowhere_a_double_alone() {
    each_field(&mut |topic, field| {
        let known = ["value", "lat", "lng"].contains(&field["name"].as_str().unwrap());
        assert!(field["type"] != "double" || known, "{topic}: {field:?}");
    });
    let doubled = written().iter().filter(|(_, schema)| field_names_or_none(schema).contains(&"value")).count();
    assert_eq!(doubled, 1, "only Amount has a value, and a decimal beside it");
}

fn field_names_or_none(schema: &Value) -> Vec<&str> {
    if schema.get("fields").is_some() { field_names(schema) } else { Vec::new() }
}

#[test]
fn a_type_is_defined_once_in_all_schemas() {
    let mut seen = BTreeMap::new();
    for (topic, schema) in written() {
        let namespace = schema["namespace"].as_str().unwrap().to_owned();
        each_object(&schema, &mut |object| {
            let kind = object.get("type").and_then(Value::as_str);
            if matches!(kind, Some("record" | "enum" | "fixed")) {
                let name = format!("{namespace}.{}", object["name"].as_str().unwrap());
                assert_eq!(seen.insert(name.clone(), topic), None, "{name} is defined in {topic} and elsewhere");
            }
        });
    }
}

#[test]
fn a_registered_schema_needs_no_other_and_keeps_its_details() {
    for spec in ALL {
        let text = registered_schema(&spec.topic).unwrap();
        assert!(Schema::parse_str(&text).is_ok(), "{}", spec.topic);
        assert!(
            text.contains(r#""logicalType":"timestamp-millis""#) && text.contains(r#""default":"unknown""#),
            "{text}"
        );
    }
}

/// What BACKWARD means: the new schema reads whatever the old one wrote, all of it.
fn reads_all_of(old: &str, new: &str) -> Result<(), String> {
    let parse = |text| Schema::parse_str(text).map_err(|error| error.to_string());
    match SchemaCompatibility::can_read(&parse(old)?, &parse(new)?) {
        Ok(Compatibility::Full) => Ok(()),
        Ok(Compatibility::Partial) => Err("reads only a part of the old records".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

/// Before a release, run this with `FSM_RELEASE_SCHEMAS=1`: each changed schema that passes is written beside the
/// released ones, to be added to its topic's list.
#[test]
fn every_schema_reads_all_that_its_released_forms_wrote() {
    let listed: usize = ALL.iter().map(|spec| spec.released.len()).sum();
    assert_eq!(listed, files_in("schemas/released").len(), "a released schema is not in its topic's list");
    for spec in ALL {
        let current = registered_schema(&spec.topic).unwrap();
        for old in spec.released {
            let verdict = reads_all_of(old, &current);
            assert_eq!(
                verdict,
                Ok(()),
                "{}: add fields with defaults only; never remove, rename or retype",
                spec.topic
            );
        }
    }
    if std::env::var_os("FSM_RELEASE_SCHEMAS").is_some() {
        write_the_released_schemas();
    }
}

#[test]
fn a_breaking_change_does_not_pass_for_a_compatible_one() {
    let record = |fields: &str| format!(r#"{{"type":"record","name":"R","fields":[{fields}]}}"#);
    let symbols =
        |symbols: &str| record(&format!(r#"{{"name":"e","type":{{"type":"enum","name":"E","symbols":[{symbols}]}}}}"#));
    let one = r#"{"name":"a","type":"string"}"#;
    let two = r#"{"name":"b","type":"string"}"#;
    let two_with_default = r#"{"name":"b","type":"string","default":""}"#;
    assert_eq!(reads_all_of(&record(one), &record(&format!("{one},{two_with_default}"))), Ok(()));
    assert!(reads_all_of(&record(one), &record(&format!("{one},{two}"))).is_err(), "a new field without default");
    assert!(reads_all_of(&record(one), &record(r#"{"name":"a","type":"long"}"#)).is_err(), "another type");
    assert!(reads_all_of(&symbols(r#""A","B""#), &symbols(r#""A""#)).is_err(), "a symbol removed");
    assert_eq!(reads_all_of(&symbols(r#""A""#), &symbols(r#""A","B""#)), Ok(()));
}

fn write_the_released_schemas() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("schemas/released");
    for spec in ALL {
        let current = registered_schema(&spec.topic).unwrap();
        if spec.released.last().is_none_or(|last| last.trim_end() != current) {
            let name = format!("{}.{}.avsc", spec.topic, spec.released.len() + 1);
            std::fs::write(folder.join(name), current + "\n").unwrap();
        }
    }
}
