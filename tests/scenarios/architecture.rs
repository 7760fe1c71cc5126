//! Who may use whom, and a few things that must be nowhere. Each broken rule is told with its file and line.

mod rules;
mod source;

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write,
    fs,
    path::Path,
};

use self::{
    rules::{ADAPTER, ADAPTERS, CORE, IMPURE_WORDS, MOST_CODE, MOST_LINES, NEVER, OUTSIDE, PURE},
    source::{Named, Source, sources, without_test_files},
};

/// A rule that a line breaks, ready to be read and clicked.
fn broken(source: &Source, line: usize, rule: &str) -> String {
    format!("{}:{line}: {rule}", source.path)
}

fn assert_none(broken: &[String]) {
    assert!(broken.is_empty(), "{} broken rules:\n{}", broken.len(), broken.join("\n"));
}

fn is_below(path: &[String], name: &str) -> bool {
    name.split("::")
        .zip(path.iter().map(Some).chain(std::iter::repeat(None)))
        .all(|(want, got)| got.is_some_and(|got| got == want))
}

fn row<'a>(table: &[(&str, &'a [&'a str])], module: &[String]) -> Option<&'a [&'a str]> {
    let fits = table.iter().filter(|(name, _)| is_below(module, name));
    fits.max_by_key(|(name, _)| name.len()).map(|(_, row)| *row)
}

/// The path from the crate's root, for one that begins with `crate`, `self` or `super`.
fn inside(named: &Named, module: &[String]) -> Option<Vec<String>> {
    let ups = named.segments.iter().take_while(|segment| *segment == "super").count();
    match named.segments[0].as_str() {
        "crate" => Some(named.segments[1..].to_vec()),
        "self" => Some([module, &named.segments[1..]].concat()),
        "super" => Some([&module[..module.len().saturating_sub(ups)], &named.segments[ups..]].concat()),
        _ => None,
    }
}

/// What counts as a module's own: its layer in core, its file's or folder's name elsewhere.
fn own(module: &[String]) -> &[String] {
    let depth = if module.first().is_some_and(|room| room == "layers") { 2 } else { 1 };
    // The vocabulary and the runtime of events have rows of their own.
    let depth = if module.first().is_some_and(|room| room == "event") { module.len() } else { depth };
    &module[..depth.min(module.len())]
}

fn imports(source: &Source, table: &[(&str, &[&str])]) -> Vec<String> {
    let module = source.module();
    let Some(allowed) = row(table, &module) else { return Vec::new() };
    let never = row(NEVER, &module).unwrap_or_default();
    let mut found = Vec::new();
    for named in source.paths() {
        let Some(target) = inside(&named, &module) else { continue };
        let text = target.join("::");
        let is_own = target.starts_with(own(&module)) || target.len() <= 1 && named.segments[0] != "crate";
        let may = is_own || allowed.iter().any(|name| is_below(&target, name));
        if !may {
            found.push(broken(source, named.line, &format!("`{}` must not use `{text}`", module.join("::"))));
        }
        if never.iter().any(|name| is_below(&target, name)) && !target.starts_with(&module) {
            found.push(broken(source, named.line, &format!("`{}` must not know `{text}`", module.join("::"))));
        }
    }
    found
}

fn outside(source: &Source) -> Vec<String> {
    let module = source.module();
    let breaks = |named: Named| {
        let (name, allowed) = OUTSIDE.iter().find(|(name, _)| is_below(&named.segments, name))?;
        let may = allowed.iter().any(|allowed| is_below(&module, allowed));
        (!may).then(|| broken(source, named.line, &format!("`{name}` may be used by {allowed:?} only")))
    };
    source.paths().into_iter().filter_map(breaks).collect()
}

fn purity(source: &Source) -> Vec<String> {
    let is_pure = PURE.contains(&source.module().join("/").as_str());
    let words = source.words().into_iter().filter(|(_, word)| is_pure && IMPURE_WORDS.contains(&word.as_str()));
    words.map(|(line, word)| broken(source, line, &format!("a pure file must not know `{word}`"))).collect()
}

fn core() -> Vec<Source> {
    without_test_files(sources("fsm-integration-core/src"))
}

/// Every file of the workspace that is Rust, tests included.
fn all() -> Vec<Source> {
    sources("")
}

#[test]
fn imports_in_core_go_one_way() {
    let core = core();
    for source in &core {
        let module = source.module();
        assert!(module.is_empty() || row(CORE, &module).is_some(), "{}: no rule for this file", source.path);
    }
    assert_none(&core.iter().flat_map(|source| imports(source, CORE)).collect::<Vec<_>>());
}

#[test]
fn only_secret_sources_and_the_database_touch_files_and_environment() {
    assert_none(&core().iter().flat_map(outside).collect::<Vec<_>>());
}

#[test]
fn decisions_are_pure() {
    let core = core();
    for file in PURE {
        assert!(core.iter().any(|source| source.module().join("/") == **file), "{file}: no such file");
    }
    assert_none(&core.iter().flat_map(purity).collect::<Vec<_>>());
}

/// Of a file that decides every line matters; `cargo mutants` shows that a test notices it.
#[test]
fn decisions_are_mutated() {
    let path = ".cargo/mutants.toml";
    let settings = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).expect("its settings");
    let listed = settings.lines().filter_map(|line| line.trim().strip_prefix('"')?.strip_suffix("\","));
    let listed: Vec<_> = listed.filter(|text| text.ends_with(".rs")).collect();
    assert!(listed.is_sorted(), "{path}: not in order");
    let core = core();
    for file in &listed {
        assert!(core.iter().any(|source| source.path == **file), "{path}: {file}: no such file");
    }
    for file in PURE {
        let file = format!("fsm-integration-core/src/{file}.rs");
        assert!(listed.contains(&file.as_str()), "{path}: {file} is missing");
    }
}

