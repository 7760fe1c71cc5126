use std::fmt::{self, Write};

/// Where a value stands; lives on the stack and becomes text only when something is wrong.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Path<'a> {
    Root,
    Key(&'a Path<'a>, &'a str),
    Index(&'a Path<'a>, usize),
}

/// A key comes from outside: what is shown of one is short and printable.
const KEY_SHOWN: usize = 64;
/// A path is shown to about this many bytes.
const PATH_SHOWN: usize = 200;

impl fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = String::new();
        self.write(&mut text);
        f.write_str(&text)
    }
}

impl Path<'_> {
    /// The depth is bounded by whoever parsed the value, so is the recursion.
    fn write(&self, out: &mut String) {
        match self {
            Self::Root => {}
            Self::Index(parent, index) => {
                parent.write(out);
                if out.len() < PATH_SHOWN {
                    write!(out, "[{index}]").expect("writing to a String cannot fail");
                }
            }
            Self::Key(parent, key) => {
                parent.write(out);
                if out.len() < PATH_SHOWN {
                    let dot = if out.is_empty() { "" } else { "." };
                    out.push_str(dot);
                    out.extend(key.chars().take(KEY_SHOWN).map(|c| if super::text::is_printable(c) { c } else { '?' }));
                }
            }
        }
    }
}
