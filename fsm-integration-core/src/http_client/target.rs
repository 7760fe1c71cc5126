use std::{fmt, net::IpAddr};

use http::Uri;
use reqwest::Url;
use serde::{Deserialize, Serialize};

use super::AddressRange;
use crate::error::{Error, ErrorKind};

/// Where connections may go (requirement W20).
///
/// Everything that is not public is refused, by the address that is really connected to: a name is resolved
/// once, and only the addresses that pass are used, so that a name cannot change its mind in between.
///
/// ```
/// use fsm_integration_core::http_client::TargetPolicy;
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
    /// Ranges that may be reached although they are not public; default none, not even loopback.
    pub allow: Vec<AddressRange>,
}

impl Default for TargetPolicy {
    fn default() -> Self {
        Self { https_only: true, allow: Vec::new() }
    }
}

/// Why a target is refused; the same call will be refused again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum TargetRefused {
    /// The scheme is not one of those allowed.
    #[error("the target's scheme is not allowed; use https")]
    Scheme,
    /// A user or a password stands in the URL.
    #[error("the target's URL holds credentials; configure them as secrets")]
    Credentials,
    /// There is no host in the URL.
    #[error("the target's URL has no host")]
    NoHost,
    /// The address is loopback, private, link-local or otherwise not public.
    #[error("the target's address is not public; add its range to the allow list if it is meant")]
    Address,
}

impl From<TargetRefused> for Error {
    fn from(refusal: TargetRefused) -> Self {
        Self::new(ErrorKind::Forbidden, refusal.to_string()).with_source(refusal)
    }
}

impl TargetPolicy {
    /// Allows plain http and the two loopback addresses, for a partner simulated on the same machine.
    #[must_use]
    pub fn loopback() -> Self {
        Self {
            https_only: false,
            allow: vec![AddressRange::v4([127, 0, 0, 0], 8), "::1/128".parse().expect("a literal range")],
        }
    }

    /// Checks what can be told without resolving: scheme, credentials, and an address in place of a name.
    ///
    /// # Errors
    /// The first reason against it.
    pub fn check_url(&self, url: &Url) -> Result<(), TargetRefused> {
        match url.scheme() {
            "https" => {}
            "http" if !self.https_only => {}
            _ => return Err(TargetRefused::Scheme),
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(TargetRefused::Credentials);
        }
        // `Url` has already turned 0x7f.1, 2130706433 and their like into the address they mean.
        let host = url.host_str().ok_or(TargetRefused::NoHost)?;
        match host.trim_start_matches('[').trim_end_matches(']').parse() {
            Ok(address) => self.check_address(address),
            Err(_) => Ok(()),
        }
    }

    /// Checks an address that is about to be connected to.
    ///
    /// # Errors
    /// [`TargetRefused::Address`] when it is neither public nor allowed.
    pub fn check_address(&self, address: IpAddr) -> Result<(), TargetRefused> {
        let allowed = self.allow.iter().any(|range| range.contains(address));
        let denied = NOT_PUBLIC.iter().any(|range| range.contains(address));
        if allowed || !denied { Ok(()) } else { Err(TargetRefused::Address) }
    }
}

/// The IANA special-purpose registries, and what smuggles an IPv4 address into an IPv6 one.
#[rustfmt::skip]
const NOT_PUBLIC: [AddressRange; 31] = [
    AddressRange::v4([0, 0, 0, 0], 8),           // this network
    AddressRange::v4([10, 0, 0, 0], 8),          // private
    AddressRange::v4([100, 64, 0, 0], 10),       // carrier-grade NAT
    AddressRange::v4([127, 0, 0, 0], 8),         // loopback
    AddressRange::v4([169, 254, 0, 0], 16),      // link-local, cloud metadata
    AddressRange::v4([172, 16, 0, 0], 12),       // private
    AddressRange::v4([192, 0, 0, 0], 24),        // protocol assignments
    AddressRange::v4([192, 0, 2, 0], 24),        // documentation
    AddressRange::v4([192, 88, 99, 0], 24),      // 6to4 relay
    AddressRange::v4([192, 168, 0, 0], 16),      // private
    AddressRange::v4([198, 18, 0, 0], 15),       // benchmarks
    AddressRange::v4([198, 51, 100, 0], 24),     // documentation
    AddressRange::v4([203, 0, 113, 0], 24),      // documentation
    AddressRange::v4([224, 0, 0, 0], 4),         // multicast
    AddressRange::v4([240, 0, 0, 0], 4),         // reserved, broadcast
    AddressRange::v6([0, 0, 0], 96),             // unspecified, loopback, IPv4-compatible
    MAPPED,                                      // IPv4-mapped
    AddressRange::v6([0x64, 0xff9b, 0], 96),     // NAT64
    AddressRange::v6([0x64, 0xff9b, 1], 48),     // NAT64, local use
    AddressRange::v6([0x100, 0, 0], 64),         // discard
    AddressRange::v6([0x2001, 0, 0], 23),        // Teredo, protocol assignments
    AddressRange::v6([0x2001, 0xdb8, 0], 32),    // documentation
    AddressRange::v6([0x2002, 0, 0], 16),        // 6to4
    AddressRange::v6([0x3ffe, 0, 0], 16),        // 6bone, returned
    AddressRange::v6([0x3fff, 0, 0], 20),        // documentation
    AddressRange::v6([0x5f00, 0, 0], 16),        // segment routing
    AddressRange::v6([0xfc00, 0, 0], 7),         // unique local
    AddressRange::v6([0xfe80, 0, 0], 10),        // link-local
    AddressRange::v6([0xfec0, 0, 0], 10),        // site-local
    AddressRange::v6([0xff00, 0, 0], 8),         // multicast
    TRANSLATED,                                  // IPv4-translated
];

