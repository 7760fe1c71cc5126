/// Makes ring the process's TLS implementation, unless one is installed already.
///
/// Called once by the binary, before the first [`ReqwestClient`](super::ReqwestClient) is made; a library
/// must not choose it. Calling it again does nothing.
pub fn install_tls() {
    if !is_installed() {
        // The only failure is that another thread was faster, which is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
    }
}

pub(super) fn is_installed() -> bool {
    rustls::crypto::CryptoProvider::get_default().is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn installing_twice_is_harmless() {
        install_tls();
        install_tls();
        assert!(is_installed());
    }
}
