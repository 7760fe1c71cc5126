use std::fmt;

use http::Uri;

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
