//! Credentials that were verified, so that a seen one costs a hash and a look.
//!
//! Bounded by count and bytes, in two generations: when the young one is full it becomes the old one, and what was
//! looked up since is kept. Nothing is ordered, so that a hit costs no list work.

use std::collections::HashMap;
use std::rc::Rc;

/// The fingerprint of a whole credential.
pub(crate) type Fingerprint = [u8; 32];

/// A cache of one provider in one worker. A new configuration begins with an empty one.
pub(crate) struct Cache<T> {
    limits: Limits,
    young: Half<T>,
    old: Half<T>,
}

/// How much a cache holds.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    pub(crate) entries: usize,
    pub(crate) bytes: usize,
}

struct Half<T> {
    entries: HashMap<Fingerprint, (Rc<T>, usize)>,
    bytes: usize,
}

impl<T> Default for Half<T> {
    fn default() -> Self {
        Self { entries: HashMap::new(), bytes: 0 }
    }
}

impl<T> Cache<T> {
    /// An empty cache.
    pub(crate) fn new(limits: Limits) -> Self {
        Self { limits, young: Half::default(), old: Half::default() }
    }

    /// What was verified under this fingerprint.
    pub(crate) fn get(&mut self, key: &Fingerprint) -> Option<Rc<T>> {
        if let Some((value, _)) = self.young.entries.get(key) {
            return Some(Rc::clone(value));
        }
        let (value, bytes) = self.old.entries.remove(key)?;
        self.old.bytes = self.old.bytes.saturating_sub(bytes);
        self.insert(*key, Rc::clone(&value), bytes);
        Some(value)
    }

    /// Remembers something that takes about this many bytes.
    pub(crate) fn insert(&mut self, key: Fingerprint, value: Rc<T>, bytes: usize) {
        let half = |limit: usize| limit.div_ceil(2);
        if bytes > half(self.limits.bytes) {
            return;
        }
        if self.young.entries.len() >= half(self.limits.entries)
            || self.young.bytes.saturating_add(bytes) > half(self.limits.bytes)
        {
            self.old = std::mem::take(&mut self.young);
        }
        if let Some((_, before)) = self.young.entries.insert(key, (value, bytes)) {
            self.young.bytes = self.young.bytes.saturating_sub(before);
        }
        self.young.bytes = self.young.bytes.saturating_add(bytes);
    }

    /// Forgets one.
    pub(crate) fn remove(&mut self, key: &Fingerprint) {
        for half in [&mut self.young, &mut self.old] {
            if let Some((_, bytes)) = half.entries.remove(key) {
                half.bytes = half.bytes.saturating_sub(bytes);
            }
        }
    }

    /// Forgets all.
    pub(crate) fn clear(&mut self) {
        (self.young, self.old) = (Half::default(), Half::default());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    fn key(n: usize) -> Fingerprint {
        let mut key = [0; 32];
        key[..8].copy_from_slice(&(n as u64).to_le_bytes());
        key
    }

    fn held(cache: &Cache<usize>) -> (usize, usize) {
        let halves = [&cache.young, &cache.old];
        (halves.iter().map(|half| half.entries.len()).sum(), halves.iter().map(|half| half.bytes).sum())
    }

    #[test]
    fn it_never_holds_more_than_it_may() {
        let mut cache = Cache::new(Limits { entries: 100, bytes: 5000 });
        for n in 0..10_000 {
            cache.insert(key(n % 700), Rc::new(n), 10 + n % 200);
            if n % 3 == 0 {
                cache.get(&key(n % 50));
            }
            let (entries, bytes) = held(&cache);
            assert!(entries <= 100 && bytes <= 5000, "{entries} {bytes}");
            let counted = |half: &Half<usize>| half.entries.values().map(|(_, bytes)| bytes).sum::<usize>();
            assert_eq!(bytes, counted(&cache.young) + counted(&cache.old));
        }
    }

    #[test]
    fn what_is_in_use_stays() {
        let mut cache = Cache::new(Limits { entries: 10, bytes: 1000 });
        cache.insert(key(0), Rc::new(0), 1);
        for n in 1..1000 {
            cache.insert(key(n), Rc::new(n), 1);
            assert_eq!(cache.get(&key(0)).as_deref(), Some(&0), "{n}");
        }
        assert!(cache.get(&key(1)).is_none());
    }

    #[test]
    fn what_is_too_large_or_forgotten_is_not_there() {
        let mut cache = Cache::new(Limits { entries: 10, bytes: 100 });
        cache.insert(key(1), Rc::new(1), 51);
        assert!(cache.get(&key(1)).is_none());
        cache.insert(key(2), Rc::new(2), 50);
        cache.insert(key(3), Rc::new(3), 10);
        cache.remove(&key(2));
        assert!(cache.get(&key(2)).is_none() && cache.get(&key(3)).is_some());
        cache.clear();
        assert!(cache.get(&key(3)).is_none());
        assert_eq!(held(&cache), (0, 0));
    }
}
