use std::{
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
    time::Duration,
};

use serde::{Deserialize, Serialize};

use super::{Doc, Mistakes};

/// Listeners, timeouts and bounds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ServerConfig {
    /// Address of the public API.
    pub listen: SocketAddr,
    /// Address of the operators' API and page.
    pub admin_listen: SocketAddr,
    /// Directory of the embedded database.
    pub data_dir: PathBuf,
    /// How long a client may take to send its headers.
    #[serde(with = "jiff::fmt::serde::unsigned_duration::friendly::compact::required")]
    pub header_timeout: Duration,
    /// How long a client may take to send its body.
    #[serde(with = "jiff::fmt::serde::unsigned_duration::friendly::compact::required")]
    pub body_timeout: Duration,
    /// How long an answer may take.
    #[serde(with = "jiff::fmt::serde::unsigned_duration::friendly::compact::required")]
    pub request_timeout: Duration,
    /// Largest body that is accepted, in bytes.
    pub body_limit_bytes: usize,
    /// How many requests are worked on at once.
    pub max_concurrent_requests: usize,
    /// How long a shutdown waits for the work under way.
    #[serde(with = "jiff::fmt::serde::unsigned_duration::friendly::compact::required")]
    pub shutdown_grace: Duration,
}

impl Default for ServerConfig {
    fn default() -> Self {
        Self {
            listen: (Ipv4Addr::LOCALHOST, 8080).into(),
            admin_listen: (Ipv4Addr::LOCALHOST, 8081).into(),
            data_dir: PathBuf::from("./fsm-data"),
            header_timeout: Duration::from_secs(10),
            body_timeout: Duration::from_secs(10),
            request_timeout: Duration::from_secs(30),
            body_limit_bytes: 1024 * 1024,
            max_concurrent_requests: 1024,
            shutdown_grace: Duration::from_secs(30),
        }
    }
}

pub(super) const DOCS: &[Doc] = &[
    ("listen", "Address of the public API; anything but loopback needs auth.keys."),
    ("admin_listen", "Address of the operators' API and page; anything but loopback needs auth.admin_token_sha256."),
    ("data_dir", "Directory of the embedded database; made when it is missing."),
    ("header_timeout", "How long a client may take to send its headers."),
    ("body_timeout", "How long a client may take to send its body."),
    ("request_timeout", "How long an answer may take; then TIMEOUT is answered."),
    ("body_limit_bytes", "Largest body that is accepted, in bytes."),
    ("max_concurrent_requests", "How many requests are worked on at once; more are refused with SERVICE_UNAVAILABLE."),
    ("shutdown_grace", "How long a shutdown waits for the work under way."),
];

impl ServerConfig {
    pub(super) fn check(&self, found: &mut Mistakes) {
        for (key, duration) in [
            ("server.header_timeout", self.header_timeout),
            ("server.body_timeout", self.body_timeout),
            ("server.request_timeout", self.request_timeout),
        ] {
            found.require(!duration.is_zero(), key, "must be longer than nothing", "write a duration such as \"30s\"");
        }
        let bounded = (1024..=64 * 1024 * 1024).contains(&self.body_limit_bytes);
        found.require(bounded, "server.body_limit_bytes", "is out of range", "write 1024 to 67108864");
        let bounded = (1..=1_000_000).contains(&self.max_concurrent_requests);
        found.require(bounded, "server.max_concurrent_requests", "is out of range", "write 1 to 1000000");
        let named = !self.data_dir.as_os_str().is_empty();
        found.require(named, "server.data_dir", "is empty", "name a directory, as in \"./fsm-data\"");
        let apart = self.listen != self.admin_listen || self.listen.port() == 0;
        found.require(apart, "server.admin_listen", "is the address of server.listen", "give the two different ports");
    }
}
