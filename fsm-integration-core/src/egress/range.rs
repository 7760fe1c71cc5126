use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    str::FromStr,
};

use serde::{Deserialize, Serialize};

/// A block of IP addresses, as in `10.0.0.0/8`; one address when no prefix is given.
///
/// What an address holds behind the prefix is of no account: `10.1.2.3/8` is `10.0.0.0/8`.
/// An IPv4-mapped IPv6 address is no IPv4 address here: each is in the ranges of its own family only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct AddressRange {
    network: IpAddr,
    prefix: u8,
}

/// Text that is no range of addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an address range is an IP address with an optional prefix, as in 10.0.0.0/8 or ::1")]
pub struct InvalidRange;

impl AddressRange {
    pub(super) const fn v4(octets: [u8; 4], prefix: u8) -> Self {
        let [a, b, c, d] = octets;
        Self { network: IpAddr::V4(Ipv4Addr::new(a, b, c, d)), prefix }
    }

    pub(super) const fn v6(start: [u16; 3], prefix: u8) -> Self {
        let [a, b, c] = start;
        Self { network: IpAddr::V6(Ipv6Addr::new(a, b, c, 0, 0, 0, 0, 0)), prefix }
    }

    pub(super) const fn v6_at(bits: u128, prefix: u8) -> Self {
        Self { network: IpAddr::V6(Ipv6Addr::from_bits(bits)), prefix }
    }

    /// Whether the address is in it.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        let prefix = u32::from(self.prefix);
        // A shift by the whole width is `None`: the empty prefix holds everything.
        match (self.network, address) {
            (IpAddr::V4(network), IpAddr::V4(address)) => {
                (network.to_bits() ^ address.to_bits()).checked_shr(32 - prefix).unwrap_or(0) == 0
            }
            (IpAddr::V6(network), IpAddr::V6(address)) => {
                (network.to_bits() ^ address.to_bits()).checked_shr(128 - prefix).unwrap_or(0) == 0
            }
            _ => false,
        }
    }
}

impl FromStr for AddressRange {
    type Err = InvalidRange;

    fn from_str(text: &str) -> Result<Self, InvalidRange> {
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(length(prefix).ok_or(InvalidRange)?)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_| InvalidRange)?;
        let width = if address.is_ipv4() { 32 } else { 128 };
        let prefix = prefix.unwrap_or(width);
        if prefix > width {
            return Err(InvalidRange);
        }
        Ok(Self { network: network(address, prefix.into()), prefix })
    }
}

/// Digits only: a number's own parser takes a sign.
fn length(text: &str) -> Option<u8> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?
}

/// The first address of the network that the address is in.
fn network(address: IpAddr, prefix: u32) -> IpAddr {
    // A shift by the whole width is `None`: the empty prefix leaves nothing.
    match address {
        IpAddr::V4(address) => {
            let mask = u32::MAX.checked_shl(32 - prefix).unwrap_or(0);
            Ipv4Addr::from_bits(address.to_bits() & mask).into()
        }
        IpAddr::V6(address) => {
            let mask = u128::MAX.checked_shl(128 - prefix).unwrap_or(0);
            Ipv6Addr::from_bits(address.to_bits() & mask).into()
        }
    }
}

impl fmt::Display for AddressRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.network, self.prefix)
    }
}

impl TryFrom<String> for AddressRange {
    type Error = InvalidRange;

    fn try_from(text: String) -> Result<Self, InvalidRange> {
        text.parse()
    }
}

impl From<AddressRange> for String {
    fn from(range: AddressRange) -> Self {
        range.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_holds_its_ends_and_not_their_neighbours() {
        let range: AddressRange = "100.64.0.0/10".parse().expect("a range");
        for (text, inside) in
            [("100.63.255.255", false), ("100.64.0.0", true), ("100.127.255.255", true), ("100.128.0.0", false)]
        {
            assert_eq!(range.contains(text.parse().expect("an address")), inside, "{text}");
        }
    }

    #[test]
    fn the_empty_prefix_holds_its_whole_family_and_no_other() {
        let all: AddressRange = "0.0.0.0/0".parse().expect("a range");
        assert!(all.contains(Ipv4Addr::BROADCAST.into()));
        assert!(!all.contains(Ipv6Addr::LOCALHOST.into()));
    }

    #[test]
    fn a_range_is_written_with_its_prefix_and_read_again() {
        for (text, written) in [
            ("10.0.0.0/8", "10.0.0.0/8"),
            ("10.1.2.3/8", "10.0.0.0/8"),
            ("255.255.255.255/31", "255.255.255.254/31"),
            ("10.1.2.3/0", "0.0.0.0/0"),
            ("2001:db8::1/32", "2001:db8::/32"),
            ("2001:db8::1/0", "::/0"),
            ("127.0.0.1", "127.0.0.1/32"),
            ("::1", "::1/128"),
        ] {
            let range: AddressRange = text.parse().expect("a range");
            assert_eq!((range.to_string(), Ok(range)), (written.to_owned(), written.parse()), "equal, however written");
            let json = serde_json::to_string(&range).expect("a range is text");
            assert_eq!(json, format!("\"{written}\""));
            assert_eq!(serde_json::from_str::<AddressRange>(&json).expect("a range"), range);
        }
    }

    #[test]
    fn what_is_no_range_is_refused() {
        for text in [
            "",
            "10.0.0.0/33",
            "::/129",
            "10.0.0.0/",
            "10.0.0.0/-1",
            "10.0.0.0/+8",
            "10.0.0.0/ 8",
            "10.0.0.0/256",
            "localhost",
            "10.0.0",
        ] {
            assert!(text.parse::<AddressRange>().is_err(), "{text:?}");
        }
    }
}
