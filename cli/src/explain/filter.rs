//! One plugin at work, natively: what `filter-runtime` does around a policy, on plain values.
//!
//! The order is the runtime's (`stream.rs`, `generation.rs`): a request that waits is decided anew after each tick, what it
//! counted before is dropped; what a question was asked with stays counted; filter state is published before the edits are
//! written, and not with a reply.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;
use std::time::Duration;

use policy_core::config::Environment;
use policy_core::table::{Pairs, Table};
use policy_core::{
    Callout, CalloutReply, ConfigError, Counter, Exchange, Flow, GrpcStatus, HeaderValue, LocalReply, Lost,
    Outside, Plugin, Policy, Write,
};

use super::host::{Machine, World};
use super::services::Services;

/// Between two ticks while a request waits, and the longest wait of the runtime, in nanoseconds.
const WAIT_TICK: u64 = 10_000_000;
const LONGEST_WAIT: u64 = 60_000_000_000;
/// So many errands may follow from one another.
const MOST_ERRANDS: usize = 100;

/// What plugins of one proxy have in common.
#[derive(Debug, Clone, Default)]
pub(crate) struct Surroundings {
    pub(super) world: Rc<World>,
    pub(super) services: Rc<Services>,
}

/// A compiled plugin.
pub(crate) trait Filter {
    /// It is live.
    fn start(&self);
    /// The clock was turned: what is due is done.
    fn passed(&self);
    /// A stream begins.
    fn begin(&self) -> Box<dyn Stream + '_>;
}

/// One stream's way through a plugin.
pub(crate) trait Stream {
    /// The request's phase.
    fn request(&mut self, message: &Table) -> Passed;
    /// The response's phase; `None` for a plugin without one.
    fn response(&mut self, message: &Table) -> Option<Passed>;
    /// It is over.
    fn end(&mut self);
}

/// What a phase has come to.
#[derive(Debug, Default)]
pub(crate) struct Passed {
    /// The plugin's own answer.
    pub(super) reply: Option<LocalReply>,
    /// The message afterwards.
    pub(super) headers: Pairs,
    /// The edits that made it so.
    pub(super) edits: Vec<Edit>,
    /// Filter state, by its whole key.
    pub(super) facts: Vec<(String, Vec<u8>)>,
    /// Names of counters, each as often as it was raised.
    pub(super) counters: Vec<String>,
    /// For how long the request waited, in nanoseconds.
    pub(super) waited: u64,
}

/// One edit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Edit {
    Set(String, Vec<u8>),
    Add(String, Vec<u8>),
    Remove(String),
}

/// Compiles a configuration for the surroundings of a proxy.
pub(crate) fn open<P: Plugin + 'static>(
    json: &[u8],
    environment: Environment<'_>,
    surroundings: &Surroundings,
) -> Result<Box<dyn Filter>, ConfigError> {
    let policy = P::from_json(json, environment)?;
    let Surroundings { world, services } = surroundings.clone();
    let machine = Machine::new(P::NAME, Rc::clone(&world));
    Ok(Box::new(Live::<P> {
        policy,
        machine,
        world,
        services,
        timer: Cell::default(),
        put_off: RefCell::default(),
    }))
}

struct Live<P: Plugin> {
    policy: P::Policy,
    machine: Machine,
    world: Rc<World>,
    services: Rc<Services>,
    /// When the next tick is due, and how often there is one.
    timer: Cell<Option<(u64, u64)>>,
    put_off: RefCell<Vec<(u32, Callout)>>,
}

impl<P: Plugin> Filter for Live<P> {
    fn start(&self) {
        self.outside(|policy, outside| policy.on_start(outside));
    }

    fn passed(&self) {
        let now = self.world.now.get();
        let Some((due, every)) = self.timer.get() else { return };
        if P::CALLBACKS.outside && due <= now {
            self.timer.set(Some((now.saturating_add(every), every)));
            self.tick();
        }
    }

    fn begin(&self) -> Box<dyn Stream + '_> {
        Box::new(Seat { live: self, state: Default::default(), begun: false })
    }
}

impl<P: Plugin> Live<P> {
    fn tick(&self) {
        let put_off = self.put_off.take();
        self.outside(|policy, outside| {
            put_off.into_iter().for_each(|(number, callout)| outside.send(number, callout));
            policy.on_tick(outside);
        });
    }

