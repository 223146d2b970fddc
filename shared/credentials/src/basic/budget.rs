//! How much bcrypt a worker does per second.

use policy_core::time::Timestamp;

/// What a round is charged, in nanoseconds: five passwords at cost 10 per second, about half of a worker's time.
const ROUND: u64 = 1_000_000_000 / (5 << 10);
/// What a rested worker may be charged at once: ten passwords at cost 10.
const BURST: u64 = ROUND * (10 << 10);

/// A leaky bucket. A clock that steps back stops it for no time, one that leaps ahead empties it once.
#[derive(Debug)]
pub(super) struct Budget {
    /// Nanoseconds until the worker is rested.
    debt: u64,
    at: Timestamp,
}

impl Default for Budget {
    fn default() -> Self {
        Self { debt: 0, at: Timestamp(0) }
    }
}

impl Budget {
    /// Charges the rounds, if the worker can bear them. What alone exceeds a burst has to be begun rested.
    pub(super) fn spend(&mut self, rounds: u32, now: Timestamp) -> bool {
        self.debt = self.debt.saturating_sub(now.0.saturating_sub(self.at.0));
        self.at = now;
        let charge = u64::from(rounds).saturating_mul(ROUND);
        let fits = self.debt.saturating_add(charge.min(BURST)) <= BURST;
        if fits {
            self.debt = self.debt.saturating_add(charge);
        }
        fits
    }
}
