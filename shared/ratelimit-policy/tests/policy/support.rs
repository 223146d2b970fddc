//! Workers of one proxy, asked over plain tables.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

use policy_core::table::{Pairs, Table};
use policy_core::time::Timestamp;
use policy_core::{
    Attribute, Callout, CalloutReply, Exchange, Flow, Host, LocalReply, Outside, Plugin, Policy, Signature,
    Stale, Stored,
};
use ratelimit_policy::{RateLimitPlugin, RateLimitPolicy, Stream};

pub(crate) const SECOND: u64 = 1_000_000_000;
/// 2026-01-01T00:00:00Z, in nanoseconds.
pub(crate) const NOW: u64 = 1_767_225_600 * SECOND;

/// What all workers of a proxy have in common: clock, store, and how often they were asked for.
#[derive(Clone)]
pub(crate) struct Shared(Arc<Mutex<State>>);

#[derive(Default)]
pub(crate) struct State {
    pub(crate) now: u64,
    pub(crate) store: BTreeMap<String, Stored>,
    last: u32,
    random: u64,
    pub(crate) fault: Fault,
    pub(crate) calls: Calls,
}

/// How often the host was called.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Calls {
    pub(crate) clock: u32,
    pub(crate) random: u32,
    pub(crate) load: u32,
    pub(crate) store: u32,
}

/// What is wrong with the store.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Fault {
    #[default]
    None,
    /// It holds nothing.
    Empty,
    /// It takes nothing.
    Full,
    /// Others are always faster.
    Contended,
}

impl Shared {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Mutex::new(State { now: NOW, ..State::default() })))
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }

    pub(crate) fn pass(&self, time: u64) {
        self.lock().now += time;
    }

    pub(crate) fn set(&self, fault: Fault) {
        self.lock().fault = fault;
    }

    /// One more worker.
    pub(crate) fn worker(&self, config: &str) -> Worker {
        self.worker_of("", config)
    }

    /// One more worker, of the plugin of this name.
    pub(crate) fn worker_of(&self, plugin: &str, config: &str) -> Worker {
        let name = |name: &str| (name == policy_core::config::PLUGIN).then(|| plugin.to_owned());
        let policy = RateLimitPlugin::from_json(config.as_bytes(), &name);
        let policy = policy.unwrap_or_else(|error| panic!("{error}\n{config}"));
        let mut outside = Outside::new(self);
        policy.on_start(&mut outside);
        let notes = outside.notes().to_vec();
        Worker { policy, shared: self.clone(), notes }
    }
}

impl Host for Shared {
    fn now(&self) -> Timestamp {
        let mut state = self.lock();
        state.calls.clock += 1;
        Timestamp(state.now)
    }

    fn fill_random(&self, buffer: &mut [u8]) {
        let mut state = self.lock();
        state.calls.random += 1;
        for byte in buffer {
            state.random = state.random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695);
            *byte = (state.random >> 40) as u8;
        }
    }

    fn load(&self, key: &str) -> Option<Stored> {
        let mut state = self.lock();
        state.calls.load += 1;
        if state.fault == Fault::Empty { None } else { state.store.get(key).cloned() }
    }

    fn store(&self, key: &str, value: &[u8], over: Option<u32>) -> Result<(), Stale> {
        let mut state = self.lock();
        state.calls.store += 1;
        let stale = over.is_some_and(|over| state.store.get(key).is_some_and(|entry| entry.version != over));
        if stale || state.fault == Fault::Full || state.fault == Fault::Contended {
            return Err(Stale);
        }
        state.last += 1;
        let entry = Stored { value: value.to_vec(), version: state.last };
        state.store.insert(key.to_owned(), entry);
        Ok(())
    }

    fn verify_signature(&self, _: &Signature<'_>) -> Option<bool> {
        None
    }
}

/// A policy in one VM.
pub(crate) struct Worker {
    pub(crate) policy: RateLimitPolicy,
    pub(crate) shared: Shared,
    pub(crate) notes: Vec<String>,
}

/// What came of a request.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    pub(crate) reply: Option<LocalReply>,
    pub(crate) ask: Option<Box<Callout>>,
    pub(crate) upstream: Pairs,
    pub(crate) published: Vec<(String, String)>,
    counted: Vec<String>,
    response: Pairs,
}

/// A request from this address, with these headers besides the usual, or in place of them.
pub(crate) fn request(address: &str, headers: &[(&str, &str)]) -> Table {
    let mut all = vec![(":method", "GET"), (":path", "/api"), (":authority", "a.example")];
    all.retain(|(name, _)| !headers.iter().any(|(other, _)| name == other));
    all.extend(headers);
    Table::of(&all).with(Attribute::SourceAddress, format!("{address}:4711"))
}

impl Worker {
    /// One worker alone, of these limits and further members.
    pub(crate) fn of(limits: &str, further: &str) -> Self {
        Shared::new().worker(&config(limits, further))
    }

    /// A request from start to end.
    pub(crate) fn get(&self, headers: &[(&str, &str)]) -> Outcome {
        self.send(&request("10.0.0.1", headers))
    }

    /// The verdicts on so many equal requests.
    pub(crate) fn verdicts(&self, count: usize, headers: &[(&str, &str)]) -> Vec<String> {
        (0..count).map(|_| self.get(headers).verdict()).collect()
    }

