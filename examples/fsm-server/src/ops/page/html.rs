//! Text as HTML: everything that comes from outside goes through [`text`].

use std::fmt::{self, Display, Write};

use jiff::Timestamp;
use serde_json::{Value, json};

/// Text that stands for itself, in content and in quoted attributes.
pub(super) struct Text<T>(T);

pub(super) fn text<T: Display>(value: T) -> Text<T> {
    Text(value)
}

impl<T: Display> Display for Text<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(Escaping(f), "{}", self.0)
    }
}

struct Escaping<'a, 'b>(&'a mut fmt::Formatter<'b>);

impl Write for Escaping<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        text.chars().try_for_each(|letter| match letter {
            '&' => self.0.write_str("&amp;"),
            '<' => self.0.write_str("&lt;"),
            '>' => self.0.write_str("&gt;"),
            '"' => self.0.write_str("&quot;"),
            '\'' => self.0.write_str("&#39;"),
            other => self.0.write_char(other),
        })
    }
}

/// How long ago, in the largest unit that says something; the exact time on hovering.
pub(super) fn ago(now: Timestamp, at: Timestamp) -> String {
    let seconds = now.duration_since(at).as_secs().max(0);
    let words = match seconds {
        0..60 => format!("{seconds} s"),
        60..3_600 => format!("{} min", seconds / 60),
        3_600..172_800 => format!("{} h", seconds / 3_600),
        _ => format!("{} d", seconds / 86_400),
    };
    format!("<time datetime=\"{at}\" title=\"{at}\">{words}</time>")
}

/// A word on a coloured ground; the tone is one of `good`, `warn`, `bad` and `calm`.
pub(super) fn pill(tone: &str, word: impl Display) -> String {
    format!("<span class=\"pill {tone}\">{}</span>", text(word))
}

/// A button that posts to the admin API when it is pressed.
pub(super) struct Button {
    label: String,
    path: String,
    body: Value,
    confirm: Option<String>,
    note: bool,
}

impl Button {
    pub(super) fn new(label: impl Into<String>, path: &[&str]) -> Self {
        let path = path.iter().map(|segment| format!("/{}", percent(segment))).collect();
        Self { label: label.into(), path, body: json!({}), confirm: None, note: false }
    }

    pub(super) fn sends(self, body: Value) -> Self {
        Self { body, ..self }
    }

    /// Asks before it is done.
    pub(super) fn confirms(self, question: String) -> Self {
        Self { confirm: Some(question), ..self }
    }

    /// Asks for a note, which goes along.
    pub(super) fn notes(self) -> Self {
        Self { note: true, ..self }
    }
}

impl Display for Button {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<button type=\"button\" data-post=\"{}\" data-body=\"{}\"", text(&self.path), text(&self.body))?;
        if let Some(question) = &self.confirm {
            write!(f, " data-confirm=\"{}\"", text(question))?;
        }
        if self.note {
            f.write_str(" data-note")?;
        }
        write!(f, ">{}</button>", text(&self.label))
    }
}

/// One segment of a path.
fn percent(segment: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte);
    segment
        .bytes()
        .map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}

/// A table with a heading row, or a line that says there is nothing.
pub(super) fn table(headings: &[&str], rows: &[String], nothing: &str) -> String {
    if rows.is_empty() {
        return format!("<p class=\"nothing\">{nothing}</p>");
    }
    let headings: String = headings.iter().map(|heading| format!("<th scope=\"col\">{heading}</th>")).collect();
    format!(
        "<div class=\"scroll\"><table><thead><tr>{headings}</tr></thead><tbody>{}</tbody></table></div>",
        rows.concat()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_is_shown_is_markup() {
        assert_eq!(text("<a href='x'>&\"").to_string(), "&lt;a href=&#39;x&#39;&gt;&amp;&quot;");
        let button = Button::new("<b>", &["admin", "a/b\"?#", "..%"]).sends(json!({"a": "\"><script>"}));
        assert_eq!(
            button.to_string(),
            "<button type=\"button\" data-post=\"/admin/a%2Fb%22%3F%23/..%25\" \
             data-body=\"{&quot;a&quot;:&quot;\\&quot;&gt;&lt;script&gt;&quot;}\">&lt;b&gt;</button>"
        );
    }

    #[test]
    fn an_age_is_told_in_its_largest_unit() {
        let now: Timestamp = "2025-01-20T12:00:00Z".parse().expect("a time");
        let age = |at: &str| {
            let html = ago(now, at.parse().expect("a time"));
            html.split(['>', '<']).nth(2).map(str::to_owned)
        };
        assert_eq!(age("2025-01-20T11:59:01Z").as_deref(), Some("59 s"));
        assert_eq!(age("2025-01-20T11:00:01Z").as_deref(), Some("59 min"));
        assert_eq!(age("2025-01-18T12:00:01Z").as_deref(), Some("47 h"));
        assert_eq!(age("2025-01-18T12:00:00Z").as_deref(), Some("2 d"));
        assert_eq!(age("2025-01-20T12:00:09Z").as_deref(), Some("0 s"), "a clock that lags is no reason to panic");
    }
}