/// `::ffff:0:0/96`.
const MAPPED: AddressRange = AddressRange::v6_at(0xffff_u128 << 32, 96);
/// `::ffff:0:0:0/96`.
const TRANSLATED: AddressRange = AddressRange::v6_at(0xffff_u128 << 48, 96);

/// A URL as logs may show it: no user, no password, no query, no fragment (F-W14).
#[derive(Clone, Copy)]
pub struct SafeUrl<'a>(pub &'a Uri);

impl fmt::Display for SafeUrl<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = self.0.scheme_str().unwrap_or("?");
        write!(f, "{scheme}://{}", self.0.host().unwrap_or("?"))?;
        if let Some(port) = self.0.port_u16() {
            write!(f, ":{port}")?;
        }
        f.write_str(self.0.path())
    }
}

impl fmt::Debug for SafeUrl<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(policy: &TargetPolicy, text: &str) -> Result<(), TargetRefused> {
        policy.check_url(&Url::parse(text).expect("a URL"))
    }

    /// F-W12.
    #[test]
    fn no_address_that_is_not_public_passes() {
        let policy = TargetPolicy::default();
        for text in [
            "0.0.0.0",
            "10.1.2.3",
            "100.64.0.1",
            "127.0.0.1",
            "127.255.255.254",
            "169.254.169.254",
            "172.31.0.1",
            "192.168.1.1",
            "198.18.0.1",
            "224.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::7f00:1",
            "::ffff:127.0.0.1",
            "::ffff:8.8.8.8",
            "::ffff:0:8.8.8.8",
            "64:ff9b::7f00:1",
            "64:ff9b:1::1",
            "2001::1",
            "2001:db8::1",
            "2002:7f00:1::",
            "fc00::1",
            "fd12::1",
            "fe80::1",
            "fec0::1",
            "ff02::1",
        ] {
            assert_eq!(policy.check_address(text.parse().expect("an address")), Err(TargetRefused::Address), "{text}");
        }
        for text in ["8.8.8.8", "100.128.0.1", "172.32.0.1", "2606:4700::1111", "2001:4860:4860::8888"] {
            assert_eq!(policy.check_address(text.parse().expect("an address")), Ok(()), "{text}");
        }
    }

    #[test]
    fn an_address_in_disguise_is_seen_through() {
        let policy = TargetPolicy { https_only: false, ..TargetPolicy::default() };
        for text in [
            "http://2130706433/",
            "http://0x7f.1/",
            "http://0177.0.0.1/",
            "http://127.1/",
            "http://[::1]/",
            "http://[::ffff:7f00:1]/",
            "http://169.254.169.254./",
            "http://１２７.0.0.1/",
        ] {
            assert_eq!(url(&policy, text), Err(TargetRefused::Address), "{text}");
        }
    }

    #[test]
    fn scheme_and_credentials_are_checked() {
        let policy = TargetPolicy::default();
        assert_eq!(url(&policy, "http://example.org/"), Err(TargetRefused::Scheme));
        assert_eq!(url(&policy, "ftp://example.org/"), Err(TargetRefused::Scheme));
        assert_eq!(url(&policy, "https://user@example.org/"), Err(TargetRefused::Credentials));
        assert_eq!(url(&policy, "https://:pass@example.org/"), Err(TargetRefused::Credentials));
        assert_eq!(url(&policy, "https://example.org/"), Ok(()));
    }

    #[test]
    fn loopback_needs_the_allow_list() {
        assert_eq!(url(&TargetPolicy::loopback(), "http://127.0.0.1:1/"), Ok(()));
        assert_eq!(url(&TargetPolicy::loopback(), "http://[::1]:1/"), Ok(()));
        assert_eq!(url(&TargetPolicy::loopback(), "http://10.0.0.1/"), Err(TargetRefused::Address));
    }

    /// F-W14.
    #[test]
    fn a_logged_url_shows_no_credentials_and_no_query() {
        let uri = Uri::from_static("https://user:secret@example.org:8443/hook?token=secret");
        assert_eq!(SafeUrl(&uri).to_string(), "https://example.org:8443/hook");
        assert_eq!(format!("{:?}", SafeUrl(&uri)), "https://example.org:8443/hook");
    }
}
