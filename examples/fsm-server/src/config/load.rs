use std::path::PathBuf;

use serde::Deserialize;
use toml::{Table, Value};

use super::{ApiKey, Config, KeyHash, Mistake, Mistakes, environment::variables};

/// Where settings come from; later fields go over earlier ones.
#[derive(Debug, Clone, Default)]
pub struct Sources {
    /// The TOML file, if there is one.
    pub file: Option<PathBuf>,
    /// The variables of the environment.
    pub environment: Vec<(String, String)>,
    /// What the command line sets, by key.
    pub command_line: Vec<(&'static str, String)>,
}

/// Reads all sources; what is wrong is left at its default and reported.
pub(super) fn read(sources: &Sources) -> (Config, Mistakes) {
    let mut reader = Reader::new();
    if let Some(path) = &sources.file {
        let origin = path.display().to_string();
        match std::fs::read_to_string(path) {
            Ok(text) => reader.file(&text, &origin),
            Err(error) => {
                let fix = "check the path and its permissions";
                reader.found.push(Mistake::of(origin, format!("cannot be read: {error}"), fix));
            }
        }
    }
    for variable in variables(&sources.environment, &mut reader.found) {
        reader.text(&variable.key, &variable.value, &variable.name);
    }
    for (key, value) in &sources.command_line {
        reader.text(key, value, "command line");
    }
    let config = Config::deserialize(reader.settings).expect("every setting was tried on its own");
    (config, reader.found)
}

/// Takes settings one by one, each tried alone, so that one mistake hides no other.
struct Reader {
    defaults: Table,
    /// The defaults, with one entry in every list: what keys there are.
    known: Table,
    settings: Table,
    found: Mistakes,
}

impl Reader {
    fn new() -> Self {
        let mut sample = Config::default();
        let tenant = "demo".parse().expect("a valid id");
        sample.auth.keys.push(ApiKey { tenant, sha256: KeyHash::of("") });
        let defaults = defaults();
        Self { settings: defaults.clone(), known: table(&sample), defaults, found: Mistakes::default() }
    }

    fn file(&mut self, text: &str, origin: &str) {
        match text.parse::<Table>() {
            Ok(table) => self.table("", table, origin),
            Err(error) => {
                // The message only: the excerpt that comes with it could show a secret.
                let line = error.span().map_or(1, |span| text[..span.start].matches('\n').count() + 1);
                let key = format!("{origin}, line {line}");
                self.found.push(Mistake::of(key, error.message(), "write TOML, as fsm-server.example.toml does"));
            }
        }
    }

    fn table(&mut self, prefix: &str, table: Table, origin: &str) {
        for (name, value) in table {
            let key = if prefix.is_empty() { name } else { format!("{prefix}.{name}") };
            match (value, lookup(&self.known, &key)) {
                (Value::Table(inner), Some(Value::Table(_))) => self.table(&key, inner, origin),
                (value, Some(_)) => self.set(&key, value, origin),
                (_, None) => self.unknown(&key, origin),
            }
        }
    }

    /// Reads text as what the key takes; lists are written as in TOML.
    fn text(&mut self, key: &str, text: &str, origin: &str) {
        let parsed = match lookup(&self.known, key) {
            None => return self.unknown(key, origin),
            Some(Value::String(_)) => None,
            Some(_) => format!("value = {text}").parse::<Table>().ok().and_then(|mut table| table.remove("value")),
        };
        self.set(key, parsed.unwrap_or_else(|| Value::String(text.to_owned())), origin);
    }

    fn set(&mut self, key: &str, value: Value, origin: &str) {
        if let Value::Array(entries) = &value {
            if !self.entries_are_right(key, entries, origin) {
                return;
            }
        } else if let Err(problem) = self.try_alone(key, &value) {
            return self.wrong(key, Some(&value), &problem, origin);
        }
        put(&mut self.settings, key, value);
    }

