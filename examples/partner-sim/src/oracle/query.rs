//! The `q` parameter: `A='1' and B='2'` from framework 2 on, `A=1;B=2` before; the wrong one is refused.

use serde_json::{Map, Value};

const ATTRIBUTES: [&str; 8] = [
    "InvoiceNumber",
    "Supplier",
    "SupplierNumber",
    "SupplierSite",
    "BusinessUnit",
    "InvoiceAmount",
    "InvoiceCurrency",
    "InvoiceId",
];

/// Equalities that all have to hold.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Terms(Vec<(&'static str, String)>);

impl Terms {
    pub(super) fn parse(text: &str, framework_version: u8) -> Result<Self, String> {
        let separator = if framework_version >= 2 { Separator::And } else { Separator::Semicolon };
        let mut terms = Vec::new();
        let mut rest = text.trim();
        while !rest.is_empty() {
            let (term, after) = term(rest, separator)?;
            terms.push(term);
            rest = after;
        }
        Ok(Self(terms))
    }

    pub(super) fn hold(&self, item: &Map<String, Value>) -> bool {
        self.0.iter().all(|(name, wanted)| match item.get(*name) {
            Some(Value::String(text)) => text == wanted,
            Some(Value::Number(number)) => number.to_string() == *wanted,
            _ => false,
        })
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Separator {
    And,
    Semicolon,
}

type Term = (&'static str, String);

fn term(text: &str, separator: Separator) -> Result<(Term, &str), String> {
    let (name, rest) = text.split_once('=').ok_or("The query parameter q has a term without =.")?;
    let name = name.trim();
    let known = ATTRIBUTES.into_iter().find(|attribute| *attribute == name);
    let name = known.ok_or_else(|| format!("The attribute {name} in the query parameter q is not valid."))?;
    let (value, rest) = match rest.trim_start().strip_prefix('\'') {
        Some(quoted) => quoted_value(quoted)?,
        None => bare_value(rest, separator)?,
    };
    Ok(((name, value), after_separator(rest.trim_start(), separator)?))
}

/// A quote inside is written twice.
fn quoted_value(text: &str) -> Result<(String, &str), String> {
    let mut value = String::new();
    let mut rest = text;
    loop {
        let (part, after) = rest.split_once('\'').ok_or("The query parameter q has an open quote.")?;
        value.push_str(part);
        match after.strip_prefix('\'') {
            Some(more) => {
                value.push('\'');
                rest = more;
            }
            None => return Ok((value, after)),
        }
    }
}

fn bare_value(text: &str, separator: Separator) -> Result<(String, &str), String> {
    let end = text.find([';', '\'']).unwrap_or(text.len());
    let value = text[..end].trim();
    let number = value.parse::<rust_decimal::Decimal>().is_ok();
    match separator {
        Separator::And if !number => {
            Err("A text in the query parameter q needs quotes in this framework version.".into())
        }
        Separator::Semicolon if value.to_ascii_lowercase().contains(" and ") => Err(WRONG_GRAMMAR.into()),
        _ => Ok((value.to_owned(), &text[end..])),
    }
}

const WRONG_GRAMMAR: &str = "The query parameter q is written in the grammar of another REST-Framework-Version.";

fn after_separator(rest: &str, separator: Separator) -> Result<&str, String> {
    if rest.is_empty() {
        return Ok(rest);
    }
    let after = match separator {
        Separator::Semicolon => rest.strip_prefix(';'),
        Separator::And => rest.get(..4).filter(|word| word.eq_ignore_ascii_case("and ")).map(|_| &rest[4..]),
    };
    after.map(str::trim_start).filter(|after| !after.is_empty()).ok_or_else(|| WRONG_GRAMMAR.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn terms(pairs: &[(&'static str, &str)]) -> Result<Terms, String> {
        Ok(Terms(pairs.iter().map(|(name, value)| (*name, (*value).to_owned())).collect()))
    }

    #[test]
    fn each_framework_version_has_its_grammar() {
        let wanted = || terms(&[("InvoiceNumber", "FSM-1"), ("Supplier", "Blue Sky; Sons and Co")]);
        assert_eq!(Terms::parse("InvoiceNumber='FSM-1' and Supplier='Blue Sky; Sons and Co'", 2), wanted());
        assert_eq!(Terms::parse("InvoiceNumber = 'FSM-1'  AND  Supplier = 'Blue Sky; Sons and Co'", 4), wanted());
        assert_eq!(Terms::parse("InvoiceNumber=FSM-1;Supplier='Blue Sky; Sons and Co'", 1), wanted());
        assert_eq!(Terms::parse("", 1), terms(&[]));
    }

    #[test]
    fn the_other_grammar_is_refused() {
        for text in ["InvoiceNumber='1';Supplier='2'", "InvoiceNumber=FSM-1;Supplier=ACME", "Supplier=ACME"] {
            assert!(Terms::parse(text, 2).is_err(), "{text}");
        }
        for text in ["InvoiceNumber='1' and Supplier='2'", "InvoiceNumber=FSM-1 and Supplier=ACME"] {
            assert!(Terms::parse(text, 1).is_err(), "{text}");
        }
    }

    #[test]
    fn malformed_queries_are_refused() {
        for text in ["Supplier", "Supplier='A", "Password='x'", "Supplier='A' and ", "Supplier='A' or Supplier='B'"] {
            assert!(Terms::parse(text, 2).is_err(), "{text}");
        }
    }

    #[test]
    fn a_doubled_quote_is_one_quote() {
        assert_eq!(Terms::parse("Supplier='O''Neil'", 2), terms(&[("Supplier", "O'Neil")]));
    }
}
