//! `fsm-server dead-letters` as an operator types it, against a running server.

use std::process::{Output, Stdio};

use partner_sim::{Fault, FaultKind};
use serde_json::Value;
use tokio::process::Command;

use crate::support::{TestApp, without_preferences};

/// What the command said and how it ended.
struct Said {
    code: Option<i32>,
    out: String,
    err: String,
}

impl Said {
    #[track_caller]
    fn ok(self) -> String {
        assert_eq!((self.code, self.err.as_str()), (Some(0), ""), "{}", self.out);
        self.out
    }

    #[track_caller]
    fn refused(self, code: i32, why: &str) {
        assert_eq!((self.code, self.out.as_str()), (Some(code), ""), "{}", self.err);
        assert!(self.err.contains(why), "{}", self.err);
    }
}

async fn dead_letters(app: &TestApp, arguments: &[&str]) -> Said {
    const MISSING: &str = "FSM_SERVER_BIN is not set: run scripts/test, or build the server with \
         `cargo build -p fsm-server` and set FSM_SERVER_BIN to its path";
    let binary = std::env::var_os("FSM_SERVER_BIN").expect(MISSING);
    let Output { status, stdout, stderr } = Command::new(binary)
        .arg("dead-letters")
        .args(arguments)
        .env_clear()
        .env("FSM_ADMIN", format!("http://{}", app.server().admin()))
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output()
        .await
        .expect("FSM_SERVER_BIN is a program");
    let text = |bytes| String::from_utf8(bytes).expect("text");
    Said { code: status.code(), out: text(stdout), err: text(stderr) }
}

/// Places an order whose callback is refused for good; the id of what came of it.
async fn a_dead_letter(app: &TestApp, external_id: &str) -> String {
    app.inject(Fault::once("/pyxis/callback", FaultKind::status(422)));
    app.scheduled(&without_preferences(external_id)).await;
    let letter = app.until("the dead letter", async || app.dead_letters().await.first().cloned()).await;
    letter["id"].as_str().unwrap().to_owned()
}

/// The cells of the line that is about one dead letter.
fn line<'a>(list: &'a str, id: &str) -> Vec<&'a str> {
    let line = list.lines().find(|line| line.starts_with(id)).unwrap_or_else(|| panic!("{id} is not in\n{list}"));
    line.split_whitespace().collect()
}

#[tokio::test]
async fn a_dead_letter_is_listed_shown_and_replayed() {
    let app = TestApp::start().await;
    assert_eq!(dead_letters(&app, &["list"]).await.ok(), "no dead letters\n");
    let id = a_dead_letter(&app, "PX-CLI-REPLAY").await;

    let list = dead_letters(&app, &["list", "--limit", "10"]).await.ok();
    let heading = ["id", "failedAt", "topic", "group", "errorKind", "attempts", "status"];
    assert_eq!(list.lines().next().unwrap().split_whitespace().collect::<Vec<_>>(), heading);
    let cells = line(&list, &id);
    assert_eq!((cells[4], cells[5], cells[6]), ("partner_rejected", "1", "open"), "{list}");
    let shown: Value = serde_json::from_str(&dead_letters(&app, &["show", &id]).await.ok()).unwrap();
    assert_eq!((&shown["deadLetter"]["id"], shown.get("payload")), (&Value::from(id.as_str()), None));
    dead_letters(&app, &["show", "no-such-id"]).await.refused(1, "(404)");

    dead_letters(&app, &["replay"]).await.refused(2, "--all");
    let would: Value = serde_json::from_str(&dead_letters(&app, &["replay", "--all", "--dry-run"]).await.ok()).unwrap();
    assert_eq!((&would["count"], &would["dryRun"]), (&Value::from(1), &Value::from(true)));
    let done: Value = serde_json::from_str(&dead_letters(&app, &["replay", &id]).await.ok()).unwrap();
    assert_eq!(done["ids"], Value::from(vec![id.as_str()]));
    app.until("its success", async || {
        let list = dead_letters(&app, &["list"]).await.ok();
        (line(&list, &id)[6] == "resolved").then_some(())
    })
    .await;
    app.well();
}

#[tokio::test]
async fn a_dead_letter_is_discarded_with_a_note() {
    let app = TestApp::start().await;
    let id = a_dead_letter(&app, "PX-CLI-DISCARD").await;
    dead_letters(&app, &["discard", &id]).await.refused(2, "--note <TEXT>");
    dead_letters(&app, &["discard", &id, "--note", " "]).await.refused(1, "- note: say why they are given up");
    assert_eq!(app.dead_letters().await.len(), 1, "nothing was discarded");
    let told: Value =
        serde_json::from_str(&dead_letters(&app, &["discard", &id, "--note", "told by telephone"]).await.ok()).unwrap();
    assert_eq!((&told["count"], &told["ids"][0]), (&Value::from(1), &Value::from(id.as_str())));
    assert_eq!(line(&dead_letters(&app, &["list"]).await.ok(), &id)[6], "discarded");
    dead_letters(&app, &["replay", &id]).await.refused(1, "no such open dead letter (404)");
}