    /// Tries every entry of a list alone, so that the mistake names which one it is.
    fn entries_are_right(&mut self, key: &str, entries: &[Value], origin: &str) -> bool {
        let mut right = true;
        for (index, entry) in entries.iter().enumerate() {
            let key_of_entry = format!("{key}[{index}]");
            let unknown = self.unknown_in_entry(key, entry);
            right &= unknown.is_empty();
            for name in &unknown {
                self.unknown(&format!("{key_of_entry}.{name}"), origin);
            }
            if !unknown.is_empty() {
                continue;
            }
            if let Err(problem) = self.try_alone(key, &Value::Array(vec![entry.clone()])) {
                right = false;
                self.wrong(&key_of_entry, (!entry.is_table()).then_some(entry), &problem, origin);
            }
        }
        right
    }

    fn unknown_in_entry(&self, key: &str, entry: &Value) -> Vec<String> {
        let Some(Value::Array(sample)) = lookup(&self.known, key) else { return Vec::new() };
        match (sample.first(), entry) {
            (Some(Value::Table(known)), Value::Table(entry)) => {
                entry.keys().filter(|name| !known.contains_key(*name)).cloned().collect()
            }
            _ => Vec::new(),
        }
    }

    fn try_alone(&self, key: &str, value: &Value) -> Result<(), String> {
        let mut alone = self.defaults.clone();
        put(&mut alone, key, value.clone());
        Config::deserialize(alone).map(drop).map_err(|error| error.message().to_owned())
    }

    fn wrong(&mut self, key: &str, value: Option<&Value>, problem: &str, origin: &str) {
        let secret = is_secret(key);
        let example = lookup(&self.defaults, key).filter(|_| !secret);
        self.found.push(Mistake {
            key: key.to_owned(),
            value: value.filter(|_| !secret).map(ToString::to_string),
            origin: Some(origin.to_owned()),
            // What a parser says of a secret may quote it.
            problem: if secret { "is not what this key takes".to_owned() } else { problem.to_owned() },
            fix: example.map_or_else(
                || "see fsm-server.example.toml".to_owned(),
                |default| format!("the default is {default}"),
            ),
        });
    }

    fn unknown(&mut self, key: &str, origin: &str) {
        let known = keys("", &self.known);
        let plain = without_indices(key);
        let nearest = known
            .iter()
            .map(|name| (strsim::jaro_winkler(&plain, name), name))
            .filter(|(similarity, _)| *similarity > 0.8)
            .max_by(|(a, _), (b, _)| a.total_cmp(b));
        let fix = nearest.map_or_else(
            || "see fsm-server.example.toml for all keys".to_owned(),
            |(_, name)| format!("did you mean {name}?"),
        );
        let origin = Some(origin.to_owned());
        self.found.push(Mistake { origin, ..Mistake::of(key, "is not a known key", fix) });
    }
}

/// Values of these keys are never shown, and neither is what a parser says of them; a URL may hold a password.
fn is_secret(key: &str) -> bool {
    let key = without_indices(key);
    ["api_key", "sha256", "url"].iter().any(|secret| key.ends_with(secret)) || key.starts_with("auth.keys")
}

fn without_indices(key: &str) -> String {
    key.split('.').map(|part| part.split('[').next().unwrap_or(part)).collect::<Vec<_>>().join(".")
}

fn lookup<'a>(table: &'a Table, key: &str) -> Option<&'a Value> {
    match key.split_once('.') {
        None => table.get(key),
        Some((first, rest)) => lookup(table.get(first)?.as_table()?, rest),
    }
}

fn put(table: &mut Table, key: &str, value: Value) {
    match key.split_once('.') {
        None => drop(table.insert(key.to_owned(), value)),
        Some((first, rest)) => {
            let inner = table.entry(first).or_insert_with(|| Value::Table(Table::new()));
            put(inner.as_table_mut().expect("only known keys are put"), rest, value);
        }
    }
}

/// Every key there is, those inside the entries of lists included.
fn keys(prefix: &str, table: &Table) -> Vec<String> {
    let mut all = Vec::new();
    for (name, value) in table {
        let key = if prefix.is_empty() { name.clone() } else { format!("{prefix}.{name}") };
        match value {
            Value::Table(inner) => all.extend(keys(&key, inner)),
            Value::Array(entries) => {
                all.extend(entries.first().and_then(Value::as_table).map_or_else(Vec::new, |inner| keys(&key, inner)));
            }
            _ => {}
        }
        all.push(key);
    }
    all
}

