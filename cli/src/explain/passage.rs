//! A request's way through the chain and back, as Envoy leads it.
//!
//! A filter's own answer goes back through the filters that have seen the request, the one that made it included; a filter
//! further on is not called for it (Envoy's `Context::encodeHeaders`: no context was made for it). An answer made in the
//! response phase goes straight to the client.

use policy_core::table::{Pairs, Table};
use policy_core::time::Timestamp;
use policy_core::{Attribute, LocalReply};

use super::expect::{Outcome, differences};
use super::filter::{Edit, Filter, Passed, Stream, Surroundings};
use super::fixture::{Described, Fixture};
use super::hide::Hide;
use super::report::{Answer, Field, Step, Told};
use super::request::pair;

const MILLISECOND: u64 = 1_000_000;

/// A plugin at work.
pub(super) struct Link {
    pub(super) name: String,
    pub(super) filter: Box<dyn Filter>,
}

/// The chain of a proxy while a fixture's requests pass it.
pub(super) struct Passage<'c> {
    chain: &'c [Link],
    surroundings: &'c Surroundings,
    hide: Hide,
    /// Requests that are still under way: their streams end with the fixture.
    open: Vec<Box<dyn Stream + 'c>>,
}

impl<'c> Passage<'c> {
    pub(super) fn new(chain: &'c [Link], surroundings: &'c Surroundings, hide: Hide) -> Self {
        Self { chain, surroundings, hide, open: Vec::new() }
    }

    /// Lets the clock go on to this time, and everyone do what is due.
    pub(super) fn wait_until(&self, nanos: u64) {
        let now = &self.surroundings.world.now;
        now.set(now.get().max(nanos));
        self.chain.iter().for_each(|link| link.filter.passed());
    }

    /// All requests of a fixture.
    pub(super) fn run(&mut self, fixture: &Fixture) -> Vec<Told> {
        let mut at = fixture.time.nanos();
        let mut told = Vec::new();
        for described in &fixture.requests {
            for _ in 0..described.times.unwrap_or(1) {
                at = described.comes_at(at);
                self.wait_until(at);
                let asked = self.surroundings.services.take_asked();
                told.push(Told { asked, ..self.one(described) });
            }
        }
        self.open.iter_mut().for_each(|stream| stream.end());
        told
    }

    fn one(&mut self, described: &Described) -> Told {
        let now = self.surroundings.world.now.get();
        let mut message = described.message(now);
        self.hide.take(&message.headers);
        let mut told = Told {
            name: described.name.as_deref().map(|name| self.hide.text(name)),
            request: self.hide.text(&described.line()),
            time: Timestamp(now).to_rfc3339(),
            expected: described.expect.is_some(),
            ..Told::default()
        };
        let (mut streams, reply) = self.forth(&mut message, &mut told.steps);
        let upstream = reply.is_none().then(|| message.headers.clone());
        let mut answered = reply.map_or_else(|| Answered::of(described), Answered::by);
        self.back(&mut streams, &mut message, &mut answered, &mut told.steps);
        if described.still_running {
            self.open.append(&mut streams);
        }
        streams.iter_mut().for_each(|stream| stream.end());
        told.upstream = upstream.as_ref().map(|headers| self.fields(headers));
        let outcome = Outcome {
            status: answered.status,
            reason: answered.reason.as_deref(),
            headers: &answered.headers,
            upstream: upstream.as_ref(),
            filter_state: &message.filter_state,
        };
        told.mismatches = described
            .expect
            .as_ref()
            .map(|expect| differences(expect, &outcome, &self.hide))
            .unwrap_or_default();
        told.answer = Answer {
            status: answered.status,
            headers: self.fields(&answered.headers),
            body: answered.body.map(|body| self.hide.text(&String::from_utf8_lossy(&body))),
            reason: answered.reason,
        };
        told
    }

    /// The request phases, until one of the filters answers itself.
    fn forth(
        &self,
        message: &mut Table,
        steps: &mut Vec<Step>,
    ) -> (Vec<Box<dyn Stream + 'c>>, Option<LocalReply>) {
        let mut streams = Vec::new();
        for link in self.chain {
            let mut stream = link.filter.begin();
            let mut passed = stream.request(message);
            streams.push(stream);
            let reply = passed.reply.take();
            steps.push(self.step(link, "request", &passed, reply.as_ref()));
            passed.apply(message);
            if reply.is_some() {
                return (streams, reply);
            }
        }
        (streams, None)
    }

