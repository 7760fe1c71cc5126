use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use fsm_integration_core::error::Result;
use serde_json::{Value, json};
use tokio::sync::Semaphore;
use uuid::Uuid;

use super::{
    support::{Room, sample, with},
    webhooks::deliver,
};
use crate::{
    scheduler::{AddressQuery, Coordinates, Gazetteer, Geocoder},
    store::{appointments, orders},
};

const UNBLOCKED: &str = "projects.service_order.unblocked";
const FAILED: &str = "integration.sales.order.failed";

fn update(event_id: &str, name: &str, value: Value) -> Value {
    let event = json!({
        "eventId": event_id, "eventType": "ORDER_UPDATED", "timestamp": "2025-01-15T10:00:00Z",
        "externalOrderId": "PX-TEST-001"
    });
    with(event, name, value)
}

fn address(country: &str, postal_code: &str, city: &str) -> Value {
    json!({"street": "1 Main St", "city": city, "state": "", "postalCode": postal_code, "country": country})
}

fn nowhere() -> Value {
    address("AQ", "0000", "Nowhere")
}

/// Takes an order in, and gives where it is shown.
async fn place(room: &Room, order: &Value) -> (Uuid, String) {
    let id = room.post("/api/v2/orders/intake", order).await.body["orderId"].as_str().unwrap().to_owned();
    (id.parse().unwrap(), format!("/api/v2/orders/{id}"))
}

async fn kept(room: &Room, id: Uuid) -> orders::Order {
    room.flow.store().read(move |db| orders::get(db, id)).await.unwrap()
}

#[tokio::test]
async fn an_order_whose_address_was_wrong_is_booked_when_it_is_put_right() {
    let room = Room::running().await;
    let (id, path) = place(&room, &with(sample(), "serviceAddress", nowhere())).await;
    room.until(&path, |order| order["errors"][0]["code"] == "INVALID_ADDRESS").await;

    let still_wrong = update("e-1", "serviceAddress", address("AQ", "0001", "Elsewhere"));
    assert_eq!(deliver(&room, "m-1", &still_wrong).await.status, 202);
    room.until_published(FAILED, 2).await;

    let right = update("e-2", "serviceAddress", sample()["serviceAddress"].clone());
    assert_eq!(deliver(&room, "m-2", &right).await.status, 202);
    let order = room.until(&path, |order| order["status"] == "SCHEDULED").await;
    assert_eq!(order["errors"], json!([]), "nothing stands in the way any more");
    assert_eq!(kept(&room, id).await.country_code, "US");
    assert_eq!((room.published(UNBLOCKED).await, room.tasks().await), (2, vec!["INVALID_ADDRESS".to_owned()]));
}

#[tokio::test]
async fn an_order_without_a_slot_is_booked_when_its_wishes_change() {
    let room = Room::running().await;
    let wish = |start: &str, end: &str| json!({"timeWindow": {"start": start, "end": end}});
    let (_, path) = place(&room, &with(sample(), "schedulingPreferences", wish("01:00", "03:00"))).await;
    room.until(&path, |order| order["errors"][0]["code"] == "NO_SLOTS_AVAILABLE").await;
    let by_day = update("e-1", "schedulingPreferences", wish("09:00", "12:00"));
    assert_eq!(deliver(&room, "m-1", &by_day).await.status, 202);
    let order = room.until(&path, |order| order["status"] == "SCHEDULED").await;
    assert_eq!(order["errors"], json!([]));
}

#[tokio::test]
async fn an_update_of_an_appointment_is_for_an_operator_once() {
    let room = Room::running().await;
    let (id, path) = place(&room, &sample()).await;
    room.until(&path, |order| order["status"] == "SCHEDULED").await;
    let moved = update("e-1", "serviceAddress", address("US", "10001", "New York"));
    for message in ["m-1", "m-2"] {
        room.clock.advance(Duration::from_secs(1));
        assert_eq!(deliver(&room, message, &moved).await.status, 202);
    }
    assert_eq!(room.tasks().await, ["ORDER_UPDATED"]);
    let order = room.get(&path).await.body;
    let last = order["history"].as_array().unwrap().last().unwrap().clone();
    assert_eq!((order["history"].as_array().unwrap().len(), &last["status"]), (4, &json!("SCHEDULED")));
    assert!(last["reason"].as_str().unwrap().contains("changed the order"), "{last}");
    assert_eq!(&*kept(&room, id).await.data.service_address.city, "New York");
    assert_eq!(room.published(UNBLOCKED).await, 0, "the appointment stays until somebody moves it");

    deliver(&room, "m-3", &update("e-2", "schedulingPreferences", json!({"notes": "call first"}))).await;
    assert_eq!(room.tasks().await, ["ORDER_UPDATED", "ORDER_UPDATED"], "another change, another look");
}

#[tokio::test]
async fn an_order_that_has_ended_stays_as_it_is() {
    let room = Room::running().await;
    let (id, path) = place(&room, &sample()).await;
    room.until(&path, |order| order["status"] == "SCHEDULED").await;
    let called_off = json!({
        "eventId": "e-1", "eventType": "ORDER_CANCELLED", "timestamp": "2025-01-15T10:00:00Z",
        "externalOrderId": "PX-TEST-001", "reason": "the customer moved"
    });
    assert_eq!(deliver(&room, "m-1", &called_off).await.status, 202);
    let before = room.get(&path).await.body;
    assert_eq!(deliver(&room, "m-2", &update("e-2", "serviceAddress", nowhere())).await.status, 202);
    assert_eq!(room.get(&path).await.body["history"], before["history"]);
    assert_eq!(&*kept(&room, id).await.data.service_address.city, "San Francisco");
    assert_eq!((room.published(UNBLOCKED).await, room.tasks().await), (0, Vec::new()));
}

/// Answers when it is let.
struct Slow {
    asked: Arc<Semaphore>,
    let_go: Arc<Semaphore>,
}

#[async_trait]
impl Geocoder for Slow {
    async fn locate(&self, address: AddressQuery<'_>) -> Result<Coordinates> {
        let place = Gazetteer::bundled().locate(address).await;
        self.asked.add_permits(1);
        self.let_go.acquire().await.unwrap().forget();
        place
    }
}

#[tokio::test]
async fn nobody_is_sent_to_the_address_that_an_order_had() {
    for first in [sample()["serviceAddress"].clone(), nowhere()] {
        let (asked, let_go) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
        let slow = Slow { asked: Arc::clone(&asked), let_go: Arc::clone(&let_go) };
        let room = Room::located_by(slow).await.run();
        let (id, path) = place(&room, &with(sample(), "serviceAddress", first)).await;
        asked.acquire().await.unwrap().forget();
        let now = address("US", "94612", "Oakland");
        assert_eq!(deliver(&room, "m-1", &update("e-1", "serviceAddress", now)).await.status, 202);
        let_go.add_permits(10);
        room.until(&path, |order| {
            room.clock.advance(Duration::from_secs(1));
            order["status"] == "SCHEDULED"
        })
        .await;
        let booked = room.flow.store().read(move |db| appointments::of_order(db, id)).await.unwrap().unwrap();
        let query = AddressQuery { country: "US", postal_code: "94612", city: "Oakland" };
        assert_eq!(booked.location, Gazetteer::bundled().locate(query).await.unwrap());
        assert_eq!((room.tasks().await, room.published(FAILED).await), (Vec::new(), 0));
    }
}
