use std::{
    net::{SocketAddr, ToSocketAddrs},
    sync::Arc,
};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use super::{TargetPolicy, TargetRefused};
use crate::error::BoxError;

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
            let passed = passing(&policy, found)?;
            Ok(Box::new(passed.into_iter()) as Addrs)
        })
    }
}

fn passing(policy: &TargetPolicy, found: impl Iterator<Item = SocketAddr>) -> Result<Vec<SocketAddr>, BoxError> {
    let passed: Vec<_> = found.filter(|address| policy.check_address(address.ip()).is_ok()).collect();
    if passed.is_empty() { Err(TargetRefused::Address.into()) } else { Ok(passed) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_public_addresses_of_a_name_are_connected_to() {
        let found = ["10.0.0.1:0", "8.8.8.8:0", "[::1]:0"].map(|text| text.parse().expect("an address"));
        let passed = passing(&TargetPolicy::default(), found.into_iter()).expect("one is public");
        assert_eq!(passed, [found[1]]);
    }

    #[test]
    fn a_name_with_private_addresses_only_is_refused() {
        let found = ["10.0.0.1:0".parse().expect("an address")];
        let error = passing(&TargetPolicy::default(), found.into_iter()).expect_err("none is public");
        assert_eq!(error.downcast_ref(), Some(&TargetRefused::Address));
    }
}
