use std::sync::Arc;

use fsm_adapters_erp::{ErpConfig, OracleErp, basic_authorization};
use fsm_integration_core::{
    adapter::{AdapterService, TenantId},
    error::{Error, ErrorKind, Result},
    profile::Profile,
};

use super::{Partners, stacks::http_config};

impl Partners {
    pub(super) async fn make_erp(&self, tenant: &TenantId) -> Result<AdapterService<OracleErp>> {
        let settings = &self.0.config.erp;
        let credentials = self.secret(&settings.api_key_path, tenant).await?;
        let (user, password) = credentials
            .expose()
            .split_once(':')
            .ok_or_else(|| Error::new(ErrorKind::Internal, "the ERP's secret must be user:password"))?;
        let config = ErpConfig {
            base_url: settings.base_url.trim_end_matches('/').to_owned(),
            business_unit: settings.business_unit.clone(),
            supplier_site: settings.supplier_site.clone(),
            ..ErpConfig::default()
        };
        let name = format!("oracle-erp-{tenant}");
        let http = http_config(&config.base_url)?;
        let client = self.0.stacks.client(&name, &self.0.config.outbound.over(Profile::ErpSystem), http, None)?;
        let authorization = basic_authorization(user, password)?;
        Ok(AdapterService::new(OracleErp::new(config, authorization, client, Arc::clone(&self.0.clock))?))
    }
}
