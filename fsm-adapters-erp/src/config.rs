use fsm_integration_core::error::FieldErrors;
use serde::{Deserialize, Serialize};

/// How this system's invoices look in Oracle Fusion, and where it is.
///
/// The password is no part of it: it is a secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ErpConfig {
    /// Scheme and host, as in `https://pod.fa.region.oraclecloud.com`; required.
    pub base_url: String,
    /// Business unit that the invoices belong to; required.
    pub business_unit: String,
    /// Supplier site that is paid; default `MAIN`.
    pub supplier_site: String,
    /// Source that Payables shows for the invoices; default `FSM`.
    pub invoice_source: String,
    /// Payment terms; the supplier's own when absent.
    pub payment_terms: Option<String>,
    /// Account that the line is booked to, as in `01-110-6100-0000-000`; Oracle's default when absent.
    pub distribution: Option<String>,
    /// Rows asked for at once by a look-up; default 25, Oracle gives at most 499.
    pub page_size: u16,
}

impl Default for ErpConfig {
    fn default() -> Self {
        Self {
            base_url: String::new(),
            business_unit: String::new(),
            supplier_site: "MAIN".to_owned(),
            invoice_source: "FSM".to_owned(),
            payment_terms: None,
            distribution: None,
            page_size: 25,
        }
    }
}

impl ErpConfig {
    /// Checks what has no default.
    ///
    /// # Errors
    /// Every field that is wrong.
    pub fn check(&self) -> Result<(), FieldErrors> {
        let mut errors = FieldErrors::default();
        let is_absolute = |uri: http::Uri| uri.host().is_some() && matches!(uri.scheme_str(), Some("http" | "https"));
        if !self.base_url.parse().is_ok_and(is_absolute) {
            errors.push("base_url", "must be an absolute URL, as in https://pod.fa.region.oraclecloud.com");
        }
        if self.business_unit.is_empty() {
            errors.push("business_unit", "must name the business unit in Oracle");
        }
        if !(1..=499).contains(&self.page_size) {
            errors.push("page_size", "must be 1 to 499");
        }
        errors.into_result()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_no_default_is_asked_for() {
        let errors = ErpConfig { page_size: 500, ..ErpConfig::default() }.check().expect_err("incomplete");
        let fields: Vec<_> = errors.iter().map(|error| error.field.as_str()).collect();
        assert_eq!(fields, ["base_url", "business_unit", "page_size"]);
    }
}
