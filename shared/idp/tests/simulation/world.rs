//! A proxy's VMs with the time that passes between their events.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use idp::{Asked, KeySource, Parsed, Refetch, RemoteConfig, split};
use policy_core::table::Still;
use policy_core::{Answer, CalloutReply, Counters, Host, Lost, Outside, Stored};

/// When everything begins, in milliseconds since the Unix epoch.
pub(crate) const START: u64 = 1_800_000_000_000;
pub(crate) const SLOT: u8 = 9;
pub(crate) const HOUR: u64 = 3_600_000;

/// What the identity provider does with a request for keys.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Mode {
    Keys(&'static str),
    Body(Vec<u8>),
    Status(u16),
    Lost(Lost),
    /// Not even a timeout comes back.
    Silent,
}

pub(crate) struct Worker {
    pub(crate) source: KeySource<Vec<String>>,
    pub(crate) host: Still,
    counters: Counters,
    pub(crate) counts: BTreeMap<String, u64>,
    pub(crate) gauges: BTreeMap<String, u64>,
    alive: bool,
    tick_at: u64,
    period: u64,
}

struct Flight {
    worker: usize,
    errand: u32,
    due: u64,
    reply: Option<CalloutReply>,
}

pub(crate) struct World {
    /// Time as it passes, in milliseconds. The wall clock is this and `offset`.
    pub(crate) now: u64,
    pub(crate) offset: i64,
    pub(crate) store: Rc<RefCell<BTreeMap<String, Stored>>>,
    pub(crate) workers: Vec<Worker>,
    pub(crate) mode: Mode,
    pub(crate) latency: u64,
    pub(crate) document: Mode,
    /// When what was sent.
    pub(crate) sent: Vec<(u64, String)>,
    /// When good keys last arrived.
    pub(crate) good_at: Option<u64>,
    flights: Vec<Flight>,
    json: &'static str,
    discovery: bool,
}

fn parse(body: &[u8]) -> Result<Parsed<Vec<String>>, String> {
    let text = std::str::from_utf8(body).map_err(|_| "not text")?;
    let keys: Vec<String> =
        text.strip_prefix("keys:").ok_or("no keys")?.split_whitespace().map(str::to_owned).collect();
    Ok(Parsed { count: keys.len(), keys, skipped: 1 })
}

impl World {
    pub(crate) fn of(workers: usize) -> Self {
        Self::configured(workers, "{}", false)
    }

    pub(crate) fn configured(workers: usize, json: &'static str, discovery: bool) -> Self {
        let mut world = Self {
            now: START,
            offset: 0,
            store: Rc::default(),
            workers: Vec::new(),
            mode: Mode::Keys("keys: a"),
            latency: 20,
            document: Mode::Status(404),
            sent: Vec::new(),
            good_at: None,
            flights: Vec::new(),
            json,
            discovery,
        };
        (0..workers).for_each(|_| world.join());
        world
    }

    /// One more VM starts.
    pub(crate) fn join(&mut self) {
        let mut counters = Counters::new("auth");
        let config = RemoteConfig {
            uri: (!self.discovery).then(|| "https://idp.example.com/keys".to_owned()),
            discovery: self.discovery,
            issuer: "https://idp.example.com/realm/".to_owned(),
            cluster: None,
            refresh: policy_core::config::parse(self.json.as_bytes()).unwrap(),
        };
        let source = KeySource::compile(config, SLOT, "corp", Box::new(parse), &mut counters).unwrap();
        let mut host = Still::default();
        host.store = Rc::clone(&self.store);
        // Each has its own random bytes.
        host.fill_random(&mut vec![0; self.workers.len() * 37]);
        let (counts, gauges) = Default::default();
        let tick_at = u64::MAX;
        self.workers.push(Worker {
            source,
            host,
            counters,
            counts,
            gauges,
            alive: true,
            tick_at,
            period: tick_at,
        });
        self.call(self.workers.len() - 1, |source, out| source.on_start(out));
    }

    /// A VM goes, and what it has asked with it.
    pub(crate) fn kill(&mut self, worker: usize) {
        self.workers[worker].alive = false;
        self.flights.retain(|flight| flight.worker != worker);
    }

    pub(crate) fn alive(&self) -> Vec<usize> {
        (0..self.workers.len()).filter(|worker| self.workers[*worker].alive).collect()
    }

    pub(crate) fn wall(&self) -> u64 {
        self.now.checked_add_signed(self.offset).unwrap()
    }

