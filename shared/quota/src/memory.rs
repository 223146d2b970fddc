//! What a worker remembers of one key.

use crate::plan::{MOST_WINDOWS, Ns, Plan};
use crate::slot::{Ask, Lease, Slot, Verdict};

/// What the store has said is believed for so long.
const BELIEF: Ns = 1_000_000_000;
/// A dry bucket is left alone for about so many requests of this worker.
const REST: u64 = 24;
/// Demand is not measured over less than this.
const SHORTEST_LOOK: Ns = 1_000_000;

/// What a worker remembers of one key.
#[derive(Debug, Clone)]
pub struct Memory {
    /// Whose rate the rest is in.
    plan: usize,
    lease: Lease,
    /// Per window, how far the bucket stands by the uses of the lease.
    floors: [Ns; MOST_WINDOWS],
    /// What the store said last, and when. Never: the end of time.
    tats: [Ns; MOST_WINDOWS],
    at: Ns,
    /// When the bucket was found empty last, and until when it is left alone.
    dry_at: Ns,
    dry_until: Ns,
    demand: Demand,
}

/// How much is asked for here.
#[derive(Debug, Clone, Default)]
struct Demand {
    count: u64,
    since: Ns,
    /// The count before, and the time it took.
    before: (u64, Ns),
}

/// What can be said without the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Peek {
    /// There are prepaid tokens enough.
    Ready,
    /// Denied.
    Denied {
        /// How long until there may be enough tokens. [`Ns::MAX`] when there never are.
        wait: Ns,
    },
    /// The store has to be asked.
    Ask,
}

/// How a bucket stands.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Standing {
    /// How many tokens there are, as far as this worker knows.
    pub remaining: u64,
    /// How long until the bucket is full, if nobody takes any.
    pub reset: Ns,
}

/// How the buckets of a key stand.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Standings {
    windows: [Standing; MOST_WINDOWS],
    count: usize,
}

impl Standings {
    /// By window, as configured.
    #[must_use]
    pub fn windows(&self) -> &[Standing] {
        self.windows.get(..self.count).unwrap_or_default()
    }

    /// The window with the fewest tokens, of these the one that needs longest, and its place.
    #[must_use]
    pub fn tightest(&self) -> Option<(usize, Standing)> {
        let windows = self.windows().iter().copied().enumerate();
        windows.min_by_key(|(_, standing)| (standing.remaining, Ns::MAX.saturating_sub(standing.reset)))
    }
}

impl Memory {
    /// Nothing known.
    #[must_use]
    pub fn new(plan: &Plan) -> Self {
        Self {
            plan: plan.id,
            lease: Lease::default(),
            floors: [0; MOST_WINDOWS],
            tats: [0; MOST_WINDOWS],
            at: Ns::MAX,
            dry_at: Ns::MAX,
            dry_until: 0,
            demand: Demand::default(),
        }
    }

    /// What can be said without the store. Takes nothing, but counts as demand: once per request.
    pub fn peek(&mut self, now: Ns, cost: u32, plan: &Plan) -> Peek {
        if self.plan != plan.id {
            // Prepaid tokens are of the other rate. What the other lease holds is lost.
            *self = Self::new(plan);
        }
        if cost > plan.most() {
            return Peek::Denied { wait: Ns::MAX };
        }
        self.demand.observe(now, cost, plan);
        if self.ready(now, cost) {
            return Peek::Ready;
        }
        if self.at <= now && now < self.at.saturating_add(BELIEF) {
            let wait = self.wait(now, cost, plan);
            // Others may have taken since: while there is a token, how many are missing only the store can say.
            if wait > 0 && (cost == 1 || self.wait(now, 1, plan) > 0) {
                return Peek::Denied { wait };
            }
        }
        Peek::Ask
    }

    /// Takes prepaid tokens. False when there are too few, and then it takes none.
    pub fn take(&mut self, now: Ns, cost: u32, plan: &Plan) -> bool {
        if self.plan != plan.id || !self.ready(now, cost) {
            return false;
        }
        let left = u64::from(self.lease.left);
        for (floor, window) in self.floors.iter_mut().zip(&plan.windows) {
            *floor = now.saturating_add(window.cost(left)).max(*floor);
        }
        self.lease.left = self.lease.left.saturating_sub(cost);
        true
    }

