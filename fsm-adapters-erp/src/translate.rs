//! Between Oracle's words and ours; pure.

use bytes::Bytes;
use fsm_integration_core::{
    adapter::ExternalResponse,
    error::{Error, ErrorKind, FieldErrors, Result},
};
use jiff::civil::Date;
use rust_decimal::Decimal;
use uuid::Uuid;

use crate::{
    config::ErpConfig,
    wire::{Amount, Invoice, NewInvoice, NewLine, Problem},
};

/// A provider is to be paid for a closed service order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProviderInvoice {
    /// The order that was done; the invoice's number is made from it.
    pub service_order_id: String,
    /// The provider, by its supplier number in Oracle.
    pub provider_id: String,
    /// What is owed, exactly.
    pub amount: Decimal,
    /// ISO 4217 code.
    pub currency: String,
    /// When the work was completed; the invoice's date.
    pub completion_date: Date,
}

/// The invoice exists in Oracle, once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvoiceReceipt {
    /// Oracle's id.
    pub invoice_id: u64,
    /// Our number.
    pub invoice_number: String,
    /// Whether it was found instead of created by this call.
    pub already_there: bool,
}

/// Oracle's code for an invoice number that the supplier has already.
const DUPLICATE: &[u8] = b"AP-810776";

/// The invoice number of a service order: always the same, and at most 50 characters.
///
/// `FSM-` and the order's id; an id that Oracle could not take as it is goes in as its UUIDv5.
///
/// ```
/// let number = fsm_adapters_erp::invoice_number("4b13511e-99ec-5693-96ab-aa55343f7976");
/// assert_eq!(number, "FSM-4b13511e-99ec-5693-96ab-aa55343f7976");
/// ```
#[must_use]
pub fn invoice_number(service_order_id: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    if service_order_id.len() <= 46 && service_order_id.bytes().all(is_plain) {
        format!("FSM-{service_order_id}")
    } else {
        format!("FSM-{}", Uuid::new_v5(&Uuid::NAMESPACE_OID, service_order_id.as_bytes()))
    }
}

pub(crate) fn check(invoice: &ProviderInvoice) -> Result<(), FieldErrors> {
    let mut errors = FieldErrors::default();
    let is_id = |text: &str| (1..=200).contains(&text.len()) && !text.chars().any(char::is_control);
    if !is_id(&invoice.service_order_id) {
        errors.push("serviceOrderId", "must be 1 to 200 characters");
    }
    if !is_id(&invoice.provider_id) {
        errors.push("providerId", "must be 1 to 200 characters");
    }
    if invoice.currency.len() != 3 || !invoice.currency.bytes().all(|byte| byte.is_ascii_uppercase()) {
        errors.push("currency", "must be an ISO 4217 code, as in EUR");
    }
    if invoice.amount <= Decimal::ZERO {
        errors.push("amount", "must be more than 0");
    }
    if invoice.amount.normalize().scale() > minor_units(&invoice.currency) {
        errors.push("amount", "has more decimals than the currency");
    }
    errors.into_result()
}

/// Decimals of a currency (ISO 4217).
fn minor_units(currency: &str) -> u32 {
    match currency {
        "BIF" | "CLP" | "DJF" | "GNF" | "ISK" | "JPY" | "KMF" | "KRW" | "PYG" | "RWF" | "UGX" | "VND" | "VUV"
        | "XAF" | "XOF" | "XPF" => 0,
        "BHD" | "IQD" | "JOD" | "KWD" | "LYD" | "OMR" | "TND" => 3,
        _ => 2,
    }
}

pub(crate) fn new_invoice<'a>(invoice: &'a ProviderInvoice, config: &'a ErpConfig) -> NewInvoice<'a> {
    let description = format!("FSM service order {}", invoice.service_order_id);
    NewInvoice {
        invoice_number: invoice_number(&invoice.service_order_id),
        invoice_currency: &invoice.currency,
        payment_currency: &invoice.currency,
        invoice_amount: Amount(invoice.amount),
        invoice_date: invoice.completion_date,
        business_unit: &config.business_unit,
        supplier_number: &invoice.provider_id,
        supplier_site: &config.supplier_site,
        invoice_source: &config.invoice_source,
        invoice_type: "Standard",
        description: description.clone(),
        payment_terms: config.payment_terms.as_deref(),
        lines: [NewLine {
            line_number: 1,
            line_type: "Item",
            line_amount: Amount(invoice.amount),
            description,
            distribution_combination: config.distribution.as_deref(),
        }],
    }
}

