/// Joins parts without ambiguity, each as `length:text,`: no two lists of parts give the same text.
///
/// ```
/// use fsm_integration_core::event::netstrings;
///
/// assert_eq!(netstrings(["demo", "PYXIS", "PX-TEST-001"]), "4:demo,5:PYXIS,11:PX-TEST-001,");
/// ```
#[must_use]
pub fn netstrings<'a>(parts: impl IntoIterator<Item = &'a str>) -> String {
    use std::fmt::Write as _;

    parts.into_iter().fold(String::new(), |mut text, part| {
        write!(text, "{}:{part},", part.len()).expect("writing to a String cannot fail");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_that_contain_the_separators_stay_apart() {
        assert_ne!(netstrings(["a,1:b", "c"]), netstrings(["a", "b,1:c"]));
        assert_ne!(netstrings(["ab", ""]), netstrings(["a", "b"]));
    }

    #[test]
    fn the_length_counts_bytes() {
        assert_eq!(netstrings(["ä"]), "2:ä,");
    }
}