    fn ready(&self, now: Ns, cost: u32) -> bool {
        self.lease.left >= cost && self.lease.live(now)
    }

    /// How long until the store is worth a question.
    fn wait(&self, now: Ns, cost: u32, plan: &Plan) -> Ns {
        let waits = self.tats.iter().zip(&plan.windows).map(|(tat, window)| window.wait(*tat, now, cost));
        waits.fold(self.dry_until.saturating_sub(now), Ns::max)
    }

    /// What to ask of the store. A prepaid rest that is too small goes back.
    #[must_use]
    pub fn ask(&self, now: Ns, cost: u32, plan: &Plan) -> Ask {
        if self.plan != plan.id {
            return Ask { cost, want: cost, ..Ask::default() };
        }
        let dry = plan.rest > 0 && self.dry_at <= now && now < self.dry_at.saturating_add(plan.wary);
        // Not all of it: what is left over when a lease ends is lost.
        let want = self.demand.within(plan.epoch, now, plan).saturating_mul(3) / 4;
        Ask {
            cost,
            want: u32::try_from(want).unwrap_or(u32::MAX).max(cost),
            dry,
            back: Some(self.lease).filter(|lease| lease.granted > 0),
            floors: self.floors,
        }
    }

    /// What the store has said to [`Memory::ask`] of this `now`, once it is written.
    pub fn told(&mut self, now: Ns, slot: &Slot, verdict: &Verdict, plan: &Plan) {
        self.plan = plan.id;
        self.tats = slot.tats;
        self.at = now;
        // What was held has been given back with the same write.
        self.floors = [0; MOST_WINDOWS];
        self.lease = match verdict {
            Verdict::Granted(lease) => *lease,
            Verdict::Denied { .. } => Lease::default(),
        };
        let mut windows = slot.tats.iter().zip(&plan.windows);
        self.dry_until = 0;
        if windows.any(|(tat, window)| window.free(*tat, now) < window.interval()) {
            self.dry_at = now;
            self.dry_until = now.saturating_add(self.rest(now, plan));
        }
    }

    /// How long a dry bucket is left alone, so that tokens gather and are fetched in one go.
    fn rest(&self, now: Ns, plan: &Plan) -> Ns {
        let per_epoch = self.demand.within(plan.epoch, now, plan).max(1);
        plan.epoch.saturating_mul(REST).checked_div(per_epoch).unwrap_or_default().min(plan.rest)
    }

    /// How the buckets stand, as far as this worker knows. `None` when it knows nothing.
    #[must_use]
    pub fn standings(&self, now: Ns, plan: &Plan) -> Option<Standings> {
        if self.plan != plan.id || self.at == Ns::MAX {
            return None;
        }
        let mut standings = Standings { count: plan.windows.len(), ..Standings::default() };
        let prepaid = if self.lease.live(now) { u64::from(self.lease.left) } else { 0 };
        for ((standing, window), tat) in standings.windows.iter_mut().zip(&plan.windows).zip(self.tats) {
            standing.remaining =
                window.tokens(tat, now).saturating_add(prepaid).min(u64::from(window.burst()));
            standing.reset =
                tat.saturating_sub(now).saturating_sub(window.cost(prepaid)).min(window.capacity());
        }
        Some(standings)
    }
}

impl Demand {
    /// Counts by epochs of this worker's own.
    fn observe(&mut self, now: Ns, cost: u32, plan: &Plan) {
        let span = now.saturating_sub(self.since);
        if now < self.since {
            *self = Self { since: now, ..Self::default() };
        } else if span >= plan.epoch.max(SHORTEST_LOOK) {
            *self = Self { count: 0, since: now, before: (self.count, span) };
        }
        self.count = self.count.saturating_add(u64::from(cost));
    }

    /// About how much is asked for here in `span`.
    fn within(&self, span: Ns, now: Ns, plan: &Plan) -> u64 {
        let (count, took) = self.before;
        let over = now.saturating_sub(self.since).saturating_add(took.min(plan.epoch.saturating_mul(4)));
        self.count
            .saturating_add(count)
            .saturating_mul(span)
            .checked_div(over.max(plan.epoch))
            .unwrap_or_default()
    }
}

#[cfg(test)]
mod tests;
