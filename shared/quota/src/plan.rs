//! Rates as configured, compiled.

use std::fmt;
use std::time::Duration;

/// Nanoseconds: since the Unix epoch, or of a span.
pub type Ns = u64;

/// A limit has at most so many windows.
pub const MOST_WINDOWS: usize = 4;

/// A state further ahead than a full debt plus this is the trace of a clock that was set back.
pub(crate) const SLACK: Ns = 1_000_000_000;
/// A lease lives for two epochs at most.
const LONGEST_EPOCH: Ns = 250_000_000;
/// A rest moves no more than 1.5 % of a window of ten seconds.
const LONGEST_REST: Ns = 150_000_000;
/// Ten years. Keeps every sum of a time and a debt far from the end of 64 bits.
const LONGEST_DEBT: Ns = 10 * 366 * 86_400 * 1_000_000_000;
/// A million requests a second: the interval is then rounded by a thousandth at most.
const SHORTEST_INTERVAL: Ns = 1000;

/// So many requests per period, after `burst` at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// How many per period. Not 0.
    pub requests: u64,
    /// The period.
    pub period: Duration,
    /// How many at once from a full bucket. Not 0.
    pub burst: u64,
}

/// A compiled [`Rate`]: one token per interval, up to `burst` of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    interval: Ns,
    burst: u32,
    capacity: Ns,
}

impl Window {
    /// The time in which one token comes in, rounded up: never more than the rate.
    #[must_use]
    pub fn interval(&self) -> Ns {
        self.interval
    }

    /// How many tokens the bucket holds.
    #[must_use]
    pub fn burst(&self) -> u32 {
        self.burst
    }

    /// The time in which an empty bucket fills.
    #[must_use]
    pub fn capacity(&self) -> Ns {
        self.capacity
    }

    /// The time that so many tokens stand for.
    #[must_use]
    pub fn cost(&self, tokens: u64) -> Ns {
        self.interval.saturating_mul(tokens)
    }

    /// How much may be taken now from a bucket that is full again at `tat`, as the time it stands for.
    #[must_use]
    pub fn free(&self, tat: Ns, now: Ns) -> Ns {
        now.saturating_add(self.capacity).saturating_sub(tat.max(now))
    }

    /// The same in whole tokens.
    #[must_use]
    pub fn tokens(&self, tat: Ns, now: Ns) -> u64 {
        self.free(tat, now).checked_div(self.interval).unwrap_or_default()
    }

    /// How long until a bucket that is full again at `tat` has so many tokens. [`Ns::MAX`] when it never has.
    #[must_use]
    pub fn wait(&self, tat: Ns, now: Ns, tokens: u32) -> Ns {
        if tokens > self.burst {
            return Ns::MAX;
        }
        let cost = self.cost(u64::from(tokens));
        tat.saturating_add(cost).saturating_sub(self.capacity).saturating_sub(now)
    }

    fn compile(rate: &Rate) -> Result<Self, Fault> {
        let period = u64::try_from(rate.period.as_nanos()).map_err(|_| Fault::TooLong)?;
        if rate.requests == 0 || rate.burst == 0 {
            return Err(Fault::Zero);
        }
        let interval = period.div_ceil(rate.requests);
        if interval < SHORTEST_INTERVAL {
            return Err(Fault::TooFast);
        }
        let burst = u32::try_from(rate.burst).map_err(|_| Fault::TooLong)?;
        let capacity = interval.checked_mul(rate.burst).ok_or(Fault::TooLong)?;
        if capacity > LONGEST_DEBT {
            return Err(Fault::TooLong);
        }
        Ok(Self { interval, burst, capacity })
    }
}

/// All windows of one rate of a limit, with what follows from them. A request has to find its cost in each of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    pub(crate) id: usize,
    pub(crate) windows: Vec<Window>,
    /// Leases end with the epoch after the one they were made in.
    pub(crate) epoch: Ns,
    /// A dry bucket is left alone for so long at most.
    pub(crate) rest: Ns,
    /// For so long after it ran dry, all that is free is taken.
    pub(crate) wary: Ns,
    /// Per window, the fullest debt that any plan of the limit allows.
    pub(crate) reach: [Ns; MOST_WINDOWS],
    /// Per window, the longest interval of any plan of the limit.
    pub(crate) slowest: [Ns; MOST_WINDOWS],
    /// The most windows of any plan of the limit.
    pub(crate) width: usize,
}

