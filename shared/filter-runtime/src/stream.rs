//! One stream's way through the policy.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use policy_core::snapshot::encode;
use policy_core::{
    Callout, CalloutReply, Exchange, Flow, GrpcStatus, LocalReply, Lost, Plugin, Policy, Write,
};
use proxy_wasm::types::MapType;

use crate::asks::Asks;
use crate::generation::Generation;
use crate::hall::Woken;
use crate::host::{self, Failed};
use crate::source::{Envoy, Machine};

/// Longer than this, in nanoseconds, no request waits, whatever its policy says.
const LONGEST_WAIT: u64 = 60_000_000_000;

type State<P> = <<P as Plugin>::Policy as Policy>::Stream;

/// One stream: the generation it began with, and what the policy remembers of it.
pub(crate) struct Seat<P: Plugin> {
    id: u32,
    generation: Option<Rc<Generation<P>>>,
    state: RefCell<State<P>>,
    pause: Cell<Pause>,
}

/// What a paused request is paused for.
#[derive(Debug, Clone, Copy, Default)]
enum Pause {
    /// It is not.
    #[default]
    None,
    /// It waits in the hall, since this time.
    Waits(u64),
    /// It has asked.
    Asks,
}

/// What the policy is called for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Request,
    Wake,
    Answer,
    Response,
}

impl Phase {
    fn map(self) -> MapType {
        match self {
            Self::Request | Self::Wake | Self::Answer => MapType::HttpRequestHeaders,
            Self::Response => MapType::HttpResponseHeaders,
        }
    }
}

/// What a phase has come to.
#[derive(Debug)]
pub(crate) enum Outcome {
    GoesOn,
    Waits,
    Asks(Box<Callout>),
    Ended,
}

impl<P: Plugin> Seat<P> {
    /// A stream under this generation; without one every request is refused.
    pub(crate) fn new(id: u32, generation: Option<Rc<Generation<P>>>) -> Self {
        Self { id, generation, state: RefCell::default(), pause: Cell::default() }
    }

    /// The request's phase.
    pub(crate) fn request_headers(self: &Rc<Self>, asks: &Asks<P>) -> Outcome {
        let outcome = self.run(Phase::Request, |policy, state, exchange, machine| {
            policy.on_request_headers(state, exchange, machine)
        });
        match outcome {
            Outcome::Waits => self.begin_to_wait(),
            Outcome::Asks(callout) => self.ask(asks, &callout),
            Outcome::GoesOn | Outcome::Ended => outcome,
        }
    }

    /// The response's phase.
    pub(crate) fn response_headers(&self) -> Outcome {
        // Envoy has answered a request that was still paused: its time was up.
        self.pause.take();
        self.run(Phase::Response, |policy, state, exchange, machine| {
            policy.on_response_headers(state, exchange, machine)
        })
    }

    /// The stream is over.
    pub(crate) fn end(&self) {
        if let (Some(generation), Ok(mut state)) = (&self.generation, self.state.try_borrow_mut()) {
            generation.end(&mut state);
        }
    }

    /// The root context above it.
    pub(crate) fn root(&self) -> Option<u32> {
        self.generation.as_ref().map(|generation| generation.hall.root)
    }