#[test]
fn files_of_an_adapter_use_each_other_one_way() {
    for adapter in ADAPTERS {
        let files = without_test_files(sources(&format!("{adapter}/src")));
        assert_none(&files.iter().flat_map(|source| imports(source, ADAPTER)).collect::<Vec<_>>());
    }
}

#[test]
fn crates_below_depend_on_none_beside_or_above_them() {
    let members = ["fsm-server", "partner-sim"].into_iter().chain(ADAPTERS);
    let members: Vec<_> = members.chain(["fsm-integration-core", "axum"]).collect();
    for krate in ADAPTERS.into_iter().chain(["fsm-integration-core"]) {
        let path = format!("{krate}/Cargo.toml");
        let manifest = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(&path)).expect("a manifest");
        // What only tests and the guide's examples use ships with nobody.
        let shipped = manifest.lines().take_while(|text| *text != "[dev-dependencies]");
        for (line, text) in (1..).zip(shipped) {
            let name = text.split(['.', ' ', '=']).next().unwrap_or_default();
            let is_core = name == "fsm-integration-core";
            let may = !members.contains(&name) || (is_core && krate != name);
            assert!(may, "{path}:{line}: `{krate}` must not depend on `{name}`");
        }
    }
}

#[test]
fn no_file_is_long() {
    let mut long = String::new();
    for source in all() {
        let (code, lines) = (source.code_lines(), source.lines_of_code_and_tests());
        if lines > 250 {
            writeln!(long, "{}: {lines} lines of code, {code} without tests", source.path).expect("it fits");
        }
        assert!(code <= MOST_CODE, "{}:1: {code} lines of code; at most {MOST_CODE}", source.path);
        assert!(lines <= MOST_LINES, "{}:1: {lines} lines with tests; at most {MOST_LINES}", source.path);
    }
    println!("longer than 250 lines of code:\n{long}");
}

#[test]
fn no_test_is_ignored() {
    let ignored = |source: &Source| {
        let code = source.lines().map(|(line, text)| (line, text.trim_start().to_owned()));
        let found = code.filter(|(_, text)| {
            text.starts_with("#[ignore") || text.starts_with("#[cfg_attr") && text.contains("ignore")
        });
        found.map(|(line, _)| broken(source, line, "a test that never runs is no test")).collect::<Vec<_>>()
    };
    assert_none(&all().iter().flat_map(ignored).collect::<Vec<_>>());
}

#[test]
fn a_topic_is_written_once() {
    let is_catalogue = |source: &Source| source.path.starts_with("fsm-integration-core/src/event/catalogue/");
    let mut places = BTreeMap::<String, Vec<String>>::new();
    let crates = ["fsm-integration-core", "fsm-adapters-conexxus", "fsm-adapters-erp", "fsm-adapters-sales"];
    let crates = crates.into_iter().chain(["examples/fsm-server", "examples/partner-sim"]);
    let files: Vec<_> = crates.flat_map(|krate| without_test_files(sources(&format!("{krate}/src")))).collect();
    for source in files.iter().filter(|source| is_catalogue(source)) {
        for (line, name) in source.literals() {
            let declared = source.lines().nth(line - 1).is_some_and(|(_, text)| text.contains("Topic::from_static("));
            if declared || source.path.ends_with("schema_only.rs") && is_topic(&name) {
                places.entry(name).or_default();
            }
        }
    }
    assert!(places.len() > 20, "{} topics; where is the catalogue?", places.len());
    for source in &files {
        for (line, name) in source.literals() {
            if let Some(places) = places.get_mut(&name) {
                places.push(broken(source, line, &format!("the topic `{name}` is written again")));
            }
        }
    }
    assert_none(&places.into_values().filter(|places| places.len() != 1).flatten().collect::<Vec<_>>());
}

