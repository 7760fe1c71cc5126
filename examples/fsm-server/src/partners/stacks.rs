use std::{net::IpAddr, sync::Arc};

use fsm_integration_core::{
    clock::WallClock,
    error::{Error, ErrorKind, Result},
    http_client::{HttpClientConfig, HttpService, ReqwestClient, TargetPolicy},
    layers::{
        circuit_breaker::{CircuitBreaker, CircuitSnapshot},
        webhook::SignLayer,
    },
    profile::{Handles, OutboundConfig, stack},
};
use parking_lot::Mutex;
use reqwest::Url;

/// Builds clients under the whole stack of layers, and remembers their breakers.
pub(super) struct Stacks {
    clock: Arc<dyn WallClock>,
    breakers: Mutex<Vec<CircuitBreaker>>,
}

impl Stacks {
    pub(super) fn new(clock: Arc<dyn WallClock>) -> Self {
        Self { clock, breakers: Mutex::default() }
    }

    pub(super) fn breakers(&self) -> Vec<CircuitSnapshot> {
        self.breakers.lock().iter().map(CircuitBreaker::snapshot).collect()
    }

    pub(super) fn named(&self, name: &str) -> Vec<CircuitBreaker> {
        self.breakers.lock().iter().filter(|breaker| breaker.name() == name).cloned().collect()
    }

    /// A client for one partner of one tenant; `name` is the breaker's and the metrics'.
    pub(super) fn client(
        &self,
        name: &str,
        config: &OutboundConfig,
        http: HttpClientConfig,
        sign: Option<SignLayer>,
    ) -> Result<HttpService> {
        let client = ReqwestClient::with_clock(http, Arc::clone(&self.clock))?;
        let handles = Handles::new(name, env!("CARGO_PKG_VERSION"), config);
        self.breakers.lock().push(handles.breaker.clone());
        Ok(match sign {
            Some(sign) => HttpService::new(stack(config, &handles.with_sign(sign), client)),
            None => HttpService::new(stack(config, &handles, client)),
        })
    }
}

/// Where a client may connect to: what the operator wrote into the configuration, over TLS unless it says http.
///
/// # Errors
/// The address is no URL.
pub(super) fn http_config(base_url: &str) -> Result<HttpClientConfig> {
    let url: Url = base_url
        .parse()
        .map_err(|error| Error::new(ErrorKind::Internal, "a partner's base_url is no URL").with_source(error))?;
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    let loopback = host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
    let targets = if loopback {
        TargetPolicy::loopback()
    } else {
        TargetPolicy { https_only: url.scheme() == "https", ..TargetPolicy::default() }
    };
    Ok(HttpClientConfig { targets, ..HttpClientConfig::default() })
}
