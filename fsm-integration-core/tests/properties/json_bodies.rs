//! What is read strictly is what everybody reads, and its canonical text stands for it.

use fsm_integration_core::adapter::json::{JsonFault, JsonLimits, canonical, fingerprint, parse};
use serde_json::Value;

pub(crate) fn check(data: &[u8]) {
    let limits = JsonLimits::default();
    let anybody = serde_json::from_slice::<Value>(data);
    let value = match parse(data, &limits) {
        Ok(value) => value,
        Err(error) => {
            let stricter = matches!(error.fault, JsonFault::DuplicateKey | JsonFault::TooDeep | JsonFault::TooMany);
            assert!(stricter || anybody.is_err(), "only we refuse it: {error}");
            return;
        }
    };
    assert_eq!(anybody.expect("what is read strictly is JSON"), value);
    assert!(depth(&value) <= limits.max_depth);
    let text = canonical(&value);
    let again = parse(text.as_bytes(), &limits).expect("canonical text is strict JSON");
    assert_eq!(canonical(&again), text, "canonical text is its own canonical text");
    assert_eq!(fingerprint(&again), fingerprint(&value));
    let spaced = serde_json::to_string_pretty(&again).expect("a value is JSON");
    let spaced = parse(spaced.as_bytes(), &limits).expect("white space changes nothing");
    assert_eq!(fingerprint(&spaced), fingerprint(&value));
}

fn depth(value: &Value) -> usize {
    match value {
        Value::Array(values) => 1 + values.iter().map(depth).max().unwrap_or(0),
        Value::Object(fields) => 1 + fields.values().map(depth).max().unwrap_or(0),
        _ => 0,
    }
}
