use std::time::Duration;

use serde_json::json;

use super::support::{Room, sample, slot_query, with};

const SLOTS: &str = "/api/v2/slots/availability";

#[tokio::test]
async fn slots_are_answered_by_the_schema_with_the_question_echoed() {
    let room = Room::open().await;
    let answer = room.post(SLOTS, &slot_query()).await;
    assert_eq!((answer.status, answer.header("x-ratelimit-limit")), (200, "200"));
    assert_eq!(answer.header("content-type"), "application/json");
    let slots = answer.body["availableSlots"].as_array().unwrap();
    assert_eq!(answer.body["totalSlotsFound"], slots.len());
    assert_eq!(answer.body["searchCriteria"], slot_query());
    let first = &slots[0];
    assert_eq!((&first["slotId"], &first["date"]), (&json!("sf-1_20250120T1630Z"), &json!("2025-01-20")));
    assert_eq!(first["timeWindow"], json!({"start": "2025-01-20T16:30:00.000Z", "end": "2025-01-20T18:30:00.000Z"}));
    assert_eq!((&first["slotType"], &first["technicianName"]), (&json!("MORNING"), &json!("Maria Alvarez")));
    assert_eq!((&first["capacityRemaining"], first["travelTime"].as_u64().unwrap() > 0), (&json!(4), true));
}

#[tokio::test]
async fn filters_are_conditions_and_nothing_found_is_an_empty_list() {
    let room = Room::open().await;
    let filters = json!({
        "timeWindow": {"start": "09:00", "end": "11:00"}, "excludeDates": ["2025-01-22"], "preferredDays": ["WED", "THU"]
    });
    let slots = room.post(SLOTS, &with(slot_query(), "filters", filters)).await.body;
    let found: Vec<_> = slots["availableSlots"].as_array().unwrap().iter().map(|slot| &slot["slotId"]).collect();
    assert_eq!(found, ["sf-1_20250123T1700Z"]);
    let nobody = room.post(SLOTS, &with(slot_query(), "requiredSkills", json!(["UNDERWATER_WELDING"]))).await;
    assert_eq!((nobody.status, &nobody.body["totalSlotsFound"]), (200, &json!(0)));
}

#[tokio::test]
async fn f_s6_a_booking_makes_remembered_slots_stale() {
    let room = Room::running().await;
    let before = room.post(SLOTS, &slot_query()).await.body;
    assert_eq!(room.post(SLOTS, &slot_query()).await.body, before);
    let id = room.post("/api/v2/orders/intake", &sample()).await.body["orderId"].as_str().unwrap().to_owned();
    room.until(&format!("/api/v2/orders/{id}"), |order| order["status"] == "SCHEDULED").await;
    let after = room.post(SLOTS, &slot_query()).await.body;
    let taken = json!("sf-1_20250120T1700Z");
    let offers = |body: &serde_json::Value| {
        body["availableSlots"].as_array().unwrap().iter().any(|slot| slot["slotId"] == taken)
    };
    assert!(offers(&before) && !offers(&after));
}

#[tokio::test]
async fn remembered_slots_are_forgotten_after_five_minutes() {
    let room = Room::open().await;
    let today = with(slot_query(), "dateRange", json!({"startDate": "2025-01-15", "endDate": "2025-01-16"}));
    let first = |body: &serde_json::Value| body["availableSlots"][0]["slotId"].as_str().unwrap().to_owned();
    room.clock.advance_to("2025-01-15T17:58:00Z".parse().unwrap());
    let before = first(&room.post(SLOTS, &today).await.body);
    room.clock.advance(Duration::from_secs(299));
    assert_eq!(first(&room.post(SLOTS, &today).await.body), before);
    room.clock.advance(Duration::from_secs(3600));
    assert_ne!(first(&room.post(SLOTS, &today).await.body), before, "the morning is over");
}

#[tokio::test]
async fn f_s9_bad_questions_do_not_open_the_breaker() {
    let room = Room::open().await;
    for _ in 0..20 {
        assert_eq!(room.post(SLOTS, &json!({})).await.status, 422);
    }
    assert_eq!(room.post(SLOTS, &slot_query()).await.status, 200);
}

#[tokio::test]
async fn a_calendar_that_fails_is_left_alone_after_a_while() {
    let room = Room::open().await;
    room.flow.store().write(|tx| Ok(tx.execute_batch("DROP TABLE appointments")?)).await.unwrap();
    for _ in 0..5 {
        assert_eq!(room.post(SLOTS, &slot_query()).await.code(), "INTERNAL");
    }
    let refused = room.post(SLOTS, &slot_query()).await;
    assert_eq!((refused.status, refused.code()), (503, "SERVICE_UNAVAILABLE"));
    assert!(!refused.header("retry-after").is_empty());
}
