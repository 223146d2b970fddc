//! What limits say of a request, put together.

use policy_core::enforcement::tell;
use policy_core::{Exchange, HeaderName, HeaderValue};
use quota::{Ns, Standings};

use crate::config::Compiled;
use crate::denial::Reason;
use crate::fields::{Reading, Shown};
use crate::limit::Weight;

/// Filter state `wasm.tollgate.ratelimit.shadow`: what limits would have said that only report.
const SHADOW: &str = "tollgate.ratelimit.shadow";
const SECOND: Ns = 1_000_000_000;

/// How a limit stands after a request, by its number and that of its budget.
#[derive(Debug, Clone, Copy)]
pub(crate) struct State {
    pub(crate) limit: usize,
    pub(crate) budget: usize,
    pub(crate) reading: Reading,
}

/// Why a request is refused.
#[derive(Debug)]
pub(crate) struct Refusal {
    pub(crate) reason: Reason,
    /// The limits that refuse, the strictest first.
    pub(crate) limits: Vec<State>,
    /// In seconds; none where waiting does not help.
    pub(crate) retry_after: Option<u64>,
}

/// What is to be told when a request has been decided on.
#[derive(Debug, Default)]
pub(crate) struct Told {
    /// Limits that let it pass.
    pub(crate) states: Vec<State>,
    /// What limits in shadow would have said: true for "allow".
    pub(crate) reports: Vec<(usize, bool)>,
}

impl State {
    /// The tightest window of a budget's buckets.
    pub(crate) fn of(limit: usize, budget: usize, standings: Option<Standings>) -> Option<Self> {
        let (window, standing) = standings?.tightest()?;
        let reset = Some(standing.reset.div_ceil(SECOND));
        Some(Self { limit, budget, reading: Reading { window, remaining: standing.remaining, reset } })
    }

    /// Nothing is left.
    pub(crate) fn nothing(limit: usize, budget: usize, reset: Option<u64>) -> Self {
        Self { limit, budget, reading: Reading { window: 0, remaining: 0, reset } }
    }
}

impl Compiled {
    /// The limits as the fields of responses name them.
    pub(crate) fn shown<'c>(&'c self, states: &[State]) -> Vec<Shown<'c>> {
        let shown = |state: &State| {
            let policies = self.limits.get(state.limit)?.policies.get(state.budget)?;
            Some(Shown { policies, reading: state.reading })
        };
        states.iter().filter_map(shown).collect()
    }

    /// The answer to a request that is refused.
    ///
    /// `further` is what a service wants to be told; what this filter says itself stands.
    pub(crate) fn refuse(
        &self,
        refusal: &Refusal,
        further: Vec<(HeaderName, HeaderValue)>,
    ) -> policy_core::LocalReply {
        let shown = self.shown(&refusal.limits);
        let policies: Vec<&str> = refusal.limits.iter().filter_map(|state| self.violated(state)).collect();
        let limit = refusal.limits.first().and_then(|state| self.limits.get(state.limit));
        let limit = limit.map_or("", |limit| limit.name.as_str());
        let told = if refusal.reason == Reason::Unavailable { Vec::new() } else { self.fields.of(&shown) };
        let mut reply = self.denials.refuse(refusal.reason, limit, &policies, refusal.retry_after, told);
        // Each is sent as it is: one that stood twice would be sent twice.
        let own: Vec<HeaderName> = reply.headers.iter().map(|(name, _)| name.clone()).collect();
        reply.headers.extend(further.into_iter().filter(|(name, _)| !own.contains(name)));
        reply
    }

    /// The policy that a request is against, or the limit where its numbers are not known here.
    fn violated(&self, state: &State) -> Option<&str> {
        let limit = self.limits.get(state.limit)?;
        let policy = limit.policies.get(state.budget).map(|policies| policies.name(state.reading.window));
        Some(policy.filter(|name| !name.is_empty()).unwrap_or(&limit.name))
    }

    /// Counts what limits in shadow would have said, and tells upstream.
    pub(crate) fn report(&self, reports: &[(usize, bool)], exchange: &mut Exchange<'_>) {
        if let Some(name) = &self.shadow_header {
            exchange.headers.remove(name);
        }
        let said = reports.iter().filter_map(|(limit, allowed)| {
            let limit = self.limits.get(*limit)?;
            exchange.count(limit.tally.of(Weight::Reported, *allowed));
            Some(format!("{}={}", limit.name, if *allowed { "allow" } else { "deny" }))
        });
        let said: Vec<_> = said.collect();
        tell(exchange, self.shadow_header.as_ref(), SHADOW, &said);
    }
}
