//! One stream's way through the policy.

use std::cell::Cell;
use std::rc::Rc;

use policy_core::snapshot::encode;
use policy_core::{Exchange, Flow, GrpcStatus, LocalReply, Plugin, Policy, Write};
use proxy_wasm::types::MapType;

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
    state: Cell<State<P>>,
    /// Since when it waits, if it does.
    since: Cell<Option<u64>>,
}

/// What a phase has come to.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Outcome {
    GoesOn,
    Waits,
    Ended,
}

impl<P: Plugin> Seat<P> {
    /// A stream under this generation; without one every request is refused.
    pub(crate) fn new(id: u32, generation: Option<Rc<Generation<P>>>) -> Self {
        Self { id, generation, state: Cell::default(), since: Cell::new(None) }
    }

    /// The request's phase.
    pub(crate) fn request_headers(self: &Rc<Self>) -> Outcome {
        let outcome = self.run(MapType::HttpRequestHeaders, |policy, state, exchange, machine| {
            policy.on_request_headers(state, exchange, machine)
        });
        if matches!(outcome, Outcome::Waits) { self.begin_to_wait() } else { outcome }
    }

    /// The response's phase.
    pub(crate) fn response_headers(&self) -> Outcome {
        // Envoy has answered a request that still waited: its time was up.
        self.since.set(None);
        self.run(MapType::HttpResponseHeaders, |policy, state, exchange, machine| {
            policy.on_response_headers(state, exchange, machine)
        })
    }

    fn run(
        &self,
        map: MapType,
        phase: impl FnOnce(&P::Policy, &mut State<P>, &mut Exchange<'_>, &Machine) -> Flow,
    ) -> Outcome {
        let Some(generation) = &self.generation else {
            return refuse("tollgate", 500, "not_configured");
        };
        let source = Envoy::new(map);
        let mut exchange = Exchange::new(&source);
        let machine = Machine::new(P::NAME);
        let mut state = self.state.take();
        let flow = phase(&generation.policy, &mut state, &mut exchange, &machine);
        self.state.set(state);
        if source.failed() {
            return refuse(P::NAME, 500, "no_headers");
        }
        if machine.failed() {
            return refuse(P::NAME, 500, "no_clock_or_randomness");
        }
        let may_wait = P::CALLBACKS.outside && map == MapType::HttpRequestHeaders;
        if may_wait && matches!(flow, Flow::Wait) {
            return Outcome::Waits;
        }
        generation.count(exchange.counts());
        let published = publish(&exchange);
        let written = match flow {
            Flow::Continue => published.and_then(|()| write(&exchange, map)),
            Flow::Reply(reply) => return send(&reply),
            Flow::Wait => return refuse(P::NAME, 500, "cannot_wait"),
        };
        match written {
            Ok(()) => Outcome::GoesOn,
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
                self.since.set(Some(now));
                Outcome::Waits
            }
            // Nobody would wake it.
            _ => refuse(P::NAME, 500, "cannot_wait"),
        }
    }

    /// Asks the policy again, from the root context. Leaves the effective context at this stream.
    pub(crate) fn wake(&self, now: u64) -> Woken {
        let Some(since) = self.since.get() else { return Woken::Left };
        let here = host::set_effective_context(self.id);
        if now < since {
            // The clock was set back.
            self.since.set(Some(now));
        }
        let outcome = match here {
            Ok(()) => self.run(MapType::HttpRequestHeaders, |policy, state, exchange, machine| {
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
            Outcome::GoesOn if host::continue_request().is_err() => {
                refuse(P::NAME, 500, "not_resumed");
            }
            Outcome::GoesOn | Outcome::Ended => {}
        }
        self.since.set(None);
        Woken::Decided
    }
}

impl Outcome {
    /// True when the host is to pass the message on.
    pub(crate) fn passes(self) -> bool {
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
