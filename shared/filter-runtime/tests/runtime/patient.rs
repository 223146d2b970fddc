//! A policy that waits for the answer to an errand, and shows in headers what the runtime gave it.

use std::cell::{Cell, RefCell};
use std::time::Duration;

use policy_core::config::{Environment, Wire};
use policy_core::{
    Callbacks, Callout, CalloutReply, ConfigError, Counter, Counters, Exchange, Flow, Gauge, GrpcStatus,
    HeaderName, HeaderValue, Host, LocalReply, Lost, Outside, Plugin, Policy, Signature,
};

pub(crate) enum PatientPlugin {}

#[derive(Default, Wire)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Config {
    #[serde(default)]
    stamp: String,
    tick_ms: Option<u64>,
    #[serde(default)]
    retry: bool,
}

pub(crate) struct Patient {
    config: Config,
    counters: Counters,
    woken: Counter,
    ticks: Counter,
    level: Gauge,
    wanted: Cell<bool>,
    answer: RefCell<Option<Result<String, Lost>>>,
}

#[derive(Default)]
pub(crate) struct Stream {
    wakes: u32,
    response_waits: bool,
}

impl Plugin for PatientPlugin {
    const NAME: &'static str = "patient";
    const CALLBACKS: Callbacks =
        Callbacks { request_headers: true, response_headers: true, outside: true, asks: false, end: false };
    type Config = Config;
    type Policy = Patient;

    fn compile(config: Config, _: Environment<'_>) -> Result<Patient, ConfigError> {
        let mut counters = Counters::new("patient");
        let (woken, ticks) = (counters.requests("a", "woken"), counters.named("ticks", "a", "x"));
        let level = counters.gauge("level", "a");
        Ok(Patient {
            config,
            counters,
            woken,
            ticks,
            level,
            wanted: Cell::new(false),
            answer: RefCell::default(),
        })
    }
}

pub(crate) fn name(name: &str) -> HeaderName {
    HeaderName::parse(name).unwrap()
}

fn set(exchange: &mut Exchange<'_>, header: &str, value: &str) {
    exchange.headers.set(&name(header), HeaderValue::parse(value).unwrap());
}

fn errand() -> Callout {
    Callout {
        cluster: "keys".to_owned(),
        method: "POST",
        authority: "idp.example.com".to_owned(),
        path: "/keys?a=1".to_owned(),
        headers: vec![(name("accept"), HeaderValue::parse("application/json").unwrap())],
        body: b"ask".to_vec(),
        timeout: Duration::from_micros(1),
        max_body: 10,
    }
}

impl Patient {
    fn decide(&self, stream: &mut Stream, exchange: &mut Exchange<'_>) -> Flow {
        // Dropped when the request waits on.
        set(exchange, "x-early", "1");
        exchange.count(self.woken);
        exchange.publish("wakes", HeaderValue::parse(&stream.wakes.to_string()).unwrap());
        match &*self.answer.borrow() {
            None => Flow::Wait,
            Some(Err(lost)) => {
                let title = match lost {
                    Lost::NotSent => "not sent",
                    Lost::Broken => "broken",
                    Lost::TooLarge => "too large",
                };
                Flow::Reply(LocalReply::problem("patient", 503, GrpcStatus::Unavailable, "lost", title))
            }
            Some(Ok(body)) => {
                set(exchange, "x-key", &format!("{}{body}", self.config.stamp));
                Flow::Continue
            }
        }
    }

    fn store(exchange: &mut Exchange<'_>, host: &dyn Host) {
        let old = host.load("n");
        let count = old.as_ref().map_or(0, |old| old.value[0]);
        let stored = host.store("n", &[count.wrapping_add(1)], old.map(|old| old.version));
        set(exchange, "x-n", &format!("{count} {stored:?}"));
    }
}

impl Policy for Patient {
    type Stream = Stream;

    fn counters(&self) -> &Counters {
        &self.counters
    }

    fn on_start(&self, outside: &mut Outside<'_>) {
        outside.set(self.level, 42);
        if let Some(tick) = self.config.tick_ms {
            outside.tick_in(Duration::from_millis(tick));
        }
    }

    fn on_request_headers(&self, stream: &mut Stream, exchange: &mut Exchange<'_>, host: &dyn Host) -> Flow {
        let path = exchange.headers.first(&name(":path")).unwrap_or_default().to_vec();
        match path.as_slice() {
            b"/wait" => {
                self.wanted.set(true);
                return self.decide(stream, exchange);
            }
            b"/store" => Self::store(exchange, host),
            b"/verify" => {
                let long = [7; 300];
                let signature =
                    Signature { hash: "sha256", public_key: b"key", signature: b"sig", text: &long };
                set(exchange, "x-verdict", &format!("{:?}", host.verify_signature(&signature)));
            }
            b"/late" => stream.response_waits = true,
            _ => {}
        }
        Flow::Continue
    }

    fn on_response_headers(&self, stream: &mut Stream, exchange: &mut Exchange<'_>, _: &dyn Host) -> Flow {
        if stream.response_waits {
            return Flow::Wait;
        }
        set(exchange, "x-wakes", &stream.wakes.to_string());
        Flow::Continue
    }

    fn on_wake(&self, stream: &mut Stream, exchange: &mut Exchange<'_>, _: &dyn Host) -> Flow {
        stream.wakes = stream.wakes.saturating_add(1);
        let fresh =
            !exchange.headers.contains(&name("x-early")) && exchange.filter_state("wasm.wakes").is_none();
        set(exchange, "x-fresh", &fresh.to_string());
        self.decide(stream, exchange)
    }

    fn on_tick(&self, outside: &mut Outside<'_>) {
        outside.count(self.ticks);
        if self.wanted.take() {
            outside.send(7, errand());
        }
    }

    fn on_errand(&self, number: u32, reply: CalloutReply, outside: &mut Outside<'_>) {
        // No assertions in here: a panic in a callback aborts the test process.
        if number != 7 {
            return;
        }
        if reply.is_err() && self.config.retry {
            return outside.send(7, errand());
        }
        let read = |answer: policy_core::Answer| {
            let header = answer.headers.values(b"x-a").next().unwrap_or_default();
            format!(
                "{}-{}{}",
                answer.status,
                String::from_utf8_lossy(header),
                String::from_utf8_lossy(&answer.body)
            )
        };
        *self.answer.borrow_mut() = Some(reply.map(read));
    }
}
