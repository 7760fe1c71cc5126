//! The names of the environment: ours, and those of the source documents.

use super::{Mistake, Mistakes};

const PREFIX: &str = "FSM__";

/// Names of the source documents and what they set; a bare number of a duration means milliseconds there.
#[rustfmt::skip]
const SEED_NAMES: &[(&str, &str, bool)] = &[
    ("CONEXXUS_API_URL",     "conexxus.url",         false),
    ("CONEXXUS_API_KEY",     "conexxus.api_key",     false),
    ("CONEXXUS_TIMEOUT",     "conexxus.timeout",     true),
    ("CONEXXUS_RETRIES",     "conexxus.retries",     false),
    ("CONEXXUS_RETRY_DELAY", "conexxus.retry_delay", true),
    ("LOCATION_ID",          "conexxus.location_id", false),
];

/// Names that ask for a backend that is not in this build, and what serves instead.
const NOT_BUILT_IN: &[(&str, &str)] = &[
    ("KAFKA_BROKERS", "the embedded event bus"),
    ("SCHEMA_REGISTRY_URL", "the bundled schemas"),
    ("SCHEMA_REGISTRY_KEY", "the bundled schemas"),
    ("SCHEMA_REGISTRY_SECRET", "the bundled schemas"),
    ("REDIS_URL", "the local rate limiter and idempotency in the embedded database"),
    ("DATABASE_URL", "the embedded database under server.data_dir"),
    ("VAULT_ADDR", "secrets.directory"),
    ("VAULT_TOKEN", "secrets.directory"),
];

/// A variable that sets a key.
pub(super) struct Variable {
    pub(super) name: String,
    /// The key, dotted and in lower case.
    pub(super) key: String,
    pub(super) value: String,
    /// Whether a bare number means milliseconds.
    pub(super) milliseconds: bool,
}

/// Picks what concerns us; an empty value counts as not set under the names of the source documents.
///
/// Ours come last, so that they win.
pub(super) fn variables(environment: &[(String, String)], found: &mut Mistakes) -> Vec<Variable> {
    let value_of = |wanted: &str| {
        environment.iter().find(|(name, value)| name == wanted && !value.is_empty()).map(|(_, value)| value)
    };
    for (name, instead) in NOT_BUILT_IN {
        if value_of(name).is_some() {
            let problem = "asks for a backend that is not in this build";
            found.push(Mistake::of(*name, problem, format!("unset it; {instead} will serve")));
        }
    }
    let seeds = SEED_NAMES.iter().filter_map(|&(name, key, milliseconds)| {
        let value = value_of(name)?;
        let bare = milliseconds && value.bytes().all(|byte| byte.is_ascii_digit());
        let value = if bare { format!("{value}ms") } else { value.clone() };
        Some(Variable { name: name.to_owned(), key: key.to_owned(), value, milliseconds })
    });
    let ours = environment.iter().filter_map(|(name, value)| {
        let key = name.strip_prefix(PREFIX)?.to_lowercase().replace("__", ".");
        Some(Variable { name: name.clone(), key, value: value.clone(), milliseconds: false })
    });
    seeds.chain(ours).collect()
}
