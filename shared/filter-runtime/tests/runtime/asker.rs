//! A policy that asks before it decides, counts its streams' ends, and shows in a header what the runtime gave it.

use std::time::Duration;

use policy_core::config::{Environment, Wire};
use policy_core::{
    Answer, Callbacks, Callout, CalloutReply, ConfigError, Counter, Counters, Exchange, Flow, GrpcStatus,
    HeaderName, HeaderValue, Host, LocalReply, Outside, Plugin, Policy,
};

use crate::patient::name;

/// With all callbacks, or with those alone that asking needs.
pub(crate) enum AskerPlugin<const ALL: bool> {}

#[derive(Default, Wire)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Config {
    #[serde(default)]
    stamp: String,
    start_tick_ms: Option<u64>,
    end_tick_ms: Option<u64>,
    #[serde(default)]
    errand_at_end: bool,
}

pub(crate) struct Asker {
    config: Config,
    counters: Counters,
    asked: Counter,
    answered: Counter,
    ended: Counter,
    begun_ends: Counter,
    errands: Counter,
}

#[derive(Default)]
pub(crate) struct Stream {
    path: Vec<u8>,
    answer: Option<String>,
}

impl<const ALL: bool> Plugin for AskerPlugin<ALL> {
    const NAME: &'static str = "asker";
    const CALLBACKS: Callbacks =
        Callbacks { request_headers: true, response_headers: ALL, outside: ALL, asks: true, end: ALL };
    type Config = Config;
    type Policy = Asker;

    fn compile(config: Config, _: Environment<'_>) -> Result<Asker, ConfigError> {
        let mut counters = Counters::new("asker");
        let mut counter = |what| counters.requests("a", what);
        let (asked, answered, ended) = (counter("asked"), counter("answered"), counter("ended"));
        let (begun_ends, errands) = (counter("known"), counter("errand"));
        Ok(Asker { config, counters, asked, answered, ended, begun_ends, errands })
    }
}

fn set(exchange: &mut Exchange<'_>, header: &HeaderName, value: &str) {
    exchange.headers.set(header, HeaderValue::parse(value).unwrap());
}

pub(crate) const QUESTION: &[u8] = &[0, 0, 0, 0, 3, 0xff, 0x0a, 0];

fn ask() -> Flow {
    let header = |header: &str, value: &[u8]| (name(header), HeaderValue::escaped(value));
    Flow::Ask(Box::new(Callout {
        cluster: "limits".to_owned(),
        method: "POST",
        authority: "limits".to_owned(),
        path: "/s/M".to_owned(),
        headers: vec![header("te", b"trailers"), header("x-odd", &[b'a', 0xe4])],
        body: QUESTION.to_vec(),
        timeout: Duration::from_millis(50),
        max_body: 10,
    }))
}

fn told(reply: CalloutReply) -> String {
    let answer = match reply {
        Ok(answer) => answer,
        Err(lost) => return format!("{lost:?}"),
    };
    let Answer { status, body, trailers, .. } = answer;
    let status_of_call = trailers.values(b"grpc-status").next().unwrap_or(b"-").to_vec();
    format!("{status} {body:?} {}", String::from_utf8(status_of_call).unwrap())
}

impl Policy for Asker {
    type Stream = Stream;

    fn counters(&self) -> &Counters {
        &self.counters
    }

    fn on_start(&self, outside: &mut Outside<'_>) {
        if let Some(tick) = self.config.start_tick_ms {
            outside.tick_in(Duration::from_millis(tick));
        }
    }

    fn on_request_headers(&self, stream: &mut Stream, exchange: &mut Exchange<'_>, _: &dyn Host) -> Flow {
        stream.path = exchange.headers.first(&name(":path")).unwrap_or_default().to_vec();
        if stream.path == b"/wait" {
            return Flow::Wait;
        }
        if matches!(stream.path.as_slice(), b"/" | b"/late") {
            return Flow::Continue;
        }
        exchange.count(self.asked);
        set(exchange, &name("x-early"), "1");
        exchange.publish("early", HeaderValue::parse("1").unwrap());
        ask()
    }

    fn on_wake(&self, _: &mut Stream, _: &mut Exchange<'_>, _: &dyn Host) -> Flow {
        ask()
    }

    fn on_answer(
        &self,
        stream: &mut Stream,
        exchange: &mut Exchange<'_>,
        host: &dyn Host,
        reply: CalloutReply,
    ) -> Flow {
        exchange.count(self.answered);
        let fresh =
            !exchange.headers.contains(&name("x-early")) && exchange.filter_state("wasm.early").is_none();
        let told = told(reply);
        set(exchange, &name("x-answer"), &format!("{}{fresh} {told}", self.config.stamp));
        exchange.publish("path", HeaderValue::escaped(&stream.path));
        stream.answer = Some(told);
        match stream.path.as_slice() {
            b"/again" => ask(),
            b"/wait-then" => Flow::Wait,
            b"/random" => {
                host.fill_random(&mut [0; 4]);
                Flow::Continue
            }
            b"/refuse" => {
                let reply = LocalReply::problem("asker", 429, GrpcStatus::ResourceExhausted, "over", "No.");
                Flow::Reply(reply.retry_after(3))
            }
            _ => Flow::Continue,
        }
    }

    fn on_response_headers(&self, stream: &mut Stream, exchange: &mut Exchange<'_>, _: &dyn Host) -> Flow {
        if stream.path == b"/late" {
            return ask();
        }
        set(exchange, &name("x-told"), stream.answer.as_deref().unwrap_or("nothing"));
        Flow::Continue
    }

    fn on_end(&self, stream: &mut Stream, outside: &mut Outside<'_>) {
        outside.count(self.ended);
        if !stream.path.is_empty() {
            outside.count(self.begun_ends);
        }
        // No assertions in here: a panic in a callback aborts the test process.
        let _ = outside.host.store("last-end", &stream.path, None);
        if let Some(tick) = self.config.end_tick_ms {
            outside.tick_in(Duration::from_millis(tick));
        }
        if self.config.errand_at_end
            && let Flow::Ask(callout) = ask()
        {
            outside.send(1, *callout);
        }
    }

    fn on_errand(&self, _: u32, _: CalloutReply, outside: &mut Outside<'_>) {
        outside.count(self.errands);
    }
}
