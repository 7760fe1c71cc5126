use serde::{Deserialize, Serialize};

/// Makes an enum of an Avro enum; a symbol that this version does not know is read as `UNKNOWN`.
macro_rules! symbols {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $symbol:literal),* $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
        pub enum $name {
            $($(#[$variant_doc])* #[serde(rename = $symbol)] $variant,)*
            /// A symbol that this version does not know.
            #[default]
            #[serde(rename = "UNKNOWN")]
            Unknown,
        }

        impl $name {
            /// The symbol on the wire.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $symbol,)*
                    Self::Unknown => "UNKNOWN",
                }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}
pub(super) use symbols;

symbols! {
    /// The sales system that an order came from.
    SourceSystem {
        /// Pyxis.
        Pyxis = "PYXIS",
        /// Tempo.
        Tempo = "TEMPO",
        /// SAP.
        Sap = "SAP",
        /// Any other.
        Custom = "CUSTOM",
    }
}

symbols! {
    /// Where the customer bought.
    SalesChannel {
        /// In a store.
        Store = "STORE",
        /// On the web.
        Web = "WEB",
        /// By telephone.
        CallCenter = "CALL_CENTER",
        /// In the mobile application.
        Mobile = "MOBILE",
        /// Through a partner.
        Partner = "PARTNER",
    }
}

symbols! {
    /// The outcome of a technical visit.
    TvOutcome {
        /// The installation can be done as sold.
        Yes = "YES",
        /// It can be done with modifications.
        YesBut = "YES_BUT",
        /// It cannot be done.
        No = "NO",
    }
}

symbols! {
    /// How urgent a ticket or a job is.
    WorkPriority {
        /// When there is time.
        Low = "LOW",
        /// As usual.
        Normal = "NORMAL",
        /// Before the usual.
        High = "HIGH",
        /// At once.
        Urgent = "URGENT",
    }
}

/// Where a technician was.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct GpsCoordinates {
    /// Latitude in degrees.
    pub lat: f64,
    /// Longitude in degrees.
    pub lng: f64,
}