    fn call(&mut self, worker: usize, act: impl FnOnce(&KeySource<Vec<String>>, &mut Outside<'_>)) {
        let wall = self.wall();
        let at = &mut self.workers[worker];
        at.host.now.set(wall * 1_000_000);
        let mut out = Outside::new(&at.host);
        act(&at.source, &mut out);
        for counter in out.counts() {
            *at.counts.entry(at.counters.names()[counter.index()].clone()).or_default() += 1;
        }
        for (gauge, value) in out.gauges() {
            at.gauges.insert(at.counters.gauges()[gauge.index()].clone(), *value);
        }
        if let Some(delay) = out.next_tick() {
            at.period = u64::try_from(delay.as_millis()).unwrap();
            assert!((1..=1000).contains(&at.period));
            at.tick_at = self.now + at.period;
        }
        for (errand, callout) in out.take_errands() {
            assert!(self.flights.is_empty(), "two fetches at once");
            assert_eq!((split(errand).0, callout.method, callout.max_body), (SLOT, "GET", 256 * 1024));
            assert_eq!(callout.headers.len(), 1);
            let timeout = u64::try_from(callout.timeout.as_millis()).unwrap();
            let uri = format!("{} {}{}", callout.cluster, callout.authority, callout.path);
            let mode = if uri.contains(".well-known") { &self.document } else { &self.mode };
            let answer =
                |status, body: &[u8]| Ok(Answer { status, body: body.to_vec(), ..Answer::default() });
            let reply = match mode {
                Mode::Keys(body) => Some(answer(200, body.as_bytes())),
                Mode::Body(body) => Some(answer(200, body)),
                Mode::Status(status) => Some(answer(*status, b"keys: evil")),
                Mode::Lost(lost) => Some(Err(*lost)),
                Mode::Silent => None,
            };
            // As Envoy: what takes too long is a 504.
            let reply = if self.latency >= timeout { reply.map(|_| answer(504, b"")) } else { reply };
            let due = if reply.is_none() {
                self.now + timeout + 1000
            } else {
                self.now + self.latency.min(timeout)
            };
            self.sent.push((self.now, uri));
            self.flights.push(Flight { worker, errand, due, reply });
        }
    }

    /// The VM whose answer is outstanding.
    pub(crate) fn fetching(&self) -> Option<usize> {
        self.flights.first().map(|flight| flight.worker)
    }

    /// What is outstanding gets no answer.
    pub(crate) fn forget_flights(&mut self) {
        self.flights.clear();
    }

    /// Lets time pass.
    pub(crate) fn run(&mut self, millis: u64) {
        let end = self.now + millis;
        loop {
            let tick = self.alive().into_iter().min_by_key(|worker| self.workers[*worker].tick_at);
            let tick_at = tick.map_or(u64::MAX, |worker| self.workers[worker].tick_at);
            let flight = (0..self.flights.len()).min_by_key(|flight| self.flights[*flight].due);
            let due = flight.map_or(u64::MAX, |flight| self.flights[flight].due);
            if tick_at.min(due) > end {
                break;
            }
            self.now = tick_at.min(due).max(self.now);
            if due <= tick_at {
                let flight = self.flights.remove(flight.unwrap());
                if let Some(reply) = flight.reply {
                    if reply.as_ref().is_ok_and(|answer| {
                        answer.status == 200 && parse(&answer.body).is_ok_and(|set| set.count > 0)
                    }) {
                        self.good_at = Some(self.now);
                    }
                    self.call(flight.worker, |source, out| {
                        source.on_errand(split(flight.errand).1, reply, out)
                    });
                }
            } else if let Some(worker) = tick {
                self.workers[worker].tick_at = self.now + self.workers[worker].period;
                self.call(worker, |source, out| source.on_tick(out));
            }
        }
        self.now = end;
    }

    /// What a worker knows now.
    pub(crate) fn keys(&self, worker: usize) -> Option<String> {
        let keys = self.workers[worker].source.keys(policy_core::time::Timestamp(self.wall() * 1_000_000));
        keys.map(|keys| keys.join(" "))
    }

    /// What the live workers know now, each different answer once.
    pub(crate) fn all_keys(&self) -> Vec<Option<String>> {
        let mut all: Vec<_> = self.alive().into_iter().map(|worker| self.keys(worker)).collect();
        all.sort();
        all.dedup();
        all
    }

    pub(crate) fn ask(&mut self, worker: usize, asked: &mut Option<Asked>) -> Refetch {
        let wall = self.wall();
        let at = &mut self.workers[worker];
        at.host.now.set(wall * 1_000_000);
        let first = asked.is_none();
        let answer = at.source.refetch(asked, &at.host);
        if first && answer == Refetch::Wait {
            // As the runtime does when a request begins to wait.
            self.call(worker, |source, out| source.on_tick(out));
        }
        answer
    }

    /// How long a request for this key waits, and whether the key is known then. Asked every millisecond.
    pub(crate) fn wait_for(&mut self, worker: usize, key: &str) -> (u64, bool) {
        let (mut asked, since) = (None, self.now);
        loop {
            let known = self.keys(worker).is_some_and(|keys| keys.split(' ').any(|known| known == key));
            if known || self.ask(worker, &mut asked) == Refetch::Spent {
                return (self.now - since, known);
            }
            assert!(self.now - since < 200_000, "a request waits for ever");
            self.run(1);
        }
    }

    /// How often all workers together counted an outcome.
    pub(crate) fn counted(&self, outcome: &str) -> u64 {
        let name = format!("wasm_filter.auth.tag.{outcome};.component.corp.tollgate_key_fetches");
        self.workers.iter().filter_map(|worker| worker.counts.get(&name)).sum()
    }

    pub(crate) fn gauge(&self, worker: usize, metric: &str) -> Option<u64> {
        self.workers[worker].gauges.get(&format!("wasm_filter.auth.component.corp.{metric}")).copied()
    }

    /// How much time lies between two fetches and the next.
    pub(crate) fn gaps(&self) -> Vec<u64> {
        self.sent.windows(2).map(|two| two[1].0 - two[0].0).collect()
    }
}

pub(crate) fn keys(text: &str) -> Vec<Option<String>> {
    vec![Some(text.to_owned())]
}
