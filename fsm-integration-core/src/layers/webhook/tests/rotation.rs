use std::time::Duration;

use super::*;
use crate::observe::{Observation, Observers, recorder::Seen};

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
fn w6_a_rotation_is_told_by_whichever_clone_and_never_a_secret() {
    let room = room();
    let told = Told::default();
    drop(room.secrets.clone().with_name("sales").with_observers(told.observers()));
    for held in 2..=WebhookSecrets::MAX + 1 {
        room.secrets.rotate(secret(9), Duration::from_secs(60));
        let rotated = Observation::WebhookSecretRotated {
            previous_valid_until: room.clock.timestamp() + SignedDuration::from_secs(60),
            held: held.min(WebhookSecrets::MAX),
        };
        assert_eq!(told.take(), [("sales".to_owned(), rotated)]);
    }
    let (seen, secrets) = (Seen::default(), WebhookSecrets::new(secret_of_vector(), Arc::new(room.clock)));
    metrics::with_local_recorder(&seen, || secrets.rotate(secret(9), WebhookSecrets::DEFAULT_OVERLAP));
    assert_eq!(seen.take(), [("webhook_secret_rotations_total webhook".to_owned(), 1.0)]);
}

// An observer that looks at the secrets, or rotates them, must find them unlocked.
#[test]
fn who_is_told_of_a_rotation_finds_the_secrets_unlocked() {
    #[derive(Debug)]
    struct Signs(WebhookSigner);
    impl crate::observe::Observer for Signs {
        fn observe(&self, _: &str, _: &Observation) {
            drop(self.0.sign(&id(), VECTOR_BODY));
        }
    }
    let room = room();
    let secrets = room.secrets.clone().with_observers(Observers::none().with(Signs(room.signer.clone())));
    secrets.rotate(secret(9), WebhookSecrets::DEFAULT_OVERLAP);
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
