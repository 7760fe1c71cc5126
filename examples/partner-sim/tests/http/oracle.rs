use partner_sim::{Sim, oracle::ErrorMode};
use reqwest::{RequestBuilder, Response};
use serde_json::{Value, json};

use crate::support::{client, json_of, start};

fn invoices(sim: &Sim) -> String {
    format!("{}/oracle/fscmRestApi/resources/11.13.18.05/invoices", sim.url())
}

fn signed_in(request: RequestBuilder) -> RequestBuilder {
    request.basic_auth("fsm.integration", Some("demo-oracle-password"))
}

fn invoice(number: &str) -> Value {
    json!({"InvoiceNumber": number, "InvoiceCurrency": "EUR", "InvoiceAmount": 120.35, "InvoiceDate": "2025-01-20",
           "BusinessUnit": "France BU", "Supplier": "Blue Sky and Sons", "InvoiceType": "Standard",
           "invoiceLines": [{"LineNumber": 1, "LineType": "Item", "LineAmount": 120.35}]})
}

async fn create(sim: &Sim, body: &Value) -> Response {
    signed_in(client().post(invoices(sim))).json(body).send().await.unwrap()
}

async fn find(sim: &Sim, version: &str, query: &[(&str, &str)]) -> Response {
    let request = client().get(invoices(sim)).query(query).header("REST-Framework-Version", version);
    signed_in(request).send().await.unwrap()
}

#[tokio::test]
async fn credentials_are_checked() {
    let sim = start().await;
    let answer = client().post(invoices(&sim)).json(&invoice("FSM-1")).send().await.unwrap();
    assert_eq!(answer.status(), 401);
    let wrong = client().get(invoices(&sim)).basic_auth("fsm.integration", Some("x")).send().await.unwrap();
    assert_eq!(wrong.status(), 401);
    assert!(wrong.headers().contains_key("www-authenticate"));
    assert!(sim.ledger().invoices.is_empty());
}

#[tokio::test]
async fn a_created_invoice_is_found_by_number_and_by_its_link() {
    let sim = start().await;
    let created = create(&sim, &invoice("FSM-1")).await;
    assert_eq!(created.status(), 201);
    let created = json_of(created).await;
    let link = created["links"][0]["href"].as_str().unwrap();
    assert!(link.len() > 64 && !link.ends_with("FSM-1"), "{link}");
    assert_eq!(created["invoiceLines"][0]["LineAmount"], 120.35);

    let query = [("q", "InvoiceNumber='FSM-1' and Supplier='Blue Sky and Sons'"), ("onlyData", "true")];
    let found = json_of(find(&sim, "4", &query).await).await;
    assert_eq!((&found["count"], &found["hasMore"]), (&json!(1), &json!(false)));
    assert_eq!(found["items"][0]["InvoiceId"], created["InvoiceId"]);
    assert!(found["items"][0].get("links").is_none());
    let other = find(&sim, "4", &[("q", "InvoiceNumber='FSM-1' and Supplier='Other'")]).await;
    assert_eq!(json_of(other).await["count"], 0);

    let one = signed_in(client().get(format!("{}{link}", sim.url()))).send().await.unwrap();
    assert!(one.headers().contains_key("etag"));
    assert_eq!(json_of(one).await["InvoiceNumber"], "FSM-1");
    let absent = signed_in(client().get(format!("{}/FSM-1", invoices(&sim)))).send().await.unwrap();
    assert_eq!(absent.status(), 404);

    let ledger = sim.ledger();
    assert_eq!(ledger.invoice("Blue Sky and Sons", "FSM-1").unwrap().amount.to_string(), "120.35");
}

#[tokio::test]
async fn a_number_is_taken_once_for_each_supplier() {
    let sim = start().await;
    assert_eq!(create(&sim, &invoice("FSM-1")).await.status(), 201);
    let again = create(&sim, &invoice("FSM-1")).await;
    assert_eq!(again.status(), 400);
    assert!(again.text().await.unwrap().ends_with("(AP-810776)"));
    let mut other = invoice("FSM-1");
    other["Supplier"] = json!("Other");
    assert_eq!(create(&sim, &other).await.status(), 201);
    let ledger = sim.ledger();
    assert_eq!((ledger.invoices.len(), ledger.repeated_invoices), (2, 1));
}

