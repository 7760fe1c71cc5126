use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use serde::{Deserialize, Serialize};

use super::{AddressRange, special, url};
use crate::error::TargetRefused;

/// Where connections may go (requirement W20).
///
/// Everything that is not public is refused, by the address that is really connected to: a name is resolved
/// once, and only the addresses that pass are used, so that a name cannot change its mind in between.
///
/// ```
/// use fsm_integration_core::egress::TargetPolicy;
///
/// let policy = TargetPolicy::default();
/// assert!(policy.check_address("169.254.169.254".parse()?).is_err());
/// assert!(policy.check_address("93.184.215.14".parse()?).is_ok());
/// # Ok::<(), std::net::AddrParseError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TargetPolicy {
    /// Whether plain http is refused; default yes.
    pub https_only: bool,
    /// The ports that may be called; default none in particular, which means every port.
    pub ports: Vec<u16>,
    /// Ranges that may be reached although they are not public; default none, not even loopback.
    ///
    /// An IPv6 address of an allowed range that stands for an IPv4 one is still judged by that: to allow
    /// `64:ff9b::/96` for a network with NAT64 opens no way to `64:ff9b::10.0.0.1`. Of `64:ff9b:1::/48` only
    /// `64:ff9b:1::/96` can be allowed: elsewhere in it the address does not tell which IPv4 address it stands for.
    pub allow: Vec<AddressRange>,
    /// Ranges that may not be reached although they are public, as your own; default none. Beats `allow`.
    pub deny: Vec<AddressRange>,
}

impl Default for TargetPolicy {
    fn default() -> Self {
        Self { https_only: true, ports: Vec::new(), allow: Vec::new(), deny: Vec::new() }
    }
}

impl TargetPolicy {
    /// Allows plain http and the two loopback addresses, for a partner simulated on the same machine.
    #[must_use]
    pub fn loopback() -> Self {
        let allow = vec![AddressRange::v4([127, 0, 0, 0], 8), AddressRange::v6_at(1, 128)];
        Self { https_only: false, allow, ..Self::default() }
    }

    /// Checks what can be told without resolving: scheme, credentials, port, and an address in place of a name.
    ///
    /// For a URL that is about to be stored or called; what its name resolves to is checked by
    /// [`passing`](Self::passing). Stricter than browsers: whatever two clients could read in two ways is refused.
    ///
    /// # Errors
    /// The first reason against it.
    pub fn check_url(&self, text: &str) -> Result<(), TargetRefused> {
        let url = url::parse(text).ok_or(TargetRefused::NotAUrl)?;
        let default_port = if url.scheme.eq_ignore_ascii_case("https") {
            443
        } else if url.scheme.eq_ignore_ascii_case("http") && !self.https_only {
            80
        } else {
            return Err(TargetRefused::Scheme);
        };
        if url.has_credentials {
            return Err(TargetRefused::Credentials);
        }
        let port = url::port(url.port, default_port).ok_or(TargetRefused::NotAUrl)?;
        if !self.ports.is_empty() && !self.ports.contains(&port) {
            return Err(TargetRefused::Port);
        }
        match url::host(url.host).ok_or(TargetRefused::NotAUrl)? {
            url::Host::Name => Ok(()),
            url::Host::Address(address) => self.check_address(address),
            url::Host::Disguised => Err(TargetRefused::Address),
        }
    }

    /// Checks an address that is about to be connected to.
    ///
    /// # Errors
    /// [`TargetRefused::Address`] when it is denied, or neither public nor allowed.
    pub fn check_address(&self, address: IpAddr) -> Result<(), TargetRefused> {
        if self.passes(address) { Ok(()) } else { Err(TargetRefused::Address) }
    }

    /// The addresses of a name that may be connected to, in their order.
    ///
    /// Connect to one of these and to nothing else: to resolve again would be to ask another question.
    ///
    /// # Errors
    /// [`TargetRefused::Address`] when none is left.
    pub fn passing(&self, found: impl IntoIterator<Item = SocketAddr>) -> Result<Vec<SocketAddr>, TargetRefused> {
        let passed: Vec<_> = found.into_iter().filter(|address| self.passes(address.ip())).collect();
        if passed.is_empty() { Err(TargetRefused::Address) } else { Ok(passed) }
    }

    fn passes(&self, address: IpAddr) -> bool {
        let within = |ranges: &[AddressRange]| ranges.iter().any(|range| range.contains(address));
        if within(&self.deny) {
            false
        } else if within(&self.allow) {
            match embedded(address) {
                Embedded::Nothing => true,
                Embedded::Address(inner) => self.passes(inner.into()),
                Embedded::Hidden => false,
            }
        } else {
            (address.is_ipv4() || special::GLOBAL_UNICAST.contains(address)) && !within(&special::NOT_PUBLIC)
        }
    }
}

/// What an IPv6 address stands for, as far as that is known from the address alone.
enum Embedded {
    /// Itself.
    Nothing,
    Address(Ipv4Addr),
    /// An IPv4 address, at a place that only the network knows.
    Hidden,
}

/// What an address stands for.
///
/// A NAT64 prefix of somebody's own (RFC 6052, section 2.2) cannot be told from any other network. One within
/// `64:ff9b:1::/48` can (RFC 8215), but not its length, by which the place of the IPv4 address differs. Only the
/// first /96 is sure: by every shorter prefix its addresses stand for some in `0.0.0.0/8`, which is nowhere.
fn embedded(address: IpAddr) -> Embedded {
    let IpAddr::V6(address) = address else { return Embedded::Nothing };
    let within = |range: &AddressRange| range.contains(address.into());
    let [.., a, b, c, d] = address.octets();
    if let [0x20, 0x02, e, f, g, h, ..] = address.octets() {
        Embedded::Address(Ipv4Addr::new(e, f, g, h))
    } else if special::ENDING_IN_IPV4.iter().any(within) {
        Embedded::Address(Ipv4Addr::new(a, b, c, d))
    } else if within(&special::LOCAL_NAT64) {
        Embedded::Hidden
    } else {
        Embedded::Nothing
    }
}
