//! A policy that does what it is told.

use std::time::Duration;

use policy_core::{
    Callout, CalloutReply, Counter, Counters, Exchange, Flow, GrpcStatus, HeaderName, HeaderValue, Host,
    LocalReply, Outside, Policy,
};

/// One thing that a policy can do to an exchange.
#[derive(Debug, Clone)]
pub(crate) enum Op {
    Set(&'static str, String),
    Append(&'static str, String),
    Remove(&'static str),
    RemoveX,
    /// A header's values, joined, into another header.
    Copy(&'static str, &'static str),
    Publish(&'static str, String),
    /// Filter state into a header.
    Show(&'static str, &'static str),
    Count(usize),
    /// A header into the store, and back.
    Store(&'static str, &'static str),
    Load(&'static str, &'static str),
}

/// How its first turn ends.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) enum Turn {
    #[default]
    GoOn,
    Refuse,
    /// So many times before it goes on.
    Wait(u8),
    Ask,
}

/// What it is told.
#[derive(Debug, Clone, Default)]
pub(crate) struct Script {
    pub(crate) request: Vec<Op>,
    pub(crate) turn: Turn,
    /// When it has waited, or has its answer.
    pub(crate) later: Vec<Op>,
    /// It refuses after that.
    pub(crate) refuses: bool,
    pub(crate) response: Vec<Op>,
}

pub(crate) struct Scripted {
    name: &'static str,
    script: Script,
    counters: Counters,
    counts: Vec<Counter>,
    end: Counter,
}

#[derive(Default)]
pub(crate) struct Stream {
    waited: u8,
    seen: Option<Vec<u8>>,
}

impl Scripted {
    pub(crate) fn new(name: &'static str, script: Script) -> Self {
        let mut counters = Counters::new(name);
        let counts = (0..3).map(|number| counters.requests(name, &number.to_string())).collect();
        let end = counters.rare("tollgate_ends", name, "end");
        Self { name, script, counters, counts, end }
    }

    fn act(&self, ops: &[Op], exchange: &mut Exchange<'_>, host: &dyn Host) {
        for op in ops {
            match op {
                Op::Set(to, value) => exchange.headers.set(&name(to), text(value.as_bytes())),
                Op::Append(to, value) => exchange.headers.append(&name(to), text(value.as_bytes())),
                Op::Remove(header) => exchange.headers.remove(&name(header)),
                Op::RemoveX => exchange.headers.remove_where(|name| name.starts_with(b"x-")),
                Op::Copy(from, to) => {
                    let value = exchange.headers.joined(&name(from)).unwrap_or_default();
                    exchange.headers.set(&name(to), text(&value));
                }
                Op::Publish(key, value) => exchange.publish(key, text(value.as_bytes())),
                Op::Show(key, to) => {
                    let value = exchange.filter_state(&format!("wasm.{key}")).unwrap_or_default();
                    exchange.headers.append(&name(to), text(&value));
                }
                Op::Count(number) => exchange.count(self.counts[*number]),
                Op::Store(key, header) => {
                    let value = exchange.headers.joined(&name(header)).unwrap_or_default();
                    host.store(key, &value, None).unwrap();
                }
                Op::Load(key, to) => {
                    if let Some(stored) = host.load(key) {
                        exchange.headers.set(&name(to), text(&stored.value));
                    }
                }
            }
        }
    }

    fn refuse(&self) -> Flow {
        Flow::Reply(LocalReply::problem(self.name, 403, GrpcStatus::PermissionDenied, "no", "No."))
    }

    fn later(&self, exchange: &mut Exchange<'_>, host: &dyn Host) -> Flow {
        self.act(&self.script.later, exchange, host);
        if self.script.refuses { self.refuse() } else { Flow::Continue }
    }
}

impl Policy for Scripted {
    type Stream = Stream;

    fn counters(&self) -> &Counters {
        &self.counters
    }

    fn on_request_headers(&self, stream: &mut Stream, exchange: &mut Exchange<'_>, host: &dyn Host) -> Flow {
        self.act(&self.script.request, exchange, host);
        stream.seen = exchange.headers.joined(&name("b"));
        match self.script.turn {
            Turn::GoOn => Flow::Continue,
            Turn::Refuse => self.refuse(),
            Turn::Wait(_) => Flow::Wait,
            Turn::Ask => Flow::Ask(Box::new(callout(self.name))),
        }
    }

    fn on_wake(&self, stream: &mut Stream, exchange: &mut Exchange<'_>, host: &dyn Host) -> Flow {
        stream.waited = stream.waited.saturating_add(1);
        match self.script.turn {
            Turn::Wait(times) if stream.waited < times => {
                exchange.count(self.counts[0]);
                exchange.headers.set(&name("a"), text(b"lost"));
                Flow::Wait
            }
            _ => self.later(exchange, host),
        }
    }

    fn on_answer(
        &self,
        _: &mut Stream,
        exchange: &mut Exchange<'_>,
        host: &dyn Host,
        reply: CalloutReply,
    ) -> Flow {
        exchange.headers.append(&name("c"), text(&reply.unwrap().body));
        self.later(exchange, host)
    }

    fn on_response_headers(&self, stream: &mut Stream, exchange: &mut Exchange<'_>, host: &dyn Host) -> Flow {
        if let Some(seen) = stream.seen.take() {
            exchange.headers.append(&name("x-d"), text(&seen));
        }
        self.act(&self.script.response, exchange, host);
        Flow::Continue
    }

    fn on_end(&self, _: &mut Stream, out: &mut Outside<'_>) {
        out.count(self.end);
    }
}

pub(crate) fn callout(to: &str) -> Callout {
    Callout {
        cluster: to.to_owned(),
        method: "GET",
        authority: to.to_owned(),
        path: "/".to_owned(),
        headers: Vec::new(),
        body: Vec::new(),
        timeout: Duration::from_secs(1),
        max_body: 100,
    }
}

pub(crate) fn name(name: &str) -> HeaderName {
    HeaderName::parse(name).unwrap()
}

fn text(bytes: &[u8]) -> HeaderValue {
    HeaderValue::escaped(bytes)
}
