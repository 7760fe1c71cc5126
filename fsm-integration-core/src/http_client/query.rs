use std::fmt::Write as _;

/// Percent-encodes everything but the unreserved characters of RFC 3986, for a value in a query or a path.
///
/// ```
/// assert_eq!(fsm_integration_core::http_client::encode("A='b' & é"), "A%3D%27b%27%20%26%20%C3%A9");
/// ```
#[must_use]
pub fn encode(text: &str) -> String {
    text.bytes().fold(String::with_capacity(text.len()), |mut out, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            write!(out, "%{byte:02X}").expect("a String takes everything");
        }
        out
    })
}