/// The defaults as a table, for the example file.
pub(super) fn defaults() -> Table {
    table(&Config::default())
}

fn table(config: &Config) -> Table {
    Table::try_from(config).expect("the configuration is TOML")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from_text(text: &str) -> (Config, String) {
        let mut reader = Reader::new();
        reader.file(text, "test.toml");
        let config = Config::deserialize(reader.settings).expect("tried");
        config.check(&mut reader.found);
        (config, reader.found.to_string())
    }

    fn from_environment(pairs: &[(&str, &str)]) -> Result<Config, Mistakes> {
        let environment = pairs.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect();
        Config::load(&Sources { environment, ..Sources::default() })
    }

    #[test]
    fn nothing_set_is_the_default() {
        assert_eq!(table(&Config::load(&Sources::default()).expect("valid")), defaults());
    }

    #[test]
    fn the_example_file_is_the_default() {
        let (config, _) = from_text(&super::super::example());
        assert_eq!(table(&config), defaults());
    }

    #[test]
    fn every_mistake_is_reported_at_once_with_key_value_and_fix() {
        let (_, report) = from_text(
            "[server]\nlisten = \"nowhere\"\nbody_timeout = \"soon\"\nlissen = 1\n\
             [limits]\nintake_per_minute = 0\nslots_per_minute = \"many\"\n[sever]\nx = 1\n",
        );
        for part in [
            "server.listen = \"nowhere\" (test.toml)",
            "the default is \"127.0.0.1:8080\"",
            "server.body_timeout = \"soon\"",
            "server.lissen (test.toml): is not a known key; did you mean server.listen?",
            "limits.intake_per_minute = 0 (test.toml)",
            "limits.slots_per_minute = \"many\"",
            "sever (test.toml): is not a known key; did you mean server?",
            "6 mistakes",
        ] {
            assert!(report.contains(part), "{part}\n{report}");
        }
    }

    #[test]
    fn a_wrong_entry_of_a_list_is_named() {
        let (_, report) = from_text(
            "[[scheduler.technicians]]\nid = \"a\"\nzones = \"UTC\"\n[[scheduler.technicians]]\nid = \"b\"\n\
             [webhooks]\nschedule = [\"5s\", \"soon\"]\n",
        );
        assert!(report.contains("scheduler.technicians[0].zones (test.toml): is not a known key; did you mean scheduler.technicians.zone?"), "{report}");
        assert!(report.contains("scheduler.technicians[1] (test.toml): missing field"), "{report}");
        assert!(report.contains("webhooks.schedule[1] = \"soon\""), "{report}");
    }

    #[test]
    fn a_secret_is_never_quoted() {
        let hash = "5e884898da28047151d0e56f8dc6292773603d0d6aabbdd62a11ef721d1542d8";
        for text in [
            format!("[auth]\nadmin_token_sha256 = \"{}\"", &hash[1..]),
            format!("[auth]\nkeys = [{{ tenant = \"ACME\", sha256 = \"{hash}\" }}]"),
            format!("[auth]\nkeys = \"{hash}\""),
            format!("[conexxus]\napi_key = [\"{hash}\"]"),
            format!("[conexxus]\napi_key = \"{hash}"),
        ] {
            let (_, report) = from_text(&text);
            assert!(report.contains("mistake") && !report.contains(&hash[1..]), "{report}");
        }
        let (config, _) = from_text(&format!("[conexxus]\napi_key = \"{hash}\""));
        assert!(!format!("{config:?}").contains(hash));
    }

    #[test]
    fn the_environment_goes_over_the_file_and_the_command_line_over_both() {
        let file = tempfile::NamedTempFile::new().expect("a file");
        std::fs::write(file.path(), "[server]\nlisten = \"127.0.0.1:1\"\n[limits]\nslots_per_minute = 7\n")
            .expect("written");
        let sources = Sources {
            file: Some(file.path().to_owned()),
            environment: vec![
                ("FSM__SERVER__LISTEN".to_owned(), "127.0.0.1:2".to_owned()),
                ("FSM__WEBHOOKS__SCHEDULE".to_owned(), "[\"1s\", \"1m 30s\"]".to_owned()),
                ("FSM__SALES__PYXIS__ENABLED".to_owned(), "false".to_owned()),
            ],
            command_line: vec![("server.listen", "127.0.0.1:3".to_owned())],
        };
        let config = Config::load(&sources).expect("valid");
        assert_eq!((config.server.listen.port(), config.limits.slots_per_minute.get()), (3, 7));
        assert_eq!(config.webhooks.schedule.iter().map(std::time::Duration::as_secs).collect::<Vec<_>>(), [1, 90]);
    }

    #[test]
    fn the_names_of_the_source_documents_are_understood() {
        let config = from_environment(&[
            ("CONEXXUS_API_URL", "https://api.conexxus.example.com"),
            ("CONEXXUS_API_KEY", "secret"),
            ("CONEXXUS_TIMEOUT", "60000"),
            ("CONEXXUS_RETRIES", "2"),
            ("CONEXXUS_RETRY_DELAY", "2s"),
            ("LOCATION_ID", "store-001"),
        ])
        .expect("valid");
        assert!(config.conexxus.enabled());
        assert_eq!((config.conexxus.timeout.as_secs(), config.conexxus.retry_delay.as_secs()), (60, 2));
        assert_eq!((config.conexxus.retries, config.conexxus.location_id.as_str()), (2, "store-001"));
    }

    #[test]
    fn a_backend_that_is_not_built_in_stops_the_start() {
        for name in ["KAFKA_BROKERS", "REDIS_URL", "DATABASE_URL", "VAULT_ADDR"] {
            let report = from_environment(&[(name, "host:1")]).expect_err("refused").to_string();
            assert!(report.contains(name) && report.contains("not in this build; unset it"), "{report}");
            assert!(from_environment(&[(name, "")]).is_ok(), "an empty variable is not set");
        }
    }

    #[test]
    fn a_misspelt_variable_is_refused_with_the_nearest_name() {
        let report = from_environment(&[("FSM__SERVER__LISTN", "x")]).expect_err("refused").to_string();
        assert!(
            report.contains("server.listn (FSM__SERVER__LISTN): is not a known key; did you mean server.listen?"),
            "{report}"
        );
    }

    #[test]
    fn an_address_that_others_reach_needs_keys() {
        let open = ("FSM__SERVER__LISTEN", "0.0.0.0:8080");
        let report = from_environment(&[open]).expect_err("refused").to_string();
        assert!(report.contains("auth.keys is empty; add a key"), "{report}");
        let keys = format!("[{{ tenant = \"acme\", sha256 = \"{}\" }}]", KeyHash::of("key"));
        let config = from_environment(&[open, ("FSM__AUTH__KEYS", &keys)]).expect("valid");
        assert_eq!(config.auth.keys[0].sha256, KeyHash::of("key"));
        let report = from_environment(&[("FSM__SERVER__ADMIN_LISTEN", "[::]:8081")]).expect_err("refused").to_string();
        assert!(report.contains("admin_token_sha256 is empty"), "{report}");
    }

    #[test]
    fn half_of_conexxus_is_a_mistake() {
        let report = from_environment(&[("CONEXXUS_API_KEY", "hunter2")]).expect_err("refused").to_string();
        assert!(report.contains("set both") && !report.contains("hunter2"), "{report}");
    }

    #[test]
    fn a_url_with_a_password_is_refused_and_not_shown() {
        let report = from_environment(&[
            ("FSM__SALES__PYXIS__ENABLED", "true"),
            ("FSM__SALES__PYXIS__BASE_URL", "https://user:hunter2@pyxis.example.com"),
        ])
        .expect_err("refused")
        .to_string();
        assert!(report.contains("sales.pyxis.base_url") && !report.contains("hunter2"), "{report}");
    }
}
