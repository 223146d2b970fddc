//! Answers that are still good.

use std::rc::Rc;

use policy_core::recent::{Limits, Recent};

use super::ActiveToken;

/// What is known of a token.
#[derive(Clone)]
pub(super) enum Known {
    Active(Rc<ActiveToken>),
    Inactive,
    Failed,
}

#[derive(Clone)]
struct Entry {
    known: Known,
    since: u64,
    until: u64,
}

pub(super) struct Cache(Recent<[u8; 32], Entry>);

/// About how many bytes all answers together may take.
const MAX_WEIGHT: usize = 32 * 1024 * 1024;

/// How far the clock may go back without making entries void, in milliseconds.
const SLACK: u64 = 1000;

impl Cache {
    /// For so many answers.
    pub(super) fn of(max_entries: usize) -> Self {
        Self(Recent::salted(Limits { entries: max_entries, weight: MAX_WEIGHT }))
    }

    pub(super) fn get(&mut self, hash: &[u8; 32], now: u64) -> Option<Known> {
        let Entry { known, since, until } = self.0.get(hash)?;
        let begun = now.saturating_add(SLACK) >= since;
        (begun && now < until).then_some(known)
    }

    /// Keeps an answer that is good between two times, in milliseconds. `size` is its length as text.
    pub(super) fn put(&mut self, hash: [u8; 32], known: Known, since: u64, until: u64, size: usize) {
        // A tree of JSON is several times as large as its text.
        let weight = size.saturating_mul(6).saturating_add(200);
        self.0.insert(hash, Entry { known, since, until }, weight);
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
}
