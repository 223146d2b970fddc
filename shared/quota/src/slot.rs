//! The shared state of one key, and the one function that changes it.

use crate::plan::{MOST_WINDOWS, Ns, Plan, SLACK, Window};

/// Leases take one part in so many of what is free, until the bucket has run dry.
const PARTS: u64 = 8;

/// The shared state of one key.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Slot {
    /// Per window, when the bucket is full again ("theoretical arrival time").
    pub tats: [Ns; MOST_WINDOWS],
    /// The number of the epoch that `held` speaks of, in its low 32 bits.
    pub epoch: u32,
    /// How many tokens workers hold by leases of this epoch and of the one before.
    pub held: [u32; 2],
}

/// Prepaid tokens of one worker.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Lease {
    /// How many are left.
    pub left: u32,
    /// How many there were.
    pub granted: u32,
    /// The epoch it was made in.
    pub epoch: u32,
    /// It is good from then on.
    pub from: Ns,
    /// And not any more then.
    pub until: Ns,
}

impl Lease {
    /// True when its tokens may be spent. A clock that was set back makes a lease void too.
    #[must_use]
    pub fn live(&self, now: Ns) -> bool {
        self.from <= now && now < self.until
    }
}

/// What a worker wants of a bucket.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Ask {
    /// The tokens of the request at hand.
    pub cost: u32,
    /// How many the worker would like in all.
    pub want: u32,
    /// The bucket ran dry lately: no part of it needs to be kept for others.
    pub dry: bool,
    /// The lease that is given back.
    pub back: Option<Lease>,
    /// Per window, how far the bucket stands by the worker's own uses of that lease.
    pub floors: [Ns; MOST_WINDOWS],
}

/// What comes of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The request passes; what was prepaid besides is the lease.
    Granted(Lease),
    /// Too few tokens.
    Denied {
        /// How long until there are enough, if nobody takes any. [`Ns::MAX`] when never.
        wait: Ns,
    },
}

/// Decides on a request, and changes the slot. The flag says whether it has to be written, which it may have to be on a denial too.
pub fn decide(slot: &mut Slot, now: Ns, ask: &Ask, plan: &Plan) -> (Verdict, bool) {
    let mut changed = set_right(slot, now, plan);
    let epoch = roll(slot, now, plan);
    changed |= give_back(slot, now, epoch, ask, plan);
    let held = outstanding(slot);
    // No fuller than it can be without what workers hold: else that would come on top of the burst.
    let base = |tat: Ns, window: &Window| tat.max(now).max(now.saturating_add(window.cost(held)));
    let windows = || slot.tats.iter().zip(&plan.windows);
    let free =
        windows().map(|(tat, window)| window.tokens(base(*tat, window), now)).min().unwrap_or_default();
    if free < u64::from(ask.cost) {
        let wait = windows().map(|(tat, window)| window.wait(base(*tat, window), now, ask.cost)).max();
        return (Verdict::Denied { wait: wait.unwrap_or_default() }, changed);
    }
    let most = if ask.dry { free } else { free / PARTS };
    let count = ask.want.min(u32::try_from(most).unwrap_or(u32::MAX)).max(ask.cost);
    for (tat, window) in slot.tats.iter_mut().zip(&plan.windows) {
        *tat = base(*tat, window).saturating_add(window.cost(u64::from(count)));
    }
    let left = count.saturating_sub(ask.cost);
    let [young, _] = &mut slot.held;
    *young = young.saturating_add(left);
    (
        Verdict::Granted(Lease { left, granted: left, epoch, from: now, until: lease_end(now, epoch, plan) }),
        true,
    )
}

/// After a clock was set back: one request at once, then the rate. Otherwise it were denials for as long as the step.
fn set_right(slot: &mut Slot, now: Ns, plan: &Plan) -> bool {
    let mut changed = false;
    for ((tat, window), reach) in slot.tats.iter_mut().zip(&plan.windows).zip(plan.reach) {
        // No plan of this limit leads there. A dearer plan's debt does not make it.
        if *tat > now.saturating_add(reach).saturating_add(SLACK) {
            *tat = now.saturating_add(window.capacity()).saturating_sub(window.interval());
            changed = true;
        }
    }
    changed
}

