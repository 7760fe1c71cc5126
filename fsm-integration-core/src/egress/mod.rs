//! Where calls may go: the guard against server-side request forgery, for any HTTP client (requirement W20).
//!
//! Whoever lets others name a URL (a webhook's endpoint, a callback, a picture) can be made to call their own network:
//! the cloud's metadata at 169.254.169.254, a database on 10.0.0.5, themselves. [`TargetPolicy`] refuses that. It is a
//! value that decides and nothing else: it resolves no name and opens no connection.
//!
//! | step | check | why there |
//! |---|---|---|
//! | a URL is stored | [`check_url`](TargetPolicy::check_url) | the mistake is told to who makes it |
//! | a URL is called | [`check_url`](TargetPolicy::check_url) | an address in a URL is resolved by nobody |
//! | its name was resolved | [`passing`](TargetPolicy::passing) | a name may have changed its mind |
//! | the connection | to an address that passed, no other | a second lookup may answer differently |
//! | a redirect | not followed | the next URL would have been checked by nobody |
//!
//! The client of the feature `http` does all of it. In another client the policy goes into the resolver, which is
//! asked for every new connection and whose answer is what is connected to:
//!
//! ```
//! use std::{io, net::{SocketAddr, ToSocketAddrs}, sync::Arc};
//! use fsm_integration_core::egress::TargetPolicy;
//!
//! /// In hyper-util this is the body of a `tower::Service<Name>`, in reqwest of `dns::Resolve`; both then connect to
//! /// what it returns. Turn redirects and proxies off beside it: the first lead elsewhere, the second resolve themselves.
//! fn resolve(policy: &TargetPolicy, host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
//!     let found = (host, port).to_socket_addrs()?;
//!     policy.passing(found).map_err(|refused| io::Error::new(io::ErrorKind::PermissionDenied, refused))
//! }
//!
//! let policy = Arc::new(TargetPolicy::default());
//! assert!(policy.check_url("https://hooks.example.org/in").is_ok());
//! assert!(policy.check_url("https://169.254.169.254/latest/meta-data").is_err());
//! assert!(resolve(&policy, "localhost", 443).is_err());
//! ```
//!
//! What it does not do: it knows no bad public addresses, and no NAT64 prefix of your own; name both in
//! [`deny`](TargetPolicy::deny).

mod policy;
mod range;
mod special;
mod url;

#[cfg(test)]
mod tests;

pub use self::{
    policy::TargetPolicy,
    range::{AddressRange, InvalidRange},
};
pub use crate::error::TargetRefused;
