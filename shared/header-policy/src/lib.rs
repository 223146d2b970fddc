//! Header edits, request ids, security headers and cookie hardening.
//!
//! The order within a request: request id, filter state, rules, the nonce of the Content-Security-Policy. Within a
//! response: rules, request id echo, cookies, security headers. Which rules match is decided once, on the request as
//! it arrived; a rule's values and sources are read before its first edit, so nothing in a rule depends on the order in
//! which it is written down.

mod cookies;
mod edits;
mod filter_state;
mod name;
mod request_id;
mod rule;
#[cfg(feature = "schema")]
mod schema;
mod security;

use policy_core::config::Wire;
use policy_core::format::{Captured, Captures, Compiler};
use policy_core::route::{Target, Undecided};
use policy_core::{
    Callbacks, ConfigError, Counter, Counters, Exchange, Flow, GrpcStatus, HeaderValue, Host, LocalReply,
    Plugin, Policy,
};

use cookies::Cookies;
use filter_state::ToFilterState;
use request_id::RequestId;
use rule::{Rule, Verdict};
use security::Security;

/// The header filter's plugin.
pub enum HeaderPlugin {}

/// `pluginConfig` of the header filter. Every part is optional; the README explains each field.
#[derive(Wire)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Config {
    /// What is done to which messages; all rules that match are applied, in order.
    #[serde(default)]
    rules: Vec<rule::Config>,
    /// Settles the request's id.
    request_id: Option<request_id::Config>,
    /// Request headers that are published as filter state.
    #[serde(default)]
    to_filter_state: Vec<filter_state::Config>,
    /// What a browser should be told, and what nobody need know.
    security_headers: Option<security::Config>,
    /// Adds what `Set-Cookie` lacks.
    cookies: Option<cookies::Config>,
    /// What happens to a request whose path or host cannot be compared, or would be rewritten with what is none.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(extend("default" = "deny")))]
    failure_mode: FailureMode,
}

/// What happens to a request whose path or host cannot be compared, or would be rewritten with what is none.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Wire)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
enum FailureMode {
    /// It is refused with 400.
    #[default]
    Deny,
    /// It goes on: the rules that ask for path or host do not apply to it, and what it has stays.
    Allow,
}

/// A compiled configuration of the header filter.
pub struct HeaderPolicy {
    rules: Vec<Rule>,
    captures: Captures,
    request_id: Option<RequestId>,
    to_filter_state: Vec<ToFilterState>,
    security: Option<Security>,
    cookies: Option<Cookies>,
    failure_mode: FailureMode,
    undecided: Counter,
    unfit: Counter,
    counters: Counters,
}

/// What the header policy remembers of a stream.
#[derive(Default)]
pub struct Stream {
    request: Option<Seen>,
}

/// What only the request phase knows.
struct Seen {
    /// The rules, by number, that edit the response.
    rules: Vec<usize>,
    captured: Captured,
    request_id: Option<HeaderValue>,
    security: Option<security::Remembered>,
}

impl Plugin for HeaderPlugin {
    const NAME: &'static str = "header";
    const CALLBACKS: Callbacks =
        Callbacks { request_headers: true, response_headers: true, outside: false, asks: false, end: false };
    type Config = Config;
    type Policy = HeaderPolicy;

    fn compile(config: Config, _: policy_core::config::Environment<'_>) -> Result<HeaderPolicy, ConfigError> {
        let mut counters = Counters::new(Self::NAME);
        let undecided = counters.requests("config", "undecided");
        let unfit = counters.requests("config", "unfit");
        let request_id = config
            .request_id
            .map(|config| RequestId::compile(config, &mut counters))
            .transpose()
            .map_err(|error| error.under("requestId"))?;
        let mut compiler = Compiler::new(request_id::header_of(request_id.as_ref()));
        let rules = rule::compile_all(config.rules, &mut compiler, &mut counters)?;
        Ok(HeaderPolicy {
            rules,
            captures: compiler.into_captures(),
            to_filter_state: filter_state::compile_all(config.to_filter_state, request_id.as_ref())?,
            request_id,
            security: config
                .security_headers
                .map(Security::compile)
                .transpose()
                .map_err(|error| error.under("securityHeaders"))?,
            cookies: config
                .cookies
                .map(Cookies::compile)
                .transpose()
                .map_err(|error| error.under("cookies"))?,
            failure_mode: config.failure_mode,
            undecided,
            unfit,
            counters,
        })
    }
}

