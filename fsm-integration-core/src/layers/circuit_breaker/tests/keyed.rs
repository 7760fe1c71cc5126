//! A breaker for each key.

use std::borrow::Cow;

use tower::{Layer, ServiceExt};

use super::*;
use crate::testing::{MockService, probe};

type Ask = &'static str;

fn registry(capacity: usize) -> CircuitBreakerRegistry<VirtualClock> {
    CircuitBreakerRegistry::with_clock(quick(), capacity, VirtualClock::default())
}

/// The request itself is the key.
fn key_of(request: &Ask) -> Cow<'_, str> {
    Cow::Borrowed(request)
}

#[tokio::test]
async fn the_layer_passes_the_probe() {
    let breakers = CircuitBreakerRegistry::new(CircuitBreakerConfig::default());
    let layer = CircuitBreakerLayer::keyed(breakers, |_: &_| "one".into());
    probe::layer(|inner| layer.layer(inner)).await;
    probe::layer_boxed(|inner| layer.layer(inner)).await;
}

#[tokio::test]
async fn a_key_that_fails_leaves_the_others_alone() {
    let registry = registry(10);
    let partner = tower::service_fn(async |key: Ask| if key == "down" { Err(Failure::Transient) } else { Ok(key) });
    let service = CircuitBreakerLayer::keyed(registry.clone(), key_of).layer(partner);
    let ask = |key| service.clone().oneshot(key);
    assert_eq!(ask("down").await, Err(Failure::Transient));
    assert_eq!(ask("down").await, Err(Failure::CircuitOpen(open(60 * SECOND))));
    assert_eq!(ask("well").await, Ok("well"));
    assert_eq!(registry.find("down").map(|breaker| breaker.state()), Some(CircuitState::Open));
}

/// The flood would forget it if only the registry held it.
#[tokio::test]
async fn a_call_keeps_its_breaker_whatever_is_asked_for_meanwhile() {
    let registry = registry(2);
    let (inner, mut partner) = MockService::<_, (), Failure>::new();
    let service = CircuitBreakerLayer::keyed(registry.clone(), key_of).layer(inner);
    let call = tokio::spawn(service.oneshot("held"));
    let asked = partner.asked().await;
    for key in 0..100 {
        let _ = registry.get(&format!("key-{key}"));
    }
    asked.refuse(Failure::Transient);
    assert_eq!(call.await.expect("no panic"), Err(Failure::Transient));
    assert_eq!(registry.find("held").map(|breaker| breaker.state()), Some(CircuitState::Open));
}

#[tokio::test]
async fn a_call_whose_breaker_is_not_kept_ends_as_any_other() {
    let registry = registry(1);
    registry.get("forced").force_open();
    let partner = tower::service_fn(async |key: Ask| Ok::<_, Failure>(key));
    let service = CircuitBreakerLayer::keyed(registry.clone(), key_of).layer(partner);
    assert_eq!(service.oneshot("new").await, Ok("new"));
    assert!(registry.find("new").is_none());
}

#[tokio::test]
async fn a_call_that_is_dropped_or_panics_is_told_to_its_breaker() {
    let clock = VirtualClock::default();
    let registry = CircuitBreakerRegistry::with_clock(quick(), 10, clock.clone());
    let (inner, mut partner) = MockService::<_, (), Failure>::new();
    let mut service = CircuitBreakerLayer::keyed(registry.clone(), key_of).layer(inner);
    registry.get("erp").fail();
    clock.advance(60 * SECOND);
    let call = tokio::spawn(service.clone().oneshot("erp"));
    let mut asked = partner.asked().await;
    assert_eq!(registry.get("erp").snapshot().probes, 1);
    call.abort();
    asked.dropped().await;
    assert_eq!(registry.get("erp").snapshot().probes, 0);
    service.ready().await.expect("ready");
    partner.panic_in_next_call();
    let call = std::panic::AssertUnwindSafe(|| drop(tower::Service::call(&mut service, "other")));
    assert!(std::panic::catch_unwind(call).is_err());
    assert_eq!(registry.get("other").state(), CircuitState::Open);
}

#[tokio::test]
async fn a_keyed_layer_can_judge_answers() {
    let registry = registry(10);
    let unfinished = |outcome: &Result<u32, Failure>| {
        outcome.as_ref().is_ok_and(|answer| *answer == 0).then(|| crate::error::ErrorClass::Transient.into())
    };
    let partner = tower::service_fn(async |_: Ask| Ok::<_, Failure>(0));
    let service = CircuitBreakerLayer::keyed(registry.clone(), key_of).judge_by(unfinished).layer(partner);
    assert_eq!(service.oneshot("erp").await, Ok(0));
    assert_eq!(registry.get("erp").state(), CircuitState::Open);
}
