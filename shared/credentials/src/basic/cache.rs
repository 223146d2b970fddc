//! Verdicts that were reached already, by a salted hash of what was presented.

use std::collections::HashMap;
use std::mem;
use std::time::Duration;

use policy_core::time::Timestamp;

/// A bounded set: when the young half is full, the old half is forgotten and the young becomes old.
pub(super) struct Cache {
    young: HashMap<[u8; 32], Timestamp>,
    old: HashMap<[u8; 32], Timestamp>,
    life: u64,
    half: usize,
}

impl Cache {
    /// Holds at least half as many as `most`, the youngest.
    pub(super) fn new(life: Duration, most: usize) -> Self {
        let life = u64::try_from(life.as_nanos()).unwrap_or(u64::MAX);
        Self { young: HashMap::new(), old: HashMap::new(), life, half: most.div_ceil(2) }
    }

    /// True when the key was put in less than a life ago. A clock that went back forgets.
    pub(super) fn has(&mut self, key: &[u8; 32], now: Timestamp) -> bool {
        let Some(since) = self.young.get(key).or_else(|| self.old.get(key)).copied() else { return false };
        let fresh = now >= since && now.0.saturating_sub(since.0) < self.life;
        if !fresh {
            self.young.remove(key);
            self.old.remove(key);
        } else if !self.young.contains_key(key) {
            self.put(*key, since);
        }
        fresh
    }

    pub(super) fn put(&mut self, key: [u8; 32], now: Timestamp) {
        if self.young.len() >= self.half {
            self.old = mem::take(&mut self.young);
        }
        self.young.insert(key, now);
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.young.len().saturating_add(self.old.len())
    }
}
