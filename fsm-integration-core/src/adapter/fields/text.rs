use serde_json::Value;

use super::kind::{At, Check, Kind};

/// One line of printable text, at most `max` characters.
#[must_use]
pub fn text(max: usize) -> impl Kind<Value = String> {
    Text { max, lines: false }
}

/// Printable text that may have several lines, at most `max` characters.
#[must_use]
pub fn note(max: usize) -> impl Kind<Value = String> {
    Text { max, lines: true }
}

/// An identifier: 1 to 128 printable characters, no white space at either end.
#[must_use]
pub fn id() -> impl Kind<Value = String> {
    Check {
        must: "must be 1 to 128 printable characters without white space at either end",
        read: |value| value.as_str().filter(|text| is_id(text)).map(str::to_owned),
        placeholder: String::new(),
    }
}

/// An e-mail address: at most 254 characters, one `@`, no empty label, a domain with a dot.
#[must_use]
pub fn email() -> impl Kind<Value = String> {
    Check {
        must: "must be an e-mail address such as name@example.com, at most 254 characters",
        read: |value| value.as_str().filter(|text| is_email(text)).map(str::to_owned),
        placeholder: String::new(),
    }
}

/// A telephone number in E.164, read without spaces, brackets and hyphens: `+1-555-0100` is `+15550100`.
///
/// Digits are ASCII, 2 to 15 of them, the first not zero; the plus may be missing.
#[must_use]
pub fn phone() -> impl Kind<Value = String> {
    Check {
        must: "must be a telephone number such as +1-555-0100, at most 15 digits",
        read: |value: &Value| e164(value.as_str()?),
        placeholder: String::new(),
    }
}

struct Text {
    max: usize,
    lines: bool,
}

impl Kind for Text {
    type Value = String;

    fn read(&self, at: At<'_>) -> String {
        let allowed = |c: char| is_printable(c) || (self.lines && matches!(c, '\n' | '\r' | '\t'));
        let sound = |text: &&str| text.chars().all(allowed) && text.chars().count() <= self.max;
        at.value.as_str().filter(sound).map_or_else(
            || {
                at.error(format!("must be printable text of at most {} characters", self.max));
                String::new()
            },
            str::to_owned,
        )
    }
}

/// No control, no line separator, nothing that reorders or hides what follows it; the joiners that scripts need pass.
pub(super) fn is_printable(c: char) -> bool {
    const HIDING: [std::ops::RangeInclusive<char>; 7] = [
        '\u{200b}'..='\u{200b}',
        '\u{200e}'..='\u{200f}',
        '\u{2028}'..='\u{202e}',
        '\u{2060}'..='\u{206f}',
        '\u{feff}'..='\u{feff}',
        '\u{fff9}'..='\u{fffb}',
        '\u{e0000}'..='\u{e007f}',
    ];
    !c.is_control() && !HIDING.iter().any(|range| range.contains(&c))
}

pub(super) fn is_id(text: &str) -> bool {
    !text.is_empty() && text.trim() == text && text.chars().count() <= 128 && text.chars().all(is_printable)
}

fn is_email(text: &str) -> bool {
    let Some((local, domain)) = text.split_once('@') else { return false };
    let local_character = |c: char| is_printable(c) && !c.is_whitespace() && !r#"@"(),:;<>[]\"#.contains(c);
    let domain_character = |c: char| c.is_alphanumeric() || c == '-';
    let labels = |part: &str, allowed: &dyn Fn(char) -> bool, max: usize| {
        part.split('.').all(|label| !label.is_empty() && label.len() <= max && label.chars().all(allowed))
    };
    text.chars().count() <= 254
        && labels(local, &local_character, 254)
        && labels(domain, &domain_character, 63)
        && domain.contains('.')
        && !domain.split('.').any(|label| label.starts_with('-') || label.ends_with('-'))
}

