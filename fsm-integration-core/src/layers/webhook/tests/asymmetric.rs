use std::time::Duration;

use super::*;

/// The signature of the specification's example headers; its key and message are those of svix-server's
/// `test_asymmetric_key_signing`, from which the specification's authors took it.
const PAIR: &str = "whsk_6Xb/dCcHpPea21PS1N9VY/NZW723CEc77N4rJCubMbfVKIDij2HKpMKkioLlX0dRqSKJp4AJ6p9lMicMFs6Kvg==";
const PUBLIC_KEY: &str = "whpk_1SiA4o9hyqTCpIqC5V9HUakiiaeACeqfZTInDBbOir4=";
const SIGNATURE: &str = "v1a,hnO3f9T8Ytu9HwrXslvumlUpqtNVqkhqw/enGzPCXe5BdqzCInXqYXFymVJaA7AZdpXwVLPo3mNl8EM+m7TBAg==";

fn pair() -> WebhookSecret {
    PAIR.parse().expect("the vector")
}

fn public_key() -> WebhookPublicKey {
    PUBLIC_KEY.parse().expect("the vector")
}

fn trusting(room: &Room, key: WebhookPublicKey) -> WebhookVerifier {
    WebhookVerifier::new(WebhookPublicKeys::new(key, Arc::new(room.clock.clone())))
}

fn signed_by(room: &Room, secret: WebhookSecret) -> HeaderMap {
    let mut headers = HeaderMap::new();
    let secrets = WebhookSecrets::new(secret, Arc::new(room.clock.clone()));
    WebhookSigner::new(secrets).sign(&id(), VECTOR_BODY).apply(&mut headers);
    headers
}

#[test]
fn the_official_vector_is_made_and_accepted() {
    let room = room();
    let headers = signed_by(&room, pair());
    assert_eq!(headers["webhook-signature"], SIGNATURE);
    assert_eq!(headers.len(), 3, "without a shared secret there is no FSM family: {headers:?}");
    let verified = trusting(&room, public_key()).verify(&headers, VECTOR_BODY).expect("the vector");
    assert_eq!((verified.family(), verified.id()), (Family::Standard, Some(VECTOR_ID)));
}

#[test]
fn keys_survive_their_text() {
    assert_eq!(*pair().expose(), PAIR);
    assert_eq!(pair().public_key().expect("of a pair").to_string(), PUBLIC_KEY);
    assert_eq!(public_key().to_string(), PUBLIC_KEY);
    let generated = WebhookSecret::generate_key_pair().expect("randomness");
    let again: WebhookSecret = generated.expose().parse().expect("its own text");
    assert_eq!(again.public_key(), generated.public_key());
    assert_ne!(generated.public_key(), pair().public_key());
    assert!(secret(1).public_key().is_none());
}

#[test]
fn the_seed_alone_is_a_pair_too() {
    let seed: WebhookSecret = "whsk_6Xb/dCcHpPea21PS1N9VY/NZW723CEc77N4rJCubMbc=".parse().expect("a seed");
    assert_eq!(*seed.expose(), PAIR);
}

#[test]
fn debug_shows_nothing_of_a_pair() {
    assert_eq!(format!("{:?}", pair()), "WebhookSecret([redacted])");
}

/// RFC 8032, section 7.1, tests 1 to 3: the same keys and messages, through the curve's library.
#[test]
fn the_library_signs_as_rfc_8032_says() {
    for (seed, message, signature) in [
        (
            "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
            &[][..],
            "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
        ),
        (
            "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
            &[0x72][..],
            "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
        ),
        (
            "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
            &[0xaf, 0x82][..],
            "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
        ),
    ] {
        let text = format!("whsk_{}", base64::Engine::encode(&base64::engine::general_purpose::STANDARD, unhex(seed)));
        let pair: WebhookSecret = text.parse().expect("a seed");
        let code::Signature::Asymmetric(own) = pair.sign(&signed::Signed::bare(message)) else {
            panic!("another scheme")
        };
        assert_eq!(own.as_slice(), unhex(signature));
    }
}

fn unhex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).expect("hex")).collect()
}