impl Plan {
    /// Compiles all rates of one limit (tiers, variants), in order: each is a list of windows. They belong together since a key
    /// keeps its one slot when its rate changes: leases of all of them end at the same moments.
    ///
    /// # Errors
    /// The first rate that cannot be kept, and why.
    pub fn family(rates: &[Vec<Rate>]) -> Result<Vec<Self>, PlanError> {
        let mut plans = Vec::with_capacity(rates.len());
        for (id, rates) in rates.iter().enumerate() {
            let fault = |window, fault| PlanError { plan: id, window, fault };
            if rates.is_empty() || rates.len() > MOST_WINDOWS {
                return Err(fault(0, Fault::Windows));
            }
            let compile = |(n, rate)| Window::compile(rate).map_err(|reason| fault(n, reason));
            let windows: Vec<Window> = rates.iter().enumerate().map(compile).collect::<Result<_, _>>()?;
            plans.push(Self::alone(id, windows));
        }
        let mut common = Self::alone(0, Vec::new());
        for plan in &plans {
            common.epoch = common.epoch.min(plan.epoch);
            common.width = common.width.max(plan.windows.len());
            for (n, window) in plan.windows.iter().enumerate() {
                raise(&mut common.reach, n, window.capacity);
                raise(&mut common.slowest, n, window.interval);
            }
        }
        for plan in &mut plans {
            (plan.epoch, plan.width, plan.reach, plan.slowest) =
                (common.epoch, common.width, common.reach, common.slowest);
        }
        Ok(plans)
    }

    fn alone(id: usize, windows: Vec<Window>) -> Self {
        let least = windows.iter().map(|window| window.capacity).min().unwrap_or(Ns::MAX);
        let slowest = windows.iter().map(|window| window.interval).max().unwrap_or(1);
        let rest = (least / 2).min(LONGEST_REST);
        // Resting pays only where two tokens at least come in meanwhile.
        let rest = if rest < slowest.saturating_mul(2) { 0 } else { rest };
        Self {
            id,
            epoch: (least / 2).clamp(1, LONGEST_EPOCH),
            rest,
            wary: rest.saturating_mul(3),
            reach: [0; MOST_WINDOWS],
            slowest: [0; MOST_WINDOWS],
            width: windows.len(),
            windows,
        }
    }

    /// The windows, as configured.
    #[must_use]
    pub fn windows(&self) -> &[Window] {
        &self.windows
    }

    /// The dearest request that can ever pass.
    #[must_use]
    pub fn most(&self) -> u32 {
        self.windows.iter().map(|window| window.burst).min().unwrap_or_default()
    }
}

fn raise(values: &mut [Ns; MOST_WINDOWS], at: usize, to: Ns) {
    if let Some(value) = values.get_mut(at) {
        *value = to.max(*value);
    }
}

/// A rate that cannot be kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PlanError {
    /// Which of the rates.
    pub plan: usize,
    /// Which of its windows.
    pub window: usize,
    /// Why.
    pub fault: Fault,
}

/// Why a rate cannot be kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// No window, or more than [`MOST_WINDOWS`].
    Windows,
    /// No requests, or no burst.
    Zero,
    /// More than a million requests a second.
    TooFast,
    /// A bucket that takes more than ten years to fill.
    TooLong,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Windows => "a limit has one to four rates",
            Self::Zero => "requests and burst are at least 1",
            Self::TooFast => "at most 1000000 requests per second can be counted",
            Self::TooLong => "this burst takes more than ten years to refill at this rate; lower the burst",
        })
    }
}

impl fmt::Display for PlanError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.fault.fmt(f)
    }
}

#[cfg(test)]
mod tests;