fn is_topic(name: &str) -> bool {
    name.contains('.')
        && !name.contains("avsc")
        && name.bytes().all(|byte| byte.is_ascii_lowercase() || b"._".contains(&byte))
}

/// The numbers of requirements and flaws in a text, as `W11` and `F-C3`.
fn cited(text: &str) -> Vec<&str> {
    let words = text.split(|sign: char| !sign.is_ascii_alphanumeric() && sign != '-');
    let is_cited = |word: &&str| {
        let (letters, digits) = word.split_at(word.find(|sign: char| sign.is_ascii_digit()).unwrap_or(word.len()));
        let is_known = match letters.strip_prefix("F-") {
            Some(of_flaws) => of_flaws.len() == 1 && of_flaws.bytes().all(|letter| letter.is_ascii_uppercase()),
            None => letters.len() == 1 && "DEHIKRW".contains(letters),
        };
        is_known && matches!(digits.len(), 1 | 2) && digits.bytes().all(|digit| digit.is_ascii_digit())
    };
    words.filter(is_cited).collect()
}

#[test]
fn every_number_that_is_cited_is_explained() {
    let path = "fsm-integration-core/src/guide/requirements.md";
    let page = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).expect("the page");
    let numbers = page.lines().filter_map(|line| line.strip_prefix("| ")?.split(" |").next());
    let mut explained = BTreeSet::new();
    for number in numbers.filter(|number| cited(number) == [*number]) {
        assert!(explained.insert(number), "{path}: {number} is explained twice");
    }
    let all = all();
    let comments = all.iter().flat_map(|source| {
        source.lines().filter_map(move |(line, text)| Some((source, line, text.split_once("//")?.1)))
    });
    let unknown = comments.flat_map(|(source, line, comment)| {
        let unknown = cited(comment).into_iter().filter(|number| !explained.contains(number));
        unknown.map(|number| broken(source, line, &format!("{path} does not say what {number} is"))).collect::<Vec<_>>()
    });
    assert_none(&unknown.collect::<Vec<_>>());
}

// That the rules can be broken.

#[test]
fn numbers_are_found_in_texts() {
    assert_eq!(cited("(requirements I7, E16), F-C3: and F-R1, F-R5."), ["I7", "E16", "F-C3", "F-R1", "F-R5"]);
    assert_eq!(cited("`EH1` A1 W W123 F-10 F-CC1 1W W1a SHA-1 F-c1 E-4"), Vec::<&str>::new());
}

fn told(path: &str, code: &str) -> Vec<String> {
    let source = Source::new(format!("fsm-integration-core/src/{path}"), code);
    [imports(&source, CORE), outside(&source), purity(&source)].concat()
}

#[test]
fn each_broken_rule_is_told_with_its_line() {
    let breaking = [
        ("layers/retry/layer.rs", "\nuse crate::layers::timeout::TimedOut;", 2),
        ("layers/retry/layer.rs", "use super::super::timeout::TimedOut;", 1),
        ("layers/retry/layer.rs", "use crate::{\n    error::Error,\n    event::{Topic, log},\n};", 3),
        ("layers/retry/mod.rs", "fn f() {\n    let x = crate::event::Topic::new(\"a\");\n}", 2),
        ("error/mod.rs", "use crate::clock::Clock;", 1),
        ("sqlite/mod.rs", "use crate::{error::Error, event::Topic};", 1),
        ("event/catalogue/shared.rs", "use crate::event::log::EventLog;", 1),
        ("layers/timeout/mod.rs", "fn f() { std::env::var(\"X\"); }", 1),
        ("profile/config.rs", "use std::{fmt, fs};", 1),
        ("layers/retry/decide.rs", "/* a clock\n */ use crate::clock::SystemClock;", 2),
        ("layers/retry/decide.rs", "const QUOTE: char = '\"';\nasync fn f() {}", 2),
    ];
    for (path, code, line) in breaking {
        let told = told(path, code);
        let place = format!("{path}:{line}: ");
        assert!(!told.is_empty() && told.iter().all(|rule| rule.contains(&place)), "{path}: {code}: {told:?}");
    }
}

#[test]
fn comments_literals_and_test_code_break_nothing() {
    for harmless in [
        "// use crate::event::Topic;",
        "/// [`crate::event::Topic`]",
        "/* crate::event::Topic */ const A: &str = r#\"crate::event::Topic \" async\"#;",
        "const A: &str = \"a \\\" crate::event::Topic\"; const B: char = '\\'';",
        "#[cfg(test)]\nmod tests {\n    use crate::event::{Topic};\n    fn f<'a>() { if true {} }\n}",
        "use super::{RetryConfig, schedule::scale}; use crate::error::{self, ErrorClass};",
    ] {
        assert_eq!(told("layers/retry/decide.rs", harmless), Vec::<String>::new(), "{harmless}");
    }
}
