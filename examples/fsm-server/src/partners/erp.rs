use std::sync::Arc;

use fsm_adapters_erp::{OracleErp, basic_authorization};
use fsm_integration_core::{
    adapter::{AdapterService, TenantId},
    error::{Error, ErrorKind, Result},
    http_client::HttpService,
    profile::Profile,
    secret::Secret,
};
use parking_lot::Mutex;

use super::{Digest, Partners, digest};

/// One tenant's ERP: the stack stays, with its breaker, budget and pace; the adapter goes with its credentials.
#[derive(Clone)]
pub(super) struct Erp {
    client: HttpService,
    present: Arc<Mutex<Option<Present>>>,
}

/// The adapter of the credentials that were read last.
struct Present {
    credentials: Digest,
    adapter: AdapterService<OracleErp>,
}

impl Partners {
    /// The adapter with the credentials that the secret holds now.
    pub(super) async fn present_erp(&self, tenant: &TenantId) -> Result<AdapterService<OracleErp>> {
        let credentials = self.secret(&self.0.config.erp.api_key_path, tenant).await?;
        let erp = self.0.erp.get_or_make(tenant.clone(), || self.make_erp(tenant))?;
        let digest = digest(&credentials);
        let mut present = erp.present.lock();
        if let Some(same) = present.as_ref().filter(|known| known.credentials == digest) {
            return Ok(same.adapter.clone());
        }
        let adapter = self.make_adapter(&credentials, erp.client.clone())?;
        if present.replace(Present { credentials: digest, adapter: adapter.clone() }).is_some() {
            tracing::info!(%tenant, "the ERP is called with new credentials");
        }
        Ok(adapter)
    }

    fn make_erp(&self, tenant: &TenantId) -> Result<Erp> {
        let http = self.http_config(&self.0.config.erp.base_url)?;
        let outbound = self.0.config.outbound.over(Profile::ErpSystem);
        let client = self.0.stacks.client(&format!("oracle-erp-{tenant}"), &outbound, http, None)?;
        Ok(Erp { client, present: Arc::default() })
    }

    fn make_adapter(&self, credentials: &Secret<String>, client: HttpService) -> Result<AdapterService<OracleErp>> {
        let (user, password) = credentials
            .expose()
            .split_once(':')
            .ok_or_else(|| Error::new(ErrorKind::Internal, "the ERP's secret must be user:password"))?;
        let authorization = basic_authorization(user, password)?;
        let clock = Arc::clone(&self.0.clock);
        Ok(AdapterService::new(OracleErp::new(self.0.config.erp.adapter(), authorization, client, clock)?))
    }
}
