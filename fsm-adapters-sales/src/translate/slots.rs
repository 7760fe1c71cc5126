use fsm_integration_core::adapter::{TenantId, json::fingerprint};

use crate::wire::SlotQuery;

/// The key under which an answer to this question may be cached: one tenant's, whatever the order of its fields.
///
/// Unknown fields and the order of keys are gone by now, because it is made of the question as it was understood.
#[must_use]
pub fn slot_cache_key(tenant: &TenantId, query: &SlotQuery) -> String {
    use std::fmt::Write as _;

    let value = serde_json::to_value(query).expect("a question is text, numbers and lists");
    fingerprint(&value).iter().fold(format!("slots:v1:{tenant}:"), |mut key, byte| {
        write!(key, "{byte:02x}").expect("writing to a String cannot fail");
        key
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inbound::read_slot_query;

    const QUERY: &str = r#"{"serviceType":"REPAIR","estimatedDuration":60,
        "serviceAddress":{"latitude":1,"longitude":2},"dateRange":{"startDate":"2025-01-20","endDate":"2025-01-27"}}"#;
    const SAME: &str = r#"{"dateRange":{"endDate":"2025-01-27","startDate":"2025-01-20"},"loyalty":1,
        "serviceAddress":{"longitude":2.0,"latitude":1.0},"estimatedDuration":60,"serviceType":"REPAIR"}"#;

    fn key(tenant: &str, body: &str) -> String {
        slot_cache_key(&TenantId::new(tenant).unwrap(), &read_slot_query(body.as_bytes()).unwrap())
    }

    #[test]
    fn f_s5_equal_questions_of_one_tenant_share_a_key_and_no_others_do() {
        assert_eq!(key("demo", QUERY), key("demo", SAME));
        assert_ne!(key("demo", QUERY), key("acme", QUERY));
        assert_ne!(key("demo", QUERY), key("demo", &QUERY.replace("60", "61")));
        assert!(key("demo", QUERY).starts_with("slots:v1:demo:"));
    }
}
