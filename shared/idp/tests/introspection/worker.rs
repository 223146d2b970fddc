//! A worker with an endpoint of which a test plays the server.

use std::cell::Cell;

use idp::{Introspected, Introspection, IntrospectionConfig, split};
use policy_core::table::Still;
use policy_core::{Answer, Callout, CalloutReply, Counters, Outside};

const NOW: u64 = 1_800_000_000_000;
pub(crate) const SLOT: u8 = 3;
pub(crate) const ACTIVE: &str = r#"{"active":true,"sub":"ann","scope":"a b"}"#;

pub(crate) struct Worker {
    pub(crate) introspection: Introspection,
    pub(crate) host: Still,
    counters: Counters,
    pub(crate) counts: Cell<[u64; 3]>,
}

pub(crate) fn compile(json: &str) -> Result<(Introspection, Counters), String> {
    let config: IntrospectionConfig =
        policy_core::config::parse(json.as_bytes()).map_err(|error| error.to_string())?;
    let mut counters = Counters::new("auth");
    let environment = |name: &str| (name == "SECRET").then(|| "hunter2".to_owned());
    Introspection::compile(&config, &environment, SLOT, "opaque", &mut counters)
        .map(|introspection| (introspection, counters))
        .map_err(|error| error.to_string())
}

pub(crate) fn worker_with(more: &str) -> Worker {
    let json = format!(
        r#"{{"endpoint":"https://idp.example.com/introspect","clientId":"toll gate","clientSecret":{{"env":"SECRET"}}{more}}}"#
    );
    let (introspection, counters) = compile(&json).unwrap();
    let host = Still::default();
    host.now.set(NOW * 1_000_000);
    Worker { introspection, host, counters, counts: Cell::default() }
}

pub(crate) fn worker() -> Worker {
    worker_with("")
}

pub(crate) fn reply(status: u16, body: &str) -> CalloutReply {
    Ok(Answer { status, body: body.as_bytes().to_vec(), ..Answer::default() })
}

impl Worker {
    pub(crate) fn pass(&self, millis: i64) {
        self.host.now.set(self.host.now.get().checked_add_signed(millis * 1_000_000).unwrap());
    }

    pub(crate) fn ask(&self, token: &str) -> &'static str {
        match self.introspection.ask(token.as_bytes(), &self.host) {
            Introspected::Active(_) => "active",
            Introspected::Inactive => "inactive",
            Introspected::Wait => "wait",
            Introspected::Unavailable => "unavailable",
        }
    }

    fn outside(&self, act: impl FnOnce(&Introspection, &mut Outside<'_>)) -> Vec<(u32, Callout)> {
        let mut out = Outside::new(&self.host);
        act(&self.introspection, &mut out);
        let mut counts = self.counts.get();
        for counter in out.counts() {
            let name = &self.counters.names()[counter.index()];
            let which = ["active", "inactive", "failed"].iter().position(|word| {
                *name == format!("wasm_filter.auth.tag.{word};.component.opaque.tollgate_introspections")
            });
            counts[which.unwrap()] += 1;
        }
        self.counts.set(counts);
        out.take_errands()
    }

    pub(crate) fn tick(&self) -> Vec<(u32, Callout)> {
        self.outside(Introspection::on_tick)
    }

    pub(crate) fn answer(&self, number: u32, reply: CalloutReply) -> Vec<(u32, Callout)> {
        assert_eq!(split(number).0, SLOT);
        self.outside(|introspection, out| introspection.on_errand(split(number).1, reply, out))
    }

    /// Asks for a token and answers.
    pub(crate) fn learn(&self, token: &str, reply: CalloutReply) -> &'static str {
        assert_eq!(self.ask(token), "wait", "{token}");
        let sent = self.tick();
        assert_eq!(sent.len(), 1);
        self.answer(sent[0].0, reply);
        self.ask(token)
    }
}
