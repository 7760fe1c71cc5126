//! Between the back office's words and ours; pure.

use std::time::Duration;

use fsm_integration_core::{
    error::{Error, ErrorKind, Result},
    http_client::TransportCause,
};
use jiff::{Timestamp, civil::Date};
use rust_decimal::Decimal;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::{
    sync_run::SyncError,
    wire::{ApiHealth, Envelope, ErrorObject, ItemPage, Line, Number, RawItem, Sales, Transaction},
};

/// What is asked of the inventory; by default everything.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct InventoryRequest {
    /// Only what has changed since; everything when absent.
    pub updated_since: Option<Timestamp>,
    /// The tag that the last [`Inventory`] came with.
    pub etag: Option<String>,
}

/// The sales of one business day of the location.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DailySales {
    /// The business date, as [`BusinessDay::date_of`](crate::BusinessDay::date_of) tells it.
    pub date: Date,
    /// Every sale of that business date.
    pub transactions: Vec<Sale>,
}

/// One sale.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sale {
    /// Its id, unique in the day.
    pub id: String,
    /// When it was.
    pub timestamp: Timestamp,
    /// What was paid, exactly; negative when money was given back.
    pub total: Decimal,
    /// What was sold.
    pub items: Vec<SoldItem>,
}

/// One line of a sale.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SoldItem {
    /// What.
    pub sku: String,
    /// How much of it.
    pub quantity: Decimal,
    /// At which price each.
    pub price: Decimal,
}

/// An item to insert or update, by SKU.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// The key; text, so that leading zeros count.
    pub sku: String,
    /// Name on the receipt.
    pub name: String,
    /// Price, exactly as it was sent; more than 0.
    pub price: Decimal,
    /// Category, if it was sent.
    pub category: Option<String>,
    /// Description, if it was sent.
    pub description: Option<String>,
}

/// What a fetch brought: items to upsert, in order, and those refused.
///
/// There is nothing in it that takes an item away (F-X8).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Inventory {
    /// Whether the back office said that nothing has changed.
    pub unchanged: bool,
    /// Items in order; a later one with the same SKU wins.
    pub items: Vec<Item>,
    /// Items that cannot be taken over, and why.
    pub rejected: Vec<SyncError>,
    /// What to ask with next time; none after an empty answer, which may be a fault and must not be believed
    /// for longer than it lasts.
    pub etag: Option<String>,
}

/// One page of items as it was read.
#[derive(Debug, Default)]
pub(crate) struct ReadPage {
    pub(crate) items: Vec<Item>,
    pub(crate) rejected: Vec<SyncError>,
    pub(crate) next_cursor: Option<String>,
}

/// Reads a page of items; `before` is how many came on earlier pages.
pub(crate) fn page(body: &[u8], before: usize) -> Result<ReadPage> {
    let data = open(body)?.ok_or_else(|| unreadable("Conexxus API answered without data"))?.get();
    let page = if data.starts_with('[') {
        ItemPage { items: read(data)?, next_cursor: None }
    } else {
        read::<ItemPage<'_>>(data)?
    };
    let next_cursor = page.next_cursor.filter(|cursor| !cursor.is_empty());
    let mut out = ReadPage { next_cursor, ..ReadPage::default() };
    for (index, raw) in page.items.into_iter().enumerate() {
        match item(raw, before + index) {
            Ok(item) => out.items.push(item),
            Err(error) => out.rejected.push(error),
        }
    }
    Ok(out)
}

fn item(raw: &RawValue, index: usize) -> Result<Item, SyncError> {
    let raw: RawItem<'_> = serde_json::from_str(raw.get()).unwrap_or_default();
    let sku = text(raw.sku);
    let refuse =
        |error: &str| SyncError { item: sku.clone().unwrap_or_else(|| format!("#{index}")), error: error.to_owned() };
    Ok(Item {
        sku: sku.clone().ok_or_else(|| refuse("Item missing SKU"))?,
        name: text(raw.name).ok_or_else(|| refuse("Item missing name"))?,
        price: raw.price.and_then(price).ok_or_else(|| refuse("Item has invalid price"))?,
        category: text(raw.category),
        description: text(raw.description),
    })
}

/// A JSON string that is not blank; a number is none, for it has lost its leading zeros.
fn text(raw: Option<&RawValue>) -> Option<String> {
    let text: String = serde_json::from_str(raw?.get()).ok()?;
    let trimmed = text.trim();
    (!trimmed.is_empty()).then(|| trimmed.to_owned())
}

