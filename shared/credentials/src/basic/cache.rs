//! Verdicts that were reached already, by a salted hash of what was presented.

use std::time::Duration;

use policy_core::recent::{Limits, Recent};
use policy_core::time::Timestamp;

/// A bounded set.
pub(super) struct Cache {
    since: Recent<[u8; 32], Timestamp>,
    /// In nanoseconds.
    life: u64,
}

impl Cache {
    /// Holds `most`, and the last half of them for certain.
    pub(super) fn new(life: Duration, most: usize) -> Self {
        let life = u64::try_from(life.as_nanos()).unwrap_or(u64::MAX);
        Self { since: Recent::new(Limits { entries: most, weight: usize::MAX }), life }
    }

    /// True when the key was put in less than a life ago. A clock that went back forgets.
    pub(super) fn has(&mut self, key: &[u8; 32], now: Timestamp) -> bool {
        let Some(since) = self.since.get(key) else { return false };
        let fresh = now >= since && now.0.saturating_sub(since.0) < self.life;
        if !fresh {
            self.since.remove(key);
        }
        fresh
    }

    pub(super) fn put(&mut self, key: [u8; 32], now: Timestamp) {
        self.since.insert(key, now, 0);
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.since.len()
    }
}