/// What a look-up says about an invoice that should exist once.
///
/// # Errors
/// A conflict, for good, when Oracle holds the number with another amount or currency.
pub(crate) fn existing(asked: &ProviderInvoice, found: &[Invoice]) -> Result<Option<InvoiceReceipt>> {
    let same = |held: &&Invoice| held.invoice_amount.0 == asked.amount && held.invoice_currency == asked.currency;
    match (found.iter().find(same), found.first()) {
        (Some(held), _) => Ok(Some(receipt(held, true))),
        (None, Some(held)) => Err(Error::new(
            ErrorKind::PartnerRejected,
            format!(
                "Oracle holds invoice {} with {} {} instead of {} {}; correct one of them by hand, nothing is overwritten",
                held.invoice_number, held.invoice_amount.0, held.invoice_currency, asked.amount, asked.currency
            ),
        )),
        (None, None) => Ok(None),
    }
}

/// The invoice that a successful POST gives back.
pub(crate) fn created(answer: ExternalResponse) -> Result<InvoiceReceipt> {
    let body = answer.success().map_err(refusal)?;
    Ok(receipt(&read(&body)?, false))
}

fn receipt(invoice: &Invoice, already_there: bool) -> InvoiceReceipt {
    InvoiceReceipt { invoice_id: invoice.invoice_id, invoice_number: invoice.invoice_number.clone(), already_there }
}

/// Reads a successful body; what cannot be read may have been done all the same.
pub(crate) fn read<T: serde::de::DeserializeOwned>(body: &Bytes) -> Result<T> {
    serde_json::from_slice(body).map_err(|error| {
        Error::new(ErrorKind::PartnerUnreadable, "Oracle's answer is not what it should be").with_source(error)
    })
}

/// The same failure, told in Oracle's words.
pub(crate) fn refusal(error: Error) -> Error {
    let Some(answer) = error.answer().cloned() else { return error };
    let message = match message(&answer.body) {
        Some(text) => format!("Oracle answered {}: {text}", answer.status),
        None => format!("Oracle answered {}", answer.status),
    };
    Error::new(error.kind(), message).with_retry_after(error.retry_after()).with_answer(answer).with_source(error)
}

/// Whether Oracle refused because it has the invoice; by product code, in whatever form the body is.
pub(crate) fn is_duplicate(error: &Error) -> bool {
    error.answer().is_some_and(|answer| {
        matches!(answer.status, 400 | 409) && answer.body.windows(DUPLICATE.len()).any(|window| window == DUPLICATE)
    })
}

/// One short line for a person out of a JSON problem, plain text or a proxy's HTML page.
pub(crate) fn message(body: &[u8]) -> Option<String> {
    let text = match serde_json::from_slice::<Problem>(body) {
        Ok(problem) => of_problem(problem),
        Err(_) => of_text(&String::from_utf8_lossy(body)),
    };
    let line: String = text
        .split(|c: char| c.is_whitespace() || c.is_control())
        .filter(|word| !word.is_empty())
        .fold(String::new(), |line, word| if line.is_empty() { word.to_owned() } else { format!("{line} {word}") });
    let short: String = line.chars().take(300).collect();
    (!short.is_empty()).then_some(short)
}

fn of_problem(problem: Problem) -> String {
    let details = problem.details.into_iter().take(3).filter_map(|item| match (item.detail, item.code) {
        (Some(detail), Some(code)) if !detail.contains(&code) => Some(format!("{detail} ({code})")),
        (detail, code) => detail.or(code),
    });
    let details: Vec<_> = details.collect();
    if details.is_empty() { problem.detail.or(problem.title).unwrap_or_default() } else { details.join("; ") }
}