#[test]
fn one_changed_byte_anywhere_is_refused() {
    let room = room();
    let headers = signed_by(&room, pair());
    let verifier = trusting(&room, public_key());
    assert_eq!(verifier.verify(&headers, b"{}").err(), Some(InvalidSignature::BadSignature));
    for (name, value) in [
        ("webhook-id", "msg_other"),
        ("webhook-timestamp", "1614265331"),
        ("webhook-signature", &SIGNATURE.replace("hnO3", "hnO4")),
        ("webhook-signature", SIGNATURE.trim_end_matches('=')),
        ("webhook-signature", &SIGNATURE.replace("v1a,", "v1,")),
        ("webhook-signature", &SIGNATURE.replace("Ytu9", "Ytu_")),
        ("webhook-signature", "v1a,"),
    ] {
        let forged = with(headers.clone(), name, value);
        assert_eq!(verifier.verify(&forged, VECTOR_BODY).err(), Some(InvalidSignature::BadSignature), "{value}");
    }
    assert!(verifier.verify(&headers, VECTOR_BODY).is_ok());
}

#[test]
fn another_pairs_signature_is_refused() {
    let room = room();
    let other = WebhookSecret::generate_key_pair().expect("randomness");
    let headers = signed_by(&room, other);
    assert!(trusting(&room, public_key()).verify(&headers, VECTOR_BODY).is_err());
}

/// A sender that moves from one scheme to the other signs with both for a while, in one header.
#[test]
fn both_schemes_stand_side_by_side_in_one_header() {
    let room = room();
    room.secrets.rotate(pair(), WebhookSecrets::DEFAULT_OVERLAP);
    let headers = room.signed();
    assert_eq!(headers["webhook-signature"], format!("{SIGNATURE} {VECTOR_SIGNATURE}"));
    assert!(headers.contains_key("x-fsm-signature"), "by the newest shared secret");
    assert!(trusting(&room, public_key()).verify(&headers, VECTOR_BODY).is_ok());
    assert!(WebhookVerifier::new(room.secrets.clone()).verify(&headers, VECTOR_BODY).is_ok());
}

#[test]
fn a_receiver_may_believe_both_schemes() {
    let room = room();
    let keys = WebhookPublicKeys::new(public_key(), Arc::new(room.clock.clone()));
    for secret in [pair(), secret_of_vector()] {
        let verifier = WebhookVerifier::new((room.secrets.clone(), keys.clone()));
        assert!(verifier.verify(&signed_by(&room, secret), VECTOR_BODY).is_ok());
    }
}

#[test]
fn public_keys_rotate_with_an_overlap() {
    let room = room();
    let keys = WebhookPublicKeys::new(public_key(), Arc::new(room.clock.clone()));
    let next = WebhookSecret::generate_key_pair().expect("randomness");
    keys.rotate(next.public_key().expect("of a pair"), Duration::from_secs(60));
    let verifies = |secret: WebhookSecret| {
        WebhookVerifier::new(keys.clone()).verify(&signed_by(&room, secret), VECTOR_BODY).is_ok()
    };
    assert!(verifies(pair()) && verifies(next.clone()));
    room.clock.advance(60);
    assert!(!verifies(pair()) && verifies(next));
}

/// Under a key of small order one signature verifies for nearly every message.
#[test]
fn what_is_no_key_is_refused() {
    let zero = format!("whpk_{}", base64::Engine::encode(&base64::engine::general_purpose::STANDARD, [0; 32]));
    let mismatched = PAIR.replace("6Xb/", "6Xc/");
    for text in ["whpk_", "whpk_AAAA", "whpk_!", zero.as_str(), VECTOR_SECRET, &"whpk_A".repeat(100)] {
        assert_eq!(text.parse::<WebhookPublicKey>().err(), Some(InvalidSecret::NotAKey), "{text}");
    }
    assert_eq!("".parse::<WebhookPublicKey>().err(), Some(InvalidSecret::Empty));
    for text in ["whsk_", "whsk_AAAA", mismatched.as_str()] {
        assert_eq!(text.parse::<WebhookSecret>().err(), Some(InvalidSecret::NotAKey), "{text}");
    }
}

#[test]
fn the_fsm_family_is_not_verified_by_a_public_key() {
    let room = room();
    let verifier = trusting(&room, public_key());
    assert_eq!(verifier.verify(&room.signed_fsm(), VECTOR_BODY).err(), Some(InvalidSignature::BadSignature));
}
