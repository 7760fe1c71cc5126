use std::sync::Arc;

use fsm_integration_core::{
    clock::WallClock,
    error::Result,
    http_client::{HttpClientConfig, HttpService, ReqwestClient},
    layers::{
        circuit_breaker::{CircuitBreaker, CircuitSnapshot},
        rate_limit::TokenBucket,
        webhook::SignLayer,
    },
    profile::{Handles, OutboundConfig, stack},
};
use parking_lot::Mutex;

/// Builds clients under the whole stack of layers, and remembers what operators look at.
pub(super) struct Stacks {
    clock: Arc<dyn WallClock>,
    known: Mutex<Vec<(CircuitBreaker, TokenBucket)>>,
}

impl Stacks {
    pub(super) fn new(clock: Arc<dyn WallClock>) -> Self {
        Self { clock, known: Mutex::default() }
    }

    pub(super) fn breakers(&self) -> Vec<CircuitSnapshot> {
        self.known.lock().iter().map(|(breaker, _)| breaker.snapshot()).collect()
    }

    pub(super) fn named(&self, name: &str) -> Vec<CircuitBreaker> {
        let known = self.known.lock();
        known.iter().map(|(breaker, _)| breaker).filter(|breaker| breaker.name() == name).cloned().collect()
    }

    pub(super) fn limiters(&self) -> Vec<TokenBucket> {
        self.known.lock().iter().map(|(_, limiter)| limiter.clone()).collect()
    }

    /// A client for one partner of one tenant; `name` is the breaker's, the limiter's and the metrics'.
    pub(super) fn client(
        &self,
        name: &str,
        config: &OutboundConfig,
        http: HttpClientConfig,
        sign: Option<SignLayer>,
    ) -> Result<HttpService> {
        let client = ReqwestClient::with_clock(http, Arc::clone(&self.clock))?;
        let handles = Handles::new(name, env!("CARGO_PKG_VERSION"), config);
        self.known.lock().push((handles.breaker.clone(), handles.limiter.clone()));
        Ok(match sign {
            Some(sign) => HttpService::new(stack(config, &handles.with_sign(sign), client)),
            None => HttpService::new(stack(config, &handles, client)),
        })
    }
}
