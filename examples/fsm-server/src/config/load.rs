#[cfg(test)]
mod tests;

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
        let known = reader.found.len();
        reader.text(&variable.key, &variable.value, &variable.name);
        if variable.milliseconds {
            reader.found.mend_from(known, "write milliseconds, as in 30000, or a duration such as \"30s\"");
        }
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

/// Shows the values of settings that are wrong, where they are one line and no secret.
pub(super) fn show_values(config: &Config, found: &mut Mistakes) {
    let settings = table(config);
    for mistake in found.iter_mut().filter(|mistake| mistake.value.is_none() && !is_secret(&mistake.key)) {
        let value = lookup(&settings, &mistake.key).filter(|value| !value.is_table() && !value.is_array());
        mistake.value = value.map(ToString::to_string);
    }
}

/// Values of these keys are never shown, and neither is what a parser says of them; a URL may hold a password, and
/// in the place of a secret's path may stand the secret.
fn is_secret(key: &str) -> bool {
    let key = without_indices(key);
    ["api_key", "sha256", "url", "_path"].iter().any(|secret| key.ends_with(secret)) || key.starts_with("auth.keys")
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