#[tokio::test]
async fn the_query_grammar_follows_the_framework_version() {
    let sim = start().await;
    create(&sim, &invoice("FSM-1")).await;
    let (old, new) = ("InvoiceNumber=FSM-1;Supplier=Blue Sky", "InvoiceNumber='FSM-1' and Supplier='Blue Sky'");
    for (version, good, bad) in [("1", old, new), ("2", new, old), ("4", new, old)] {
        assert_eq!(find(&sim, version, &[("q", good)]).await.status(), 200, "{version}");
        assert_eq!(find(&sim, version, &[("q", bad)]).await.status(), 400, "{version}");
    }
}

#[tokio::test]
async fn pages_are_25_by_default_and_499_at_most() {
    let sim = start().await;
    for number in 0..30 {
        create(&sim, &invoice(&format!("FSM-{number}"))).await;
    }
    let page = json_of(find(&sim, "4", &[]).await).await;
    assert_eq!((&page["count"], &page["limit"], &page["hasMore"]), (&json!(25), &json!(25), &json!(true)));
    let query = [
        ("offset", "25"),
        ("limit", "5000"),
        ("fields", "InvoiceNumber"),
        ("totalResults", "true"),
        ("onlyData", "true"),
    ];
    let page = json_of(find(&sim, "4", &query).await).await;
    assert_eq!((&page["count"], &page["limit"], &page["hasMore"]), (&json!(5), &json!(499), &json!(false)));
    assert_eq!((&page["items"][0], &page["totalResults"]), (&json!({"InvoiceNumber": "FSM-25"}), &json!(30)));
}

#[tokio::test]
async fn error_bodies_take_all_three_forms() {
    let sim = start().await;
    let refused = async |version: &str| {
        let answer = find(&sim, version, &[("q", "nonsense")]).await;
        assert_eq!(answer.status(), 400);
        let kind = answer.headers()["content-type"].to_str().unwrap().to_owned();
        (kind, answer.text().await.unwrap())
    };
    let (kind, body) = refused("4").await;
    assert_eq!(kind, "application/vnd.oracle.adf.error+json");
    let body: Value = serde_json::from_str(&body).unwrap();
    assert_eq!((&body["status"], &body["title"]), (&json!("400"), &json!("Bad Request")));
    assert!(body["o:errorDetails"][0]["detail"].is_string());
    assert!(refused("1").await.0.starts_with("text/plain"));
    sim.set_oracle_errors(ErrorMode::Html);
    assert!(refused("4").await.1.starts_with("<html>"));
    sim.set_oracle_errors(ErrorMode::Text);
    assert!(refused("4").await.0.starts_with("text/plain"));
    sim.set_oracle_errors(ErrorMode::Problem);
    assert!(refused("1").await.0.contains("adf.error"));
}

#[tokio::test]
async fn incomplete_invoices_are_refused() {
    let sim = start().await;
    for (name, value) in [
        ("InvoiceNumber", json!("x".repeat(51))),
        ("InvoiceNumber", json!("")),
        ("Supplier", Value::Null),
        ("BusinessUnit", Value::Null),
        ("InvoiceCurrency", Value::Null),
        ("InvoiceAmount", json!("much")),
        ("InvoiceDate", json!("yesterday")),
    ] {
        let mut body = invoice("FSM-1");
        body[name] = value;
        let answer = create(&sim, &body).await;
        assert_eq!(answer.status(), 400, "{name}");
        assert!(answer.text().await.unwrap().contains(name));
    }
    let unmarked = signed_in(client().post(invoices(&sim))).body(invoice("FSM-1").to_string()).send().await.unwrap();
    assert_eq!(unmarked.status(), 415);
}

#[tokio::test]
async fn two_invoices_of_one_order_are_a_violation() {
    let sim = start().await;
    let mut by_flexfield = invoice("FSM-1");
    by_flexfield["invoiceDff"] = json!([{"fsmOrderId": "4b13511e-99ec-5693-96ab-aa55343f7976"}]);
    create(&sim, &by_flexfield).await;
    assert!(sim.ledger().violations().is_empty());
    let mut by_description = invoice("FSM-2");
    by_description["Description"] = json!("Installation, order 4b13511e-99ec-5693-96ab-aa55343f7976.");
    create(&sim, &by_description).await;
    let found = sim.ledger().violations();
    assert_eq!(found.len(), 1);
    assert!(found[0].starts_with("order 4b13511e-99ec-5693-96ab-aa55343f7976 has invoices"), "{found:?}");
}
