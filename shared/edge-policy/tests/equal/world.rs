//! Requests through both, and what came of them.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::time::Duration;

use auth_policy::AuthPlugin;
use ct_codecs::{Base64UrlSafeNoPadding, Encoder as _};
use edge_policy::EdgePlugin;
use header_policy::HeaderPlugin;
use policy_core::Plugin;
use ratelimit_policy::RateLimitPlugin;
use testkit::{Answer, Chain, Pairs, Proxy, Reply};

/// The configurations of the three filters, as JSON; an empty one is not there.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Parts {
    pub(crate) headers: &'static str,
    pub(crate) auth: &'static str,
    pub(crate) rate_limit: &'static str,
}

/// One request, and what others make of it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Sent {
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) response: Vec<(&'static str, &'static str)>,
    /// Before it comes.
    pub(crate) pause: Duration,
    /// The rate limit service says so.
    pub(crate) over: bool,
    /// Services do not answer.
    pub(crate) dead: bool,
}

/// What came of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Came {
    pub(crate) upstream: Option<ByName>,
    pub(crate) client: ByName,
    logged: ByName,
    pub(crate) reply: Option<Told>,
    pub(crate) filter_state: Vec<(String, String)>,
}

/// A reply, its body as text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Told {
    pub(crate) status: u32,
    pub(crate) details: String,
    headers: Pairs,
    body: String,
    grpc_status: i32,
}

/// The values of each header, in order. The order of different names is the proxy's.
pub(crate) type ByName = BTreeMap<String, Vec<String>>;

/// All that is to be equal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Run {
    pub(crate) came: Vec<Came>,
    pub(crate) counters: BTreeMap<String, i64>,
    pub(crate) stored: Vec<String>,
    /// Cluster, path and body of what was asked of services.
    pub(crate) asked: Vec<(String, Option<String>, Vec<u8>)>,
}

/// One run, and how many host calls each of its requests took.
type Counted = (Run, Vec<usize>);

/// The requests through the three filters, and through the edge filter. Each in a thread of its own: a VM begins there.
pub(crate) fn both(parts: Parts, requests: &[Sent]) -> (Counted, Counted) {
    let of = |start: fn(Parts) -> Chain| {
        let requests = requests.to_vec();
        std::thread::spawn(move || run(start(parts), &requests)).join().unwrap()
    };
    (of(chained), of(fused))
}

fn chained(parts: Parts) -> Chain {
    fn add<P: Plugin + 'static>(filters: &mut Vec<Proxy>, config: &str) {
        if config.is_empty() {
            return;
        }
        let started = match filters.first() {
            None => Proxy::start::<P>(config),
            Some(first) => first.beside::<P>(config),
        };
        filters.push(started.unwrap());
    }
    let mut filters = Vec::new();
    add::<HeaderPlugin>(&mut filters, parts.headers);
    add::<AuthPlugin>(&mut filters, parts.auth);
    add::<RateLimitPlugin>(&mut filters, parts.rate_limit);
    Chain::of(filters)
}

fn fused(parts: Parts) -> Chain {
    Chain::of(vec![Proxy::start::<EdgePlugin>(&edge(parts)).unwrap()])
}

/// The edge filter's configuration of these parts.
pub(crate) fn edge(parts: Parts) -> String {
    let parts = [("headers", parts.headers), ("auth", parts.auth), ("rateLimit", parts.rate_limit)];
    let members = parts.iter().filter(|(_, config)| !config.is_empty());
    let members: Vec<String> = members.map(|(name, config)| format!("{name:?}:{config}")).collect();
    format!("{{{}}}", members.join(","))
}

