//! Everything that can be set; reading files and the environment is the server's.

use fsm_integration_core::error::FieldErrors;
use serde::{Deserialize, Serialize};

use crate::wire::SalesSystem;

/// The sales systems that we talk to.
///
/// ```
/// use fsm_adapters_sales::config::SalesConfig;
///
/// let config = SalesConfig::default();
/// assert!(!config.pyxis.enabled);
/// assert_eq!(config.tempo.paths.order_status, "/callback/order-status");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SalesConfig {
    /// Pyxis.
    pub pyxis: SalesSystemConfig,
    /// Tempo.
    pub tempo: SalesSystemConfig,
}

impl Default for SalesConfig {
    fn default() -> Self {
        let with_prefixes = |prefixes: [&str; 2]| SalesSystemConfig {
            id_prefixes: prefixes.map(str::to_owned).to_vec(),
            ..SalesSystemConfig::default()
        };
        Self { pyxis: with_prefixes(["PX-", "PYX-"]), tempo: with_prefixes(["TMP-", "TEMPO-"]) }
    }
}

impl SalesConfig {
    /// The settings of one system.
    #[must_use]
    pub fn system(&self, system: SalesSystem) -> &SalesSystemConfig {
        match system {
            SalesSystem::Pyxis => &self.pyxis,
            SalesSystem::Tempo => &self.tempo,
        }
    }

    /// Checks all of it.
    ///
    /// # Errors
    /// Every setting that is wrong, by its name.
    pub fn validate(&self) -> Result<(), FieldErrors> {
        let mut errors = FieldErrors::default();
        self.pyxis.check("pyxis", &mut errors);
        self.tempo.check("tempo", &mut errors);
        errors.into_result()
    }
}

/// One sales system.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SalesSystemConfig {
    /// Whether callbacks are sent to it; off by default.
    pub enabled: bool,
    /// Where it is, as `https://pyxis.example.com`; no secrets in it.
    pub base_url: String,
    /// What its order ids usually begin with; for people, an order names its system itself.
    pub id_prefixes: Vec<String>,
    /// Where its callbacks live below `base_url`.
    pub paths: CallbackPaths,
}

/// Where a sales system takes callbacks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CallbackPaths {
    /// Appointments; default `/callback/appointment-scheduled`.
    pub appointment_scheduled: String,
    /// States and problems of orders; default `/callback/order-status`.
    pub order_status: String,
    /// Outcomes; default `/callback/installation-outcome`.
    pub installation_outcome: String,
    /// Cancellations; default `/callback/order-cancelled`.
    pub order_cancelled: String,
    /// What a technical visit found; default `/callback/tv-modifications`.
    pub tv_modifications: String,
    /// Asked for health with GET; default `/health`.
    pub health: String,
}

impl Default for CallbackPaths {
    fn default() -> Self {
        Self {
            appointment_scheduled: "/callback/appointment-scheduled".to_owned(),
            order_status: "/callback/order-status".to_owned(),
            installation_outcome: "/callback/installation-outcome".to_owned(),
            order_cancelled: "/callback/order-cancelled".to_owned(),
            tv_modifications: "/callback/tv-modifications".to_owned(),
            health: "/health".to_owned(),
        }
    }
}

impl CallbackPaths {
    fn each(&self) -> [(&'static str, &str); 6] {
        [
            ("appointment_scheduled", &self.appointment_scheduled),
            ("order_status", &self.order_status),
            ("installation_outcome", &self.installation_outcome),
            ("order_cancelled", &self.order_cancelled),
            ("tv_modifications", &self.tv_modifications),
            ("health", &self.health),
        ]
    }
}

impl SalesSystemConfig {
    fn check(&self, name: &str, errors: &mut FieldErrors) {
        if self.enabled && !is_base_url(&self.base_url) {
            errors.push(
                format!("{name}.base_url"),
                "must be an http or https address such as https://pyxis.example.com, without user, query or fragment",
            );
        }
        for (path_name, path) in self.paths.each() {
            if !path.starts_with('/') || path.parse::<http::uri::PathAndQuery>().is_err() {
                errors.push(format!("{name}.paths.{path_name}"), "must be a path such as /callback/order-status");
            }
        }
    }
}

fn is_base_url(text: &str) -> bool {
    let Ok(url) = text.parse::<http::Uri>() else { return false };
    let web = matches!(url.scheme_str(), Some("http" | "https"));
    let host = url.authority().is_some_and(|authority| !authority.as_str().contains('@'));
    web && host && url.query().is_none() && !text.contains('#')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_is_sound_and_survives_serde() {
        let config = SalesConfig::default();
        assert_eq!(config.validate(), Ok(()));
        let text = serde_json::to_string(&config).unwrap();
        assert_eq!(serde_json::from_str::<SalesConfig>(&text).unwrap(), config);
        assert_eq!(serde_json::from_str::<SalesConfig>("{}").unwrap(), config);
    }

    #[test]
    fn an_unknown_setting_is_refused() {
        for text in [r#"{"pixys":{}}"#, r#"{"pyxis":{"url":"x"}}"#, r#"{"pyxis":{"paths":{"status":"/x"}}}"#] {
            assert!(serde_json::from_str::<SalesConfig>(text).is_err(), "{text}");
        }
    }

    #[test]
    fn an_enabled_system_needs_an_address_and_paths() {
        let bad = ["", "pyxis", "ftp://pyxis", "https://user:secret@pyxis", "https://pyxis?a=1", "https://pyxis/#a"];
        for base_url in bad {
            let pyxis =
                SalesSystemConfig { enabled: true, base_url: base_url.to_owned(), ..SalesSystemConfig::default() };
            let errors = SalesConfig { pyxis, ..SalesConfig::default() }.validate().unwrap_err();
            assert_eq!(errors.iter().next().unwrap().field, "pyxis.base_url", "{base_url}");
            assert!(!errors.to_string().contains("secret"));
        }
        let mut config = SalesConfig::default();
        config.tempo.paths.order_status = "callback".to_owned();
        assert_eq!(config.validate().unwrap_err().iter().next().unwrap().field, "tempo.paths.order_status");
        config.tempo = SalesSystemConfig {
            enabled: true,
            base_url: "http://127.0.0.1:9999/tempo".to_owned(),
            ..SalesSystemConfig::default()
        };
        assert_eq!(config.validate(), Ok(()));
    }
}
