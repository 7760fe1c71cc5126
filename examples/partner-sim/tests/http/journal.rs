use std::io::Write as _;

use partner_sim::{Sim, SimConfig};
use serde_json::json;

use crate::support::{client, config, json_of, scheduled, tell};

const APPOINTMENT: &str = "/pyxis/callback/appointment-scheduled";

#[tokio::test]
async fn a_restarted_stand_in_remembers_everything() {
    let folder = tempfile::tempdir().unwrap();
    let journal = Some(folder.path().join("ledger.jsonl"));
    let settings = || SimConfig { journal: journal.clone(), ..config() };

    let sim = Sim::start(settings()).await.unwrap();
    let address = sim.address();
    tell(&sim, APPOINTMENT, "w1", &scheduled("PX-1", "apt-1")).await.unwrap();
    let push = json!({"date": "2025-01-20", "locationId": "l", "transactions": []});
    let send = client().post(format!("{}/conexxus/api/v1/sales/push", sim.url())).json(&push);
    send.header("x-api-key", "demo-conexxus-key").header("idempotency-key", "k").send().await.unwrap();
    client().post(format!("{}{APPOINTMENT}", sim.url())).body("unsigned").send().await.unwrap();
    let before = serde_json::to_value(sim.ledger()).unwrap();
    sim.shutdown().await;

    // A kill in the middle of a write leaves half a line.
    let mut file = std::fs::OpenOptions::new().append(true).open(journal.as_ref().unwrap()).unwrap();
    file.write_all(b"{\"entry\":\"deliv").unwrap();

    let sim = Sim::start(SimConfig { listen: address, ..settings() }).await.unwrap();
    assert_eq!(serde_json::to_value(sim.ledger()).unwrap(), before);
    let again = tell(&sim, APPOINTMENT, "w1", &scheduled("PX-1", "apt-1")).await.unwrap();
    assert_eq!(json_of(again).await["duplicate"], true);
    sim.shutdown().await;

    let sim = Sim::start(settings()).await.unwrap();
    assert_eq!((sim.ledger().duplicate_deliveries, sim.ledger().pushes.len()), (1, 1));
}

#[tokio::test]
async fn a_malformed_secret_stops_the_start() {
    let error = Sim::start(SimConfig { pyxis_secrets: vec!["whsec_short".into()], ..config() }).await.unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::InvalidInput);
    assert!(!error.to_string().contains("short"));
}