impl Policy for HeaderPolicy {
    type Stream = Stream;

    fn counters(&self) -> &Counters {
        &self.counters
    }

    fn on_request_headers(&self, stream: &mut Stream, exchange: &mut Exchange<'_>, host: &dyn Host) -> Flow {
        let matching = match self.matching(exchange, host) {
            Ok(matching) => matching,
            Err(Undecided::Path) => return Flow::Reply(refuse(AMBIGUOUS_PATH)),
            Err(Undecided::Host) => return Flow::Reply(refuse(AMBIGUOUS_HOST)),
        };
        let request_id = match &self.request_id {
            None => None,
            Some(request_id) => match request_id.on_request(exchange, host) {
                Ok(id) => Some(id),
                Err(reply) => return Flow::Reply(reply),
            },
        };
        for entry in &self.to_filter_state {
            entry.publish(exchange);
        }
        for rule in matching.iter().filter_map(|rule| self.rules.get(*rule)) {
            if rule.edit_request(exchange, host).is_err() {
                exchange.count(self.unfit);
                if self.failure_mode == FailureMode::Deny {
                    return Flow::Reply(refuse(UNFIT));
                }
            }
            exchange.count(rule.applied());
        }
        let security = self.security.as_ref().and_then(|security| security.on_request(exchange, host));
        let edits_response =
            matching.iter().filter_map(|rule| self.rules.get(*rule)).any(Rule::edits_response);
        stream.request = Some(Seen {
            captured: if edits_response { self.captures.take(exchange, host) } else { Captured::default() },
            rules: matching,
            request_id,
            security,
        });
        Flow::Continue
    }

    fn on_response_headers(&self, stream: &mut Stream, exchange: &mut Exchange<'_>, host: &dyn Host) -> Flow {
        let seen = stream.request.take().unwrap_or_else(|| self.unseen());
        for rule in seen.rules.iter().filter_map(|rule| self.rules.get(*rule)) {
            rule.edit_response(exchange, &seen.captured, host);
        }
        if let (Some(request_id), Some(id)) = (&self.request_id, seen.request_id) {
            request_id.on_response(exchange, id);
        }
        if let Some(cookies) = &self.cookies {
            cookies.harden(&mut exchange.headers);
        }
        if let Some(security) = &self.security {
            security.on_response(seen.security.as_ref(), exchange, host);
        }
        Flow::Continue
    }
}

impl HeaderPolicy {
    /// The rules that apply to this request, by number. Shadow rules are counted here and left out.
    fn matching(&self, exchange: &mut Exchange<'_>, host: &dyn Host) -> Result<Vec<usize>, Undecided> {
        let mut matching = Vec::new();
        let mut counts = Vec::new();
        let target = Target::new(&exchange.headers);
        let mut undecided = None;
        for (number, rule) in self.rules.iter().enumerate() {
            match rule.decide(&target, exchange, host) {
                Verdict::Apply => matching.push(number),
                Verdict::Report(counter) => counts.push(counter),
                Verdict::Undecided(what) => {
                    let refuses = self.failure_mode == FailureMode::Deny && rule.is_enforced();
                    undecided = Some((what, refuses));
                    if refuses {
                        break;
                    }
                }
                Verdict::Skip => {}
            }
        }
        counts.extend(undecided.map(|_| self.undecided));
        exchange.count_all(counts);
        match undecided {
            Some((what, true)) => Err(what),
            _ => Ok(matching),
        }
    }

    /// What holds for a response to a request that this filter never saw: rules without a condition still apply.
    fn unseen(&self) -> Seen {
        let rules = self.rules.iter().enumerate().filter(|(_, rule)| rule.is_unconditional());
        Seen {
            rules: rules.map(|(number, _)| number).collect(),
            captured: Captured::default(),
            request_id: None,
            security: None,
        }
    }
}

/// A reason and a sentence.
type Refusal = (&'static str, &'static str);

const AMBIGUOUS_PATH: Refusal = ("ambiguous_path", "The path can be read in more than one way.");
const AMBIGUOUS_HOST: Refusal = ("ambiguous_host", "The host can be read in more than one way.");
const UNFIT: Refusal = ("unfit_rewrite", "The path or host would have been rewritten with what is none.");

fn refuse((reason, title): Refusal) -> LocalReply {
    LocalReply::problem(HeaderPlugin::NAME, 400, GrpcStatus::InvalidArgument, reason, title)
}
