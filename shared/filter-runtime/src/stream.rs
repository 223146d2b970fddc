//! The HTTP context: one stream's way through the policy.

use std::rc::Rc;

use policy_core::snapshot::encode;
use policy_core::{Exchange, Flow, GrpcStatus, LocalReply, Policy, Write};
use proxy_wasm::traits::{Context, HttpContext};
use proxy_wasm::types::{Action, MapType};

use crate::host;
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
        phase: impl FnOnce(&P, &mut P::Stream, &mut Exchange<'_>) -> Flow,
    ) -> Action {
        let Some(generation) = &self.generation else {
            return send(&failure("tollgate", "not_configured"));
        };
        let source = Envoy::new(map);
        let mut exchange = Exchange::new(&source);
        let flow = phase(&generation.policy, &mut self.state, &mut exchange);
        if source.failed() {
            log::error!("tollgate.{}: the host gave no headers", generation.plugin);
            return send(&failure(generation.plugin, "no_headers"));
        }
        generation.count(exchange.counts());
        publish(&exchange, generation.plugin);
        match flow {
            Flow::Continue => {
                write(&exchange, map, generation.plugin);
                Action::Continue
            }
            Flow::Reply(reply) => send(&reply),
        }
    }
}

impl<P: Policy> Context for Stream<P> {}

impl<P: Policy> HttpContext for Stream<P> {
    fn on_http_request_headers(&mut self, _count: usize, _end_of_stream: bool) -> Action {
        self.run(MapType::HttpRequestHeaders, |policy, state, exchange| {
            policy.on_request_headers(state, exchange, &Machine)
        })
    }

    fn on_http_response_headers(&mut self, _count: usize, _end_of_stream: bool) -> Action {
        self.run(MapType::HttpResponseHeaders, |policy, state, exchange| {
            policy.on_response_headers(state, exchange, &Machine)
        })
    }
}

fn publish(exchange: &Exchange<'_>, plugin: &str) {
    for (key, value) in exchange.published() {
        if let Err(failed) = host::set_filter_state(key, value.as_bytes()) {
            log::error!("tollgate.{plugin}: filter state wasm.{key} was not stored (status {})", failed.0);
        }
    }
}

fn write(exchange: &Exchange<'_>, map: MapType, plugin: &str) {
    for write in exchange.headers.writes() {
        let (name, done) = match write {
            Write::Replace(name, value) => {
                (name, host::replace_header(map, name.as_bytes(), value.as_bytes()))
            }
            Write::Add(name, value) => (name, host::add_header(map, name.as_bytes(), value.as_bytes())),
            Write::Remove(name) => (name, host::remove_header(map, name.as_bytes())),
        };
        if let Err(failed) = done {
            log::error!("tollgate.{plugin}: header {name} was not written (status {})", failed.0);
        }
    }
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

fn failure(plugin: &str, reason: &'static str) -> LocalReply {
    LocalReply::problem(plugin, 500, GrpcStatus::Internal, reason, "The proxy could not read this exchange.")
}
