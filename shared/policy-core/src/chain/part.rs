//! One policy of a chain, which may not be configured.

use crate::callout::CalloutReply;
use crate::counter::Counters;
use crate::exchange::Exchange;
use crate::flow::Flow;
use crate::host::{Host, Signature, Stale, Stored};
use crate::outside::Outside;
use crate::policy::Policy;
use crate::time::Timestamp;

/// A policy under a name, or none, which lets everything pass.
pub struct Part<P> {
    name: &'static str,
    policy: Option<P>,
    no_counters: Counters,
}

impl<P> Part<P> {
    /// `name` is what its keys in the store begin with: that of its own filter, so that both have one store.
    #[must_use]
    pub fn new(name: &'static str, policy: Option<P>) -> Self {
        Self { name, policy, no_counters: Counters::new(name) }
    }
}

impl<P: Policy> Part<P> {
    fn decide(&self, host: &dyn Host, call: impl FnOnce(&P, &dyn Host) -> Flow) -> Flow {
        let named = Named { name: self.name, host };
        self.policy.as_ref().map_or(Flow::Continue, |policy| call(policy, &named))
    }

    fn outside(&self, out: &mut Outside<'_>, work: impl FnOnce(&P, &mut Outside<'_>)) {
        let Some(policy) = &self.policy else { return };
        let named = Named { name: self.name, host: out.host };
        let mut own = Outside::new(&named);
        work(policy, &mut own);
        if let Some(delay) = own.next_tick() {
            out.tick_in(delay);
        }
        out.absorb(own, (0, 0), |errand| errand);
    }
}

impl<P: Policy> Policy for Part<P> {
    type Stream = P::Stream;

    fn counters(&self) -> &Counters {
        self.policy.as_ref().map_or(&self.no_counters, P::counters)
    }

    fn on_request_headers(
        &self,
        stream: &mut P::Stream,
        exchange: &mut Exchange<'_>,
        host: &dyn Host,
    ) -> Flow {
        self.decide(host, |policy, host| policy.on_request_headers(stream, exchange, host))
    }

    fn on_response_headers(
        &self,
        stream: &mut P::Stream,
        exchange: &mut Exchange<'_>,
        host: &dyn Host,
    ) -> Flow {
        self.decide(host, |policy, host| policy.on_response_headers(stream, exchange, host))
    }

    fn on_wake(&self, stream: &mut P::Stream, exchange: &mut Exchange<'_>, host: &dyn Host) -> Flow {
        self.decide(host, |policy, host| policy.on_wake(stream, exchange, host))
    }

    fn on_answer(
        &self,
        stream: &mut P::Stream,
        exchange: &mut Exchange<'_>,
        host: &dyn Host,
        reply: CalloutReply,
    ) -> Flow {
        self.decide(host, |policy, host| policy.on_answer(stream, exchange, host, reply))
    }

    fn on_end(&self, stream: &mut P::Stream, out: &mut Outside<'_>) {
        self.outside(out, |policy, out| policy.on_end(stream, out));
    }

    fn on_start(&self, out: &mut Outside<'_>) {
        self.outside(out, P::on_start);
    }

    fn on_tick(&self, out: &mut Outside<'_>) {
        self.outside(out, P::on_tick);
    }

    fn on_errand(&self, errand: u32, reply: CalloutReply, out: &mut Outside<'_>) {
        self.outside(out, |policy, out| policy.on_errand(errand, reply, out));
    }
}

/// The host, as one part sees it.
struct Named<'h> {
    name: &'static str,
    host: &'h dyn Host,
}

impl Named<'_> {
    fn key(&self, key: &str) -> String {
        [self.name, key].join(".")
    }
}

impl Host for Named<'_> {
    fn now(&self) -> Timestamp {
        self.host.now()
    }

    fn fill_random(&self, buffer: &mut [u8]) {
        self.host.fill_random(buffer);
    }

    fn load(&self, key: &str) -> Option<Stored> {
        self.host.load(&self.key(key))
    }

    fn store(&self, key: &str, value: &[u8], over: Option<u32>) -> Result<(), Stale> {
        self.host.store(&self.key(key), value, over)
    }

    fn verify_signature(&self, signature: &Signature<'_>) -> Option<bool> {
        self.host.verify_signature(signature)
    }
}
