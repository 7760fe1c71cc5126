//! Reads Rust just well enough to tell who names whom: comments, literals and test code blanked, lines kept.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// A file of Rust.
pub(super) struct Source {
    /// Below the workspace's root, with `/`.
    pub(super) path: String,
    text: String,
}

/// A path that code names, as `crate::error::Error` with its line; one for each leaf of a group.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Named {
    pub(super) line: usize,
    pub(super) segments: Vec<String>,
}

/// A word or a sign, with its line.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Token(usize, String);

impl Source {
    pub(super) fn new(path: impl Into<String>, text: impl Into<String>) -> Self {
        Self { path: path.into(), text: text.into() }
    }

    /// The text as it is.
    pub(super) fn lines(&self) -> impl Iterator<Item = (usize, &str)> {
        (1..).zip(self.text.lines())
    }

    /// The text without comments, test code and what stands in literals.
    pub(super) fn code(&self) -> String {
        without_tests(&blank(&self.text, false))
    }

    /// How many lines hold code.
    pub(super) fn code_lines(&self) -> usize {
        let is_test = self.path.contains("tests/") || self.path.ends_with("/tests.rs");
        if is_test { 0 } else { count(&self.code()) }
    }

    /// How many lines hold code or test code.
    pub(super) fn lines_of_code_and_tests(&self) -> usize {
        count(&blank(&self.text, true))
    }

    /// The string literals outside comments and test code that hold nothing to be unescaped.
    pub(super) fn literals(&self) -> Vec<(usize, String)> {
        let (code, full) = (self.code(), blank(&self.text, true));
        let mut found = Vec::new();
        for ((line, code), full) in (1..).zip(code.lines()).zip(full.lines()) {
            // `code` keeps the quotes and is as long as `full`, so that the same columns tell what stood between them.
            let quotes: Vec<usize> = code.char_indices().filter(|(_, sign)| *sign == '"').map(|(at, _)| at).collect();
            for pair in quotes.chunks_exact(2) {
                found.push((line, full.get(pair[0] + 1..pair[1]).unwrap_or_default().to_owned()));
            }
        }
        found
    }

    /// Every word of the code.
    pub(super) fn words(&self) -> Vec<(usize, String)> {
        tokens(&self.code()).into_iter().map(|Token(line, text)| (line, text)).collect()
    }

    /// Every path of two segments or more, groups taken apart.
    pub(super) fn paths(&self) -> Vec<Named> {
        let tokens = tokens(&self.code());
        let mut found = Vec::new();
        for at in 0..tokens.len() {
            let inside = at >= 2 && tokens[at - 1].1 == ":" && tokens[at - 2].1 == ":";
            if is_word(&tokens[at]) && !inside && is_joint(&tokens, at + 1) {
                leaves(&tokens, at, &[], &mut found);
            }
        }
        found
    }

    /// Files that a `#[cfg(test)] mod name;` of this one declares, as module paths.
    pub(super) fn test_modules(&self) -> Vec<Vec<String>> {
        let code = blank(&self.text, false);
        let declared = code.match_indices("#[cfg(test)]").filter_map(|(at, attribute)| {
            let item = code[at + attribute.len()..].trim_start().split(';').next()?;
            item.rsplit_once("mod ").map(|(_, name)| name.trim()).filter(|name| !name.contains(char::is_whitespace))
        });
        declared.map(|name| [self.module(), vec![name.to_owned()]].concat()).collect()
    }

    /// Where the file stands in its crate: `src/layers/retry/mod.rs` is `layers`, `retry`.
    pub(super) fn module(&self) -> Vec<String> {
        let inside = self.path.split_once("src/").map_or(self.path.as_str(), |(_, inside)| inside);
        let mut module: Vec<String> = inside.trim_end_matches(".rs").split('/').map(str::to_owned).collect();
        module.pop_if(|last| matches!(last.as_str(), "mod" | "lib" | "main"));
        module
    }
}

/// Every file of Rust below a folder of the workspace, build output left out.
pub(super) fn sources(folder: &str) -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut folders = vec![root.join(folder)];
    let mut files: Vec<PathBuf> = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display())) {
            let path = entry.expect("an entry").path();
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            if path.is_dir() && name != "target" && !name.starts_with('.') {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                files.push(path);
            }
        }
    }
    files.sort();
    let read = |path: &PathBuf| {
        let name = path.strip_prefix(root).expect("below the root").to_string_lossy().replace('\\', "/");
        Source::new(name, fs::read_to_string(path).expect("text"))
    };
    files.iter().map(read).collect()
}

/// The same without files that only tests compile.
pub(super) fn without_test_files(sources: Vec<Source>) -> Vec<Source> {
    let tests: Vec<_> = sources.iter().flat_map(Source::test_modules).collect();
    let is_test = |source: &Source| tests.iter().any(|test| source.module().starts_with(test));
    sources.into_iter().filter(|source| !is_test(source)).collect()
}

fn count(code: &str) -> usize {
    code.lines().filter(|line| !line.trim().is_empty()).count()
}

