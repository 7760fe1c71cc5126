use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use http::Uri;

/// Where a webhook must not be sent; the reason is for the operator who registered the address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ForbiddenTarget {
    /// The scheme is neither `http` nor `https`, or `http` where only `https` may be.
    #[error("webhooks go to https addresses only")]
    Scheme,
    /// The address names no host.
    #[error("the webhook address names no host")]
    NoHost,
    /// The address carries a user name or a password.
    #[error("the webhook address must not carry a user name or a password")]
    UserInfo,
    /// The host is inside, or reserved.
    #[error("the webhook address leads to a private or reserved network")]
    Address,
}

/// Keeps webhooks out of private networks (requirement W20).
///
/// Check the address as registered with [`check_uri`](Self::check_uri), every address that its name resolves to with
/// [`check_address`](Self::check_address), and connect to the address that was checked.
#[derive(Debug, Clone, Default)]
pub struct EgressPolicy {
    /// Lets plain `http` pass.
    pub allow_http: bool,
    /// Addresses that pass whatever they are, for tests and partners inside the own network.
    pub allowed: Vec<IpAddr>,
}

impl EgressPolicy {
    /// Checks what can be seen without resolving the name.
    ///
    /// # Errors
    /// What is wrong with the address.
    pub fn check_uri(&self, uri: &Uri) -> Result<(), ForbiddenTarget> {
        match uri.scheme_str() {
            Some("https") => {}
            Some("http") if self.allow_http => {}
            _ => return Err(ForbiddenTarget::Scheme),
        }
        if uri.authority().is_some_and(|authority| authority.as_str().contains('@')) {
            return Err(ForbiddenTarget::UserInfo);
        }
        let host = uri.host().filter(|host| !host.is_empty()).ok_or(ForbiddenTarget::NoHost)?;
        match host.trim_start_matches('[').trim_end_matches(']').parse() {
            Ok(address) => self.check_address(address),
            Err(_) => Ok(()),
        }
    }

    /// Checks an address that is about to be connected to.
    ///
    /// # Errors
    /// [`ForbiddenTarget::Address`] when it is private or reserved and not allowed by name.
    pub fn check_address(&self, address: IpAddr) -> Result<(), ForbiddenTarget> {
        if self.allowed.contains(&address) || is_public(address) { Ok(()) } else { Err(ForbiddenTarget::Address) }
    }
}

fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => is_public_v4(v4),
        IpAddr::V6(v6) => is_public_v6(v6),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    let reserved = match a {
        0 | 10 | 127 | 224..=255 => true,
        100 => (64..128).contains(&b),
        169 => b == 254,
        172 => (16..32).contains(&b),
        192 => b == 168 || (b == 0 && (c == 0 || c == 2)) || (b == 88 && c == 99),
        198 => b == 18 || b == 19 || (b == 51 && c == 100),
        203 => b == 0 && c == 113,
        _ => false,
    };
    !reserved
}

/// Only global unicast is public, less what embeds a v4 address or is set aside.
fn is_public_v6(address: Ipv6Addr) -> bool {
    let [a, b, ..] = address.segments();
    let global = a & 0xe000 == 0x2000;
    let six_to_four = a == 0x2002;
    // Teredo, ORCHID, benchmarking and documentation.
    let special = a == 0x2001 && (b < 0x0200 || b == 0x0db8);
    let documentation = a == 0x3fff && b < 0x1000;
    global && !six_to_four && !special && !documentation
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(uri: &str) -> Result<(), ForbiddenTarget> {
        EgressPolicy::default().check_uri(&uri.parse().expect("an address"))
    }

    #[test]
    fn w20_private_and_reserved_networks_are_refused() {
        let policy = EgressPolicy::default();
        for inside in [
            "0.0.0.0",
            "10.1.2.3",
            "100.64.0.1",
            "100.127.255.255",
            "127.0.0.1",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.1",
            "192.0.2.1",
            "192.168.0.1",
            "198.18.0.1",
            "198.51.100.1",
            "203.0.113.1",
            "224.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::ffff:10.0.0.1",
            "::ffff:8.8.8.8",
            "64:ff9b::a00:1",
            "64:ff9b:1::1",
            "100::1",
            "2001::1",
            "2001:db8::1",
            "2002:a00:1::",
            "fc00::1",
            "fd12::1",
            "fe80::1",
            "ff02::1",
        ] {
            assert!(policy.check_address(inside.parse().expect("an address")).is_err(), "{inside}");
        }
        for outside in ["8.8.8.8", "100.63.0.1", "100.128.0.1", "172.32.0.1", "2606:4700::1111", "2a00:1450::1"] {
            assert!(policy.check_address(outside.parse().expect("an address")).is_ok(), "{outside}");
        }
    }

    #[test]
    fn an_address_is_https_names_a_host_and_carries_no_password() {
        assert_eq!(check("https://hooks.example.com/x"), Ok(()));
        assert_eq!(check("http://hooks.example.com/x"), Err(ForbiddenTarget::Scheme));
        assert_eq!(check("ftp://hooks.example.com/x"), Err(ForbiddenTarget::Scheme));
        assert_eq!(check("/x"), Err(ForbiddenTarget::Scheme));
        assert_eq!(check("https://user:pass@hooks.example.com"), Err(ForbiddenTarget::UserInfo));
        assert_eq!(check("https://169.254.169.254/latest"), Err(ForbiddenTarget::Address));
        assert_eq!(check("https://[::1]/"), Err(ForbiddenTarget::Address));
    }

    #[test]
    fn an_allowed_address_passes() {
        let local: IpAddr = "127.0.0.1".parse().expect("an address");
        let policy = EgressPolicy { allow_http: true, allowed: vec![local] };
        assert_eq!(policy.check_uri(&"http://127.0.0.1:8080/x".parse().expect("an address")), Ok(()));
    }
}
