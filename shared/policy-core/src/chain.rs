//! Policies one behind the other in one module, as separate filters would be: requests pass them left to right, responses right to
//! left, and both come to the same.
//!
//! What separate filters have and one module has not is put in their place here. Each part has counters, errands and ticks of its
//! own numbers (this file, `Ticks`) and keys of its own in the store ([`Part`]). What a part has done stands when the next one
//! begins ([`Exchange::settle`]): should that one wait, ask or refuse, the request waits or ends as the earlier ones have left it,
//! and they are not asked again. A local reply is shown to who made it and to those before, as Envoy does it.

mod part;
mod ticks;

use std::cell::{Cell, RefCell};
use std::time::Duration;

pub use part::Part;
use ticks::Ticks;

use crate::callout::CalloutReply;
use crate::counter::Counters;
use crate::exchange::Exchange;
use crate::flow::Flow;
use crate::host::Host;
use crate::ids::Ids;
use crate::outside::Outside;
use crate::policy::Policy;

/// Two policies, the second behind the first. Either may be a chain.
pub struct Chain<A, B> {
    first: A,
    then: B,
    counters: Counters,
    /// Where the second one's counters and gauges begin.
    begin: (usize, usize),
    first_ticks: Ticks,
    then_ticks: Ticks,
    errands: Errands,
}

/// Which of the two.
#[derive(Debug, Clone, Copy)]
enum Side {
    First,
    Then,
}

/// Whose errands are on their way, by the numbers that they have outside.
#[derive(Default)]
struct Errands {
    sent: RefCell<Ids<(Side, u32)>>,
    last: Cell<u32>,
}

impl Errands {
    fn number(&self, side: Side, errand: u32) -> u32 {
        let mut sent = self.sent.borrow_mut();
        // One that is free: those of a slow answer are few, and numbers many.
        let mut number = self.last.get().wrapping_add(1);
        while sent.get(number).is_some() {
            number = number.wrapping_add(1);
        }
        self.last.set(number);
        sent.insert(number, (side, errand));
        number
    }

    fn answered(&self, number: u32) -> Option<(Side, u32)> {
        self.sent.borrow_mut().remove(number)
    }
}

impl<A: Policy, B: Policy> Chain<A, B> {
    /// `then` behind `first`.
    #[must_use]
    pub fn new(first: A, then: B) -> Self {
        let counters = first.counters().and(then.counters());
        let begin = (first.counters().names().len(), first.counters().gauges().len());
        let (first_ticks, then_ticks) = (Ticks::default(), Ticks::default());
        Self { first, then, counters, begin, first_ticks, then_ticks, errands: Errands::default() }
    }

    /// What the first has decided; where it lets the request pass, the second is called for the first time.
    fn after_first(
        &self,
        flow: Flow,
        stream: &mut <Self as Policy>::Stream,
        exchange: &mut Exchange<'_>,
        host: &dyn Host,
    ) -> Flow {
        match flow {
            Flow::Continue => {
                exchange.settle();
                let state = stream.1.insert(B::Stream::default());
                self.behind(exchange, |exchange| self.then.on_request_headers(state, exchange, host))
            }
            Flow::Wait => {
                self.first_ticks.wait();
                Flow::Wait
            }
            flow => flow,
        }
    }

    /// Calls the second.
    fn behind(&self, exchange: &mut Exchange<'_>, call: impl FnOnce(&mut Exchange<'_>) -> Flow) -> Flow {
        let counted = exchange.counts().len();
        let flow = call(exchange);
        exchange.shift_counts(counted, self.begin.0);
        if matches!(flow, Flow::Wait) {
            self.then_ticks.wait();
        }
        flow
    }

    /// Work of one of them outside requests: when it wants its next tick.
    fn outside(
        &self,
        side: Side,
        out: &mut Outside<'_>,
        work: impl FnOnce(&mut Outside<'_>),
    ) -> Option<Duration> {
        let mut own = Outside::new(out.host);
        work(&mut own);
        let tick = own.next_tick();
        let begin = match side {
            Side::First => (0, 0),
            Side::Then => self.begin,
        };
        out.absorb(own, begin, |errand| self.errands.number(side, errand));
        tick
    }

    /// The same, in a callback of the root context.
    fn root(&self, side: Side, out: &mut Outside<'_>, work: impl FnOnce(&mut Outside<'_>)) {
        if let Some(delay) = self.outside(side, out, work) {
            self.ticks(side).ask(delay, out.host.now().0);
        }
    }

    /// The same, at the end of a stream.
    fn end(&self, side: Side, out: &mut Outside<'_>, work: impl FnOnce(&mut Outside<'_>)) {
        if let Some(delay) = self.outside(side, out, work) {
            self.ticks(side).ask_sooner(delay, out.host.now().0);
            out.tick_in(delay);
        }
    }

    fn ticks(&self, side: Side) -> &Ticks {
        match side {
            Side::First => &self.first_ticks,
            Side::Then => &self.then_ticks,
        }
    }

    /// Asks for the next tick of either.
    fn ask_for_tick(&self, out: &mut Outside<'_>) {
        if self.first_ticks.are_asked_for() || self.then_ticks.are_asked_for() {
            let now = out.host.now().0;
            let rests = [self.first_ticks.rest(now), self.then_ticks.rest(now)];
            rests.into_iter().flatten().for_each(|rest| out.tick_in(rest));
        }
    }
}