/// Blanks comments, and what stands in literals unless it is to be kept; every other byte stays where it is.
fn blank(text: &str, keep_literals: bool) -> String {
    let chars: Vec<char> = text.chars().collect();
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    while at < chars.len() {
        let (end, is_comment) = span(&chars, at);
        for (offset, &sign) in chars[at..end].iter().enumerate() {
            let is_quote = chars[at] == '"' && (offset == 0 || at + offset + 1 == end);
            let is_kept = end == at + 1 || sign == '\n' || (!is_comment && (keep_literals || is_quote));
            // As many bytes as there were, so that columns agree.
            if is_kept { out.push(sign) } else { out.extend(std::iter::repeat_n(' ', sign.len_utf8())) }
        }
        at = end;
    }
    out
}

/// Where the comment or literal that begins here ends, and whether it is a comment; one sign for anything else.
fn span(chars: &[char], at: usize) -> (usize, bool) {
    let starts = |text: &str| text.chars().enumerate().all(|(offset, sign)| chars.get(at + offset) == Some(&sign));
    let find = |from: usize, end: &[char]| {
        let found = chars[from.min(chars.len())..].windows(end.len()).position(|window| window == end);
        found.map_or(chars.len(), |found| from + found + end.len())
    };
    let is_new_word = at == 0 || !(chars[at - 1].is_alphanumeric() || chars[at - 1] == '_');
    let hashes = chars[at..].iter().skip(1).take_while(|sign| **sign == '#').count();
    match chars[at] {
        '/' if starts("//") => {
            (chars[at..].iter().position(|sign| *sign == '\n').map_or(chars.len(), |n| at + n), true)
        }
        '/' if starts("/*") => (find(at + 2, &['*', '/']), true),
        'r' if is_new_word && chars.get(at + 1 + hashes) == Some(&'"') => {
            let end: Vec<char> = std::iter::once('"').chain(std::iter::repeat_n('#', hashes)).collect();
            (find(at + 2 + hashes, &end), false)
        }
        quote @ '"' => {
            let mut end = at + 1;
            while end < chars.len() && chars[end] != quote {
                end += if chars[end] == '\\' { 2 } else { 1 };
            }
            ((end + 1).min(chars.len()), false)
        }
        '\'' if starts("'\\") => (find(at + 3, &['\'']), false),
        '\'' if chars.get(at + 2) == Some(&'\'') => (at + 3, false),
        _ => (at + 1, false),
    }
}

/// Blanks every item under `#[cfg(test)]`.
fn without_tests(code: &str) -> String {
    let mut out = code.to_owned();
    while let Some(start) = ["#[cfg(test)]", "#[cfg(all(test"].iter().filter_map(|attribute| out.find(attribute)).min()
    {
        let mut depth = 0_usize;
        let mut end = out.len();
        for (at, sign) in out[start..].char_indices() {
            match sign {
                '{' | '(' | '[' => depth += 1,
                '}' | ')' | ']' => depth = depth.saturating_sub(1),
                _ => {}
            }
            if depth == 0 && matches!(sign, '}' | ';' | ',') {
                end = start + at + 1;
                break;
            }
        }
        let blank: String = out[start..end].chars().map(|sign| if sign == '\n' { '\n' } else { ' ' }).collect();
        out.replace_range(start..end, &blank);
    }
    out
}

fn tokens(code: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    for (line, text) in (1..).zip(code.lines()) {
        let mut word = String::new();
        for sign in text.chars().chain([' ']) {
            if sign.is_alphanumeric() || sign == '_' {
                word.push(sign);
                continue;
            }
            if !word.is_empty() {
                tokens.push(Token(line, std::mem::take(&mut word)));
            }
            if !sign.is_whitespace() {
                tokens.push(Token(line, sign.to_string()));
            }
        }
    }
    tokens
}

fn is_word(token: &Token) -> bool {
    token.1.starts_with(|sign: char| sign.is_alphabetic() || sign == '_')
}

fn is_joint(tokens: &[Token], at: usize) -> bool {
    matches!(tokens.get(at..at + 2), Some([one, two]) if one.1 == ":" && two.1 == ":")
}

/// Follows a path to its leaves; answers where it ends.
fn leaves(tokens: &[Token], mut at: usize, prefix: &[String], found: &mut Vec<Named>) -> usize {
    let mut segments = prefix.to_vec();
    let mut line = tokens.get(at).map_or(0, |token| token.0);
    while let Some(token) = tokens.get(at) {
        line = token.0;
        if token.1 == "{" {
            at += 1;
            while tokens.get(at).is_some_and(|token| token.1 != "}") {
                at = leaves(tokens, at, &segments, found).max(at + 1);
                while tokens.get(at).is_some_and(|token| token.1 != "}" && token.1 != ",") {
                    at += 1;
                }
                at += usize::from(tokens.get(at).is_some_and(|token| token.1 == ","));
            }
            return at + 1;
        }
        if !is_word(token) && token.1 != "*" {
            break;
        }
        segments.push(token.1.clone());
        if !is_joint(tokens, at + 1) {
            at += 1;
            break;
        }
        at += 3;
    }
    found.push(Named { line, segments });
    at
}
