use super::*;

#[tokio::test]
async fn the_page_is_whole_in_itself_and_lets_nothing_foreign_in() {
    let fixture = Fixture::new().await;
    fixture.furnish().await;
    fixture.letters(1).await;
    let page = fixture.get("/ops").await;
    assert_eq!((page.status, page.header("content-type")), (200, "text/html; charset=utf-8"));
    let policy = page.header("content-security-policy");
    assert!(policy.starts_with("default-src 'none'; ") && !policy.contains("unsafe"), "{policy}");
    let nonce = policy.split("'nonce-").nth(1).and_then(|rest| rest.split('\'').next()).expect("a nonce");
    assert_eq!(page.text.matches(&format!("nonce=\"{nonce}\"")).count(), 2);
    assert!(!fixture.get("/ops").await.text.contains(nonce), "a nonce is used once");
    for foreign in ["http://", "https://", "src=", "<link", " style=", " onclick="] {
        assert!(!page.text.contains(foreign), "{foreign}");
    }
}

#[tokio::test]
async fn what_comes_from_outside_is_no_markup() {
    let fixture = Fixture::new().await;
    fixture.furnish().await;
    let page = fixture.get("/ops").await.text;
    assert!(page.contains("&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;") && !page.contains("<script>"), "{page}");
}

#[tokio::test]
async fn every_section_is_there_and_its_buttons_call_the_admin_api() {
    let fixture = Fixture::new().await;
    fixture.furnish().await;
    let id = fixture.letters(2).await.remove(0).id;
    let page = fixture.get("/ops").await.text;
    for section in ["health", "letters", "consumers", "breakers", "limiters", "flow", "tasks"] {
        assert!(page.contains(&format!("<section id=\"{section}\">")), "{section}");
    }
    for button in [
        "data-post=\"/admin/dead-letters/replay\"".to_owned(),
        format!("data-post=\"/admin/dead-letters/{id}/replay\""),
        format!("data-post=\"/admin/dead-letters/{id}/discard\" data-body=\"{{}}\" data-note"),
        "data-post=\"/admin/breakers/oracle-erp-demo/force-open\"".to_owned(),
    ] {
        assert!(page.contains(&button), "{button} in {page}");
    }
    assert!(page.contains("Replay all 2"));
}