fn of_text(text: &str) -> String {
    if !text.trim_start().starts_with('<') {
        // Enough for any message; the rest would be cut anyway.
        return text.chars().take(2000).collect();
    }
    let title = text.split_once("<title>").and_then(|(_, rest)| rest.split_once("</title>"));
    title.map_or_else(|| "an HTML page".to_owned(), |(title, _)| format!("an HTML page, {title}"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn invoice(amount: &str, currency: &str) -> ProviderInvoice {
        ProviderInvoice {
            service_order_id: "4b13511e-99ec-5693-96ab-aa55343f7976".to_owned(),
            provider_id: "P-7".to_owned(),
            amount: amount.parse().expect("a decimal"),
            currency: currency.to_owned(),
            completion_date: "2026-03-01".parse().expect("a date"),
        }
    }

    fn held(amount: &str, currency: &str) -> Invoice {
        let json = format!(
            r#"{{"InvoiceId":1,"InvoiceNumber":"FSM-1","InvoiceAmount":{amount},"InvoiceCurrency":"{currency}"}}"#
        );
        serde_json::from_str(&json).expect("an invoice")
    }

    #[test]
    fn an_amount_goes_out_as_the_number_it_is() {
        let (invoice, config) = (invoice("9007199254740993.10", "EUR"), ErpConfig::default());
        let body = serde_json::to_string(&new_invoice(&invoice, &config)).expect("JSON");
        assert!(body.contains(r#""InvoiceAmount":9007199254740993.10,"#), "{body}");
        assert!(body.contains(r#""InvoiceDate":"2026-03-01""#), "{body}");
        assert!(body.contains(r#""invoiceLines":[{"LineNumber":1,"LineType":"Item","#), "{body}");
    }

    #[test]
    fn equal_amounts_are_equal_however_they_are_written() {
        for amount in ["120.5", "120.50", "1.205e2"] {
            let found = existing(&invoice("120.50", "EUR"), &[held(amount, "EUR")]).expect("no conflict");
            assert!(found.is_some_and(|receipt| receipt.already_there), "{amount}");
        }
    }

    #[test]
    fn another_amount_or_currency_is_a_conflict_for_good() {
        for held in [held("120.51", "EUR"), held("120.50", "USD")] {
            let error = existing(&invoice("120.50", "EUR"), &[held]).expect_err("a conflict");
            assert!(error.kind().class().is_final());
            assert!(error.message().contains("120.50 EUR"), "{error}");
        }
    }

    #[test]
    fn every_wrong_field_is_told_at_once() {
        let bad = ProviderInvoice {
            service_order_id: String::new(),
            provider_id: "a\nb".to_owned(),
            currency: "eur".to_owned(),
            ..invoice("-1.005", "EUR")
        };
        assert_eq!(check(&bad).expect_err("wrong").len(), 5);
        assert!(check(&invoice("1.005", "TND")).is_ok());
        assert!(check(&invoice("1.50", "JPY")).is_err());
        assert!(check(&invoice("150.00", "JPY")).is_ok());
    }

    #[test]
    fn every_form_of_refusal_becomes_one_short_line() {
        let problem = br#"{"title":"Bad Request","status":"400","o:errorDetails":[{"detail":"The number exists.","o:errorCode":"AP-810776"}]}"#;
        let cases: [(&[u8], Option<&str>); 6] = [
            (problem, Some("The number exists. (AP-810776)")),
            (br#"{"title":"Forbidden"}"#, Some("Forbidden")),
            (b"  You must enter\n a supplier. (AP-1) ", Some("You must enter a supplier. (AP-1)")),
            (b"<html><head><title>502 Bad Gateway</title></head></html>", Some("an HTML page, 502 Bad Gateway")),
            (b"<html>oops", Some("an HTML page")),
            (b"", None),
        ];
        for (body, expected) in cases {
            assert_eq!(message(body).as_deref(), expected);
        }
    }

    proptest! {
        #[test]
        fn no_body_panics_or_makes_a_long_line(body: Vec<u8>) {
            let line = message(&body).unwrap_or_default();
            prop_assert!(line.chars().count() <= 300 && !line.contains(char::is_control));
        }

        #[test]
        fn every_order_has_a_number_that_oracle_takes(one in ".{1,80}", other in ".{1,80}") {
            let number = invoice_number(&one);
            prop_assert!(number.len() <= 50 && number.is_ascii());
            prop_assert_eq!(one == other, number == invoice_number(&other));
        }

        #[test]
        fn an_amount_survives_the_wire(units: i64, scale in 0u32..10) {
            let amount = Amount(Decimal::new(units, scale));
            let text = serde_json::to_string(&amount).expect("JSON");
            prop_assert_eq!(serde_json::from_str::<Amount>(&text).expect("an amount"), amount);
        }
    }
}