fn run(mut chain: Chain, requests: &[Sent]) -> Counted {
    let (mut came, mut asked, mut calls) = (Vec::new(), Vec::new(), Vec::new());
    for filter in chain.filters() {
        filter.set_attribute("source.address", "10.0.0.1:1234");
        filter.set_attribute("xds.cluster_name", "echo");
    }
    for sent in requests {
        if let Some(filter) = chain.filters().first_mut() {
            filter.advance(sent.pause);
        }
        if !sent.pause.is_zero() {
            chain.filters().iter_mut().for_each(Proxy::tick);
        }
        let pairs = |(name, value): &(&str, String)| (name.as_bytes().to_vec(), value.clone().into_bytes());
        let request = sent.headers.iter().map(pairs).collect();
        let answer =
            chain.exchange(request, testkit::pairs(&sent.response), |filter| serve(filter, sent, &mut asked));
        calls.push(answer.request_calls.len().saturating_add(answer.response_calls.len()));
        came.push(Came::from(answer));
    }
    let filter = chain.filters().first();
    let (counters, stored) = filter.map(|filter| (filter.counters(), filter.stored())).unwrap_or_default();
    (Run { came, counters: counters.into_iter().collect(), stored, asked }, calls)
}

/// The services that a filter asks, and its timer.
fn serve(filter: &mut Proxy, sent: &Sent, asked: &mut Vec<(String, Option<String>, Vec<u8>)>) {
    for call in filter.calls() {
        let path = call.header(":path");
        asked.push((call.cluster.clone(), path.clone(), call.body.clone()));
        if sent.dead {
            filter.lose(call.token);
        } else if path.as_deref() == Some("/introspect") {
            let good = call.body.windows(4).any(|part| part == b"good");
            let body =
                if good { r#"{"active":true,"sub":"carol","scope":"a b"}"# } else { r#"{"active":false}"# };
            filter.answer(call.token, 200, &[("content-type", "application/json")], body.as_bytes());
        } else {
            let body = [0, 0, 0, 0, 2, 8, if sent.over { 2 } else { 1 }];
            filter.answer_grpc(call.token, &body, &[("grpc-status", "0")]);
        }
    }
    filter.tick();
}

impl From<Answer> for Came {
    fn from(answer: Answer) -> Self {
        let told = |Reply { status, details, headers, body, grpc_status }: Reply| Told {
            status,
            details,
            headers,
            body: String::from_utf8_lossy(&body).into_owned(),
            grpc_status,
        };
        Self {
            upstream: answer.upstream.map(by_name),
            client: by_name(answer.client),
            logged: by_name(answer.logged),
            reply: answer.reply.map(told),
            filter_state: answer.filter_state,
        }
    }
}

fn by_name(pairs: Pairs) -> ByName {
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    let mut names = ByName::new();
    pairs.into_iter().for_each(|(name, value)| names.entry(text(name)).or_default().push(text(value)));
    names
}

/// A token of the provider `corp`, with these claims besides issuer and audience.
pub(crate) fn token(claims: &str) -> String {
    let part = |text: &str| Base64UrlSafeNoPadding::encode_to_string(text).unwrap();
    let claims = format!(r#"{{"iss":"https://idp.example.com","aud":"orders","exp":9999999999,{claims}}}"#);
    let signed = format!("{}.{}", part(r#"{"alg":"HS256"}"#), part(&claims));
    let signature = hmac_sha256::HMAC::mac(&signed, [b'k'; 32]);
    format!("{signed}.{}", Base64UrlSafeNoPadding::encode_to_string(signature).unwrap())
}

/// A GET of this path, with these headers.
pub(crate) fn get(path: &str, headers: &[(&'static str, &str)]) -> Sent {
    let mut all = vec![
        (":method", "GET".to_owned()),
        (":path", path.to_owned()),
        (":authority", "shop.example.com".to_owned()),
        ("x-request-id", "id-1".to_owned()),
    ];
    all.retain(|(name, _)| !headers.iter().any(|(other, _)| name.starts_with(':') && other == name));
    all.extend(headers.iter().map(|(name, value)| (*name, (*value).to_owned())));
    Sent { headers: all, ..Sent::default() }
}

/// Says which of many differs.
pub(crate) fn assert_equal<T: PartialEq + Debug>(what: &str, left: &[T], right: &[T]) {
    for (place, (left, right)) in left.iter().zip(right).enumerate() {
        assert_eq!(left, right, "{what}: number {place}");
    }
    assert_eq!(left.len(), right.len(), "{what}");
}
