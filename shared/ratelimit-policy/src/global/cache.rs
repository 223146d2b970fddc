//! Denials that need not be asked for again, in each worker.
//!
//! A denial is kept until the service's window ends, and for ten seconds at most: a service that lost its counters, or
//! was told larger limits, is asked again soon. What is kept is of one key, or of all the keys of a call together where
//! the service does not say which of them is over.

use policy_core::recent::{Limits, Recent};

const SECOND: u64 = 1_000_000_000;
/// The longest time that a denial is kept, in nanoseconds.
const LONGEST: u64 = 10 * SECOND;
/// How many denials are kept.
const ENTRIES: usize = 4096;

/// Denials by the print of what was asked about.
pub struct Cache(Recent<u128, Denial>);

#[derive(Debug, Clone, Copy)]
struct Denial {
    /// What costs no more passes, as far as anyone knows.
    remaining: u64,
    from: u64,
    /// Until when it is kept.
    until: u64,
    /// When the service's window ends.
    reset: u64,
}

impl Default for Cache {
    fn default() -> Self {
        Self(Recent::new(Limits { entries: ENTRIES, weight: usize::MAX }))
    }
}

impl Cache {
    /// Keeps a denial of a request with this cost. Times are in nanoseconds since the Unix epoch; `reset` is in seconds,
    /// and without it nothing is kept. `remaining` is what a cheaper request may still use, nothing when nobody said.
    pub fn keep(&mut self, print: u128, cost: u64, remaining: Option<u64>, reset: Option<u64>, now: u64) {
        let time = reset.unwrap_or_default().saturating_mul(SECOND);
        if time == 0 {
            return;
        }
        // More than the cost is left of another limit than the one that denied.
        let cheaper = cost.saturating_sub(1);
        let denial = Denial {
            remaining: remaining.unwrap_or(cheaper).min(cheaper),
            from: now,
            until: now.saturating_add(time.min(LONGEST)),
            reset: now.saturating_add(time),
        };
        self.0.insert(print, denial, 0);
    }

    /// When the window of a denial of this ends, in nanoseconds since the Unix epoch: later, it may be, than the denial
    /// is kept. `None` when the service has to be asked.
    #[must_use]
    pub fn denied_until(&mut self, print: u128, cost: u64, now: u64) -> Option<u64> {
        let denial = self.0.get(&print)?;
        // A clock that was set back must not make it last.
        let holds = denial.from <= now && now < denial.until;
        if !holds {
            self.0.remove(&print);
        }
        (holds && cost > denial.remaining).then_some(denial.reset)
    }
}

#[cfg(test)]
mod tests {
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::*;

    const NOW: u64 = 1_767_225_600 * SECOND;

    #[test]
    fn a_denial_is_kept_until_its_window_ends_and_ten_seconds_at_most() {
        for (reset, kept) in
            [(None, 0), (Some(0), 0), (Some(3), 3), (Some(10), 10), (Some(86_400), 10), (Some(u64::MAX), 10)]
        {
            let mut cache = Cache::default();
            cache.keep(1, 1, Some(0), reset, NOW);
            let end = NOW + kept * SECOND;
            for (now, denied) in [(NOW, kept > 0), (end.saturating_sub(1).max(NOW), kept > 0), (end, false)] {
                let told = NOW.saturating_add(reset.unwrap_or(0).saturating_mul(SECOND));
                assert_eq!(cache.denied_until(1, 1, now), denied.then_some(told), "{reset:?}");
            }
            assert_eq!(cache.denied_until(2, 1, NOW), None);
        }
    }

    #[test]
    fn a_cheaper_request_is_asked_for() {
        for (cost, remaining, passes, denied) in
            [(5, Some(2), 2, 3), (5, None, 4, 5), (5, Some(9), 4, 5), (1, None, 0, 1), (1, Some(7), 0, 1)]
        {
            let mut cache = Cache::default();
            cache.keep(1, cost, remaining, Some(5), NOW);
            assert_eq!(cache.denied_until(1, passes, NOW), None, "{cost} {remaining:?}");
            assert!(cache.denied_until(1, denied, NOW).is_some(), "{cost} {remaining:?}");
        }
    }

    #[test]
    fn a_clock_that_is_set_back_ends_it() {
        let mut cache = Cache::default();
        cache.keep(1, 1, None, Some(5), NOW);
        assert_eq!(cache.denied_until(1, 1, NOW - 1), None);
        assert_eq!(cache.denied_until(1, 1, NOW), None);
    }

    #[test]
    fn memory_is_bounded() {
        let mut cache = Cache::default();
        for print in 0..20_000 {
            cache.keep(print, 1, None, Some(5), NOW);
        }
        assert!(cache.0.len() <= ENTRIES);
        assert!(cache.denied_until(19_999, 1, NOW).is_some());
    }
}