/// Brings the slot to this epoch. A reader a moment behind another one stays in the other's.
fn roll(slot: &mut Slot, now: Ns, plan: &Plan) -> u32 {
    let own = epoch_of(now, plan);
    let age = (own as u32).wrapping_sub(slot.epoch);
    if age == u32::MAX {
        return slot.epoch;
    }
    if age > u32::MAX / 2 {
        // A clock that was set back.
        slot.held = [0, 0];
    } else {
        // While tokens were held, the bucket could not fill up to the brim: made good at the end of each epoch.
        for past in (0..age.min(2)).map(|n| age.saturating_sub(n).saturating_sub(1)) {
            let end = own.saturating_sub(u64::from(past)).saturating_mul(plan.epoch);
            let held = outstanding(slot);
            for (tat, window) in slot.tats.iter_mut().zip(&plan.windows).filter(|_| held > 0) {
                *tat = end.saturating_add(window.cost(held)).max(*tat);
            }
            let [young, _] = slot.held;
            slot.held = [0, young];
        }
        if age > 2 {
            slot.held = [0, 0];
        }
    }
    slot.epoch = own as u32;
    slot.epoch
}

/// The worker's last lease ends: what is left of it goes back, and nothing of it is outstanding.
fn give_back(slot: &mut Slot, now: Ns, epoch: u32, ask: &Ask, plan: &Plan) -> bool {
    let Some(back) = ask.back.filter(|lease| lease.live(now)) else { return false };
    let age = epoch.wrapping_sub(back.epoch) as usize;
    let Some(held) = slot.held.get_mut(age) else { return false };
    *held = held.saturating_sub(back.granted);
    let others = outstanding(slot);
    for ((tat, window), floor) in slot.tats.iter_mut().zip(&plan.windows).zip(ask.floors) {
        let left = window.cost(u64::from(back.left));
        let floor = floor.max(now.saturating_add(left)).saturating_add(window.cost(others));
        *tat = floor.max(*tat).saturating_sub(left);
    }
    true
}

/// How many tokens workers may hold.
fn outstanding(slot: &Slot) -> u64 {
    slot.held.iter().map(|held| u64::from(*held)).fold(0, u64::saturating_add)
}

fn epoch_of(now: Ns, plan: &Plan) -> u64 {
    now.checked_div(plan.epoch).unwrap_or_default()
}

/// The end of the epoch after this one, as seen at `now`.
fn lease_end(now: Ns, epoch: u32, plan: &Plan) -> Ns {
    let own = epoch_of(now, plan);
    let ahead = u64::from(epoch.wrapping_sub(own as u32)).min(1);
    own.saturating_add(ahead).saturating_add(2).saturating_mul(plan.epoch)
}

impl Slot {
    /// A new key's slot, with the debt of those that had to make room. It is no more than any lease of this key can make it.
    pub(crate) fn indebted(floor: &[Ns; MOST_WINDOWS], now: Ns, plan: &Plan) -> Self {
        let mut slot = Self::default();
        for ((tat, window), floor) in slot.tats.iter_mut().zip(&plan.windows).zip(floor) {
            let longest = now.saturating_add(window.capacity()).saturating_add(plan.epoch.saturating_mul(2));
            *tat = longest.min(*floor);
        }
        slot
    }

    /// Per window, how indebted this key is if nothing of what is held comes back.
    pub(crate) fn debts(&self, now: Ns, plan: &Plan) -> [Ns; MOST_WINDOWS] {
        let held = outstanding(self);
        let mut debts = self.tats;
        if held > 0 {
            let end = lease_end(now, self.epoch, plan);
            let used = |((_, interval), _): &((&mut Ns, Ns), Ns)| *interval > 0;
            for ((debt, interval), reach) in debts.iter_mut().zip(plan.slowest).zip(plan.reach).filter(used) {
                let most = now.saturating_add(reach).saturating_add(plan.epoch.saturating_mul(2));
                *debt = end.saturating_add(interval.saturating_mul(held)).min(most).max(*debt);
            }
        }
        debts
    }
}

#[cfg(test)]
mod tests;
