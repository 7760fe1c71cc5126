use std::fmt::Write;

use toml::{Table, Value};

use super::{SECTIONS, load::defaults};

/// The example file: every key with its default and what it does.
#[must_use]
pub fn example() -> String {
    let defaults = defaults();
    let mut text = String::from(
        "# Every setting of fsm-server with its default. Durations are strings such as \"30s\", \"5m\" or \"1h 30m\".\n\
         # A variable of the environment goes over the file: FSM__SERVER__LISTEN sets server.listen.\n",
    );
    for (section, about, docs) in SECTIONS {
        let table = section.split('.').fold(&defaults, |table, name| inner(table, name));
        write!(text, "\n# {about}\n[{section}]\n").expect("writing to a string");
        for (key, doc) in *docs {
            comment(&mut text, doc);
            writeln!(text, "{key} = {}", shown(&table[*key])).expect("writing to a string");
        }
    }
    text
}

fn inner<'a>(table: &'a Table, name: &str) -> &'a Table {
    table[name].as_table().expect("a section is a table")
}

fn comment(text: &mut String, doc: &str) {
    for line in doc.lines() {
        writeln!(text, "# {}", line.trim_start()).expect("writing to a string");
    }
}

/// A list of tables has one a line.
fn shown(value: &Value) -> String {
    match value.as_array() {
        Some(entries) if entries.iter().any(Value::is_table) => {
            let lines: String = entries.iter().map(|entry| format!("  {entry},\n")).collect();
            format!("[\n{lines}]")
        }
        _ => value.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fsm-server.example.toml");

    /// Set `UPDATE_EXAMPLE` to write the file anew.
    #[test]
    fn the_example_file_says_what_the_defaults_are() {
        if std::env::var_os("UPDATE_EXAMPLE").is_some() {
            std::fs::write(FILE, example()).expect("the file can be written");
        }
        let written = std::fs::read_to_string(FILE).expect("fsm-server.example.toml at the root of the repository");
        assert!(written == example(), "run this test with UPDATE_EXAMPLE=1 to write fsm-server.example.toml anew");
    }

    #[test]
    fn every_key_is_explained() {
        fn leaves(prefix: &str, table: &Table) -> BTreeSet<String> {
            let name = |key: &str| if prefix.is_empty() { key.to_owned() } else { format!("{prefix}.{key}") };
            table
                .iter()
                .flat_map(|(key, value)| match value {
                    Value::Table(inner) => leaves(&name(key), inner),
                    _ => BTreeSet::from([name(key)]),
                })
                .collect()
        }
        let explained: BTreeSet<_> = SECTIONS
            .iter()
            .flat_map(|(section, _, docs)| docs.iter().map(move |(key, _)| format!("{section}.{key}")))
            .collect();
        assert_eq!(explained, leaves("", &defaults()));
    }
}
