//! Authentication and authorization as a pure policy.
//!
//! Providers vouch for callers (`provider`), rules say who has to vouch for which request and what a known caller may
//! do (`rule`, `require`, `authorize`). A request is decided on as it arrived (`decision`); then what nobody but this
//! filter may write is stripped from it, and one identity, whatever the credential was, is written (`identity`).

mod answer;
mod authorize;
mod claim;
mod config;
mod decision;
mod denial;
mod identity;
mod outputs;
mod own_headers;
mod preflight;
mod provider;
mod require;
mod rule;
#[cfg(feature = "schema")]
mod schema;
mod tally;

use policy_core::config::Environment;
use policy_core::enforcement::tell;
use policy_core::{
    Callbacks, CalloutReply, ConfigError, Counter, Counters, Exchange, Flow, HeaderName, Host, LocalReply,
    Outside, Plugin, Policy,
};

use answer::{Addressee, Answers};
pub use config::Config;
use decision::{Decision, Refusal, Report, Verdict};
use own_headers::OwnHeaders;
use provider::{Provider, Vouched, Waiting};
use rule::{Access, Rule};
use tally::Tally;

/// The auth filter's plugin.
pub enum AuthPlugin {}

/// A compiled configuration of the auth filter.
pub struct AuthPolicy {
    providers: Vec<Provider>,
    rules: Vec<Rule>,
    default: config::Default,
    unmatched: Tally,
    preflights: Counter,
    cors_preflight: config::CorsPreflight,
    identity_header: Option<HeaderName>,
    shadow_header: Option<HeaderName>,
    own: OwnHeaders,
    answers: Answers,
    counters: Counters,
}

/// What the auth policy remembers of a stream.
#[derive(Default)]
pub struct Stream {
    /// The provider it waits at, and for what.
    waiting: Option<(usize, Waiting)>,
}

/// Filter state `wasm.tollgate.identity`: who is calling, as JSON with all claims.
const IDENTITY: &str = "tollgate.identity";
/// Filter state `wasm.tollgate.auth.shadow`: what rules would have said that only report.
const SHADOW: &str = "tollgate.auth.shadow";

impl Plugin for AuthPlugin {
    const NAME: &'static str = "auth";
    const CALLBACKS: Callbacks =
        Callbacks { request_headers: true, response_headers: false, outside: true, asks: false, end: false };
    type Config = Config;
    type Policy = AuthPolicy;

    fn compile(config: Config, environment: Environment<'_>) -> Result<AuthPolicy, ConfigError> {
        config::compile(config, environment)
    }
}

impl Policy for AuthPolicy {
    type Stream = Stream;

    fn counters(&self) -> &Counters {
        &self.counters
    }

    fn on_request_headers(&self, stream: &mut Stream, exchange: &mut Exchange<'_>, host: &dyn Host) -> Flow {
        let Some(Decision { verdict, reports, counts }) = self.decide(stream, exchange, host) else {
            return Flow::Wait;
        };
        exchange.count_all(counts);
        self.own.strip(&mut exchange.headers);
        self.report(&reports, exchange);
        match verdict {
            Verdict::Refuse(rule, refusal) => Flow::Reply(self.refuse(rule, refusal)),
            Verdict::Allow(vouched) => {
                self.introduce(&vouched, exchange);
                Flow::Continue
            }
        }
    }

    fn on_wake(&self, stream: &mut Stream, exchange: &mut Exchange<'_>, host: &dyn Host) -> Flow {
        if let Some((number, waiting)) = &mut stream.waiting
            && let Some(provider) = self.providers.get(*number)
            && provider.still_waits(waiting, host)
        {
            return Flow::Wait;
        }
        self.on_request_headers(stream, exchange, host)
    }

    fn on_start(&self, out: &mut Outside<'_>) {
        self.providers.iter().for_each(|provider| provider.on_start(out));
    }

    fn on_tick(&self, out: &mut Outside<'_>) {
        self.providers.iter().for_each(|provider| provider.on_tick(out));
    }

    fn on_errand(&self, errand: u32, reply: CalloutReply, out: &mut Outside<'_>) {
        let (slot, local) = idp::split(errand);
        if let Some(provider) = self.providers.get(usize::from(slot)) {
            provider.on_errand(local, reply, out);
        }
    }
}

impl AuthPolicy {
    /// Tells upstream, and later filters, who is calling.
    fn introduce(&self, vouched: &[Vouched], exchange: &mut Exchange<'_>) {
        for Vouched { identity, credential, hide } in vouched {
            if let (Some(credential), true) = (credential, hide) {
                credential.remove(&mut exchange.headers);
            }
            for (name, value) in &identity.headers {
                exchange.headers.set(name, value.clone());
            }
        }
        let Some(first) = vouched.first() else { return };
        if let Some(name) = &self.identity_header {
            exchange.headers.set(name, first.identity.short().clone());
        }
        exchange.publish(IDENTITY, first.identity.state().clone());
    }

    /// Says what rules in shadow would have done.
    fn report(&self, reports: &[Report], exchange: &mut Exchange<'_>) {
        let said = reports.iter().filter_map(|report| {
            let rule = self.rules.get(report.rule)?;
            let verdict =
                report.denial.map_or("allow".to_owned(), |denial| format!("deny;{}", denial.reason));
            Some(format!("{}={verdict}", rule.name))
        });
        tell(exchange, self.shadow_header.as_ref(), SHADOW, &said.collect::<Vec<_>>());
    }

    fn refuse(&self, rule: Option<usize>, refusal: Refusal) -> LocalReply {
        let known = rule.and_then(|number| self.rules.get(number)).and_then(|rule| match &rule.access {
            Access::Known(known) => Some(known),
            Access::Public | Access::Deny => None,
        });
        let scheme = |number: usize| self.providers.get(number).map(Provider::scheme);
        let wanted = known.map(|known| known.require.providers()).unwrap_or_default();
        let authorize = known.and_then(|known| known.authorize.as_ref());
        let to = Addressee {
            schemes: wanted.iter().copied().filter_map(scheme).collect(),
            failed: refusal.provider.and_then(scheme),
            scopes: authorize.map(authorize::Authorize::scopes).unwrap_or_default(),
        };
        self.answers.refuse(refusal.denial, &to)
    }
}
