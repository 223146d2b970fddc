//! Runs one exchange through a configuration.

use header_policy::{HeaderPlugin, HeaderPolicy, Stream};
use policy_core::table::{Pairs, Still, Table};
use policy_core::{Attribute, Exchange, Flow, LocalReply, Plugin, Policy};

/// What came of an exchange.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) upstream: Pairs,
    pub(crate) client: Pairs,
    pub(crate) published: Vec<(String, String)>,
    pub(crate) reply: Option<LocalReply>,
}

/// A request as it mostly is.
pub(crate) fn request(headers: &[(&str, &str)]) -> Table {
    let mut all = vec![(":method", "GET"), (":path", "/api/x"), (":authority", "a.example.com")];
    all.retain(|(name, _)| !headers.iter().any(|(other, _)| other == name));
    all.extend_from_slice(headers);
    Table::of(&all)
        .with(Attribute::SourceAddress, "10.0.0.7:4711")
        .with(Attribute::Protocol, "HTTP/1.1")
        .with(Attribute::ClusterName, "echo")
}

pub(crate) fn compile(config: &str) -> HeaderPolicy {
    HeaderPlugin::from_json(config.as_bytes(), &|_| None)
        .map_err(|error| format!("{config}: {error}"))
        .unwrap()
}

/// Sends a request and its response through a policy.
pub(crate) fn run(policy: &HeaderPolicy, request: &Table, response: &Table) -> Outcome {
    let host = Still::default();
    let mut stream = Stream::default();
    let mut exchange = Exchange::new(request);
    let flow = policy.on_request_headers(&mut stream, &mut exchange, &host);
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let published =
        exchange.published().map(|(key, value)| (key.to_owned(), text(value.as_bytes()))).collect();
    let upstream = request.after(&exchange);
    let (reply, answer) = match flow {
        Flow::Wait | Flow::Ask(_) => panic!("the header policy never waits"),
        Flow::Continue => (None, response.clone()),
        Flow::Reply(reply) => {
            let status = reply.status.to_string();
            (Some(reply), Table::of(&[(":status", &status)]))
        }
    };
    let mut exchange = Exchange::new(&answer);
    assert!(matches!(policy.on_response_headers(&mut stream, &mut exchange, &host), Flow::Continue));
    Outcome { upstream, client: answer.after(&exchange), published, reply }
}

/// `name: value` lines of the headers that are not pseudo headers, sorted by name.
pub(crate) fn shown(pairs: &Pairs) -> Vec<String> {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let plain = pairs.iter().filter(|(name, _)| !name.starts_with(b":"));
    let mut lines: Vec<String> =
        plain.map(|(name, value)| format!("{}: {}", text(name), text(value))).collect();
    lines.sort_by(|a, b| a.split(':').next().cmp(&b.split(':').next()));
    lines
}
