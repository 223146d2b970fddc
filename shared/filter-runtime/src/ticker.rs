//! The root context's one timer, shared by the policy, by those who wait, and by errands put off.

use std::cell::Cell;
use std::time::Duration;

use crate::host;

/// Milliseconds between ticks while anyone waits.
const WAIT_TICK: u32 = 10;
const MILLISECOND: u64 = 1_000_000;

/// What the timer is set to, and when the policy wants its next tick. Times are the host's, in nanoseconds.
#[derive(Default)]
pub(crate) struct Ticker {
    /// Milliseconds as the host has them; 0 when it does not tick.
    set: Cell<u32>,
    every: Cell<Option<u64>>,
    due: Cell<u64>,
}

/// How much the runtime itself needs the next tick.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Need {
    /// Not at all.
    None,
    /// Within [`WAIT_TICK`].
    Soon,
    /// As soon as there can be one.
    Now,
}

impl Ticker {
    /// The policy asks for a tick.
    pub(crate) fn ask(&self, delay: Duration, now: u64) {
        let delay = u64::try_from(delay.as_nanos()).unwrap_or(u64::MAX);
        self.every.set(Some(delay));
        self.due.set(now.saturating_add(delay));
    }

    /// The same, but a tick that comes sooner stays as it is: asked again and again, there is one in the end.
    pub(crate) fn ask_sooner(&self, delay: Duration, now: u64) {
        let asked = u64::try_from(delay.as_nanos()).unwrap_or(u64::MAX);
        let rest = self.due.get().saturating_sub(now);
        // A longer rest than there can be means that the clock was set back.
        if self.every.get().is_none_or(|every| rest.min(every) > asked) {
            self.ask(delay, now);
        }
    }

    /// A tick has come. When it was the one asked for, there will be another one.
    pub(crate) fn passed(&self, now: u64) {
        if let Some(every) = self.every.get().filter(|_| self.due.get() <= now) {
            self.due.set(now.saturating_add(every));
        }
    }

    /// A request has begun to wait: it may need an errand, which only the root may send.
    ///
    /// A timer that is about to fire is left alone: setting it starts its time anew, for ever under load.
    pub(crate) fn hurry(&self) -> host::Result<()> {
        self.set(1)
    }

    /// Sets the timer for whatever is next.
    pub(crate) fn settle(&self, now: u64, need: Need) {
        let asked = self.every.get().map(|every| {
            // No longer than was asked for, should the clock be set back.
            let rest = self.due.get().saturating_sub(now).min(every).div_ceil(MILLISECOND);
            u32::try_from(rest).unwrap_or(u32::MAX).clamp(1, i32::MAX.unsigned_abs())
        });
        let period = match need {
            Need::Now => 1,
            Need::Soon => asked.unwrap_or(WAIT_TICK).min(WAIT_TICK),
            Need::None => asked.unwrap_or_default(),
        };
        if let Err(failed) = self.set(period) {
            log::error!("the host took no tick period (status {})", failed.0);
        }
    }

    /// Envoy's timer outlives its context: an old one would fire for nobody until the VM goes.
    pub(crate) fn stop(&self) {
        let _ = self.set(0);
    }

    fn set(&self, milliseconds: u32) -> host::Result<()> {
        if self.set.get() != milliseconds {
            host::set_tick_period(milliseconds)?;
            self.set.set(milliseconds);
        }
        Ok(())
    }
}
