use super::*;
use crate::wire::SalesChange;

fn webhook(body: &Value) -> Result<SalesWebhook> {
    read_sales_webhook(SalesSystem::Pyxis, body.to_string().as_bytes())
}

fn cancelled() -> Value {
    json!({
        "eventId": "EV-1", "eventType": "ORDER_CANCELLED", "timestamp": "2025-01-18T10:00:00Z",
        "externalOrderId": "PX-TEST-001", "reason": "changed my mind"
    })
}

#[test]
fn a_cancellation_is_read() {
    let read = webhook(&cancelled()).unwrap();
    assert_eq!(read.change, SalesChange::Cancelled { reason: "changed my mind".into() });
    assert_eq!((read.external_order_id.as_str(), read.sales_system), ("PX-TEST-001", SalesSystem::Pyxis));
    assert_eq!(fields(&webhook(&without(cancelled(), "/reason")).unwrap_err()), ["reason"]);
}

#[test]
fn an_update_changes_something_and_what_it_changes_is_checked() {
    let update = with(without(cancelled(), "/reason"), "/eventType", json!("ORDER_UPDATED"));
    assert_eq!(fields(&webhook(&update).unwrap_err()), [""]);
    let moved = with(update.clone(), "/schedulingPreferences", json!({"preferredDate": "2025-01-22"}));
    assert!(matches!(webhook(&moved).unwrap().change, SalesChange::Updated { scheduling_preferences: Some(_), .. }));
    let bad = with(update, "/serviceAddress", with(sample()["serviceAddress"].clone(), "/country", json!("x")));
    assert_eq!(fields(&webhook(&bad).unwrap_err()), ["serviceAddress.country"]);
}

#[test]
fn a_webhook_speaks_for_the_system_that_signed_it() {
    assert!(webhook(&with(cancelled(), "/salesSystem", json!("PYXIS"))).is_ok());
    assert_eq!(fields(&webhook(&with(cancelled(), "/salesSystem", json!("TEMPO"))).unwrap_err()), ["salesSystem"]);
    let strange = webhook(&with(cancelled(), "/eventType", json!("ORDER_EATEN"))).unwrap_err();
    assert_eq!(fields(&strange), ["eventType"]);
}
