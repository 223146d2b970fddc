//! The rate limit filter's policy.

use std::cell::OnceCell;
use std::time::Duration;

use policy_core::config::{Environment, PLUGIN};
use policy_core::route::Target;
use policy_core::{
    Callbacks, CalloutReply, ConfigError, Counters, Exchange, Flow, HeaderName, HeaderValue, Host, Outside,
    Plugin, Policy,
};
use quota::{KeyHash, Print, Request, fleet, load_key, prepare_key};

use crate::config::{Compiled, Config, NAME, compile};
use crate::counting::{Counting, What};
use crate::facts::Facts;
use crate::limit::{Kind, Limit, Weight};
use crate::local::{Hit, Work};
use crate::service::{self, Pending};
use crate::verdict::{Refusal, Told};

/// A VM says once a second that it is alive, while there are limits of requests at once.
const BEAT: Duration = Duration::from_secs(1);

/// The rate limit filter's plugin.
pub enum RateLimitPlugin {}

/// A compiled configuration of the rate limit filter, and what this worker counts with.
pub struct RateLimitPolicy {
    pub(crate) compiled: Compiled,
    /// One for each limit.
    pub(crate) counting: Vec<Counting>,
    pub(crate) denials: service::Denials,
    /// Of the keys in the store, as all workers have it.
    secret: OnceCell<KeyHash>,
    /// Of the keys of [`Self::denials`], which are this worker's alone.
    own_secret: OnceCell<KeyHash>,
}

/// What the rate limit policy remembers of a stream.
#[derive(Default)]
pub struct Stream {
    /// Places of requests at once, by the number of the limit.
    entered: Vec<(usize, Print)>,
    /// What the client is told.
    fields: Vec<(HeaderName, HeaderValue)>,
    /// What the service wants the client to be told.
    pub(crate) service_fields: Vec<(HeaderName, HeaderValue)>,
    pub(crate) pending: Option<Pending>,
}

impl Plugin for RateLimitPlugin {
    const NAME: &'static str = NAME;
    const CALLBACKS: Callbacks =
        Callbacks { request_headers: true, response_headers: true, outside: true, asks: true, end: true };
    type Config = Config;
    type Policy = RateLimitPolicy;

    fn compile(config: Config, environment: Environment<'_>) -> Result<RateLimitPolicy, ConfigError> {
        RateLimitPolicy::new(compile(config, environment)?, &environment(PLUGIN).unwrap_or_default())
    }
}

impl Policy for RateLimitPolicy {
    type Stream = Stream;

    fn counters(&self) -> &Counters {
        &self.compiled.counters
    }

    fn on_request_headers(&self, stream: &mut Stream, exchange: &mut Exchange<'_>, host: &dyn Host) -> Flow {
        let mut work = Work::new(host, Told::default());
        let decided = self.decide(stream, exchange, &mut work);
        stream.entered.append(&mut work.entered);
        match decided {
            Ok(Some(ask)) => {
                exchange.count_all(work.counts);
                ask
            }
            Ok(None) => self.conclude(Ok(()), stream, exchange, work),
            Err(refusal) => self.conclude(Err(refusal), stream, exchange, work),
        }
    }

    fn on_answer(
        &self,
        stream: &mut Stream,
        exchange: &mut Exchange<'_>,
        host: &dyn Host,
        reply: CalloutReply,
    ) -> Flow {
        self.on_reply(stream, exchange, host, reply)
    }

    fn on_response_headers(&self, stream: &mut Stream, exchange: &mut Exchange<'_>, _: &dyn Host) -> Flow {
        for (name, value) in stream.fields.drain(..).chain(stream.service_fields.drain(..)) {
            exchange.headers.set(&name, value);
        }
        Flow::Continue
    }

    fn on_end(&self, stream: &mut Stream, out: &mut Outside<'_>) {
        for (limit, print) in stream.entered.drain(..) {
            if let Some(What::Flights(flights, _)) = self.counting.get(limit).map(|counting| &counting.what) {
                fleet().leave(out.host, flights, print);
            }
        }
    }

    fn on_start(&self, out: &mut Outside<'_>) {
        if let Ok(secret) = prepare_key(out.host) {
            // Set once: nobody was here before.
            let _ = self.secret.set(secret);
        }
        for (counting, limit) in self.counting.iter().zip(&self.compiled.limits).filter(|(_, l)| !l.is_off())
        {
            if counting.prepare(out.host).is_err() {
                out.note(format!(
                    "limit {:?}: the store takes nothing; its failure mode applies",
                    limit.name
                ));
            }
        }
        if self.has_flights() {
            // At once: where there was no such limit for a time, others take this VM for dead.
            fleet().beat(out.host);
            out.tick_in(BEAT);
        }
    }

