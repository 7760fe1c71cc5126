use std::{
    future::pending,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use tokio::time::{Instant, sleep};

use super::*;

fn registry() -> HealthRegistry {
    HealthRegistry::default()
}

#[tokio::test(start_paused = true)]
async fn f_h1_a_failing_partner_degrades_and_a_failing_critical_part_unreadies() {
    let registry = registry();
    registry.register("store", Criticality::Critical, || async { HealthStatus::healthy() });
    registry.register("pyxis", Criticality::Optional, || async { HealthStatus::unhealthy("down") });
    let report = registry.report().await;
    assert_eq!((report.status, report.ready, report.http_status()), (Health::Degraded, true, 200));

    registry.register("store", Criticality::Critical, || async { HealthStatus::unhealthy("disk full") });
    sleep(Duration::from_secs(5)).await;
    let report = registry.report().await;
    assert_eq!((report.status, report.ready, report.http_status()), (Health::Unhealthy, false, 503));
}

#[tokio::test(start_paused = true)]
async fn a_degraded_critical_part_is_ready() {
    let registry = registry();
    registry.register("store", Criticality::Critical, || async { HealthStatus::degraded("slow") });
    let report = registry.report().await;
    assert_eq!((report.status, report.ready), (Health::Degraded, true));
}

#[tokio::test(start_paused = true)]
async fn f_h2_a_hanging_check_fails_after_two_seconds_and_checks_run_together() {
    let registry = registry();
    for name in ["a", "b", "c"] {
        registry.register(name, Criticality::Optional, pending);
    }
    let began = Instant::now();
    let report = registry.report().await;
    assert_eq!(began.elapsed(), Duration::from_secs(2));
    assert!(report.checks.values().all(|check| check.status.health == Health::Unhealthy));
}

#[tokio::test(start_paused = true)]
async fn f_h3_the_latency_is_measured() {
    let registry = registry();
    registry.register("erp", Criticality::Optional, || async {
        sleep(Duration::from_millis(120)).await;
        HealthStatus::healthy()
    });
    let report = registry.report().await;
    assert_eq!(report.checks["erp"].status.latency, Duration::from_millis(120));
}

#[tokio::test(start_paused = true)]
async fn a_panicking_check_is_a_finding_and_its_neighbours_are_told() {
    let registry = registry();
    registry.register("a", Criticality::Optional, || async { panic!("boom") });
    registry.register::<_, std::future::Ready<_>>("b", Criticality::Optional, || panic!("before the future"));
    registry.register("c", Criticality::Optional, || async { HealthStatus::healthy() });
    let verdicts: Vec<_> =
        registry.report().await.checks.into_values().map(|check| check.status.health.verdict()).collect();
    assert_eq!(verdicts, ["fail", "fail", "pass"]);
}

#[tokio::test(start_paused = true)]
async fn many_askers_cause_one_run_every_five_seconds() {
    let (registry, runs) = (registry(), Arc::new(AtomicU32::new(0)));
    let counted = Arc::clone(&runs);
    registry.register("a", Criticality::Optional, move || {
        counted.fetch_add(1, Ordering::SeqCst);
        async {
            sleep(Duration::from_secs(1)).await;
            HealthStatus::healthy()
        }
    });
    futures_util::future::join_all((0..20).map(|_| registry.report())).await;
    assert_eq!(runs.load(Ordering::SeqCst), 1);
    sleep(Duration::from_millis(4_999)).await;
    registry.report().await;
    assert_eq!(runs.load(Ordering::SeqCst), 1);
    sleep(Duration::from_millis(1)).await;
    registry.report().await;
    assert_eq!(runs.load(Ordering::SeqCst), 2);
}

#[tokio::test(start_paused = true)]
async fn h3_both_forms_say_the_same() {
    let registry = registry();
    registry.register("erp", Criticality::Optional, || async {
        sleep(Duration::from_micros(2_500)).await;
        HealthStatus::degraded("slow")
    });
    let report = registry.report().await;
    let seed = serde_json::to_value(&report).expect("serialises");
    assert_eq!(seed["status"], "degraded");
    assert_eq!(seed["checks"]["erp"]["status"], "warn");
    assert_eq!(seed["checks"]["erp"]["message"], "slow");
    assert!(seed["checks"]["erp"]["latency"].as_f64().is_some_and(|latency| latency >= 2.5));
    assert!(seed["timestamp"].as_str().is_some_and(|text| text.ends_with('Z')));
    assert!(seed.get("ready").is_none());
    let other = report.health_json();
    assert_eq!(other["status"], "warn");
    assert_eq!(other["checks"]["erp:responseTime"][0]["output"], "slow");
    assert_eq!(other["checks"]["erp:responseTime"][0]["observedUnit"], "ms");
}