    /// The response phases of the filters that have seen the request, the last one first.
    fn back(
        &self,
        streams: &mut [Box<dyn Stream + 'c>],
        message: &mut Table,
        answered: &mut Answered,
        steps: &mut Vec<Step>,
    ) {
        message.headers.clone_from(&answered.headers);
        let of_request = [Attribute::Protocol, Attribute::StartTime];
        message.attributes.retain(|(attribute, _)| !of_request.contains(attribute));
        for (link, stream) in self.chain.iter().zip(streams).rev() {
            let Some(mut passed) = stream.response(message) else { continue };
            let reply = passed.reply.take();
            let step = self.step(link, "response", &passed, reply.as_ref());
            if !step.is_idle() {
                steps.push(step);
            }
            passed.apply(message);
            if let Some(reply) = reply {
                *answered = Answered::by(reply);
                return;
            }
        }
        answered.headers.clone_from(&message.headers);
        answered.status = status(&answered.headers).unwrap_or(answered.status);
    }

    fn step(&self, link: &Link, phase: &'static str, passed: &Passed, reply: Option<&LocalReply>) -> Step {
        let edit = |edit: &Edit| match edit {
            Edit::Set(name, value) => format!("set {name}: {}", self.hide.value(name, value)),
            Edit::Add(name, value) => format!("add {name}: {}", self.hide.value(name, value)),
            Edit::Remove(name) => format!("remove {name}"),
        };
        let fact = |(key, value): &(String, Vec<u8>)| Field {
            name: key.clone(),
            value: self.hide.text(&String::from_utf8_lossy(value)),
        };
        let counted: Vec<Counted<'_>> =
            passed.counters.iter().filter_map(|name| Counted::read(name)).collect();
        let waited = passed.waited / MILLISECOND;
        Step {
            plugin: link.name.clone(),
            phase,
            verdict: if reply.is_some() { "replies" } else { "goes on" },
            says: counted.iter().filter(|one| one.metric == "tollgate_requests").map(Counted::said).collect(),
            reason: reply.map(|reply| reply.details.clone()),
            edits: passed.edits.iter().map(edit).collect(),
            filter_state: passed.facts.iter().map(fact).collect(),
            counters: counted.iter().map(Counted::shown).collect(),
            asked: self.surroundings.services.take_asked(),
            waited_ms: (waited > 0).then_some(waited),
        }
    }

    fn fields(&self, pairs: &Pairs) -> Vec<Field> {
        let field = |(name, value): &(Vec<u8>, Vec<u8>)| {
            let name = String::from_utf8_lossy(name).into_owned();
            Field { value: self.hide.value(&name, value), name }
        };
        pairs.iter().map(field).collect()
    }
}

impl Step {
    /// Nothing that anyone would want to know.
    fn is_idle(&self) -> bool {
        self.edits.is_empty() && self.counters.is_empty() && self.reason.is_none() && self.asked.is_empty()
    }
}

impl Passed {
    /// Makes the message what it is afterwards.
    fn apply(self, message: &mut Table) {
        message.headers = self.headers;
        for (key, value) in self.facts {
            message.filter_state.retain(|(known, _)| *known != key);
            message.filter_state.push((key, value));
        }
    }
}

/// The answer, on its way back.
struct Answered {
    status: u16,
    reason: Option<String>,
    headers: Pairs,
    body: Option<Vec<u8>>,
}

impl Answered {
    /// The upstream's.
    fn of(described: &Described) -> Self {
        let mut headers = vec![pair(":status", &described.response.status.to_string())];
        headers.extend(described.response.headers.pairs());
        Self { status: described.response.status, reason: None, headers, body: None }
    }

    /// A filter's own.
    fn by(reply: LocalReply) -> Self {
        let mut headers = vec![pair(":status", &reply.status.to_string())];
        let of_reply = reply.headers.iter();
        headers.extend(of_reply.map(|(name, value)| (name.as_bytes().to_vec(), value.as_bytes().to_vec())));
        Self { status: reply.status, reason: Some(reply.details), headers, body: Some(reply.body) }
    }
}

fn status(headers: &Pairs) -> Option<u16> {
    let (_, status) = headers.iter().find(|(name, _)| name == b":status")?;
    std::str::from_utf8(status).ok()?.parse().ok()
}

/// A counter's name, taken apart (`policy_core::counter`).
struct Counted<'n> {
    metric: &'n str,
    component: &'n str,
    outcome: &'n str,
}

impl<'n> Counted<'n> {
    fn read(name: &'n str) -> Option<Self> {
        let (_, rest) = name.split_once(".tag.")?;
        let (outcome, rest) = rest.split_once(";.component.")?;
        let (component, metric) = rest.rsplit_once('.')?;
        Some(Self { metric, component, outcome })
    }

    fn said(&self) -> String {
        format!("{} {}", self.component, self.outcome)
    }

    fn shown(&self) -> String {
        format!("{}{{component=\"{}\",tag=\"{}\"}}", self.metric, self.component, self.outcome)
    }
}
