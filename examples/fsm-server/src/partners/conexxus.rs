use std::sync::Arc;

use fsm_adapters_conexxus::{Conexxus, ConexxusConfig};
use fsm_integration_core::{
    error::{Error, ErrorKind, Result},
    http_client::HttpClientConfig,
    profile::{OutboundConfig, Profile},
    secret::Secret,
};
use http::HeaderValue;

use super::Partners;
use crate::config;

impl Partners {
    /// The back office; `None` when none is configured.
    ///
    /// # Errors
    /// The settings are wrong.
    pub fn conexxus(&self) -> Result<Option<Conexxus>> {
        let settings = &self.0.config.conexxus;
        let Some(api_key) = settings.api_key.as_ref().filter(|_| settings.enabled()) else { return Ok(None) };
        let mut kept = self.0.conexxus.lock();
        if kept.is_none() {
            *kept = Some(self.make_conexxus(settings, api_key)?);
        }
        Ok(kept.clone())
    }

    fn make_conexxus(&self, settings: &config::ConexxusConfig, api_key: &Secret<String>) -> Result<Conexxus> {
        let config = settings.adapter();
        let http = HttpClientConfig { max_body: ConexxusConfig::MAX_ANSWER, ..self.http_config(&config.base_url)? };
        let client = self.0.stacks.client("conexxus", &self.outbound(settings), http, None)?;
        let api_key = HeaderValue::try_from(api_key.expose())
            .map_err(|_| Error::new(ErrorKind::Internal, "conexxus.api_key holds characters that no header takes"))?;
        Conexxus::new(config, api_key, client, Arc::clone(&self.0.clock))
    }

    /// The preset, with what the configuration says of timeout and retries.
    fn outbound(&self, settings: &config::ConexxusConfig) -> OutboundConfig {
        let mut outbound = self.0.config.outbound.over(Profile::Conexxus);
        outbound.attempt_timeout = settings.timeout;
        outbound.retry.max_retries = settings.retries;
        outbound.retry.initial_delay = settings.retry_delay;
        outbound.total_deadline = outbound.total_deadline.max(settings.timeout * (settings.retries + 1));
        outbound
    }
}
