use fsm_integration_core::event::dead_letter::Status;

use super::*;

#[tokio::test]
async fn a_listing_is_narrowed_by_its_filter() {
    let fixture = Fixture::new().await;
    fixture.letters(3).await;
    let listed = async |query: &str| {
        let answer = fixture.get(&format!("/admin/dead-letters?{query}")).await.json();
        answer["deadLetters"].as_array().expect("a list").len()
    };
    assert_eq!(listed("").await, 3);
    assert_eq!(listed("limit=2").await, 2);
    assert_eq!(listed(&format!("group={GROUP}&topic=ops.test&errorKind=undecodable&status=open")).await, 3);
    assert_eq!(listed("topic=other").await, 0);
    assert_eq!(listed("since=2999-01-01T00:00:00Z").await, 0);
    let summary = fixture.get("/admin/dead-letters").await.json()["summary"].clone();
    assert_eq!((&summary[0]["open"], &summary[0]["group"]), (&json!(3), &json!(GROUP)));
    for wrong in ["nonsense=1", "limit=many", "since=yesterday", "status=lost"] {
        let answer = fixture.get(&format!("/admin/dead-letters?{wrong}")).await;
        assert_eq!((answer.status, answer.code().as_str()), (400, "INVALID_REQUEST"), "{wrong}");
    }
}

#[tokio::test]
async fn the_payload_is_shown_only_when_asked_for_and_that_is_on_the_trail() {
    let fixture = Fixture::new().await;
    let id = fixture.letters(1).await.remove(0).id;
    let shown = fixture.get(&format!("/admin/dead-letters/{id}")).await.json();
    assert_eq!((&shown["topic"], &shown["key"]), (&json!("ops.test"), &json!("key-0")));
    assert!(shown["payloadBytes"].as_u64() > Some(100) && shown.get("payload").is_none(), "{shown}");
    let header = |name: &str| {
        let headers = shown["headers"].as_array().expect("a list");
        headers.iter().find(|header| header["name"] == name).expect("the header")["value"].clone()
    };
    assert_eq!((header("correlation-id"), header("x-customer")), (json!("journey-1"), Value::Null));
    assert!(fixture.audit("demo").await.is_empty());

    let opened = fixture.get(&format!("/admin/dead-letters/{id}?payload=true")).await.json();
    assert!(opened["payload"].to_string().contains(PLANTED[1]), "{opened}");
    assert_eq!(fixture.audit("demo").await, [("dead_letter.payload_read".to_owned(), id)]);
    assert_eq!(fixture.get("/admin/dead-letters/none").await.code(), "NOT_FOUND");
}

#[tokio::test]
async fn d5_a_replay_resolves_a_dead_letter_when_its_cause_is_mended() {
    let fixture = Fixture::new().await;
    let id = fixture.letters(1).await.remove(0).id;
    let dry = fixture.post("/admin/dead-letters/replay", &json!({"all": true, "dryRun": true})).await.json();
    assert_eq!(dry, json!({"ids": [id], "count": 1, "dryRun": true, "more": false}));
    assert_eq!((fixture.open().await.len(), fixture.audit("demo").await.len()), (1, 0));

    fixture.mend();
    let done = fixture.post(&format!("/admin/dead-letters/{id}/replay"), &json!({})).await.json();
    assert_eq!(done, json!({"ids": [id], "count": 1, "dryRun": false, "more": false}));
    let status = async || fixture.ops.0.dead_letters.show(&id).await.expect("shown").0.status;
    fixture.until(async || status().await == Status::Resolved).await;
    assert_eq!(fixture.audit("demo").await, [("dead_letter.replayed".to_owned(), id.clone())]);
    assert_eq!(fixture.post(&format!("/admin/dead-letters/{id}/replay"), &json!({})).await.code(), "NOT_FOUND");
}

#[tokio::test]
async fn d5_a_replay_that_fails_again_is_open_again() {
    let fixture = Fixture::new().await;
    let id = fixture.letters(1).await.remove(0).id;
    fixture.post("/admin/dead-letters/replay", &json!({"topic": "ops.test", "rate": 5})).await;
    let replays = async || fixture.open().await.first().is_some_and(|letter| letter.id == id && letter.replays == 1);
    fixture.until(replays).await;
}

#[tokio::test]
async fn d5_a_rate_spreads_a_replay_over_time() {
    let fixture = Fixture::new().await;
    fixture.letters(3).await;
    fixture.mend();
    let done = fixture.post("/admin/dead-letters/replay", &json!({"group": GROUP, "rate": 1})).await.json();
    assert_eq!(done["count"], 3);
    let due = |db: &rusqlite::Connection| {
        let mut statement = db.prepare("SELECT max(due_at) FROM redeliveries")?;
        Ok(statement.query_row([], |row| row.get::<_, Option<i64>>(0))?)
    };
    let last = fixture.ops.store().read(due).await.expect("read").expect("the last one waits");
    let wait = last - fixture.ops.store().now().as_millisecond();
    assert!((1..=2_000).contains(&wait), "{wait} ms");
}

#[tokio::test]
async fn nothing_is_meant_by_omission_and_all_is_done_or_nothing() {
    let fixture = Fixture::new().await;
    let id = fixture.letters(2).await.remove(0).id;
    let nothing = fixture.post("/admin/dead-letters/replay", &json!({})).await;
    assert_eq!((nothing.status, nothing.code().as_str()), (422, "INVALID_REQUEST"));
    let one_too_many = json!({"ids": [id, "none"], "note": "x"});
    for verb in ["replay", "discard"] {
        assert_eq!(fixture.post(&format!("/admin/dead-letters/{verb}"), &one_too_many).await.status, 404);
    }
    let wrong = fixture.post("/admin/dead-letters/replay", &json!({"all": true, "rate": 0})).await;
    assert_eq!((wrong.status, wrong.code().as_str()), (422, "INVALID_REQUEST"));
    assert_eq!((fixture.open().await.len(), fixture.audit("demo").await.len()), (2, 0));
}

#[tokio::test]
async fn a_discard_needs_a_note_and_keeps_it() {
    let fixture = Fixture::new().await;
    let id = fixture.letters(2).await.remove(0).id;
    let path = format!("/admin/dead-letters/{id}/discard");
    for missing in [json!({}), json!({"note": " "}), json!({"note": "x".repeat(501)})] {
        let refused = fixture.post(&path, &missing).await;
        assert_eq!((refused.status, &refused.json()["error"]["details"][0]["field"]), (422, &json!("note")));
    }
    assert_eq!(fixture.post(&path, &json!({"note": "a test order"})).await.json()["count"], 1);
    let of = id.clone();
    let note = move |db: &rusqlite::Connection| {
        Ok(db.query_row("SELECT note FROM dead_letters WHERE id = ?1", [of], |row| row.get::<_, String>(0))?)
    };
    assert_eq!(fixture.ops.store().read(note).await.expect("read"), "a test order");
    let rest = fixture.post("/admin/dead-letters/discard", &json!({"group": GROUP, "note": "the rest"})).await.json();
    assert_eq!(rest["count"], 1);
    assert_eq!((fixture.open().await.len(), fixture.audit("demo").await.len()), (0, 2));
}
