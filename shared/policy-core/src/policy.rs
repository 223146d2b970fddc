//! The traits a policy and its plugin implement.

use crate::callout::CalloutReply;
use crate::config::{ConfigError, Environment, Wire};
use crate::counter::Counters;
use crate::exchange::Exchange;
use crate::flow::{Flow, GrpcStatus, LocalReply};
use crate::host::Host;
use crate::outside::Outside;

/// A compiled policy: decides, never calls the proxy.
pub trait Policy {
    /// What one HTTP stream remembers between phases. It starts empty, and may still be empty in the response phase:
    /// a reply made before this filter saw the request passes through the response phase alone.
    type Stream: Default;

    /// The counters that the policy names in [`Exchange::count`].
    fn counters(&self) -> &Counters;

    /// The request's headers have arrived.
    fn on_request_headers(&self, _: &mut Self::Stream, _: &mut Exchange<'_>, _: &dyn Host) -> Flow {
        Flow::Continue
    }

    /// The response's headers are about to leave. [`Flow::Wait`] and [`Flow::Ask`] are not for this phase.
    fn on_response_headers(&self, _: &mut Self::Stream, _: &mut Exchange<'_>, _: &dyn Host) -> Flow {
        Flow::Continue
    }

    /// Something outside may have changed: asked of each waiting request after every tick and errand.
    fn on_wake(&self, _: &mut Self::Stream, _: &mut Exchange<'_>, _: &dyn Host) -> Flow {
        Flow::Continue
    }

    /// The callout of [`Flow::Ask`] has an answer, or has none: called once for each, at once where it was not sent.
    ///
    /// The exchange is the request's, fresh: edits, facts and what belongs to them are to be made here. There is no
    /// waiting from here, and no further asking. A request that has ended meanwhile is asked no more.
    fn on_answer(&self, _: &mut Self::Stream, _: &mut Exchange<'_>, _: &dyn Host, _: CalloutReply) -> Flow {
        // A policy that asks has to decide: only one that forgot to comes here.
        let title = "The proxy could not handle this exchange.";
        Flow::Reply(LocalReply::problem("tollgate", 500, GrpcStatus::Internal, "undecided", title))
    }

    /// A stream that one of the phases above was called for is over, however it ended: once for each, unless the VM
    /// itself ends before. Only with [`Callbacks::end`]. A tick asked for here comes no later than one asked for before.
    fn on_end(&self, _: &mut Self::Stream, _: &mut Outside<'_>) {}

    /// The policy is live in this VM. There are as many VMs as workers, and two more.
    fn on_start(&self, _: &mut Outside<'_>) {}

    /// The time for which the policy asked with [`Outside::tick_in`] has passed, or a request has begun to wait.
    fn on_tick(&self, _: &mut Outside<'_>) {}

    /// An errand has an answer, or has none.
    fn on_errand(&self, _errand: u32, _: CalloutReply, _: &mut Outside<'_>) {}
}

/// The shape of `pluginConfig` and what it compiles to.
pub trait Plugin {
    /// The word in metric names and response-code details: `header`, `auth`.
    const NAME: &'static str;

    /// The word that the policy's keys in the store begin with, behind `tollgate.`. A [`Chain`](crate::Chain) has none: its
    /// parts have theirs.
    const STORE: &'static str = Self::NAME;

    /// The callbacks the policy needs. The build drops the others: each one costs every request a crossing.
    const CALLBACKS: Callbacks;

    /// The wire, read strictly.
    type Config: Wire;

    /// Compiled: cannot be wrong.
    type Policy: Policy;

    /// Turns a configuration into a policy.
    ///
    /// `environment` gives the variables of `vmConfig.env`, where secrets may be.
    ///
    /// # Errors
    /// Names the place in the configuration and what is allowed there.
    fn compile(config: Self::Config, environment: Environment<'_>) -> Result<Self::Policy, ConfigError>;

    /// Reads `pluginConfig` as Istio hands it on, and compiles it. No text at all stands for `{}`.
    ///
    /// # Errors
    /// As [`Plugin::compile`], and for text that is not JSON.
    fn from_json(json: &[u8], environment: Environment<'_>) -> Result<Self::Policy, ConfigError> {
        let json = if json.trim_ascii().is_empty() { b"{}".as_slice() } else { json };
        Self::compile(crate::config::parse(json)?, environment)
    }
}

/// Which of its callbacks a policy needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Callbacks {
    /// [`Policy::on_request_headers`].
    pub request_headers: bool,
    /// [`Policy::on_response_headers`].
    pub response_headers: bool,
    /// [`Policy::on_wake`], [`Policy::on_tick`] and [`Policy::on_errand`].
    pub outside: bool,
    /// [`Policy::on_answer`].
    pub asks: bool,
    /// [`Policy::on_end`]. Without it a stream is forgotten as soon as no phase is to come.
    pub end: bool,
}

impl Callbacks {
    /// Those of two policies in a [`Chain`](crate::Chain).
    ///
    /// # Panics
    /// While compiling, when a policy that waits or asks stands behind one that asks: from an answer there is no way to
    /// wait again.
    #[must_use]
    pub const fn and(self, then: Self) -> Self {
        assert!(!self.asks || !(then.asks || then.outside), "who asks comes last");
        Self {
            request_headers: self.request_headers || then.request_headers,
            response_headers: self.response_headers || then.response_headers,
            outside: self.outside || then.outside,
            asks: self.asks || then.asks,
            end: self.end || then.end,
        }
    }
}
