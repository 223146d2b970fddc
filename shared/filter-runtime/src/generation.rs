//! One configuration of a plugin, live: the compiled policy, the ids of its metrics, its errands.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use policy_core::ids::Ids;
use policy_core::{Callout, Counter, Gauge, Lost, Outside, Plugin, Policy};

use crate::asks::{Sizes, read_answer};
use crate::hall::Hall;
use crate::host;
use crate::source::Machine;
use crate::ticker::Need;

/// A compiled policy and what belongs to it. A new configuration makes a new one; streams keep theirs.
pub(crate) struct Generation<P: Plugin> {
    pub(crate) policy: P::Policy,
    pub(crate) hall: Rc<Hall<P>>,
    counters: Vec<Cell<Metric>>,
    gauges: Vec<Option<u32>>,
    errands: RefCell<Ids<Errand>>,
    put_off: Cell<Vec<(u32, Callout)>>,
}

/// A counter at the host.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Metric {
    New,
    Known(u32),
    Refused,
}

impl Metric {
    fn define(name: &str) -> Self {
        host::define_counter(name).map_or(Self::Refused, Self::Known)
    }
}

/// An errand on its way.
struct Errand {
    number: u32,
    max_body: usize,
}

impl<P: Plugin> Generation<P> {
    pub(crate) fn new(policy: P::Policy, hall: Rc<Hall<P>>) -> Self {
        let names = policy.counters();
        let counters = names.names().iter().enumerate().map(|(index, name)| {
            Cell::new(if names.is_rare(index) { Metric::New } else { Metric::define(name) })
        });
        let counters = counters.collect();
        let gauges = names.gauges().iter().map(|name| host::define_gauge(name).ok()).collect();
        Self { policy, hall, counters, gauges, errands: RefCell::default(), put_off: Cell::default() }
    }

    /// Adds one to each counter.
    pub(crate) fn count(&self, counts: &[Counter]) {
        for counter in counts {
            if let Some(id) = self.id(*counter) {
                // A counter that cannot be raised is no reason to fail a request.
                let _ = host::increment(id, 1);
            }
        }
    }

    /// The counter's id; that of a rare one is asked for when it is first raised.
    fn id(&self, counter: Counter) -> Option<u32> {
        let metric = self.counters.get(counter.index())?;
        if metric.get() == Metric::New {
            let name = self.policy.counters().names().get(counter.index())?;
            metric.set(Metric::define(name));
        }
        match metric.get() {
            Metric::Known(id) => Some(id),
            Metric::New | Metric::Refused => None,
        }
    }

    fn set(&self, gauges: &[(Gauge, u64)]) {
        for (gauge, value) in gauges {
            if let Some(Some(id)) = self.gauges.get(gauge.index()) {
                let _ = host::record(*id, *value);
            }
        }
    }

    /// The policy is live.
    pub(crate) fn start(&self, now: u64) {
        let tick = self.outside(|policy, outside| policy.on_start(outside));
        self.ask_for_tick(tick, now);
    }

    /// The root's timer.
    pub(crate) fn tick(&self, now: u64) {
        let put_off = self.put_off.take();
        let tick = self.outside(|policy, outside| {
            for (number, callout) in put_off {
                outside.send(number, callout);
            }
            policy.on_tick(outside);
        });
        self.ask_for_tick(tick, now);
    }

    /// An answer has come. One to an errand of another generation is nobody's.
    pub(crate) fn answered(&self, now: u64, token: u32, sizes: Sizes) {
        let errand = self.errands.borrow_mut().remove(token);
        let Some(Errand { number, max_body }) = errand else { return };
        let reply = read_answer(max_body, sizes);
        let tick = self.outside(|policy, outside| policy.on_errand(number, reply, outside));
        self.ask_for_tick(tick, now);
    }

    /// A stream is over.
    pub(crate) fn end(&self, stream: &mut <P::Policy as Policy>::Stream) {
        let tick = self.outside(|policy, outside| policy.on_end(stream, outside));
        let put_off = self.has_put_off();
        if !P::CALLBACKS.outside || tick.is_none() && !put_off {
            return;
        }
        let now = host::current_time().unwrap_or(u64::MAX);
        if let Some(delay) = tick {
            self.hall.ticker.ask_sooner(delay, now);
        }
        let need = if put_off || !self.hall.is_empty() { Need::Soon } else { Need::None };
        self.hall.ticker.settle(now, need);
    }

    fn ask_for_tick(&self, tick: Option<Duration>, now: u64) {
        if let Some(delay) = tick {
            self.hall.ticker.ask(delay, now);
        }
    }

    /// True when errands wait for the next tick.
    pub(crate) fn has_put_off(&self) -> bool {
        let put_off = self.put_off.take();
        let some = !put_off.is_empty();
        self.put_off.set(put_off);
        some
    }

    /// Carries out what the policy does; returns when it wants its next tick.
    fn outside(&self, work: impl FnOnce(&P::Policy, &mut Outside<'_>)) -> Option<Duration> {
        let machine = Machine::new(P::STORE);
        let mut outside = Outside::new(&machine);
        work(&self.policy, &mut outside);
        for (number, callout) in outside.take_errands() {
            if !self.send(number, &callout) {
                self.policy.on_errand(number, Err(Lost::NotSent), &mut outside);
            }
        }
        // What is tried in place of an errand that was not sent has time until the next tick: else a policy that tries
        // the same again would never come to an end.
        let mut put_off = self.put_off.take();
        put_off.append(&mut outside.take_errands());
        self.put_off.set(put_off);
        self.count(outside.counts());
        self.set(outside.gauges());
        for note in outside.notes() {
            log::warn!("tollgate.{}: {note}", P::NAME);
        }
        if machine.failed() {
            log::error!("tollgate.{}: worked without a clock or randomness", P::NAME);
        }
        outside.next_tick()
    }

    fn send(&self, number: u32, callout: &Callout) -> bool {
        let Some(token) = host::http_call(callout) else { return false };
        self.errands.borrow_mut().insert(token, Errand { number, max_body: callout.max_body });
        true
    }
}
