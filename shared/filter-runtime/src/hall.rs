//! Where requests wait: `Flow::Wait` brings them here, a tick or the answer to an errand has each of them asked again.

use std::cell::Cell;
use std::rc::{Rc, Weak};

use policy_core::Plugin;

use crate::asks::Asks;
use crate::host;
use crate::stream::Seat;
use crate::ticker::{Need, Ticker};

/// At most so many requests go on, or are refused, per callback. Envoy carries that out when the callback has returned,
/// and if it leads to another callback, as a reply does, carries out the next one inside of it: the depth of the stack
/// grows with their number, and V8 ends the VM (seen with 750 direct responses; 150 were well).
const BATCH: usize = 32;

/// After a round over many the pause is so many times as long as the round: an answer for each of them would else cost
/// the square of their number.
const PAUSE: u64 = 4;

/// The longest such pause, in nanoseconds.
const LONGEST_PAUSE: u64 = 100_000_000;

/// The waiting requests of one root context, and its timer.
pub(crate) struct Hall<P: Plugin> {
    pub(crate) root: u32,
    pub(crate) ticker: Ticker,
    waiting: Cell<Vec<Weak<Seat<P>>>>,
    next_round: Cell<u64>,
}

impl<P: Plugin> Hall<P> {
    /// Nobody waits under this root context.
    pub(crate) fn new(root: u32) -> Self {
        Self { root, ticker: Ticker::default(), waiting: Cell::default(), next_round: Cell::new(0) }
    }

    /// A request begins to wait. It is not kept alive: one whose client leaves is gone from here by itself.
    pub(crate) fn enter(&self, seat: &Rc<Seat<P>>) -> host::Result<()> {
        self.ticker.hurry()?;
        let mut waiting = self.waiting.take();
        waiting.push(Rc::downgrade(seat));
        self.waiting.set(waiting);
        Ok(())
    }

    /// True when nobody waits.
    pub(crate) fn is_empty(&self) -> bool {
        let waiting = self.waiting.take();
        let empty = waiting.is_empty();
        self.waiting.set(waiting);
        empty
    }

    /// Asks each waiting request whether it can go on; answers when the next tick is needed.
    ///
    /// No borrow and no lock is held meanwhile: the list is out of its cell while host calls are made.
    pub(crate) fn round(&self, now: u64, asks: &Asks<P>) -> Need {
        let waiting = self.waiting.take();
        if waiting.is_empty() {
            return Need::None;
        }
        let many = waiting.len() > BATCH;
        let pause = self.next_round.get().saturating_sub(now);
        // A longer pause than there can be means that the clock was set back.
        if many && (1..=LONGEST_PAUSE).contains(&pause) {
            self.waiting.set(waiting);
            return Need::Now;
        }
        let began = if many { host::current_time().unwrap_or(now) } else { now };
        let mut rest = waiting.into_iter();
        let (mut kept, mut decided) = (Vec::new(), 0_usize);
        for weak in rest.by_ref() {
            match weak.upgrade().map(|seat| seat.wake(now, asks)) {
                Some(Woken::Waits) => kept.push(weak),
                Some(Woken::Decided) => decided = decided.saturating_add(1),
                Some(Woken::Left) | None => {}
            }
            if decided == BATCH {
                break;
            }
        }
        // Whoever was not asked is first next time.
        let mut next: Vec<_> = rest.collect();
        let cut_short = !next.is_empty();
        next.append(&mut kept);
        next.append(&mut self.waiting.take());
        let need = if cut_short {
            Need::Now
        } else {
            if many {
                self.pause_after(began);
            }
            if next.is_empty() { Need::None } else { Need::Soon }
        };
        self.waiting.set(next);
        if host::set_effective_context(self.root).is_err() {
            log::error!("tollgate.{}: the host does not know its root context", P::NAME);
        }
        need
    }

    fn pause_after(&self, began: u64) {
        let end = host::current_time().unwrap_or(began);
        let pause = end.saturating_sub(began).saturating_mul(PAUSE).min(LONGEST_PAUSE);
        self.next_round.set(end.saturating_add(pause));
    }
}

/// What asking a waiting request has led to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Woken {
    /// It waits on.
    Waits,
    /// It went on, was refused, or has asked.
    Decided,
    /// It had stopped waiting before.
    Left,
}
