use std::time::Duration;

use partner_sim::{Fault, FaultKind, RetryAfter, Sim};
use reqwest::Response;
use serde_json::{Value, json};

use crate::support::{client, json_of, scheduled, start, tell};

const APPOINTMENT: &str = "/pyxis/callback/appointment-scheduled";

async fn send(sim: &Sim) -> reqwest::Result<Response> {
    tell(sim, APPOINTMENT, "w1", &scheduled("PX-1", "apt-1")).await
}

fn copies(sim: &Sim) -> u64 {
    sim.with_ledger(|ledger| ledger.order("demo", "PX-1").map_or(0, |order| order.appointments[0].copies))
}

#[tokio::test]
async fn a_status_refuses_unprocessed_and_runs_out() {
    let sim = start().await;
    sim.inject(Fault::once("/pyxis", FaultKind::status(401)));
    sim.inject(Fault::once("/pyxis", FaultKind::too_many(7)));
    sim.inject(Fault::once("/pyxis", FaultKind::Status { status: 503, retry_after: Some(RetryAfter::DateIn(60)) }));
    assert_eq!(send(&sim).await.unwrap().status(), 401);
    let limited = send(&sim).await.unwrap();
    assert_eq!((limited.status().as_u16(), &limited.headers()["retry-after"]), (429, &"7".parse().unwrap()));
    let down = send(&sim).await.unwrap();
    assert_eq!(down.headers()["retry-after"], "Tue, 04 Mar 2031 05:07:07 GMT");
    assert_eq!(copies(&sim), 0);
    assert_eq!(send(&sim).await.unwrap().status(), 200);
    assert_eq!(sim.faults().iter().map(|one| one.fired).sum::<u32>(), 3);
}

#[tokio::test]
async fn a_lost_answer_is_processed_all_the_same() {
    let sim = start().await;
    sim.inject(Fault::once(APPOINTMENT, FaultKind::LostAnswer));
    assert!(send(&sim).await.is_err());
    assert_eq!(copies(&sim), 1);
    assert_eq!(json_of(send(&sim).await.unwrap()).await["duplicate"], true);
    assert_eq!(sim.ledger().violations(), Vec::<String>::new());
}

#[tokio::test]
async fn a_hang_up_processes_nothing() {
    let sim = start().await;
    sim.inject(Fault::once(APPOINTMENT, FaultKind::HangUp));
    assert!(send(&sim).await.is_err());
    assert_eq!(copies(&sim), 0);
}

#[tokio::test]
async fn a_slow_call_is_processed_before_it_is_answered() {
    let sim = start().await;
    sim.inject(Fault::once(APPOINTMENT, FaultKind::Slow { delay: Duration::from_secs(3600) }));
    tokio::select! {
        answer = send(&sim) => panic!("answered {answer:?}"),
        () = async { while copies(&sim) == 0 { tokio::task::yield_now().await; } } => {}
    }
    assert_eq!(send(&sim).await.unwrap().status(), 200);
}

#[tokio::test]
async fn broken_bodies_come_as_planned() {
    let sim = start().await;
    sim.inject(Fault::once("/pyxis", FaultKind::TruncatedJson));
    sim.inject(Fault::once("/pyxis", FaultKind::Html { status: 502 }));
    sim.inject(Fault::once("/pyxis", FaultKind::ErrorBody));
    let truncated = send(&sim).await.unwrap();
    assert_eq!(truncated.status(), 200);
    assert!(serde_json::from_slice::<Value>(&truncated.bytes().await.unwrap()).is_err());
    let page = send(&sim).await.unwrap();
    assert_eq!(page.status(), 502);
    assert!(page.headers()["content-type"].to_str().unwrap().starts_with("text/html"));
    let error = send(&sim).await.unwrap();
    assert_eq!(error.status(), 200);
    assert_eq!(json_of(error).await["success"], false);
    assert_eq!(copies(&sim), 1);
}

#[tokio::test]
async fn faults_are_planned_listed_and_cleared_over_http() {
    let sim = start().await;
    let address = format!("{}/_sim/faults", sim.url());
    let fault = json!({"on": {"path": "/pyxis", "method": "POST", "bodyContains": "PX-1"},
                       "kind": {"type": "status", "status": 503, "retryAfter": {"seconds": 2}}, "times": 5});
    assert_eq!(client().post(&address).json(&fault).send().await.unwrap().status(), 201);
    assert_eq!(send(&sim).await.unwrap().status(), 503);
    let listed = json_of(client().get(&address).send().await.unwrap()).await;
    assert_eq!((&listed[0]["fired"], &listed[0]["fault"]["kind"]["status"]), (&json!(1), &json!(503)));
    assert_eq!(client().delete(&address).send().await.unwrap().status(), 204);
    assert_eq!(send(&sim).await.unwrap().status(), 200);

    let slow = json!({"on": {"path": "/"}, "kind": {"type": "slow", "delayMs": 5}});
    assert_eq!(client().post(&address).json(&slow).send().await.unwrap().status(), 201);
    let unknown = json!({"on": {"path": "/"}, "kind": {"type": "explode"}});
    assert_eq!(client().post(&address).json(&unknown).send().await.unwrap().status(), 422);
}

#[tokio::test]
async fn the_controls_are_never_met_by_a_fault() {
    let sim = start().await;
    sim.inject(Fault::always("/", FaultKind::HangUp));
    let answer = client().get(format!("{}/_sim/ledger", sim.url())).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    sim.clear_faults();
    assert_eq!(send(&sim).await.unwrap().status(), 200);
}
