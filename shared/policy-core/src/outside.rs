//! Work outside requests: fetching, ageing, reporting.

use std::time::Duration;

use crate::callout::Callout;
use crate::counter::{Counter, Gauge};
use crate::host::Host;

/// What a policy does outside requests, collected here for the runtime to carry out.
pub struct Outside<'h> {
    /// Clock, randomness, store.
    pub host: &'h dyn Host,
    tick_in: Option<Duration>,
    /// None as long as nothing was done, as at the end of most streams.
    done: Option<Box<Done>>,
}

#[derive(Default)]
struct Done {
    errands: Vec<(u32, Callout)>,
    counts: Vec<Counter>,
    gauges: Vec<(Gauge, u64)>,
    notes: Vec<String>,
}

impl<'h> Outside<'h> {
    /// Nothing done yet.
    #[must_use]
    pub fn new(host: &'h dyn Host) -> Self {
        Self { host, tick_in: None, done: None }
    }

    fn done(&mut self) -> &mut Done {
        self.done.get_or_insert_default()
    }

    /// Sends a request of the policy's own; the answer comes to [`Policy::on_errand`](crate::Policy::on_errand) with the
    /// same number.
    pub fn send(&mut self, errand: u32, callout: Callout) {
        self.done().errands.push((errand, callout));
    }

    /// Adds one to a counter.
    pub fn count(&mut self, counter: Counter) {
        self.done().counts.push(counter);
    }

    /// Sets a gauge.
    pub fn set(&mut self, gauge: Gauge, value: u64) {
        self.done().gauges.push((gauge, value));
    }

    /// Tells the operator something, in the proxy's log. No secrets, and nothing that repeats with requests.
    pub fn note(&mut self, text: String) {
        self.done().notes.push(text);
    }

    /// What the operator is told.
    #[must_use]
    pub fn notes(&self) -> &[String] {
        self.done.as_ref().map_or(&[], |done| &done.notes)
    }

    /// Asks for the next tick. Asked twice, the earlier one counts; it then repeats until asked otherwise.
    pub fn tick_in(&mut self, delay: Duration) {
        self.tick_in = Some(self.tick_in.map_or(delay, |known| known.min(delay)));
    }

    /// The requests to be sent, taken out.
    pub fn take_errands(&mut self) -> Vec<(u32, Callout)> {
        self.done.as_mut().map(|done| std::mem::take(&mut done.errands)).unwrap_or_default()
    }

    /// Takes over what a policy did whose counters and gauges begin at these places here. Not its tick.
    pub(crate) fn absorb(
        &mut self,
        other: Outside<'_>,
        (counters, gauges): (usize, usize),
        mut number: impl FnMut(u32) -> u32,
    ) {
        let Some(other) = other.done else { return };
        let Done { errands, counts, gauges: set, notes } = *other;
        let done = self.done();
        done.errands.extend(errands.into_iter().map(|(errand, callout)| (number(errand), callout)));
        done.counts.extend(counts.into_iter().map(|counter| counter.shifted(counters)));
        done.gauges.extend(set.into_iter().map(|(gauge, value)| (gauge.shifted(gauges), value)));
        done.notes.extend(notes);
    }

    /// What was counted.
    #[must_use]
    pub fn counts(&self) -> &[Counter] {
        self.done.as_ref().map_or(&[], |done| &done.counts)
    }

    /// What was set.
    #[must_use]
    pub fn gauges(&self) -> &[(Gauge, u64)] {
        self.done.as_ref().map_or(&[], |done| &done.gauges)
    }

    /// When the next tick was asked for.
    #[must_use]
    pub fn next_tick(&self) -> Option<Duration> {
        self.tick_in
    }
}
