use super::*;

#[tokio::test]
async fn operators_need_the_token_and_probes_do_not() {
    let fixture = Fixture::new().await;
    let ask = async |path: &str, token: Option<&str>| {
        let request = Request::get(path).body(Body::empty()).expect("a request");
        let mut request = request;
        if let Some(token) = token {
            request.headers_mut().insert("authorization", format!("Bearer {token}").parse().expect("a value"));
        }
        send(fixture.app(Some("secret")), request).await.status
    };
    for path in [
        "/ops",
        "/admin/dead-letters",
        "/admin/consumers",
        "/admin/breakers",
        "/admin/limiters",
        "/admin/flow/recent",
        "/admin/tasks",
    ] {
        assert_eq!((ask(path, None).await, ask(path, Some("secret")).await), (401, 200), "{path}");
    }
    assert_eq!(ask("/livez", None).await, 200);
}

#[tokio::test]
async fn d11_a_stopped_group_is_unhealthy_and_goes_on_when_it_is_resumed() {
    let fixture = Fixture::new().await;
    fixture.publish(60).await;
    let handle = fixture.ops.0.consumers[1].clone();
    fixture.until(async || handle.state() != ConsumerState::Running).await;
    let health = fixture.get("/health").await;
    assert_eq!((health.status, health.json()["status"].as_str()), (503, Some("unhealthy")));
    assert_eq!(fixture.get("/readyz").await.status, 200, "other groups go on");
    let group = fixture.get("/admin/consumers").await.json()["consumers"][1].clone();
    assert_eq!(
        (&group["group"], &group["state"], &group["topics"][0]["topic"]),
        (&json!(GROUP), &json!("stopped"), &json!("ops.test"))
    );
    assert!(group["reason"].is_string() && group["lag"].as_u64() > Some(0), "{group}");

    fixture.mend();
    let resumed = fixture.post(&format!("/admin/consumers/{GROUP}/resume"), &json!({})).await;
    assert_eq!((resumed.status, &resumed.json()["state"]), (200, &json!("running")));
    fixture.until(async || handle.lag().await.expect("lag") == 0).await;
    assert_eq!(fixture.audit("-").await, [("consumer_group.resumed".to_owned(), GROUP.to_owned())]);
    assert_eq!(fixture.post("/admin/consumers/nobody/resume", &json!({})).await.code(), "NOT_FOUND");
}

#[tokio::test]
async fn a_breaker_is_forced_open_and_reset_by_its_name() {
    let fixture = Fixture::new().await;
    fixture.furnish().await;
    let forced = fixture.post("/admin/breakers/oracle-erp-demo/force-open", &json!({})).await.json();
    assert_eq!((&forced["state"], &forced["control"]), (&json!("open"), &json!("forced_open")));
    let listed = fixture.get("/admin/breakers").await.json();
    assert_eq!((&listed["total"], &listed["breakers"][0]), (&json!(1), &forced));
    let reset = fixture.post("/admin/breakers/oracle-erp-demo/reset", &json!({})).await.json();
    assert_eq!((&reset["state"], &reset["control"]), (&json!("closed"), &json!("automatic")));
    assert_eq!(fixture.post("/admin/breakers/nobody/reset", &json!({})).await.code(), "NOT_FOUND");
    let actions: Vec<_> = fixture.audit("-").await.into_iter().map(|(action, _)| action).collect();
    assert_eq!(actions, ["circuit_breaker.reset", "circuit_breaker.forced_open"]);
}

#[tokio::test]
async fn a_form_of_another_page_changes_nothing() {
    let fixture = Fixture::new().await;
    let letter = fixture.letters(1).await.remove(0);
    for path in [
        "/admin/breakers/x/reset".to_owned(),
        "/admin/dead-letters/replay".to_owned(),
        format!("/admin/dead-letters/{}/discard", letter.id),
        format!("/admin/consumers/{GROUP}/resume"),
    ] {
        let request = Request::post(&path).header("content-type", "text/plain").body(r#"{"all":true}"#.into());
        assert_eq!(send(fixture.app(None), request.expect("a request")).await.status, 415, "{path}");
    }
    assert_eq!((fixture.open().await.len(), fixture.audit("-").await.len()), (1, 0));
}

#[tokio::test]
async fn the_flow_shows_where_an_order_stands_and_who_knows() {
    let fixture = Fixture::new().await;
    fixture.furnish().await;
    let order = fixture.get("/admin/flow/recent?limit=5").await.json()["orders"][0].clone();
    assert_eq!(
        (&order["externalOrderId"], &order["correlationId"], &order["tenant"]),
        (&json!("PX-TEST-001"), &json!("journey-1"), &json!("demo"))
    );
    assert_eq!((&order["status"], &order["lastStep"]["status"]), (&json!("CREATED"), &json!("CREATED")));
    assert_eq!(
        (&order["acknowledged"][0]["kind"], &order["acknowledged"][0]["partner"]),
        (&json!("appointment-scheduled"), &json!("pyxis"))
    );
    let task = fixture.get("/admin/tasks").await.json()["tasks"][0].clone();
    assert_eq!((&task["taskType"], &task["orderId"]), (&json!("NO_SLOTS_AVAILABLE"), &order["orderId"]));
    assert_eq!(fixture.get("/admin/flow/recent?limit=0").await.json()["orders"], json!([]));
    assert_eq!(fixture.get("/admin/tasks?limit=many").await.code(), "INVALID_REQUEST");
}

#[tokio::test]
async fn limiters_tell_what_is_left_those_with_least_first() {
    let fixture = Fixture::new().await;
    assert_eq!(fixture.get("/admin/limiters").await.json(), json!({"limiters": [], "total": 0}));
    fixture.furnish().await;
    let limiter = fixture.ops.0.flow.partners().limiters().remove(0);
    let full = fixture.get("/admin/limiters").await.json();
    assert_eq!((&full["total"], &full["limiters"][0]["name"]), (&json!(1), &json!("oracle-erp-demo")));
    assert_eq!(full["limiters"][0]["remaining"], full["limiters"][0]["limit"]);
    assert!(limiter.try_acquire(limiter.peek().limit).allowed, "all at once");
    let empty = fixture.get("/admin/limiters").await.json();
    assert_eq!(
        (&empty["limiters"][0]["remaining"], &empty["limiters"][0]["limit"]),
        (&json!(0), &full["limiters"][0]["limit"])
    );
    assert!(fixture.get("/ops").await.text.contains("<td>oracle-erp-demo</td><td class=\"number\">0 of "));
}
