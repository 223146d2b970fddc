//! Answers that are still good: two generations, of which the older one goes when the younger one is full.

use std::collections::HashMap;
use std::rc::Rc;

use super::ActiveToken;

/// What is known of a token.
#[derive(Clone)]
pub(super) enum Known {
    Active(Rc<ActiveToken>),
    Inactive,
    Failed,
}

struct Entry {
    known: Known,
    since: u64,
    until: u64,
    weight: usize,
}

pub(super) struct Cache {
    young: HashMap<[u8; 32], Entry>,
    old: HashMap<[u8; 32], Entry>,
    /// Of the young ones.
    weight: usize,
    most: usize,
}

/// About how many bytes one generation may take.
const MAX_WEIGHT: usize = 16 * 1024 * 1024;

/// How far the clock may go back without making entries void, in milliseconds.
const SLACK: u64 = 1000;

impl Cache {
    /// For so many answers, of both generations together.
    pub(super) fn of(max_entries: usize) -> Self {
        Self { young: HashMap::new(), old: HashMap::new(), weight: 0, most: (max_entries / 2).max(1) }
    }

    pub(super) fn get(&mut self, hash: &[u8; 32], now: u64) -> Option<Known> {
        if let Some(entry) = self.young.get(hash) {
            return entry.known(now);
        }
        // Whoever is asked for again stays.
        let entry = self.old.remove(hash)?;
        let known = entry.known(now)?;
        self.insert(*hash, entry);
        Some(known)
    }

    /// Keeps an answer that is good between two times, in milliseconds. `size` is its length as text.
    pub(super) fn put(&mut self, hash: [u8; 32], known: Known, since: u64, until: u64, size: usize) {
        // A tree of JSON is several times as large as its text.
        let weight = size.saturating_mul(6).saturating_add(200);
        self.insert(hash, Entry { known, since, until, weight });
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.young.len().saturating_add(self.old.len())
    }

    fn insert(&mut self, hash: [u8; 32], entry: Entry) {
        if let Some(same) = self.young.remove(&hash) {
            self.weight = self.weight.saturating_sub(same.weight);
        }
        let weight = self.weight.saturating_add(entry.weight);
        if self.young.len() >= self.most || weight > MAX_WEIGHT {
            self.old = std::mem::take(&mut self.young);
            self.weight = 0;
        }
        self.weight = self.weight.saturating_add(entry.weight);
        self.young.insert(hash, entry);
    }
}

impl Entry {
    fn known(&self, now: u64) -> Option<Known> {
        let begun = now.saturating_add(SLACK) >= self.since;
        (begun && now < self.until).then(|| self.known.clone())
    }
}