/// A number, or a number in quotes, digit by digit. Zero is refused: it would give the item away.
fn price(raw: &RawValue) -> Option<Decimal> {
    let digits = match serde_json::from_str::<String>(raw.get()) {
        Ok(quoted) => quoted,
        Err(_) => raw.get().to_owned(),
    };
    let scientific = digits.contains(['e', 'E']);
    let price = if scientific { Decimal::from_scientific(&digits) } else { Decimal::from_str_exact(&digits) }.ok()?;
    (price > Decimal::ZERO).then_some(price)
}

/// What is in the envelope; a failure when it says so, whatever the status was.
pub(crate) fn open(body: &[u8]) -> Result<Option<&RawValue>> {
    let text = std::str::from_utf8(body).map_err(|error| unreadable(UNREADABLE).with_source(error))?;
    let envelope: Envelope<'_> = read(text)?;
    if envelope.success {
        return Ok(envelope.data);
    }
    Err(Error::new(ErrorKind::PartnerRejected, format!("Conexxus API reported a failure: {}", reason(envelope.error))))
}

/// Whether the health route says ok.
pub(crate) fn is_ok(body: &[u8]) -> Result<bool> {
    let data = open(body)?.ok_or_else(|| unreadable("Conexxus API answered without data"))?;
    Ok(read::<ApiHealth>(data.get())?.status == "ok")
}

const UNREADABLE: &str = "Conexxus API answered something that is not what it should be";

fn read<'a, T: Deserialize<'a>>(text: &'a str) -> Result<T> {
    serde_json::from_str(text).map_err(|error| unreadable(UNREADABLE).with_source(error))
}

fn unreadable(message: &'static str) -> Error {
    Error::new(ErrorKind::PartnerUnreadable, message)
}

/// The reason in the envelope as one short line.
fn reason(error: Option<&RawValue>) -> String {
    let of = |raw: &RawValue| {
        serde_json::from_str::<String>(raw.get())
            .or_else(|_| serde_json::from_str::<ErrorObject>(raw.get()).map(|object| object.message))
            .ok()
    };
    let text = error.and_then(of).unwrap_or_else(|| "no reason given".to_owned());
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(200).collect()
}

/// The same failure in the words of the guide; those that are ours (an open breaker, a full bulkhead) stay.
pub(crate) fn explain(error: Error, path: &str, timeout: Duration) -> Error {
    let Some(text) = words(&error, path, timeout) else { return error };
    let explained = Error::new(error.kind(), text).with_retry_after(error.retry_after());
    match error.answer().cloned() {
        Some(answer) => explained.with_answer(answer),
        None => explained,
    }
    .with_source(error)
}

fn words(error: &Error, path: &str, timeout: Duration) -> Option<String> {
    if let Some(answer) = error.answer() {
        return Some(match answer.status {
            401 => "Conexxus API authentication failed. Check API key.".to_owned(),
            403 => "Conexxus API access forbidden. Check permissions.".to_owned(),
            404 => format!("Conexxus API endpoint not found: {path}"),
            429 => "Conexxus API rate limit exceeded. Try again later.".to_owned(),
            status @ 500..=599 => format!("Conexxus API server error ({status}). Try again later."),
            status => format!("Conexxus API answered {status}"),
        });
    }
    match TransportCause::of(error) {
        Some(TransportCause::Refused) => Some("Conexxus API connection refused. Check API URL.".to_owned()),
        Some(TransportCause::HostNotFound) => Some("Conexxus API host not found. Check API URL.".to_owned()),
        _ if error.kind() == ErrorKind::Timeout => {
            Some(format!("Conexxus API request timeout after {}ms", timeout.as_millis()))
        }
        _ => None,
    }
}

/// The key under which a day's sales are pushed: the same for every attempt (F-X1).
pub(crate) fn push_key(location_id: &str, sales: &DailySales) -> String {
    format!("sales-{location_id}-{}", sales.date)
}

pub(crate) fn sales<'a>(sales: &'a DailySales, location_id: &'a str) -> Sales<'a> {
    let transaction = |sale: &'a Sale| Transaction {
        id: &sale.id,
        timestamp: sale.timestamp,
        total: Number(sale.total),
        items: sale
            .items
            .iter()
            .map(|item| Line { sku: &item.sku, quantity: Number(item.quantity), price: Number(item.price) })
            .collect(),
    };
    Sales { date: sales.date, location_id, transactions: sales.transactions.iter().map(transaction).collect() }
}

#[cfg(test)]
mod tests {
    use fsm_integration_core::error::PartnerAnswer;
    use proptest::prelude::*;

    use super::*;

    const TIMEOUT: Duration = Duration::from_secs(30);

