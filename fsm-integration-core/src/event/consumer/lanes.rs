use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
};

/// Keeps the order within a key while different keys run side by side.
#[derive(Debug)]
pub(super) struct Lanes<T> {
    lanes: HashMap<Arc<str>, VecDeque<T>>,
    waiting: usize,
}

impl<T> Default for Lanes<T> {
    fn default() -> Self {
        Self { lanes: HashMap::new(), waiting: 0 }
    }
}

impl<T> Lanes<T> {
    /// Gives the item back when its lane is free; keeps it in line when not.
    pub(super) fn enter(&mut self, key: &Arc<str>, item: T) -> Option<T> {
        if let Some(line) = self.lanes.get_mut(key) {
            line.push_back(item);
            self.waiting += 1;
            return None;
        }
        self.lanes.insert(Arc::clone(key), VecDeque::new());
        Some(item)
    }

    /// Frees the lane, or gives the next in line, which takes it.
    pub(super) fn leave(&mut self, key: &str) -> Option<T> {
        let line = self.lanes.get_mut(key)?;
        let next = line.pop_front();
        match &next {
            Some(_) => self.waiting -= 1,
            None => drop(self.lanes.remove(key)),
        }
        next
    }

    pub(super) fn is_busy(&self, key: &str) -> bool {
        self.lanes.contains_key(key)
    }

    /// How many lanes are taken: how much runs at once.
    pub(super) fn running(&self) -> usize {
        self.lanes.len()
    }

    pub(super) fn waiting(&self) -> usize {
        self.waiting
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_served_in_order_and_one_at_a_time() {
        let (a, b): (Arc<str>, Arc<str>) = ("a".into(), "b".into());
        let mut lanes = Lanes::default();
        assert_eq!(lanes.enter(&a, 1), Some(1));
        assert_eq!(lanes.enter(&a, 2), None);
        assert_eq!(lanes.enter(&b, 3), Some(3));
        assert_eq!((lanes.running(), lanes.waiting()), (2, 1));
        assert_eq!(lanes.leave("a"), Some(2));
        assert_eq!((lanes.running(), lanes.waiting()), (2, 0));
        assert_eq!(lanes.leave("a"), None);
        assert!(!lanes.is_busy("a") && lanes.is_busy("b"));
        assert_eq!(lanes.leave("a"), None);
    }
}
