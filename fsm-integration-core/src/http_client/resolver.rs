use std::{net::ToSocketAddrs, sync::Arc};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use crate::egress::TargetPolicy;

/// The system's resolver, behind it only the addresses that the policy lets through.
///
/// What comes out is what is connected to, so a name that resolves differently a second later gains nothing.
pub(super) struct GuardedResolver {
    pub(super) policy: Arc<TargetPolicy>,
}

/// The host's name does not resolve.
#[derive(Debug, thiserror::Error)]
#[error("the host name cannot be resolved")]
pub(super) struct HostNotFound(#[source] std::io::Error);

impl Resolve for GuardedResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let policy = Arc::clone(&self.policy);
        Box::pin(async move {
            let lookup = move || (name.as_str(), 0).to_socket_addrs();
            let found = tokio::task::spawn_blocking(lookup).await?.map_err(HostNotFound)?;
            let passed = policy.passing(found)?;
            Ok(Box::new(passed.into_iter()) as Addrs)
        })
    }
}
