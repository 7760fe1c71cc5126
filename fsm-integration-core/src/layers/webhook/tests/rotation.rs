use std::time::Duration;

use super::*;

#[test]
fn f_w6_a_rotation_breaks_no_delivery_until_the_overlap_ends() {
    let room = room();
    let old_receiver = WebhookVerifier::new(WebhookSecrets::new(secret_of_vector(), Arc::new(room.clock.clone())));
    let new_receiver = WebhookVerifier::new(WebhookSecrets::new(secret(9), Arc::new(room.clock.clone())));
    let in_flight = room.signed();
    room.secrets.rotate(secret(9), Duration::from_secs(24 * 3_600));
    assert!(room.verify(&in_flight).is_ok(), "signed before the rotation");
    let headers = room.signed();
    assert_eq!(headers["webhook-signature"].len(), 2 * 47 + 1);
    assert!(old_receiver.verify(&headers, VECTOR_BODY).is_ok());
    assert!(new_receiver.verify(&headers, VECTOR_BODY).is_ok());
    assert!(new_receiver.verify(&room.signed_fsm(), VECTOR_BODY).is_err(), "a replay of the same message");

    room.clock.advance(24 * 3_600);
    let headers = room.signed();
    assert_eq!(headers["webhook-signature"].len(), 47);
    assert_eq!(old_receiver.verify(&headers, VECTOR_BODY).err(), Some(InvalidSignature::BadSignature));
}

#[test]
fn the_fsm_family_carries_the_newest_secret() {
    let room = room();
    room.secrets.rotate(secret(9), WebhookSecrets::DEFAULT_OVERLAP);
    let new_receiver = WebhookVerifier::new(WebhookSecrets::new(secret(9), Arc::new(room.clock.clone())));
    assert!(new_receiver.verify(&room.signed_fsm(), VECTOR_BODY).is_ok());
}

#[test]
fn more_rotations_than_are_held_drop_the_oldest() {
    let room = room();
    for byte in 1..=10 {
        room.secrets.rotate(secret(byte), WebhookSecrets::DEFAULT_OVERLAP);
    }
    let signatures = room.signed()["webhook-signature"].to_str().expect("ASCII").split(' ').count();
    assert_eq!(signatures, WebhookSecrets::MAX);
    assert!(room.verify(&room.signed()).is_ok());
}
