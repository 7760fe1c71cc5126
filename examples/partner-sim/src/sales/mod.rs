//! Pyxis and Tempo: the side that is called, and the side that sells.

mod callbacks;
mod client;
mod orders;
mod sample;

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

pub(crate) use callbacks::routes;
pub(crate) use client::http_client;
pub use client::{Answer, ClientError, SalesClient};
pub use orders::{OrderBook, order};
pub use sample::sample_order;

/// The two sales systems.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum SalesSystem {
    /// Installation orders; ids begin with `PX-`.
    Pyxis,
    /// Service requests; ids begin with `TMP-`.
    Tempo,
}

impl SalesSystem {
    /// Names it as in a path, `pyxis` or `tempo`.
    #[must_use]
    pub const fn path(self) -> &'static str {
        match self {
            Self::Pyxis => "pyxis",
            Self::Tempo => "tempo",
        }
    }

    /// Names it as in an order, `PYXIS` or `TEMPO`.
    #[must_use]
    pub const fn wire(self) -> &'static str {
        match self {
            Self::Pyxis => "PYXIS",
            Self::Tempo => "TEMPO",
        }
    }

    /// Returns how its order ids begin.
    #[must_use]
    pub const fn prefix(self) -> &'static str {
        match self {
            Self::Pyxis => "PX-",
            Self::Tempo => "TMP-",
        }
    }
}

impl fmt::Display for SalesSystem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.path())
    }
}

/// A name that is no sales system's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a sales system is `pyxis` or `tempo`")]
pub struct UnknownSystem;

impl FromStr for SalesSystem {
    type Err = UnknownSystem;

    fn from_str(name: &str) -> Result<Self, UnknownSystem> {
        [Self::Pyxis, Self::Tempo].into_iter().find(|system| system.path() == name).ok_or(UnknownSystem)
    }
}

/// The namespace of order ids, from the public contract.
const ORDER_NAMESPACE: Uuid = Uuid::from_u128(0xc6e5e2f0_8b3a_4f9d_9c7e_1a2b3c4d5e6f);

/// Computes the order id that the contract promises: UUIDv5 of tenant, system and external id as netstrings.
#[must_use]
pub fn order_id(tenant: &str, system: SalesSystem, external_order_id: &str) -> String {
    let netstring = |text: &str| format!("{}:{text},", text.len());
    let identity = [tenant, system.wire(), external_order_id].map(netstring).concat();
    Uuid::new_v5(&ORDER_NAMESPACE, identity.as_bytes()).to_string()
}
