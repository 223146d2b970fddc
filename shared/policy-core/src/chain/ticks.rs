//! The ticks of one policy in a chain. The module has one timer, and a tick too many is not harmless: who counts ticks, as the
//! rate limit policy does to see which VMs are alive, would count those of a request that waits elsewhere.

use std::cell::Cell;
use std::time::Duration;

/// When a policy wants to be called. Times are the host's, in nanoseconds.
#[derive(Debug, Default)]
pub(super) struct Ticks {
    every: Cell<Option<u64>>,
    due: Cell<u64>,
    /// One of its requests has begun to wait, or waits on.
    waits: Cell<bool>,
}

impl Ticks {
    /// It asks for a tick, and for one after each such time from then on.
    pub(super) fn ask(&self, delay: Duration, now: u64) {
        let delay = u64::try_from(delay.as_nanos()).unwrap_or(u64::MAX);
        self.every.set(Some(delay));
        self.due.set(now.saturating_add(delay));
    }

    /// The same, but a tick that comes sooner stays as it is.
    pub(super) fn ask_sooner(&self, delay: Duration, now: u64) {
        if self.rest(now).is_none_or(|rest| rest > delay) {
            self.ask(delay, now);
        }
    }

    /// A request of it waits: it is called at the next tick, whosever that is.
    pub(super) fn wait(&self) {
        self.waits.set(true);
    }

    /// There is a tick: whether the policy is to be called. If so, its next one is due after its time.
    pub(super) fn are_due(&self, now: u64) -> bool {
        let asked = self.rest(now) == Some(Duration::ZERO);
        if let Some(every) = self.every.get().filter(|_| asked) {
            self.due.set(now.saturating_add(every));
        }
        self.waits.take() || asked
    }

    /// True when there will be a tick.
    pub(super) fn are_asked_for(&self) -> bool {
        self.every.get().is_some()
    }

    /// How long until then; no longer than was asked for, should the clock be set back.
    pub(super) fn rest(&self, now: u64) -> Option<Duration> {
        self.every.get().map(|every| Duration::from_nanos(self.due.get().saturating_sub(now).min(every)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    const SECOND: Duration = Duration::from_secs(1);
    const NANOS: u64 = 1_000_000_000;

    #[test]
    fn a_tick_comes_after_its_time_again_and_again() {
        let ticks = Ticks::default();
        assert!(!ticks.are_due(u64::MAX) && !ticks.are_asked_for());
        ticks.ask(SECOND, 5 * NANOS);
        let due: Vec<bool> = [5, 6, 6, 7, 9, 9].into_iter().map(|now| ticks.are_due(now * NANOS)).collect();
        assert_eq!(due, [false, true, false, true, true, false]);
        assert_eq!(ticks.rest(9 * NANOS), Some(SECOND));
    }

    #[test]
    fn whoever_waits_is_called_at_the_next_tick_and_loses_none() {
        let ticks = Ticks::default();
        ticks.ask(SECOND, 0);
        ticks.wait();
        assert!(ticks.are_due(1) && !ticks.are_due(2) && ticks.are_due(NANOS));
    }

    #[test]
    fn a_clock_set_back_delays_no_tick_beyond_its_time() {
        let ticks = Ticks::default();
        ticks.ask(SECOND, 100 * NANOS);
        assert_eq!(ticks.rest(NANOS), Some(SECOND));
    }

    #[test]
    fn asked_for_again_and_again_a_sooner_tick_stays() {
        let ticks = Ticks::default();
        ticks.ask_sooner(SECOND, 0);
        ticks.ask_sooner(SECOND, NANOS / 2);
        assert!(ticks.are_due(NANOS));
        ticks.ask_sooner(SECOND / 2, NANOS);
        assert!(ticks.are_due(NANOS + NANOS / 2));
    }
}
