use futures_util::future::join_all;
use serde_json::json;

use super::support::{Room, sales_order, ticket, with};

const ORDERS: &str = "/api/v1/sales/orders";
const TICKETS: &str = "/api/v1/ticketing/tickets";

#[tokio::test]
async fn a_sales_order_goes_from_entry_to_a_job_with_all_that_seed_003_names() {
    let room = Room::running().await;
    let made = room.post(ORDERS, &sales_order()).await;
    assert_eq!((made.status, &made.body["orderNumber"]), (201, &json!("ORD-12345")));
    let id = made.body["orderId"].as_str().unwrap();
    assert_eq!(made.header("location"), format!("/api/v2/orders/{id}"));
    assert_eq!(room.get(made.header("location")).await.body["status"], "CREATED");
    assert_eq!(room.post(&format!("{ORDERS}/{id}/complete"), &json!({})).await.status, 202);
    let jobs = room.until(&format!("/api/v1/jobs?orderId={id}"), |body| body["jobs"] != json!([])).await;
    let parameters = &jobs["jobs"][0]["parameters"];
    assert_eq!(parameters["order_number"], "ORD-12345");
    assert_eq!(parameters["priority"], "high");
    assert_eq!(parameters["affected_services"], json!(["FIBER-1GB"]));
    assert_eq!(parameters["device_serial_numbers"], json!(["SN123", "SN456"]));
    assert_eq!(parameters["metadata"]["deployment_instance_id"], "dep-1");
    let foreign = room.post_with(&format!("{ORDERS}/{id}/complete"), &[("x-tenant-id", "acme")], "{}").await;
    assert_eq!(foreign.status, 404);
}

#[tokio::test]
async fn an_order_number_makes_one_order() {
    let room = Room::open().await;
    let body = sales_order();
    let answers = join_all((0..20).map(|_| room.post(ORDERS, &body))).await;
    assert!(answers.iter().all(|answer| answer.status == 201 && answer.body == answers[0].body));
    let first = answers.iter().filter(|answer| answer.header("idempotency-replayed").is_empty()).count();
    assert_eq!(first, 1);
    let other = room.post(ORDERS, &with(sales_order(), "priority", json!("low"))).await;
    assert_eq!((other.status, other.code()), (422, "DUPLICATE_ORDER"));
    let by_key = room.post_with(ORDERS, &[("idempotency-key", "k")], sales_order().to_string()).await;
    assert_eq!((by_key.status, by_key.code()), (422, "DUPLICATE_ORDER"), "another key does not make the number free");
}

#[tokio::test]
async fn a_key_makes_one_ticket_and_no_key_makes_another() {
    let room = Room::open().await;
    let key = [("idempotency-key", "\"k-1\"")];
    let body = ticket().to_string();
    let answers = join_all((0..20).map(|_| room.post_with(TICKETS, &key, body.clone()))).await;
    assert!(answers.iter().all(|answer| answer.status == 201 && answer.body == answers[0].body));
    let other = room.post_with(TICKETS, &key, with(ticket(), "subject", json!("Other")).to_string()).await;
    assert_eq!((other.status, other.code()), (422, "DUPLICATE_ORDER"));
    let foreign = room.post_with(TICKETS, &[key[0], ("x-tenant-id", "acme")], body.clone()).await;
    assert_eq!((foreign.status, foreign.header("idempotency-replayed")), (201, ""));
    room.post(TICKETS, &ticket()).await;
    assert_eq!(room.get(TICKETS).await.body["tickets"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn a_key_that_cannot_be_one_is_refused() {
    let room = Room::open().await;
    let long = "k".repeat(256);
    for headers in
        [vec![("idempotency-key", long.as_str())], vec![("idempotency-key", "a"), ("x-idempotency-key", "b")]]
    {
        let answer = room.post_with(TICKETS, &headers, ticket().to_string()).await;
        assert_eq!((answer.status, answer.code()), (400, "INVALID_REQUEST"));
    }
}

#[tokio::test]
async fn a_manual_installation_ticket_brings_a_job_and_one_audit_row() {
    let room = Room::running().await;
    let made = room.post(TICKETS, &ticket()).await.body;
    let id = made["id"].as_str().unwrap();
    assert_eq!((&made["ticketType"], &made["autoCreated"]), (&json!("installation_request"), &json!(false)));
    let jobs = room.until(&format!("/api/v1/jobs?ticketId={id}"), |body| body["jobs"] != json!([])).await;
    let job = jobs["jobs"][0]["id"].as_str().unwrap();
    let trail = room.get("/api/v1/audit-logs").await.body;
    assert_eq!(trail["auditLogs"].as_array().unwrap().len(), 1);
    assert_eq!((&trail["auditLogs"][0]["entityId"], &trail["auditLogs"][0]["userId"]), (&json!(job), &json!("0")));
}

#[tokio::test]
async fn a_ticket_may_be_spelled_as_the_rest_of_the_api() {
    let room = Room::open().await;
    let body = json!({"ticketType": "support", "subject": "Help", "customerId": "C"});
    assert_eq!(room.post(TICKETS, &body).await.body["ticketType"], "support");
}

#[tokio::test]
async fn a_list_is_bounded() {
    let room = Room::open().await;
    for list in ["/api/v1/jobs", TICKETS, "/api/v1/audit-logs"] {
        for limit in ["0", "201", "-1", "many", "4294967296"] {
            let answer = room.get(&format!("{list}?limit={limit}")).await;
            assert_eq!((answer.status, answer.fields()), (422, vec!["limit"]), "{list} {limit}");
        }
        assert_eq!(room.get(&format!("{list}?limit=1&limit=2")).await.fields(), ["limit"]);
        assert_eq!(room.get(&format!("{list}?limit=200")).await.status, 200);
    }
    let answer = room.get("/api/v1/jobs?orderId=1&ticketId=x&limit=0").await;
    assert_eq!(answer.fields(), ["orderId", "ticketId", "limit"]);
}
