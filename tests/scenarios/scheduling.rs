//! Who comes when: skills, preferences, travel and the calendar decide, seen through the API.

use std::collections::HashSet;

use fsm_integration_core::clock::WallClock;
use jiff::{
    Timestamp, ToSpan,
    civil::{Date, Weekday},
    tz::TimeZone,
};
use partner_sim::sales::SalesSystem;
use serde_json::{Value, json};

use crate::{
    cancellation::{cancel, send},
    support::{Placed, TestApp, an_order, technician},
};

const ZONE: &str = "America/Los_Angeles";

/// Two technicians, one near the sample order's address, one across the town.
async fn two_technicians() -> TestApp {
    TestApp::with(|config| {
        config.scheduler.technicians = vec![
            technician("near", 37.789, &["FIBER_INSTALLATION"]),
            technician("far", 37.72, &["FIBER_INSTALLATION", "TV_INSTALLATION"]),
        ];
    })
    .await
}

/// A Wednesday that is no more than two weeks ahead, with working days around it.
fn wednesday(app: &TestApp) -> Date {
    let today = app.clock.timestamp().to_zoned(TimeZone::get(ZONE).unwrap()).date();
    let mut date = today.checked_add(7.days()).unwrap();
    while date.weekday() != Weekday::Wednesday {
        date = date.tomorrow().unwrap();
    }
    date
}

/// The sample order, which takes two hours of the morning, for a day.
fn on(date: Date, external_id: &str) -> Value {
    let mut order = an_order(external_id);
    order["schedulingPreferences"]["preferredDate"] = json!(date.to_string());
    order
}

/// Whom the order got, on which day, and at which local time.
async fn booked(app: &TestApp, placed: &Placed) -> (String, Date, String) {
    let order = app.until_status(placed, "SCHEDULED").await;
    let appointment = &order["appointment"];
    let start: Timestamp = appointment["scheduledStart"].as_str().unwrap().parse().unwrap();
    let start = start.to_zoned(TimeZone::get(ZONE).unwrap());
    let technician = appointment["technicianId"].as_str().unwrap().to_owned();
    (technician, start.date(), start.strftime("%H:%M").to_string())
}

async fn book(app: &TestApp, order: &Value) -> (String, Date, String) {
    let placed = app.place(order).await;
    booked(app, &placed).await
}

fn slot(technician: &str, date: Date, time: &str) -> (String, Date, String) {
    (technician.to_owned(), date, time.to_owned())
}

/// The slots of a morning at the sample order's address.
async fn free(app: &TestApp, date: Date) -> Vec<Value> {
    let query = json!({"serviceAddress": {"latitude": 37.789, "longitude": -122.394}, "serviceType": "INSTALLATION",
                       "estimatedDuration": 120, "requiredSkills": ["FIBER_INSTALLATION"],
                       "dateRange": {"startDate": date.to_string(), "endDate": date.tomorrow().unwrap().to_string()},
                       "filters": {"timeWindow": {"start": "09:00", "end": "12:00"}}});
    let answer = app.caller().post("/api/v2/slots/availability", &query).await.ok();
    assert_eq!(answer["searchCriteria"]["dateRange"], query["dateRange"]);
    let slots = answer["availableSlots"].as_array().unwrap().clone();
    assert_eq!(answer["totalSlotsFound"], slots.len());
    slots.into_iter().filter(|slot| slot["date"] == date.to_string()).collect()
}

fn technicians(slots: &[Value]) -> HashSet<&str> {
    slots.iter().map(|slot| slot["technicianId"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn competing_orders_get_different_appointments() {
    let app = two_technicians().await;
    let date = wednesday(&app);
    assert_eq!(book(&app, &on(date, "PX-FIRST")).await, slot("near", date, "09:00"));
    assert_eq!(book(&app, &on(date, "PX-SECOND")).await, slot("far", date, "09:00"));
    // The morning is full: the nearest other day, again with the shorter way.
    let (who, day, time) = book(&app, &on(date, "PX-THIRD")).await;
    assert_eq!((who.as_str(), time.as_str()), ("near", "09:00"));
    assert_eq!((day - date).get_days().abs(), 1);
}

#[tokio::test]
async fn skills_and_preferences_outweigh_the_shorter_way() {
    let app = two_technicians().await;
    let date = wednesday(&app);
    let mut skilled = on(date, "PX-SKILL");
    skilled["requiredSkills"] = json!(["FIBER_INSTALLATION", "TV_INSTALLATION"]);
    assert_eq!(book(&app, &skilled).await, slot("far", date, "09:00"));
    let mut wished = on(date.tomorrow().unwrap(), "PX-WISH");
    wished["schedulingPreferences"]["technicianPreference"] = json!("far");
    assert_eq!(book(&app, &wished).await, slot("far", date.tomorrow().unwrap(), "09:00"));
    let mut excluded = on(date, "PX-EXCLUDED");
    excluded["schedulingPreferences"]["excludedDates"] =
        json!([date.to_string(), date.yesterday().unwrap().to_string()]);
    assert_eq!(book(&app, &excluded).await, slot("near", date.tomorrow().unwrap(), "09:00"));
    let friday = date.checked_add(2.days()).unwrap();
    let mut afternoon = on(friday, "PX-AFTERNOON");
    afternoon["schedulingPreferences"]["timeWindow"] = json!({"start": "14:00", "end": "16:00"});
    assert_eq!(book(&app, &afternoon).await, slot("near", friday, "14:00"));
}

#[tokio::test]
async fn what_is_booked_is_free_no_more_until_it_is_cancelled() {
    let app = two_technicians().await;
    let date = wednesday(&app);
    assert_eq!(technicians(&free(&app, date).await), HashSet::from(["near", "far"]));
    let first = app.place(&on(date, "PX-BOOKED")).await;
    assert_eq!(booked(&app, &first).await, slot("near", date, "09:00"));
    assert_eq!(technicians(&free(&app, date).await), HashSet::from(["far"]));

    assert_eq!(send(&app, SalesSystem::Pyxis, "cancel-1", &cancel(&app, "PX-BOOKED")).await.status, 202);
    app.until_status(&first, "CANCELLED").await;
    assert_eq!(technicians(&free(&app, date).await), HashSet::from(["near", "far"]));
    assert_eq!(book(&app, &on(date, "PX-AGAIN")).await, slot("near", date, "09:00"));
}

#[tokio::test]
async fn orders_that_come_at_once_never_share_an_appointment() {
    let app = two_technicians().await;
    let date = wednesday(&app);
    let caller = app.caller();
    let sending = (0..10).map(|n| {
        let (caller, order) = (caller.clone(), on(date, &format!("PX-RUSH-{n}")));
        async move { caller.post_order(&order).await.ok() }
    });
    let accepted = futures_util::future::join_all(sending).await;
    let mut taken = HashSet::new();
    for body in accepted {
        let text = |name: &str| body[name].as_str().unwrap().to_owned();
        let placed =
            Placed { order_id: text("orderId"), external_id: text("externalOrderId"), correlation_id: String::new() };
        assert!(taken.insert(booked(&app, &placed).await), "two orders in one slot");
    }
    // Two technicians have one morning each a day: ten orders take five days.
    assert_eq!(taken.iter().map(|(_, day, _)| day).collect::<HashSet<_>>().len(), 5);
    app.well();
}
