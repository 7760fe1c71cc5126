use super::*;

fn registry(capacity: usize) -> CircuitBreakerRegistry<VirtualClock> {
    CircuitBreakerRegistry::with_clock(quick(), capacity, VirtualClock::default())
}

/// Flaw F-C7: one breaker for all tenants and hosts.
#[test]
fn a_failing_key_leaves_the_others_alone() {
    let registry = registry(10);
    registry.get("pyxis/acme").fail();
    assert_eq!(registry.get("pyxis/acme").state(), CircuitState::Open);
    assert_eq!(registry.get("pyxis/other").state(), CircuitState::Closed);
    let states: Vec<_> = registry.snapshots().into_iter().map(|snapshot| (snapshot.name, snapshot.state)).collect();
    assert_eq!(states, [("pyxis/acme".into(), CircuitState::Open), ("pyxis/other".into(), CircuitState::Closed)]);
}

#[test]
fn a_flood_of_keys_stays_within_the_capacity_and_forgets_nothing_that_matters() {
    let registry = registry(100);
    registry.get("open").fail();
    registry.get("forced").force_open();
    let held = registry.get("held");
    for key in 0..10_000 {
        let _ = registry.get(&format!("key-{key}"));
        let _ = registry.get("recent");
    }
    assert!(registry.snapshots().len() <= 100);
    for key in ["open", "forced"] {
        assert_eq!(registry.find(key).map(|breaker| breaker.state()), Some(CircuitState::Open), "{key}");
    }
    held.fail();
    assert_eq!(registry.get("held").state(), CircuitState::Open, "still the same breaker");
    assert!(registry.find("recent").is_some() && registry.find("key-0").is_none());
}

#[test]
fn without_room_a_new_key_still_gets_a_breaker() {
    let registry = registry(1);
    registry.get("open").fail();
    let unkept = registry.get("new");
    assert_eq!(unkept.state(), CircuitState::Closed);
    assert!(registry.find("new").is_none());
    assert_eq!(registry.get("open").state(), CircuitState::Open);
}

#[test]
fn without_room_the_next_look_for_some_is_a_second_later() {
    let clock = VirtualClock::default();
    let registry = CircuitBreakerRegistry::with_clock(quick(), 1, clock.clone());
    registry.get("open").fail();
    let kept = |key: &str| {
        let _ = registry.get(key);
        registry.find(key).is_some()
    };
    assert!(!kept("one"));
    registry.get("open").reset();
    assert!(!kept("two"), "looked a moment ago");
    clock.advance(SECOND);
    assert!(kept("three"));
}

#[test]
fn the_want_of_room_is_warned_of_once_a_minute() {
    let clock = VirtualClock::default();
    let registry = CircuitBreakerRegistry::with_clock(quick(), 1, clock.clone());
    let warned = [0, 59, 1, 1].map(|seconds| {
        clock.advance(seconds * SECOND);
        registry.may_warn()
    });
    assert_eq!(warned, [true, false, true, false]);
}

#[test]
fn a_key_may_have_settings_of_its_own() {
    let registry = registry(10);
    let patient = || CircuitBreakerConfig { failure_threshold: 9, ..Default::default() };
    assert_eq!(registry.get_with("own", patient).config(), patient());
    assert_eq!(registry.get("own").config(), patient());
    assert_eq!(registry.get("other").config(), quick());
}

#[test]
fn other_settings_reach_every_key_without_its_own() {
    let registry = registry(10);
    let (own, other) = (registry.get_with("own", quick), registry.get("other"));
    let slow = CircuitBreakerConfig { failure_threshold: 9, ..Default::default() };
    registry.reconfigure(slow);
    assert_eq!([own.config(), other.config(), registry.get("new").config()], [quick(), slow, slow]);
}

#[test]
fn its_observers_are_told_of_every_key() {
    let told = Told::default();
    let registry = registry(10);
    let _ = registry.get("old");
    let registry = registry.with_observers(told.observers());
    registry.get("new").fail();
    let names: Vec<_> = told.take().into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["old", "new", "new"]);
}

/// Keys that failed once and are never asked for again must not take the room of new ones for ever.
#[test]
fn keys_that_failed_long_ago_give_way_to_new_ones() {
    let clock = VirtualClock::default();
    let config = CircuitBreakerConfig { failure_threshold: 2, ..Default::default() };
    let registry = CircuitBreakerRegistry::with_clock(config, 2, clock.clone());
    registry.get("failed").fail();
    (0..2).for_each(|_| registry.get("open").fail());
    for key in ["one", "two"] {
        let _ = registry.get(key);
        assert!(registry.find(key).is_some() && registry.find("failed").is_none() && registry.find("open").is_some());
    }
    clock.advance(60 * SECOND);
    (0..2).for_each(|_| registry.get("open too").fail());
    let _ = registry.get("three");
    assert!(registry.find("open").is_none() && registry.find("open too").is_some());
}

#[test]
fn an_observer_may_ask_the_registry() {
    #[derive(Debug)]
    struct Asks(CircuitBreakerRegistry<VirtualClock>);
    impl crate::observe::Observer for Asks {
        fn observe(&self, name: &str, _: &Observation) {
            assert!(self.0.find(name).is_some_and(|breaker| breaker.name() == name));
            assert_eq!(self.0.snapshots().len(), 1);
        }
    }
    let registry = registry(10);
    let told = registry.clone().with_observers(Observers::none().with(Asks(registry.clone())));
    told.get("erp").fail();
}