    fn run(
        &self,
        phase: Phase,
        decide: impl FnOnce(&P::Policy, &mut State<P>, &mut Exchange<'_>, &Machine) -> Flow,
    ) -> Outcome {
        let Some(generation) = &self.generation else {
            return refuse("tollgate", 500, "not_configured");
        };
        let map = phase.map();
        let source = Envoy::new(map);
        let mut exchange = Exchange::new(&source);
        let machine = Machine::new(P::STORE);
        let flow = match self.state.try_borrow_mut() {
            Ok(mut state) => decide(&generation.policy, &mut state, &mut exchange, &machine),
            // Envoy would have to call for a stream from within a call for it.
            Err(_) => return refuse(P::NAME, 500, "called_twice"),
        };
        if source.failed() {
            return refuse(P::NAME, 500, "no_headers");
        }
        if machine.failed() {
            return refuse(P::NAME, 500, "no_clock_or_randomness");
        }
        let may_wait = matches!(phase, Phase::Request | Phase::Wake);
        let waits = may_wait && P::CALLBACKS.outside && matches!(flow, Flow::Wait);
        generation.count(if waits { exchange.settled_counts() } else { exchange.counts() });
        let outcome = match flow {
            Flow::Continue => Outcome::GoesOn,
            Flow::Reply(reply) => {
                // What stands of it is there for access logs.
                let _ = publish(&exchange);
                exchange.headers.take_back();
                let _ = write(&exchange, map);
                return send(&reply);
            }
            Flow::Wait if waits => Outcome::Waits,
            Flow::Ask(callout) if may_wait && P::CALLBACKS.asks => Outcome::Asks(callout),
            Flow::Wait | Flow::Ask(_) => return refuse(P::NAME, 500, "cannot_wait"),
        };
        if !outcome.passes() {
            exchange.take_back();
        }
        match publish(&exchange).and_then(|()| write(&exchange, map)) {
            Ok(()) => outcome,
            // What was to be stripped may still be there.
            Err(Failed(status)) => {
                log::error!("tollgate.{}: the host took no edit (status {status})", P::NAME);
                refuse(P::NAME, 500, "not_written")
            }
        }
    }

    fn begin_to_wait(self: &Rc<Self>) -> Outcome {
        let entered = self.generation.as_ref().map(|generation| generation.hall.enter(self));
        match (host::current_time(), entered) {
            (Ok(now), Some(Ok(()))) => {
                self.pause.set(Pause::Waits(now));
                Outcome::Waits
            }
            // Nobody would wake it.
            _ => refuse(P::NAME, 500, "cannot_wait"),
        }
    }

    fn ask(self: &Rc<Self>, asks: &Asks<P>, callout: &Callout) -> Outcome {
        if asks.send(self, callout) {
            self.pause.set(Pause::Asks);
            Outcome::Waits
        } else {
            self.decide(Err(Lost::NotSent))
        }
    }

    fn decide(&self, reply: CalloutReply) -> Outcome {
        self.run(Phase::Answer, |policy, state, exchange, machine| {
            policy.on_answer(state, exchange, machine, reply)
        })
    }

    /// What it asked has an answer. Called from another context, and leaves the effective context at this stream.
    pub(crate) fn answered(&self, reply: CalloutReply) {
        if !matches!(self.pause.take(), Pause::Asks) {
            return;
        }
        if host::set_effective_context(self.id).is_err() {
            // A decision now would be another stream's. This one stays paused until its time is up.
            log::error!("tollgate.{}: the host does not know a stream that has asked", P::NAME);
            return;
        }
        resume(P::NAME, &self.decide(reply));
    }

    /// Asks the policy again, from the root context. Leaves the effective context at this stream.
    pub(crate) fn wake(self: &Rc<Self>, now: u64, asks: &Asks<P>) -> Woken {
        let Pause::Waits(since) = self.pause.get() else { return Woken::Left };
        let here = host::set_effective_context(self.id);
        if now < since {
            // The clock was set back.
            self.pause.set(Pause::Waits(now));
        }
        let outcome = match here {
            Ok(()) => self.run(Phase::Wake, |policy, state, exchange, machine| {
                policy.on_wake(state, exchange, machine)
            }),
            Err(_) => Outcome::Waits,
        };
        let too_long = now.saturating_sub(since) >= LONGEST_WAIT;
        match outcome {
            Outcome::Waits if !too_long => return Woken::Waits,
            // A reply now would go to another stream.
            Outcome::Waits if here.is_err() => {}
            Outcome::Waits => {
                refuse(P::NAME, 503, "gave_up_waiting");
            }
            Outcome::Asks(callout) => match self.ask(asks, &callout) {
                // It waits for its answer now.
                Outcome::Waits => return Woken::Decided,
                outcome => resume(P::NAME, &outcome),
            },
            outcome => resume(P::NAME, &outcome),
        }
        self.pause.take();
        Woken::Decided
    }
}

impl Outcome {
    /// True when the host is to pass the message on.
    pub(crate) fn passes(&self) -> bool {
        matches!(self, Self::GoesOn)
    }
}

fn publish(exchange: &Exchange<'_>) -> host::Result<()> {
    exchange.published().try_for_each(|(key, value)| host::set_filter_state(key, value.as_bytes()))
}

fn write(exchange: &Exchange<'_>, map: MapType) -> host::Result<()> {
    exchange.headers.writes().try_for_each(|write| match write {
        Write::Replace(name, value) => host::replace_header(map, name.as_bytes(), value.as_bytes()),
        Write::Add(name, value) => host::add_header(map, name.as_bytes(), value.as_bytes()),
        Write::Remove(name) => host::remove_header(map, name.as_bytes()),
    })
}

/// Carries out, from another context, what a paused request has come to.
fn resume(plugin: &str, outcome: &Outcome) {
    if outcome.passes() && host::continue_request().is_err() {
        refuse(plugin, 500, "not_resumed");
    }
}

/// Ends an exchange that the host kept from being handled.
fn refuse(plugin: &str, status: u16, reason: &'static str) -> Outcome {
    log::error!("tollgate.{plugin}: refused an exchange: {reason}");
    let title = "The proxy could not handle this exchange.";
    let grpc_status = if status == 503 { GrpcStatus::Unavailable } else { GrpcStatus::Internal };
    let mut reply = LocalReply::problem(plugin, status, grpc_status, reason, title);
    if status == 503 {
        reply = reply.retry_after(1);
    }
    send(&reply)
}

fn send(reply: &LocalReply) -> Outcome {
    let headers: Vec<_> =
        reply.headers.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes())).collect();
    let status = u32::from(reply.status);
    let sent = host::send_local_reply(
        status,
        &reply.details,
        &reply.body,
        &encode(&headers),
        reply.grpc_status as u32,
    );
    if let Err(failed) = sent {
        // Pausing without a reply ends at the stream's timeout: closed, which is what a refusal means.
        log::error!("{}: the reply was not sent (status {})", reply.details, failed.0);
    }
    Outcome::Ended
}
