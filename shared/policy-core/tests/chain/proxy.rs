//! A proxy of plain values, with filters of one policy each. It keeps the rules that `policy_core::Flow` states, and Envoy's: a
//! local reply is shown to the filter that made it and to those before.

use std::collections::BTreeMap;

use policy_core::table::{Pairs, Still, Table};
use policy_core::{Answer, Counter, Exchange, Flow, Host, Outside, Policy, Snapshot};

/// What has become of an exchange.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Outcome {
    /// Of the refusal, if there is one.
    pub(crate) details: Option<String>,
    pub(crate) request: ByName,
    pub(crate) response: ByName,
    pub(crate) state: BTreeMap<String, Vec<u8>>,
    pub(crate) store: BTreeMap<String, Vec<u8>>,
    pub(crate) counts: Vec<String>,
    /// Where was asked.
    pub(crate) asked: Vec<String>,
}

/// The values of each header, in order. The order of different names is the proxy's.
type ByName = BTreeMap<Vec<u8>, Vec<Vec<u8>>>;

/// What an exchange goes through.
#[derive(Default)]
pub(crate) struct World {
    request: Pairs,
    response: Pairs,
    host: Still,
    outcome: Outcome,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    Request,
    Wake,
    Answer,
    Response,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Came {
    On,
    Waits,
    Asks,
    Ended,
}

pub(crate) trait Filter {
    fn step(&mut self, step: Step, world: &mut World) -> Came;
    fn end(&mut self, world: &mut World);
}

struct Running<P: Policy> {
    policy: P,
    stream: P::Stream,
}

/// A filter of this policy.
pub(crate) fn filter<P: Policy + 'static>(policy: P) -> Box<dyn Filter> {
    Box::new(Running { policy, stream: P::Stream::default() })
}

impl<P: Policy> Running<P> {
    fn count(&self, counts: &[Counter], world: &mut World) {
        let counters = self.policy.counters();
        for counter in counts {
            let name = &counters.names()[counter.index()];
            let component = name.split("component.").nth(1).unwrap().split('.').next().unwrap();
            let tag = name.split("tag.").nth(1).unwrap().split(';').next().unwrap();
            assert_eq!(counters.is_rare(counter.index()), tag == "end", "{name}");
            world.outcome.counts.push(format!("{component}.{tag}"));
        }
    }
}

impl<P: Policy> Filter for Running<P> {
    fn step(&mut self, step: Step, world: &mut World) -> Came {
        let headers = if step == Step::Response { world.response.clone() } else { world.request.clone() };
        let filter_state = world.outcome.state.clone().into_iter().collect();
        let table = Table { headers, filter_state, ..Table::default() };
        let mut exchange = Exchange::new(&table);
        let (policy, stream, host) = (&self.policy, &mut self.stream, &world.host as &dyn Host);
        let flow = match step {
            Step::Request => policy.on_request_headers(stream, &mut exchange, host),
            Step::Wake => policy.on_wake(stream, &mut exchange, host),
            Step::Answer => {
                let (headers, trailers) = (Snapshot::default(), Snapshot::default());
                let answer = Answer { status: 200, headers, body: b"yes".to_vec(), trailers };
                policy.on_answer(stream, &mut exchange, host, Ok(answer))
            }
            Step::Response => policy.on_response_headers(stream, &mut exchange, host),
        };
        assert!(table.reads.get() <= 1, "the headers are read once");
        let counts = match flow {
            Flow::Wait => exchange.settled_counts(),
            _ => exchange.counts(),
        };
        self.count(counts, world);
        if matches!(flow, Flow::Wait | Flow::Ask(_)) {
            exchange.take_back();
        }
        let published =
            exchange.published().map(|(key, value)| (format!("wasm.{key}"), value.as_bytes().to_vec()));
        world.outcome.state.extend(published);
        let came = match flow {
            Flow::Continue => Came::On,
            Flow::Wait => Came::Waits,
            Flow::Ask(callout) => {
                world.outcome.asked.push(callout.cluster);
                Came::Asks
            }
            Flow::Reply(reply) => {
                exchange.headers.take_back();
                world.outcome.details = Some(reply.details);
                let headers = reply.headers.iter();
                world.response = headers
                    .map(|(name, value)| (name.as_bytes().to_vec(), value.as_bytes().to_vec()))
                    .collect();
                Came::Ended
            }
        };
        let after = table.after(&exchange);
        *(if step == Step::Response { &mut world.response } else { &mut world.request }) = after;
        came
    }

    fn end(&mut self, world: &mut World) {
        let host = std::mem::take(&mut world.host);
        let mut out = Outside::new(&host);
        self.policy.on_end(&mut self.stream, &mut out);
        let counts = out.counts().to_vec();
        self.count(&counts, world);
        world.host = host;
    }
}

/// Makes an exchange through these filters.
pub(crate) fn exchange(
    filters: Vec<Box<dyn Filter>>,
    request: &[(&str, String)],
    response: &[(&str, String)],
) -> Outcome {
    let pairs = |pairs: &[(&str, String)]| {
        pairs.iter().map(|(name, value)| (name.as_bytes().to_vec(), value.clone().into_bytes())).collect()
    };
    let mut world = World { request: pairs(request), response: pairs(response), ..World::default() };
    let mut reached = Vec::new();
    for mut filter in filters {
        let mut came = filter.step(Step::Request, &mut world);
        while !matches!(came, Came::On | Came::Ended) {
            came = filter.step(if came == Came::Waits { Step::Wake } else { Step::Answer }, &mut world);
        }
        reached.push(filter);
        if came == Came::Ended {
            break;
        }
    }
    for filter in reached.iter_mut().rev() {
        assert_eq!(filter.step(Step::Response, &mut world), Came::On);
    }
    reached.iter_mut().for_each(|filter| filter.end(&mut world));
    let store =
        world.host.store.borrow().iter().map(|(key, entry)| (key.clone(), entry.value.clone())).collect();
    Outcome { request: by_name(world.request), response: by_name(world.response), store, ..world.outcome }
}

fn by_name(pairs: Pairs) -> ByName {
    let mut names = ByName::new();
    pairs.into_iter().for_each(|(name, value)| names.entry(name).or_default().push(value));
    names
}

impl Outcome {
    pub(crate) fn header(&self, name: &str) -> Vec<String> {
        shown(&self.request, name)
    }

    pub(crate) fn response(&self, name: &str) -> Vec<String> {
        shown(&self.response, name)
    }

    pub(crate) fn counted(&self) -> &[String] {
        &self.counts
    }

    /// Keys in the store are named after the part.
    pub(crate) fn without_store(mut self) -> Self {
        self.store.clear();
        self
    }
}

fn shown(headers: &ByName, name: &str) -> Vec<String> {
    let values = headers.get(name.as_bytes()).into_iter().flatten();
    values.map(|value| String::from_utf8_lossy(value).into_owned()).collect()
}
