//! The keys of metrics, kept by each thread so that telling the same again allocates nothing.

use std::cell::RefCell;

use metrics::{Key, Label};

use super::metrics::Metric;

/// So many keys a thread keeps at most; a power of two.
const KEPT: usize = 64;

thread_local! {
    static KEYS: RefCell<Keys> = const { RefCell::new(Keys(Vec::new())) };
}

/// Registers a metric under its key, made now or the last time.
///
/// Kept is the key only, never what a recorder made of it: another recorder may be installed at any time.
#[inline]
pub(super) fn registered<const N: usize, M>(metric: &Metric, values: [&str; N], register: fn(&Key) -> M) -> M {
    // A recorder that tells something itself while it registers, and a thread that is ending, do without what is kept.
    let kept = KEYS.try_with(|keys| Some(register(keys.try_borrow_mut().ok()?.key(metric, values))));
    kept.ok().flatten().unwrap_or_else(|| register(&metric.key(values)))
}

/// Each key has one place, found by where its words lie in memory; a key that comes to a taken place displaces the other.
struct Keys(Vec<Option<Key>>);

impl Keys {
    #[inline]
    fn key<const N: usize>(&mut self, metric: &Metric, values: [&str; N]) -> &Key {
        if self.0.is_empty() {
            self.0.resize(KEPT, None);
        }
        let place = &mut self.0[place(metric, values)];
        if place.as_ref().is_some_and(|key| !is_it(key, metric, values)) {
            *place = None;
        }
        place.get_or_insert_with(|| metric.key(values))
    }
}

/// Words that lie elsewhere, though they are the same, cost another place and nothing else.
#[inline]
fn place<const N: usize>(metric: &Metric, values: [&str; N]) -> usize {
    let mix = |mixed: u64, word: &str| (mixed ^ word.as_ptr().addr() as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    (values.into_iter().fold(mix(0, metric.name), mix) >> 32) as usize % KEPT
}

#[inline]
fn is_it<const N: usize>(key: &Key, metric: &Metric, values: [&str; N]) -> bool {
    key.name() == metric.name && key.labels().map(Label::value).eq(values)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::metrics::{HEDGES, LOAD_SHED};

    #[test]
    fn many_names_have_their_own_keys_in_little_room() {
        let names: Vec<_> = (0..1_000).map(|number| format!("partner-{number}")).collect();
        for name in names.iter().chain(&names) {
            assert_eq!(registered(&LOAD_SHED, [name], Key::clone), LOAD_SHED.key([name]));
            assert_eq!(registered(&HEDGES, [name, "sent"], Key::clone), HEDGES.key([name, "sent"]));
            assert_eq!(registered(&HEDGES, [name, "won"], Key::clone), HEDGES.key([name, "won"]));
        }
        assert_eq!(KEYS.with_borrow(|keys| keys.0.len()), KEPT);
    }

    #[test]
    fn a_place_that_holds_another_name_by_now_is_not_mistaken_for_it() {
        let mut name = "first".to_owned();
        assert_eq!(registered(&LOAD_SHED, [&name], Key::clone), LOAD_SHED.key(["first"]));
        let place = name.as_ptr();
        name.clear();
        name.push_str("other");
        assert_eq!(name.as_ptr(), place);
        assert_eq!(registered(&LOAD_SHED, [&name], Key::clone), LOAD_SHED.key(["other"]));
    }

    #[test]
    fn a_recorder_may_tell_something_itself() {
        let outer = registered(&LOAD_SHED, ["erp"], |_| registered(&LOAD_SHED, ["inner"], Key::clone));
        assert_eq!(outer, LOAD_SHED.key(["inner"]));
    }
}
