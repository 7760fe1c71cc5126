use uuid::{Uuid, uuid};

/// The namespace of every id that is derived instead of drawn.
const NAMESPACE: Uuid = uuid!("c6e5e2f0-8b3a-4f9d-9c7e-1a2b3c4d5e6f");

/// Derives an id from what names a thing, so that a repeated execution makes the same one (requirement I15).
///
/// An order's id is made of tenant, system and external id; an event's of its topic, tenant, order and sequence.
///
/// ```
/// use fsm_integration_core::event::derived_id;
///
/// let order = derived_id(["demo", "PYXIS", "PX-TEST-001"]);
/// assert_eq!(order, derived_id(["demo", "PYXIS", "PX-TEST-001"]));
/// ```
#[must_use]
pub fn derived_id<'a>(parts: impl IntoIterator<Item = &'a str>) -> Uuid {
    Uuid::new_v5(&NAMESPACE, netstrings(parts).as_bytes())
}

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
    fn the_id_of_an_order_is_the_same_for_ever() {
        let id = derived_id(["demo", "PYXIS", "PX-TEST-001"]);
        assert_eq!(id, uuid!("89f610ba-631d-5f9d-b3c7-43fa36d1de38"));
    }

    #[test]
    fn the_length_counts_bytes() {
        assert_eq!(netstrings(["ä"]), "2:ä,");
    }
}