    fn read_page(data: &str) -> ReadPage {
        page(format!(r#"{{"success":true,"data":{data},"timestamp":"t"}}"#).as_bytes(), 0).expect("a page")
    }

    fn told(error: Error) -> String {
        explain(error, "/api/v1/inventory/items", TIMEOUT).to_string()
    }

    #[test]
    fn an_item_of_the_guide_is_read() {
        let page = read_page(
            r#"[{"sku":"WINE001","name":"Cabernet Sauvignon 2020","price":29.99,"category":"Wine","description":"Full-bodied red wine"}]"#,
        );
        let expected = Item {
            sku: "WINE001".to_owned(),
            name: "Cabernet Sauvignon 2020".to_owned(),
            price: Decimal::new(2999, 2),
            category: Some("Wine".to_owned()),
            description: Some("Full-bodied red wine".to_owned()),
        };
        assert_eq!((page.items, page.rejected), (vec![expected], Vec::new()));
    }

    #[test]
    fn a_bad_item_is_refused_in_the_words_of_the_guide_and_spoils_no_other() {
        let page = read_page(
            r#"[{"sku":"A","name":"a","price":1}, {"name":"b","price":1}, {"sku":"  ","name":"b","price":1},
                {"sku":7,"name":"b","price":1}, {"sku":"C","price":1}, {"sku":"D","name":"d"},
                {"sku":"E","name":"e","price":-1}, {"sku":"F","name":"f","price":0}, {"sku":"G","name":"g","price":"x"},
                {"sku":"H","name":"h","price":null}, 5, null, {"sku":"Z","name":"z","price":"2.50"}]"#,
        );
        let skus: Vec<_> = page.items.iter().map(|item| item.sku.as_str()).collect();
        assert_eq!(skus, ["A", "Z"]);
        let rejected: Vec<_> = page.rejected.iter().map(|e| (e.item.as_str(), e.error.as_str())).collect();
        let (sku, name, price) = ("Item missing SKU", "Item missing name", "Item has invalid price");
        #[rustfmt::skip]
        assert_eq!(rejected, [
            ("#1", sku), ("#2", sku), ("#3", sku), ("C", name), ("D", price), ("E", price), ("F", price), ("G", price),
            ("H", price), ("#10", sku), ("#11", sku),
        ]);
    }

    /// F-X6: a float would make these 0.30000000000000004 and 9007199254740992.
    #[test]
    fn a_price_keeps_its_digits() {
        let page = read_page(
            r#"[{"sku":"A","name":"a","price":9007199254740993.07},{"sku":"B","name":"b","price":0.10},{"sku":"C","name":"c","price":1.5e1}]"#,
        );
        let prices: Vec<_> = page.items.iter().map(|item| item.price.to_string()).collect();
        assert_eq!(prices, ["9007199254740993.07", "0.10", "15"]);
    }

    #[test]
    fn both_shapes_of_a_list_are_read() {
        assert_eq!(read_page("[]").next_cursor, None);
        let page = read_page(r#"{"items":[],"nextCursor":"n/2"}"#);
        assert_eq!(page.next_cursor.as_deref(), Some("n/2"));
    }

    #[test]
    fn a_failure_inside_a_success_is_a_failure() {
        for (body, text) in [
            (r#"{"success":false,"error":"db\n down"}"#, "Conexxus API reported a failure: db  down"),
            (r#"{"success":false,"error":{"message":"no"}}"#, "Conexxus API reported a failure: no"),
            (r#"{"success":false,"data":[]}"#, "Conexxus API reported a failure: no reason given"),
            (r#"{"success":true}"#, "Conexxus API answered without data"),
            (r#"{"data":[]}"#, UNREADABLE),
            ("<html>", UNREADABLE),
        ] {
            assert_eq!(page(body.as_bytes(), 0).expect_err("a failure").message(), text);
        }
    }

    #[test]
    fn failures_are_told_in_the_words_of_the_guide() {
        let answered = |status: u16| {
            let kind = ErrorKind::of_partner_status(status).expect("a failure");
            Error::from(kind).with_answer(PartnerAnswer { status, body: bytes::Bytes::new() })
        };
        for (status, text) in [
            (401, "Conexxus API authentication failed. Check API key."),
            (403, "Conexxus API access forbidden. Check permissions."),
            (404, "Conexxus API endpoint not found: /api/v1/inventory/items"),
            (429, "Conexxus API rate limit exceeded. Try again later."),
            (503, "Conexxus API server error (503). Try again later."),
        ] {
            assert_eq!(told(answered(status)), text);
        }
        assert_eq!(told(Error::from(ErrorKind::Timeout)), "Conexxus API request timeout after 30000ms");
        assert_eq!(told(Error::from(ErrorKind::CircuitOpen)), "the circuit breaker is open");
    }

    proptest! {
        #[test]
        fn no_body_panics(body: Vec<u8>, data in "\\PC{0,60}") {
            let _ = page(&body, 0);
            let _ = page(format!(r#"{{"success":true,"data":{data}}}"#).as_bytes(), 0);
        }
    }
}