    fn on_tick(&self, out: &mut Outside<'_>) {
        if self.has_flights() {
            fleet().beat(out.host);
        }
    }
}

impl RateLimitPolicy {
    /// For the plugin of this name: another one's limits of the same names are others.
    fn new(compiled: Compiled, plugin: &str) -> Result<Self, ConfigError> {
        let of = |(number, limit)| {
            Counting::of(limit, plugin).map_err(|error: ConfigError| error.under_item("limits", number))
        };
        let counting = compiled.limits.iter().enumerate().map(of).collect::<Result<_, _>>()?;
        let (secret, own_secret) = (OnceCell::new(), OnceCell::new());
        Ok(Self { compiled, counting, denials: service::Denials::default(), secret, own_secret })
    }

    pub(crate) fn limit(&self, number: usize) -> Option<&Limit> {
        self.compiled.limits.get(number)
    }

    fn has_flights(&self) -> bool {
        let mut live = self.counting.iter().zip(&self.compiled.limits).filter(|(_, limit)| !limit.is_off());
        live.any(|(counting, _)| matches!(counting.what, What::Flights(..)))
    }

    /// The secret of keys, as all workers have it; looked for again where the store had none on start.
    fn secret(&self, host: &dyn Host) -> Option<&KeyHash> {
        if self.secret.get().is_none() {
            let _ = self.secret.set(load_key(host)?);
        }
        self.secret.get()
    }

    /// The secret of what only this worker remembers: there is one whatever the store has.
    pub(crate) fn own_secret(&self, host: &dyn Host) -> &KeyHash {
        self.own_secret.get_or_init(|| {
            let mut secret = [0; 16];
            host.fill_random(&mut secret);
            KeyHash::new(secret)
        })
    }

    /// By the limits of this proxy, then by the service: what to ask it, if there is anything.
    fn decide(
        &self,
        stream: &mut Stream,
        exchange: &Exchange<'_>,
        work: &mut Work<'_>,
    ) -> Result<Option<Flow>, Refusal> {
        let target = Target::new(&exchange.headers);
        let facts = Facts::new(exchange, &self.compiled.client_ip, &target);
        let (mut hits, mut globals) = (Vec::new(), Vec::new());
        for (number, limit) in self.compiled.limits.iter().enumerate() {
            let Some(weight) = limit.weight(&target, exchange, work.host) else { continue };
            match limit.kind {
                Kind::Global => globals.push((number, weight)),
                _ => hits.extend(self.hit(number, limit, weight, &facts, work)),
            }
        }
        self.decide_locally(&mut hits, work)?;
        let Some(global) = &self.compiled.global else { return Ok(None) };
        match self.question(&globals, &facts, work) {
            Some(question) => self.ask_service(global, question, stream, work),
            None => Ok(None),
        }
    }

    /// A limit of this proxy that concerns a request; `None` when the request lacks a part of its key.
    fn hit(
        &self,
        number: usize,
        limit: &Limit,
        weight: Weight,
        facts: &Facts<'_>,
        work: &mut Work<'_>,
    ) -> Option<Hit> {
        let counting = self.counting.get(number)?;
        // Who lets nothing through counts nothing, and needs no secret for it.
        let secret = if counting.is_idle() { None } else { self.secret(work.host) };
        let print = counting.print(&limit.key, facts, secret);
        let (Ok(print), Ok(budget)) = (print, limit.budget(facts)) else {
            work.counts.push(limit.tally.missing_key);
            return None;
        };
        let cost = u32::try_from(limit.cost.of(facts.exchange)).unwrap_or(u32::MAX);
        let request = print.map(|print| Request { print, now: work.now(), cost });
        Some(Hit::new(number, weight, budget, request))
    }

    /// What becomes of a request that has been decided on.
    pub(crate) fn conclude(
        &self,
        decided: Result<(), Refusal>,
        stream: &mut Stream,
        exchange: &mut Exchange<'_>,
        work: Work<'_>,
    ) -> Flow {
        let Work { counts, told, .. } = work;
        exchange.count_all(counts);
        self.compiled.report(&told.reports, exchange);
        match decided {
            Ok(()) => {
                stream.fields = self.compiled.fields.of(&self.compiled.shown(&told.states));
                Flow::Continue
            }
            Err(refusal) => {
                // With the answer itself: they are not to depend on whether it comes by here again.
                let told = std::mem::take(&mut stream.service_fields);
                Flow::Reply(self.compiled.refuse(&refusal, told))
            }
        }
    }
}
