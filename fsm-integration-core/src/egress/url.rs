//! What matters of a URL, read so strictly that no client can understand it in another way.

use std::net::IpAddr;

/// A URL cut into the pieces that decide where it leads; each may still be wrong.
pub(super) struct Url<'a> {
    pub(super) scheme: &'a str,
    pub(super) has_credentials: bool,
    pub(super) host: &'a str,
    /// What follows the colon, if there is one.
    pub(super) port: Option<&'a str>,
}

/// What stands in the place of the host.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Host {
    /// A name to resolve.
    Name,
    /// An address.
    Address(IpAddr),
    /// What some clients take for an address and others for a name: `0x7f.1`, `2130706433`, `0177.0.0.1`.
    Disguised,
}

/// Cuts an absolute URL; `None` for anything else, and for characters that clients read differently: blanks anywhere,
/// others before the path only, behind which nothing decides where it leads.
pub(super) fn parse(text: &str) -> Option<Url<'_>> {
    let plain = |byte: u8| !b"\\\"<>^`{|}".contains(&byte);
    let (scheme, rest) = text.split_once("://")?;
    let is_scheme = !scheme.is_empty() && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if !is_scheme || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return None;
    }
    let authority = rest.split(['/', '?', '#']).next().filter(|authority| authority.bytes().all(plain))?;
    let (credentials, place) = authority.rsplit_once('@').map_or((None, authority), |(user, rest)| (Some(user), rest));
    let end_of_host =
        if place.starts_with('[') { place.find(']')? + 1 } else { place.find(':').unwrap_or(place.len()) };
    let (host, port) = place.split_at(end_of_host);
    let port = if port.is_empty() { None } else { Some(port.strip_prefix(':')?) };
    Some(Url { scheme, has_credentials: credentials.is_some(), host, port })
}

/// The port to connect to; `None` when it is no number that a port can have.
pub(super) fn port(text: Option<&str>, default: u16) -> Option<u16> {
    match text {
        None | Some("") => Some(default),
        Some(digits) => digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok())?,
    }
}

/// Tells names and addresses apart; `None` for what is neither.
pub(super) fn host(text: &str) -> Option<Host> {
    if let Some(inner) = text.strip_prefix('[') {
        return inner.strip_suffix(']')?.parse().ok().map(|address| Host::Address(IpAddr::V6(address)));
    }
    let text = text.strip_suffix('.').unwrap_or(text);
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    if text.split('.').any(|label| label.is_empty() || !label.bytes().all(plain)) {
        return None;
    }
    match text.parse() {
        Ok(address) => Some(Host::Address(IpAddr::V4(address))),
        Err(_) if ends_in_a_number(text) => Some(Host::Disguised),
        Err(_) => Some(Host::Name),
    }
}

/// As the URL standard's "ends in a number" checker: whoever follows it reads such a host as an IPv4 address.
fn ends_in_a_number(host: &str) -> bool {
    let last = host.rsplit('.').next().unwrap_or(host);
    let hex = last.strip_prefix("0x").or_else(|| last.strip_prefix("0X"));
    last.bytes().all(|byte| byte.is_ascii_digit())
        || hex.is_some_and(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()))
}