impl<A: Policy, B: Policy> Policy for Chain<A, B> {
    /// There is none of the second until a request has reached it.
    type Stream = (A::Stream, Option<B::Stream>);

    fn counters(&self) -> &Counters {
        &self.counters
    }

    fn on_request_headers(
        &self,
        stream: &mut Self::Stream,
        exchange: &mut Exchange<'_>,
        host: &dyn Host,
    ) -> Flow {
        let flow = self.first.on_request_headers(&mut stream.0, exchange, host);
        self.after_first(flow, stream, exchange, host)
    }

    fn on_wake(&self, stream: &mut Self::Stream, exchange: &mut Exchange<'_>, host: &dyn Host) -> Flow {
        match &mut stream.1 {
            Some(state) => self.behind(exchange, |exchange| self.then.on_wake(state, exchange, host)),
            None => {
                let flow = self.first.on_wake(&mut stream.0, exchange, host);
                self.after_first(flow, stream, exchange, host)
            }
        }
    }

    fn on_answer(
        &self,
        stream: &mut Self::Stream,
        exchange: &mut Exchange<'_>,
        host: &dyn Host,
        reply: CalloutReply,
    ) -> Flow {
        match &mut stream.1 {
            Some(state) => {
                self.behind(exchange, |exchange| self.then.on_answer(state, exchange, host, reply))
            }
            None => {
                let flow = self.first.on_answer(&mut stream.0, exchange, host, reply);
                self.after_first(flow, stream, exchange, host)
            }
        }
    }

    fn on_response_headers(
        &self,
        stream: &mut Self::Stream,
        exchange: &mut Exchange<'_>,
        host: &dyn Host,
    ) -> Flow {
        if let Some(state) = &mut stream.1 {
            let flow = self.behind(exchange, |exchange| self.then.on_response_headers(state, exchange, host));
            // An answer made now goes straight to the client.
            if !matches!(flow, Flow::Continue) {
                return flow;
            }
        }
        self.first.on_response_headers(&mut stream.0, exchange, host)
    }

    fn on_end(&self, stream: &mut Self::Stream, out: &mut Outside<'_>) {
        self.end(Side::First, out, |own| self.first.on_end(&mut stream.0, own));
        if let Some(state) = &mut stream.1 {
            self.end(Side::Then, out, |own| self.then.on_end(state, own));
        }
    }

    fn on_start(&self, out: &mut Outside<'_>) {
        self.root(Side::First, out, |own| self.first.on_start(own));
        self.root(Side::Then, out, |own| self.then.on_start(own));
        self.ask_for_tick(out);
    }

    fn on_tick(&self, out: &mut Outside<'_>) {
        let now = out.host.now().0;
        if self.first_ticks.are_due(now) {
            self.root(Side::First, out, |own| self.first.on_tick(own));
        }
        if self.then_ticks.are_due(now) {
            self.root(Side::Then, out, |own| self.then.on_tick(own));
        }
        self.ask_for_tick(out);
    }

    fn on_errand(&self, errand: u32, reply: CalloutReply, out: &mut Outside<'_>) {
        match self.errands.answered(errand) {
            Some((Side::First, errand)) => {
                self.root(Side::First, out, |own| self.first.on_errand(errand, reply, own));
            }
            Some((Side::Then, errand)) => {
                self.root(Side::Then, out, |own| self.then.on_errand(errand, reply, own));
            }
            None => return,
        }
        self.ask_for_tick(out);
    }
}
