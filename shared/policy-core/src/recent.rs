//! What was needed lately: a bounded map in two generations.
//!
//! When the young generation is full it becomes the old one, and what is looked up in the old one becomes young again.
//! Nothing is ordered, so that a hit costs one look and no list work.

mod index;

use std::hash::{BuildHasher, RandomState};
use std::mem;

use index::Index;

/// How much a [`Recent`] holds, both generations together.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// How many entries. One is held in any case.
    pub entries: usize,
    /// What the entries weigh together, in a unit of the caller's. What weighs more than half of this is not held.
    pub weight: usize,
}

/// A bounded map that keeps what was put in or looked up last: as many as half of its entries for certain, if they are
/// light enough. What was removed counts as well.
///
/// ```
/// use policy_core::recent::{Limits, Recent};
/// let mut recent = Recent::new(Limits { entries: 2, weight: usize::MAX });
/// recent.insert(7_u64, "a", 0);
/// recent.insert(8, "b", 0);
/// assert_eq!(recent.get(&7), Some("a"));
/// recent.insert(9, "c", 0);
/// assert_eq!((recent.get(&7), recent.get(&8)), (Some("a"), None));
/// ```
pub struct Recent<K, V> {
    limits: Limits,
    /// Odd.
    salt: u64,
    young: Generation<K, V>,
    old: Generation<K, V>,
}

/// What a [`Recent`] is looked up by: a hash.
pub trait Key: Copy + Eq {
    /// Eight bytes of it. They say where it is looked for; all of it is compared.
    fn word(&self) -> u64;
}

impl Key for u64 {
    fn word(&self) -> u64 {
        *self
    }
}

impl Key for u128 {
    fn word(&self) -> u64 {
        word(&self.to_le_bytes())
    }
}

impl Key for [u8; 32] {
    fn word(&self) -> u64 {
        word(self)
    }
}

fn word(bytes: &[u8]) -> u64 {
    bytes.first_chunk().map_or(0, |word| u64::from_le_bytes(*word))
}

struct Generation<K, V> {
    index: Index,
    /// Each with its weight. What is forgotten keeps its place until the generation goes.
    entries: Vec<(K, Option<(V, usize)>)>,
    weight: usize,
}

impl<K, V> Default for Generation<K, V> {
    fn default() -> Self {
        Self { index: Index::default(), entries: Vec::new(), weight: 0 }
    }
}

impl<K: Key, V> Generation<K, V> {
    fn place(&self, key: &K, print: u32) -> Option<usize> {
        let mut place = self.index.first(print);
        while self.entries.get(place)?.0 != *key {
            place = self.index.next(place);
        }
        Some(place)
    }

    fn get(&self, key: &K, print: u32) -> Option<&V> {
        let (_, entry) = self.entries.get(self.place(key, print)?)?;
        entry.as_ref().map(|(value, _)| value)
    }

    fn remove(&mut self, key: &K, print: u32) -> Option<(V, usize)> {
        let place = self.place(key, print)?;
        let entry = self.entries.get_mut(place)?.1.take()?;
        self.weight = self.weight.saturating_sub(entry.1);
        Some(entry)
    }

    /// Puts in what is not there, in the place that it had or a new one.
    fn put(&mut self, key: K, print: u32, value: V, weight: usize) {
        self.weight = self.weight.saturating_add(weight);
        let entry = Some((value, weight));
        match self.place(&key, print).and_then(|place| self.entries.get_mut(place)) {
            Some((_, place)) => *place = entry,
            None => {
                self.index.push(print);
                self.entries.push((key, entry));
            }
        }
    }

    fn len(&self) -> usize {
        self.entries.iter().filter(|(_, entry)| entry.is_some()).count()
    }
}

impl<K: Key, V> Recent<K, V> {
    /// An empty map for keys that nobody can aim at: hashes under a secret.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        // Of no meaning but that its bits are spread.
        Self::with_salt(limits, 0x9E37_79B9_7F4A_7C15)
    }

    /// An empty map for keys that someone could choose so that all are looked for in one place, such as plain hashes.
    #[must_use]
    pub fn salted(limits: Limits) -> Self {
        // Std's hasher has a secret key.
        Self::with_salt(limits, RandomState::new().hash_one(0_u64) | 1)
    }

    fn with_salt(limits: Limits, salt: u64) -> Self {
        Self { limits, salt, young: Generation::default(), old: Generation::default() }
    }

    /// Where a key is looked for. Of a product under a random odd factor only the upper bits are hard to foresee.
    fn print(&self, key: &K) -> u32 {
        let [.., a, b, c, d] = key.word().wrapping_mul(self.salt).to_le_bytes();
        u32::from_le_bytes([a, b, c, d])
    }

    /// The value of this key, which becomes young by that.
    #[must_use]
    pub fn get(&mut self, key: &K) -> Option<V>
    where
        V: Clone,
    {
        let print = self.print(key);
        if let Some(value) = self.young.get(key, print) {
            return Some(value.clone());
        }
        let (value, weight) = self.old.remove(key, print)?;
        self.put(*key, print, value.clone(), weight);
        Some(value)
    }

    /// Remembers a value of this weight in place of the one before.
    pub fn insert(&mut self, key: K, value: V, weight: usize) {
        self.remove(&key);
        self.put(key, self.print(&key), value, weight);
    }

    /// Forgets a key.
    pub fn remove(&mut self, key: &K) {
        let print = self.print(key);
        self.young.remove(key, print);
        self.old.remove(key, print);
    }

    /// Forgets all.
    pub fn clear(&mut self) {
        (self.young, self.old) = (Generation::default(), Generation::default());
    }

    /// How many entries are held. Counts them.
    #[must_use]
    pub fn len(&self) -> usize {
        self.young.len().saturating_add(self.old.len())
    }

    /// True when nothing is held.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Puts in what is in neither generation.
    fn put(&mut self, key: K, print: u32, value: V, weight: usize) {
        let Limits { entries, weight: heaviest } = self.limits;
        if weight > heaviest / 2 {
            return;
        }
        let together = self.young.weight.saturating_add(weight);
        let full = self.young.entries.len() >= (entries / 2).max(1);
        if full && self.young.place(&key, print).is_none() || together > heaviest / 2 {
            self.old = mem::take(&mut self.young);
            if entries < 2 {
                // One entry has no halves.
                self.old = Generation::default();
            }
        }
        self.young.put(key, print, value, weight);
    }
}

#[cfg(test)]
mod tests;
