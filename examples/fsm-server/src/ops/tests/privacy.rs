use super::*;

#[tokio::test]
async fn no_listing_shows_personal_data() {
    let fixture = Fixture::new().await;
    fixture.furnish().await;
    let id = fixture.letters(1).await.remove(0).id;
    let show = format!("/admin/dead-letters/{id}");
    for (path, shows) in [
        ("/ops", "PX-TEST-001"),
        ("/admin/flow/recent", "PX-TEST-001"),
        ("/admin/dead-letters", "journey-1"),
        (show.as_str(), "x-customer"),
        ("/admin/consumers", GROUP),
        ("/admin/breakers", "oracle-erp-demo"),
        ("/admin/tasks", "NO_SLOTS_AVAILABLE"),
        ("/health", "store_read"),
        ("/readyz", "store_read"),
        ("/metrics", "kafka_consumer_lag"),
    ] {
        let answer = fixture.get(path).await;
        assert!(answer.status == 200 && answer.text.contains(shows), "{path}: {}", answer.text);
        for planted in PLANTED {
            assert!(!answer.text.contains(planted), "{planted} in {path}: {}", answer.text);
        }
    }
}
