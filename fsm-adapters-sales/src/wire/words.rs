use std::fmt;

use serde::{Deserialize, Serialize};

/// Makes a closed list of words: the enum, its words for the schema, and their spelling on the wire.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $word:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
        pub enum $name {
            $($(#[$variant_doc])* #[serde(rename = $word)] $variant,)+
        }

        impl $name {
            /// Every word of the list with its meaning.
            pub const WORDS: &[(&str, Self)] = &[$(($word, Self::$variant)),+];

            /// The word on the wire.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)+
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}

words! {
    /// Who sold the order.
    SalesSystem {
        /// Pyxis, which sells installations.
        Pyxis = "PYXIS",
        /// Tempo, which sells service requests.
        Tempo = "TEMPO",
    }
}

words! {
    /// What is to be done.
    OrderType {
        /// Something new is installed.
        Installation = "INSTALLATION",
        /// Something broken is repaired.
        Repair = "REPAIR",
        /// Something that works is looked after.
        Maintenance = "MAINTENANCE",
        /// Something is replaced by something better.
        Upgrade = "UPGRADE",
    }
}

words! {
    /// How urgent it is.
    Priority {
        /// Can wait.
        Low = "LOW",
        /// The usual case.
        Medium = "MEDIUM",
        /// Before the usual case.
        High = "HIGH",
        /// As soon as a technician is free.
        Urgent = "URGENT",
        /// At once.
        Emergency = "EMERGENCY",
    }
}

words! {
    /// How the customer wants to be reached.
    ContactMethod {
        /// By e-mail.
        Email = "EMAIL",
        /// By text message.
        Sms = "SMS",
        /// By a call.
        Phone = "PHONE",
    }
}

words! {
    /// How far the order has come, as the sales systems know it.
    IntakeStatus {
        /// It is stored.
        Received = "RECEIVED",
        /// It is worked on.
        Processing = "PROCESSING",
        /// It has an appointment.
        Scheduled = "SCHEDULED",
        /// It cannot be fulfilled as it is.
        Failed = "FAILED",
    }
}

words! {
    /// The part of the day that a slot covers.
    SlotType {
        /// Before noon.
        Morning = "MORNING",
        /// After noon.
        Afternoon = "AFTERNOON",
        /// After working hours.
        Evening = "EVENING",
        /// All day.
        FullDay = "FULL_DAY",
    }
}

words! {
    /// A day of the week.
    Weekday {
        /// Monday.
        Monday = "MON",
        /// Tuesday.
        Tuesday = "TUE",
        /// Wednesday.
        Wednesday = "WED",
        /// Thursday.
        Thursday = "THU",
        /// Friday.
        Friday = "FRI",
        /// Saturday.
        Saturday = "SAT",
        /// Sunday.
        Sunday = "SUN",
    }
}

words! {
    /// How the visit ended.
    Outcome {
        /// All is done.
        Completed = "COMPLETED",
        /// Some of it is done.
        PartiallyCompleted = "PARTIALLY_COMPLETED",
        /// It could not be done.
        Failed = "FAILED",
        /// It was called off.
        Cancelled = "CANCELLED",
    }
}

words! {
    /// Whether an item is in place.
    InstallationStatus {
        /// All pieces are.
        Installed = "INSTALLED",
        /// Some pieces are.
        PartiallyInstalled = "PARTIALLY_INSTALLED",
        /// None is.
        NotInstalled = "NOT_INSTALLED",
    }
}

words! {
    /// How a test ended.
    TestVerdict {
        /// As it should.
        Pass = "PASS",
        /// Not as it should.
        Fail = "FAIL",
    }
}

words! {
    /// How bad an issue is.
    Severity {
        /// Cosmetic.
        Low = "LOW",
        /// Noticeable.
        Medium = "MEDIUM",
        /// Hinders use.
        High = "HIGH",
        /// Prevents use.
        Critical = "CRITICAL",
    }
}