    /// How many of so many equal requests pass.
    pub(crate) fn passing(&self, count: usize, headers: &[(&str, &str)]) -> usize {
        self.verdicts(count, headers).iter().filter(|verdict| *verdict == "ok").count()
    }

    pub(crate) fn send(&self, table: &Table) -> Outcome {
        let (mut stream, outcome) = self.begin(table);
        self.end(&mut stream);
        outcome
    }

    /// A request that does not end yet.
    pub(crate) fn begin(&self, table: &Table) -> (Stream, Outcome) {
        let mut stream = Stream::default();
        let mut exchange = Exchange::new(table);
        let flow = self.policy.on_request_headers(&mut stream, &mut exchange, &self.shared);
        let outcome = self.outcome(table, &exchange, flow, &mut stream);
        (stream, outcome)
    }

    /// The service has answered.
    pub(crate) fn answer(&self, table: &Table, stream: &mut Stream, reply: CalloutReply) -> Outcome {
        let mut exchange = Exchange::new(table);
        let flow = self.policy.on_answer(stream, &mut exchange, &self.shared, reply);
        self.outcome(table, &exchange, flow, stream)
    }

    /// A request that the service is asked about, and the answer.
    pub(crate) fn asked(&self, headers: &[(&str, &str)], reply: CalloutReply) -> Outcome {
        let table = request("10.0.0.1", headers);
        let (mut stream, outcome) = self.begin(&table);
        assert!(outcome.ask.is_some(), "it does not ask: {}", outcome.verdict());
        self.answer(&table, &mut stream, reply)
    }

    pub(crate) fn end(&self, stream: &mut Stream) {
        self.policy.on_end(stream, &mut Outside::new(&self.shared));
    }

    fn outcome(&self, table: &Table, exchange: &Exchange<'_>, flow: Flow, stream: &mut Stream) -> Outcome {
        let names = self.policy.counters().names();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let mut outcome = Outcome {
            upstream: table.after(exchange),
            published: exchange.published().map(|(key, v)| (key.to_owned(), text(v.as_bytes()))).collect(),
            counted: exchange.counts().iter().map(|counter| names[counter.index()].clone()).collect(),
            ..Outcome::default()
        };
        match flow {
            Flow::Wait => panic!("it waits"),
            Flow::Ask(callout) => outcome.ask = Some(callout),
            Flow::Continue => {
                let response = Table::of(&[(":status", "200")]);
                let mut exchange = Exchange::new(&response);
                let flow = self.policy.on_response_headers(stream, &mut exchange, &self.shared);
                assert!(matches!(flow, Flow::Continue));
                outcome.response = response.after(&exchange);
            }
            Flow::Reply(reply) => {
                let pairs = reply.headers.iter();
                outcome.response = pairs
                    .map(|(name, value)| (name.as_bytes().to_vec(), value.as_bytes().to_vec()))
                    .collect();
                outcome.reply = Some(reply);
            }
        }
        outcome
    }
}

/// A configuration of these limits and further members.
pub(crate) fn config(limits: &str, further: &str) -> String {
    let comma = if further.is_empty() { "" } else { "," };
    format!(r#"{{"limits":[{limits}]{comma}{further}}}"#)
}

impl Outcome {
    /// `ok`, or status, reason and limit.
    pub(crate) fn verdict(&self) -> String {
        match &self.reply {
            None => "ok".to_owned(),
            Some(reply) => {
                format!("{} {}", reply.status, reply.details.trim_start_matches("tollgate.ratelimit."))
            }
        }
    }

    /// All values of a header of the response, joined by ` | `.
    pub(crate) fn got(&self, name: &str) -> Option<String> {
        joined(&self.response, name)
    }

    /// All values of a header as upstream sees it.
    pub(crate) fn saw(&self, name: &str) -> Option<String> {
        joined(&self.upstream, name)
    }

    pub(crate) fn retry_after(&self) -> Option<u64> {
        self.got("retry-after").map(|seconds| seconds.parse().unwrap())
    }

    pub(crate) fn body(&self) -> String {
        String::from_utf8(self.reply.as_ref().unwrap().body.clone()).unwrap()
    }

    pub(crate) fn published(&self, key: &str) -> Option<&str> {
        self.published.iter().find(|(known, _)| known == key).map(|(_, value)| value.as_str())
    }

    /// What was counted, as `limit:tag`, in order of the alphabet.
    pub(crate) fn counts(&self) -> Vec<String> {
        let short = |name: &String| {
            let (tag, rest) = name.split_once(".tag.").unwrap().1.split_once(";.component.").unwrap();
            format!("{}:{tag}", rest.rsplit_once('.').unwrap().0)
        };
        let mut counts: Vec<_> = self.counted.iter().map(short).collect();
        counts.sort();
        counts
    }
}

fn joined(pairs: &Pairs, name: &str) -> Option<String> {
    let values = pairs.iter().filter(|(known, _)| known == name.as_bytes());
    let values: Vec<_> = values.map(|(_, value)| String::from_utf8_lossy(value).into_owned()).collect();
    (!values.is_empty()).then(|| values.join(" | "))
}