/// Separators stand between digits, never twice in a row as hyphens; a line break is none.
fn e164(text: &str) -> Option<String> {
    let starts = text.starts_with(|c: char| c == '+' || c == '(' || c.is_ascii_digit());
    let ends = text.ends_with(|c: char| c.is_ascii_digit());
    let balanced = text.matches('(').count() == text.matches(')').count();
    if text.len() > 64 || !starts || !ends || !balanced || text.contains("--") {
        return None;
    }
    let plain: String = text.chars().filter(|c| !matches!(c, ' ' | '(' | ')' | '-')).collect();
    let digits = plain.strip_prefix('+').unwrap_or(&plain);
    let sound =
        (2..=15).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit()) && !digits.starts_with('0');
    sound.then_some(plain)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn f_v5_an_email_has_one_at_and_no_empty_label() {
        let long = format!("{}@{}.com", "a".repeat(64), "b.".repeat(92) + "cc");
        assert_eq!(long.len(), 255);
        for good in ["john.doe@example.com", "a+b@c.d", "ü@exämple.de", "o'hara@a-b.co.uk", &long[1..]] {
            assert!(is_email(good), "{good}");
        }
        let bad = [
            "a@b..c",
            "a@b.c.",
            "a@.b.c",
            "a..b@c.d",
            ".a@b.c",
            "a.@b.c",
            "a@b",
            "@b.c",
            "a@",
            "a",
            "a@b@c.d",
            "a b@c.d",
            "a@b c.d",
            "a\u{feff}@b.c",
            "a@b\u{85}.c",
            "a@-b.c",
            "a@b-.c",
            "a\n@b.c",
            "a@b.c\n",
            "<a>@b.c",
            &long,
        ];
        for bad in bad {
            assert!(!is_email(bad), "{bad:?}");
        }
    }

    #[test]
    fn f_v6_a_phone_is_e164_in_ascii_digits() {
        assert_eq!(e164("+1-555-0100").as_deref(), Some("+15550100"));
        assert_eq!(e164("+44 (20) 7946 0958").as_deref(), Some("+442079460958"));
        assert_eq!(e164("(1) 555-0100").as_deref(), Some("15550100"));
        let bad = [
            "--555-0100",
            "+1\n5550100",
            "+1\u{ff15}\u{ff15}\u{ff15}",
            "+0155",
            "0155",
            "1",
            "+",
            "++15550100",
            "1+5550100",
            "+1234567890123456",
            "+1-555-0100 ext 3",
            "555-0100-",
            "-5550100",
            "+1--5550100",
            "(1 5550100",
            "+1\t5550100",
            "+1.555.0100",
        ];
        for bad in bad {
            assert_eq!(e164(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn an_id_is_printable_and_at_most_128_characters() {
        assert!(is_id("PX-TEST-001") && is_id("ü 1") && is_id(&"é".repeat(128)));
        for bad in ["", " ", " a", "a ", "a\nb", "a\0", "a\u{202e}b", "a\u{200b}", &"a".repeat(129)] {
            assert!(!is_id(bad), "{bad:?}");
        }
    }

    #[test]
    fn text_has_one_line_and_a_note_may_have_several() {
        let read = |kind: &dyn Kind<Value = String>, value: &str| {
            super::super::read(&serde_json::json!({ "t": value }), |body| body.required("t", Borrowed(kind))).ok()
        };
        assert_eq!(read(&text(5), "ab cd").as_deref(), Some("ab cd"));
        assert_eq!(
            (read(&text(5), "a\nb"), read(&text(5), "abcdef"), read(&text(5), "a\u{1b}[0m")),
            (None, None, None)
        );
        assert_eq!(read(&note(5), "a\nb").as_deref(), Some("a\nb"));
        assert_eq!(read(&note(5), "a\0b"), None);
        assert_eq!(read(&text(5), "می\u{200c}خ").as_deref(), Some("می\u{200c}خ"), "a joiner that Persian needs");
    }

    struct Borrowed<'a>(&'a dyn Kind<Value = String>);

    impl Kind for Borrowed<'_> {
        type Value = String;

        fn read(&self, at: At<'_>) -> String {
            self.0.read(at)
        }
    }

    proptest! {
        #[test]
        fn no_text_panics(text: String) {
            let _ = (is_email(&text), e164(&text), is_id(&text));
        }

        #[test]
        fn what_is_read_as_a_phone_is_e164(text in r"[+0-9() -]{0,24}") {
            if let Some(phone) = e164(&text) {
                let digits = phone.trim_start_matches('+');
                prop_assert!(digits.len() <= 15 && digits.bytes().all(|b| b.is_ascii_digit()));
                prop_assert_eq!(e164(&phone), Some(phone.clone()));
            }
        }
    }
}
