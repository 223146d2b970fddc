//! The HTTP context: one stream's way through the policy.

use std::rc::Rc;

use policy_core::snapshot::encode;
use policy_core::{Exchange, Flow, GrpcStatus, LocalReply, Policy, Write};
use proxy_wasm::traits::{Context, HttpContext};
use proxy_wasm::types::{Action, MapType};

use crate::host::{self, Failed};
use crate::root::Generation;
use crate::source::{Envoy, Machine};

/// One stream: the generation it began with, and what the policy remembers of it.
pub(crate) struct Stream<P: Policy> {
    generation: Option<Rc<Generation<P>>>,
    state: P::Stream,
}

impl<P: Policy> Stream<P> {
    /// A stream under this generation; without one every request is refused.
    pub(crate) fn new(generation: Option<Rc<Generation<P>>>) -> Self {
        Self { generation, state: P::Stream::default() }
    }

    fn run(
        &mut self,
        map: MapType,
        phase: impl FnOnce(&P, &mut P::Stream, &mut Exchange<'_>, &Machine) -> Flow,
    ) -> Action {
        let Some(generation) = &self.generation else {
            return refuse("tollgate", "not_configured");
        };
        let source = Envoy::new(map);
        let mut exchange = Exchange::new(&source);
        let machine = Machine::default();
        let flow = phase(&generation.policy, &mut self.state, &mut exchange, &machine);
        if source.failed() {
            return refuse(generation.plugin, "no_headers");
        }
        if machine.failed() {
            return refuse(generation.plugin, "no_clock_or_randomness");
        }
        generation.count(exchange.counts());
        let published = publish(&exchange);
        let written = match flow {
            Flow::Continue => published.and_then(|()| write(&exchange, map)),
            Flow::Reply(reply) => return send(&reply),
            Flow::Wait => return refuse(generation.plugin, "cannot_wait"),
        };
        match written {
            Ok(()) => Action::Continue,
            // What was to be stripped may still be there.
            Err(Failed(status)) => {
                log::error!("tollgate.{}: the host took no edit (status {status})", generation.plugin);
                refuse(generation.plugin, "not_written")
            }
        }
    }
}

impl<P: Policy> Context for Stream<P> {}

impl<P: Policy> HttpContext for Stream<P> {
    fn on_http_request_headers(&mut self, _count: usize, _end_of_stream: bool) -> Action {
        self.run(MapType::HttpRequestHeaders, |policy, state, exchange, machine| {
            policy.on_request_headers(state, exchange, machine)
        })
    }

    fn on_http_response_headers(&mut self, _count: usize, _end_of_stream: bool) -> Action {
        self.run(MapType::HttpResponseHeaders, |policy, state, exchange, machine| {
            policy.on_response_headers(state, exchange, machine)
        })
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
fn refuse(plugin: &str, reason: &'static str) -> Action {
    log::error!("tollgate.{plugin}: refused an exchange: {reason}");
    let title = "The proxy could not handle this exchange.";
    send(&LocalReply::problem(plugin, 500, GrpcStatus::Internal, reason, title))
}

fn send(reply: &LocalReply) -> Action {
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
    Action::Pause
}
