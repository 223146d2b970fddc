//! One configuration of a plugin, live: the compiled policy, the ids of its metrics, its errands.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;

use policy_core::{Answer, Callout, CalloutReply, Counter, Gauge, Lost, Outside, Plugin, Policy, Snapshot};
use proxy_wasm::types::MapType;

use crate::hall::Hall;
use crate::host;
use crate::source::Machine;

/// A compiled policy and what belongs to it. A new configuration makes a new one; streams keep theirs.
pub(crate) struct Generation<P: Plugin> {
    pub(crate) policy: P::Policy,
    pub(crate) hall: Rc<Hall<P>>,
    counters: Vec<Cell<Metric>>,
    gauges: Vec<Option<u32>>,
    errands: RefCell<BTreeMap<u32, Errand>>,
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
        self.outside(now, |policy, outside| policy.on_start(outside));
    }

    /// The root's timer.
    pub(crate) fn tick(&self, now: u64) {
        let put_off = self.put_off.take();
        self.outside(now, |policy, outside| {
            for (number, callout) in put_off {
                outside.send(number, callout);
            }
            policy.on_tick(outside);
        });
    }

    /// An answer has come. One to an errand of another generation is nobody's.
    pub(crate) fn answered(&self, now: u64, token: u32, headers: usize, body: usize) {
        let errand = self.errands.borrow_mut().remove(&token);
        let Some(Errand { number, max_body }) = errand else { return };
        let reply = read_answer(max_body, headers, body);
        self.outside(now, |policy, outside| policy.on_errand(number, reply, outside));
    }

    /// True when errands wait for the next tick.
    pub(crate) fn has_put_off(&self) -> bool {
        let put_off = self.put_off.take();
        let some = !put_off.is_empty();
        self.put_off.set(put_off);
        some
    }

    fn outside(&self, now: u64, work: impl FnOnce(&P::Policy, &mut Outside<'_>)) {
        let machine = Machine::new(P::NAME);
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
        if let Some(delay) = outside.next_tick() {
            self.hall.ticker.ask(delay, now);
        }
        if machine.failed() {
            log::error!("tollgate.{}: worked without a clock or randomness", P::NAME);
        }
    }

    fn send(&self, number: u32, callout: &Callout) -> bool {
        let Some(token) = host::http_call(callout) else { return false };
        self.errands.borrow_mut().insert(token, Errand { number, max_body: callout.max_body });
        true
    }
}

/// Reads the answer at hand, but not a body larger than was asked for.
fn read_answer(max_body: usize, headers: usize, body: usize) -> CalloutReply {
    if headers == 0 {
        return Err(Lost::Broken);
    }
    if body > max_body {
        return Err(Lost::TooLarge);
    }
    let headers = host::header_pairs(MapType::HttpCallResponseHeaders).ok().and_then(Snapshot::parse);
    let headers = headers.ok_or(Lost::Broken)?;
    let body = if body == 0 { Vec::new() } else { host::call_body(body).map_err(|_| Lost::Broken)? };
    let status =
        headers.values(b":status").next().and_then(|status| std::str::from_utf8(status).ok()?.parse().ok());
    Ok(Answer { status: status.unwrap_or_default(), headers, body })
}