    /// Carries out what the policy does outside requests, and hands it the answers.
    fn outside(&self, work: impl FnOnce(&P::Policy, &mut Outside<'_>)) {
        let mut answers = self.round(work);
        for _ in 0..MOST_ERRANDS {
            let Some((number, reply)) = answers.pop_front() else { break };
            answers.extend(self.round(|policy, outside| policy.on_errand(number, reply, outside)));
        }
    }

    fn round(&self, work: impl FnOnce(&P::Policy, &mut Outside<'_>)) -> VecDeque<(u32, CalloutReply)> {
        let mut outside = Outside::new(&self.machine);
        work(&self.policy, &mut outside);
        let mut answers = VecDeque::new();
        for (number, callout) in outside.take_errands() {
            match self.services.ask(&callout) {
                Err(Lost::NotSent) => self.policy.on_errand(number, Err(Lost::NotSent), &mut outside),
                reply => answers.push_back((number, reply)),
            }
        }
        self.put_off.borrow_mut().append(&mut outside.take_errands());
        if let Some(every) = outside.next_tick() {
            let every = nanos(every);
            self.timer.set(Some((self.world.now.get().saturating_add(every), every)));
        }
        answers
    }

    fn names(&self, counts: &[Counter]) -> Vec<String> {
        let names = self.policy.counters().names();
        counts.iter().filter_map(|counter| names.get(counter.index()).cloned()).collect()
    }

    /// What the runtime answers itself.
    fn refusal(status: u16, reason: &'static str) -> LocalReply {
        let grpc_status = if status == 503 { GrpcStatus::Unavailable } else { GrpcStatus::Internal };
        LocalReply::problem(P::NAME, status, grpc_status, reason, "The proxy could not handle this exchange.")
    }
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// A stream and what the policy remembers of it.
struct Seat<'l, P: Plugin> {
    live: &'l Live<P>,
    state: <P::Policy as Policy>::Stream,
    begun: bool,
}

impl<P: Plugin> Stream for Seat<'_, P> {
    fn request(&mut self, message: &Table) -> Passed {
        self.begun = true;
        if !P::CALLBACKS.request_headers {
            return Passed { headers: message.headers.clone(), ..Passed::default() };
        }
        let live = self.live;
        let since = live.world.now.get();
        let mut exchange = Exchange::new(message);
        let mut flow = live.policy.on_request_headers(&mut self.state, &mut exchange, &live.machine);
        while matches!(flow, Flow::Wait) && P::CALLBACKS.outside {
            let now = live.world.now.get().saturating_add(WAIT_TICK);
            if now.saturating_sub(since) > LONGEST_WAIT {
                exchange = Exchange::new(message);
                flow = Flow::Reply(Live::<P>::refusal(503, "gave_up_waiting").retry_after(1));
                break;
            }
            live.world.now.set(now);
            live.tick();
            exchange = Exchange::new(message);
            flow = live.policy.on_wake(&mut self.state, &mut exchange, &live.machine);
        }
        let mut counters = live.names(exchange.counts());
        if let Flow::Ask(callout) = flow {
            let asks = P::CALLBACKS.asks;
            exchange = Exchange::new(message);
            flow = if asks {
                let reply = live.services.ask(&callout);
                live.policy.on_answer(&mut self.state, &mut exchange, &live.machine, reply)
            } else {
                Flow::Wait
            };
            counters.extend(live.names(exchange.counts()));
        }
        let waited = live.world.now.get().saturating_sub(since);
        Passed { counters, waited, ..conclude::<P>(flow, &exchange, message) }
    }

    fn response(&mut self, message: &Table) -> Option<Passed> {
        if !P::CALLBACKS.response_headers {
            return None;
        }
        let live = self.live;
        let mut exchange = Exchange::new(message);
        let flow = live.policy.on_response_headers(&mut self.state, &mut exchange, &live.machine);
        let counters = live.names(exchange.counts());
        Some(Passed { counters, ..conclude::<P>(flow, &exchange, message) })
    }

    fn end(&mut self) {
        if P::CALLBACKS.end && self.begun {
            let mut state = std::mem::take(&mut self.state);
            self.live.outside(|policy, outside| policy.on_end(&mut state, outside));
        }
    }
}

fn conclude<P: Plugin>(flow: Flow, exchange: &Exchange<'_>, message: &Table) -> Passed {
    let reply = match flow {
        Flow::Reply(reply) => Some(reply),
        // Nobody would wake it.
        Flow::Wait | Flow::Ask(_) => Some(Live::<P>::refusal(500, "cannot_wait")),
        Flow::Continue => None,
    };
    if reply.is_some() {
        return Passed { reply, headers: message.headers.clone(), ..Passed::default() };
    }
    let fact = |(key, value): (&str, &HeaderValue)| (format!("wasm.{key}"), value.as_bytes().to_vec());
    Passed {
        headers: message.after(exchange),
        edits: exchange.headers.writes().map(Edit::of).collect(),
        facts: exchange.published().map(fact).collect(),
        ..Passed::default()
    }
}

impl Edit {
    fn of(write: Write<'_>) -> Self {
        match write {
            Write::Replace(name, value) => Self::Set(name.to_string(), value.as_bytes().to_vec()),
            Write::Add(name, value) => Self::Add(name.to_string(), value.as_bytes().to_vec()),
            Write::Remove(name) => Self::Remove(name.to_string()),
        }
    }
}
