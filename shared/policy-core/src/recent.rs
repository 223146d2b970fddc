//! What was needed lately: a bounded map in two generations.
//!
//! When the young generation is full it becomes the old one, and what is looked up in the old one becomes young again.
//! Nothing is ordered, so that a hit costs one look and no list work.

use std::collections::HashMap;
use std::hash::Hash;
use std::mem;

/// How much a [`Recent`] holds, both generations together.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// How many entries. One is held in any case.
    pub entries: usize,
    /// What the entries weigh together, in a unit of the caller's. What weighs more than half of this is not held.
    pub weight: usize,
}

/// A bounded map that keeps what was put in or looked up last: as many as half of its entries for certain, if they are
/// light enough.
///
/// ```
/// use policy_core::recent::{Limits, Recent};
/// let mut recent = Recent::new(Limits { entries: 2, weight: usize::MAX });
/// recent.insert("a", 1, 0);
/// recent.insert("b", 2, 0);
/// assert_eq!(recent.get(&"a"), Some(1));
/// recent.insert("c", 3, 0);
/// assert_eq!((recent.get(&"a"), recent.get(&"b")), (Some(1), None));
/// ```
pub struct Recent<K, V> {
    limits: Limits,
    young: Generation<K, V>,
    old: Generation<K, V>,
}

struct Generation<K, V> {
    /// Each with its weight.
    entries: HashMap<K, (V, usize)>,
    weight: usize,
}

impl<K, V> Default for Generation<K, V> {
    fn default() -> Self {
        Self { entries: HashMap::new(), weight: 0 }
    }
}

impl<K: Hash + Eq, V> Recent<K, V> {
    /// An empty map.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self { limits, young: Generation::default(), old: Generation::default() }
    }

    /// The value of this key, which becomes young by that.
    #[must_use]
    pub fn get(&mut self, key: &K) -> Option<V>
    where
        V: Clone,
    {
        if let Some((value, _)) = self.young.entries.get(key) {
            return Some(value.clone());
        }
        let (key, (value, weight)) = self.old.entries.remove_entry(key)?;
        self.old.weight = self.old.weight.saturating_sub(weight);
        self.put(key, value.clone(), weight);
        Some(value)
    }

    /// Remembers a value of this weight in place of the one before.
    pub fn insert(&mut self, key: K, value: V, weight: usize) {
        self.remove(&key);
        self.put(key, value, weight);
    }

    /// Forgets a key.
    pub fn remove(&mut self, key: &K) {
        for generation in [&mut self.young, &mut self.old] {
            if let Some((_, weight)) = generation.entries.remove(key) {
                generation.weight = generation.weight.saturating_sub(weight);
            }
        }
    }

    /// Forgets all.
    pub fn clear(&mut self) {
        (self.young, self.old) = (Generation::default(), Generation::default());
    }

    /// How many entries are held.
    #[must_use]
    pub fn len(&self) -> usize {
        self.young.entries.len().saturating_add(self.old.entries.len())
    }

    /// True when nothing is held.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Puts in what is in neither generation.
    fn put(&mut self, key: K, value: V, weight: usize) {
        let Limits { entries, weight: heaviest } = self.limits;
        if weight > heaviest / 2 {
            return;
        }
        let together = self.young.weight.saturating_add(weight);
        if self.young.entries.len() >= (entries / 2).max(1) || together > heaviest / 2 {
            self.old = mem::take(&mut self.young);
            if entries < 2 {
                // One entry has no halves.
                self.old = Generation::default();
            }
        }
        self.young.weight = self.young.weight.saturating_add(weight);
        self.young.entries.insert(key, (value, weight));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    fn of(entries: usize, weight: usize) -> Recent<usize, usize> {
        Recent::new(Limits { entries, weight })
    }

    fn weight(recent: &Recent<usize, usize>) -> usize {
        recent.young.weight.saturating_add(recent.old.weight)
    }

    #[test]
    fn it_never_holds_more_than_it_may() {
        for (most, heaviest) in [(100, 5000), (101, 5001), (3, 5000), (2, 5000), (1, 5000), (100, 199)] {
            let mut recent = of(most, heaviest);
            for n in 0..10_000 {
                recent.insert(n % 700, n, 10 + n % 200);
                if n % 3 == 0 {
                    let _ = recent.get(&(n % 50));
                }
                let (entries, weighs) = (recent.len(), weight(&recent));
                assert!(entries <= most && weighs <= heaviest, "{entries} of {most}, {weighs} of {heaviest}");
                let counted = |generation: &Generation<usize, usize>| {
                    generation.entries.values().map(|(_, weight)| weight).sum::<usize>()
                };
                assert_eq!(weighs, counted(&recent.young) + counted(&recent.old));
            }
        }
    }

    #[test]
    fn what_is_in_use_stays() {
        for entries in [3, 4, 10, 11] {
            let mut recent = of(entries, 1000);
            recent.insert(0, 0, 1);
            for n in 1..1000 {
                recent.insert(n, n, 1);
                assert_eq!(recent.get(&0), Some(0), "{n} of {entries}");
            }
            assert_eq!(recent.get(&1), None);
        }
    }

    #[test]
    fn the_last_one_is_there_however_small_the_map() {
        for entries in [0, 1, 2, 3] {
            let mut recent = of(entries, 0);
            for n in 0..10 {
                recent.insert(n, n, 0);
                assert_eq!(recent.get(&n), Some(n), "{entries}");
            }
            assert_eq!(recent.get(&0), None, "{entries}");
        }
    }

    #[test]
    fn what_is_too_heavy_or_forgotten_is_not_there() {
        let mut recent = of(10, 100);
        recent.insert(1, 1, 51);
        assert!(recent.get(&1).is_none());
        recent.insert(2, 2, 50);
        recent.insert(3, 3, 10);
        recent.remove(&2);
        assert!(recent.get(&2).is_none() && recent.get(&3).is_some());
        recent.insert(3, 4, 99);
        assert!(recent.is_empty(), "the value before is not the one of this key any more");
        recent.insert(3, 5, 10);
        recent.clear();
        assert!(recent.get(&3).is_none());
        assert_eq!((recent.len(), weight(&recent)), (0, 0));
    }

    #[test]
    fn a_new_value_takes_the_place_of_the_one_before() {
        let mut recent = of(4, 100);
        for n in 0..100 {
            recent.insert(n % 2, n, 10);
            assert_eq!((recent.get(&(n % 2)), recent.len()), (Some(n), 2.min(n + 1)));
        }
        assert_eq!(weight(&recent), 20);
    }
}
