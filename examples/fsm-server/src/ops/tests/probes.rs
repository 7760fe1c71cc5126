use super::*;

#[tokio::test]
async fn h1_liveness_and_readiness_ask_for_no_partner_and_no_consumer() {
    let fixture = Fixture::new().await;
    fixture.letters(1).await;
    assert_eq!(fixture.get("/livez").await.status, 200);
    let ready = fixture.get("/readyz").await;
    assert_eq!((ready.status, ready.header("cache-control")), (200, "no-store"));
    let checks = ready.json()["checks"].as_object().expect("checks").keys().cloned().collect::<Vec<_>>();
    assert_eq!(checks, ["store_read", "store_write"]);
}

#[tokio::test(start_paused = true)]
async fn h4_a_writer_that_hangs_is_not_ready_after_two_seconds() {
    let fixture = Fixture::new().await;
    let (release, held) = std::sync::mpsc::channel::<()>();
    let store = fixture.ops.store().clone();
    let blocked = tokio::spawn(async move {
        store
            .write(move |_| {
                let _released = held.recv();
                Ok(())
            })
            .await
    });
    tokio::task::yield_now().await;
    let ready = fixture.get("/readyz").await;
    assert_eq!((ready.status, ready.json()["checks"]["store_write"]["status"].as_str()), (503, Some("fail")));
    assert_eq!(fixture.get("/livez").await.status, 200);
    drop(release);
    blocked.await.expect("ends").expect("written");
}

#[tokio::test]
async fn h2_an_open_dead_letter_degrades() {
    let fixture = Fixture::new().await;
    fixture.furnish().await;
    fixture.letters(2).await;
    let health = fixture.get("/health").await;
    let body = health.json();
    assert_eq!((health.status, body["status"].as_str()), (200, Some("degraded")), "{body}");
    assert_eq!(body["checks"]["dead_letters"]["status"], "warn");
    assert!(body["checks"]["dead_letters"]["message"].as_str().is_some_and(|text| text.starts_with("2 open")));
    assert_eq!(body["checks"][format!("consumer:{GROUP}")]["status"], "pass");
    let fresh = body["checks"]["partner_freshness"]["message"].as_str().expect("ages");
    assert!(fresh.starts_with("pyxis appointment-scheduled: "), "{fresh}");
}

#[tokio::test]
async fn h2_an_open_breaker_degrades_and_is_named() {
    let fixture = Fixture::new().await;
    fixture.furnish().await;
    fixture.ops.0.flow.partners().breakers_named("oracle-erp-demo")[0].force_open();
    let body = fixture.get("/health").await.json();
    assert_eq!(
        (body["status"].as_str(), body["checks"]["breakers"]["message"].as_str()),
        (Some("degraded"), Some("oracle-erp-demo is open"))
    );
}

#[tokio::test]
async fn h3_health_json_is_given_to_who_asks_for_it() {
    let fixture = Fixture::new().await;
    let request = Request::get("/health").header("accept", "application/health+json").body(Body::empty());
    let answer = send(fixture.app(None), request.expect("a request")).await;
    assert_eq!((answer.status, answer.header("content-type")), (200, "application/health+json"));
    let body = answer.json();
    assert_eq!(
        (&body["status"], &body["checks"]["store_read:responseTime"][0]["status"]),
        (&json!("pass"), &json!("pass"))
    );
}

#[tokio::test]
async fn d8_a_scrape_shows_lag_depth_and_age_as_they_are() {
    let fixture = Fixture::new().await;
    fixture.letters(1).await;
    let metrics = fixture.get("/metrics").await;
    assert_eq!(metrics.status, 200);
    for line in [
        format!("kafka_consumer_lag{{group=\"{GROUP}\",topic=\"ops.test\"}} "),
        "dead_letter_depth{topic=\"ops.test\"} ".to_owned(),
        "dead_letter_oldest_age_seconds{topic=\"ops.test\"} ".to_owned(),
        // One that has none falls back to nothing.
        "dead_letter_depth{topic=\"sales.order.intake\"} 0".to_owned(),
    ] {
        assert!(metrics.text.contains(&line), "{line} in {}", metrics.text);
    }
}
