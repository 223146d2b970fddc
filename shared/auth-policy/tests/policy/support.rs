//! One policy, asked over plain tables.

use auth_policy::{AuthPlugin, AuthPolicy, Stream};
use ct_codecs::{Base64UrlSafeNoPadding, Encoder};
use policy_core::table::{Pairs, Still, Table};
use policy_core::{Exchange, Flow, LocalReply, Plugin, Policy};

/// 2026-01-01T00:00:00Z, in seconds.
pub(crate) const NOW: u64 = 1_767_225_600;
/// The secret of all tokens here.
const SECRET: &[u8] = b"0123456789abcdef0123456789abcdef";

/// A provider `corp` of tokens that [`token`] makes.
pub(crate) const CORP: &str = r#"{"name":"corp","jwt":{"issuer":"https://idp","algorithms":["HS256"],
    "jwks":"{\"keys\":[{\"kty\":\"oct\",\"kid\":\"k\",\"k\":\"MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY\"}]}",
    "outputPayloadToHeader":"x-jwt-payload","outputClaimToHeaders":[{"header":"x-jwt-sub","claim":"sub"}]}}"#;
/// A provider `partners` that knows the key `hunter2` as `acme`.
pub(crate) const PARTNERS: &str = r#"{"name":"partners","apiKey":{"from":[{"header":"x-api-key"},{"query":"api_key"}],
    "keys":[{"id":"acme","sha256":"f52fbd32b2b3b86ff88ef6c490628285f482af15ddcb29541f94bcf526a3f6c7","labels":{"tier":"gold"}}],
    "forwardIdHeader":"x-client-id"}}"#;
/// A provider `staff` that knows `ann` with the password `hunter2`.
pub(crate) const STAFF: &str =
    r#"{"name":"staff","basic":{"realm":"staff","users":["ann:{SHA}87u9ZqY9S/F0eUBXjsPQEDUw4h0="]}}"#;
/// A provider `mesh` of certificates.
pub(crate) const MESH: &str = r#"{"name":"mesh","mtls":{"uriSans":["spiffe://cluster.local/ns/*/sa/*"]}}"#;
/// `ann` and `hunter2`.
pub(crate) const ANN: &str = "Basic YW5uOmh1bnRlcjI=";

/// A configuration of these providers and rules, with an identity header.
pub(crate) fn config(providers: &[&str], rules: &str) -> String {
    format!(
        r#"{{"providers":[{}],"rules":[{rules}],"identity":{{"header":"x-identity"}}}}"#,
        providers.join(",")
    )
}

/// A running policy.
pub(crate) struct Gate {
    pub(crate) policy: AuthPolicy,
    pub(crate) host: Still,
}

/// What came of a request.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) reply: Option<LocalReply>,
    pub(crate) upstream: Pairs,
    pub(crate) published: Vec<(String, String)>,
    pub(crate) counted: Vec<String>,
}

impl Gate {
    pub(crate) fn new(config: &str) -> Self {
        let policy = AuthPlugin::from_json(config.as_bytes(), &|name| {
            (name == "BETA_KEY" || name == "SECRET").then(|| "from the environment".to_owned())
        });
        let host = Still::default();
        host.now.set(NOW * 1_000_000_000);
        Self { policy: policy.unwrap_or_else(|error| panic!("{error}\n{config}")), host }
    }

    /// A request to a path, with these headers.
    pub(crate) fn get(&self, path: &str, headers: &[(&str, &str)]) -> Outcome {
        let fixed = [(":method", "GET"), (":path", path), (":authority", "a.example")];
        self.send(&Table::of(&[&fixed, headers].concat()))
    }

    pub(crate) fn send(&self, table: &Table) -> Outcome {
        match self.start(table, &mut Stream::default()) {
            Some(outcome) => outcome,
            None => panic!("it waits"),
        }
    }

    /// The outcome, unless the request waits.
    pub(crate) fn start(&self, table: &Table, stream: &mut Stream) -> Option<Outcome> {
        let mut exchange = Exchange::new(table);
        let flow = self.policy.on_request_headers(stream, &mut exchange, &self.host);
        self.outcome(table, &exchange, flow)
    }

    /// The outcome after something has happened outside.
    pub(crate) fn wake(&self, table: &Table, stream: &mut Stream) -> Option<Outcome> {
        let mut exchange = Exchange::new(table);
        let flow = self.policy.on_wake(stream, &mut exchange, &self.host);
        self.outcome(table, &exchange, flow)
    }

    fn outcome(&self, table: &Table, exchange: &Exchange<'_>, flow: Flow) -> Option<Outcome> {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let names = self.policy.counters().names();
        Some(Outcome {
            reply: match flow {
                Flow::Wait | Flow::Ask(_) => return None,
                Flow::Continue => None,
                Flow::Reply(reply) => Some(reply),
            },
            upstream: table.after(exchange),
            published: exchange.published().map(|(key, v)| (key.to_owned(), text(v.as_bytes()))).collect(),
            counted: exchange.counts().iter().map(|counter| names[counter.index()].clone()).collect(),
        })
    }
}

impl Outcome {
    /// `ok`, or status and reason.
    pub(crate) fn verdict(&self) -> String {
        match &self.reply {
            None => "ok".to_owned(),
            Some(reply) => {
                format!("{} {}", reply.status, reply.details.trim_start_matches("tollgate.auth."))
            }
        }
    }

    /// All values of a header as upstream sees it, joined by ` | `.
    pub(crate) fn saw(&self, name: &str) -> Option<String> {
        joined(self.upstream.iter().map(|(n, v)| (n.as_slice(), v.as_slice())), name)
    }

    /// All values of a header of the reply.
    pub(crate) fn got(&self, name: &str) -> Option<String> {
        let headers = self.reply.iter().flat_map(|reply| &reply.headers);
        joined(headers.map(|(n, v)| (n.as_bytes(), v.as_bytes())), name)
    }

    /// Filter state by its key.
    pub(crate) fn published(&self, key: &str) -> Option<&str> {
        self.published.iter().find(|(known, _)| known == key).map(|(_, value)| value.as_str())
    }
}

fn joined<'a>(pairs: impl Iterator<Item = (&'a [u8], &'a [u8])>, name: &str) -> Option<String> {
    let values: Vec<_> = pairs
        .filter(|(known, _)| *known == name.as_bytes())
        .map(|(_, value)| String::from_utf8_lossy(value).into_owned())
        .collect();
    (!values.is_empty()).then(|| values.join(" | "))
}

/// A token of the provider `corp` that expires in an hour, with these further members.
pub(crate) fn token(claims: &str) -> String {
    signed(
        r#"{"alg":"HS256","kid":"k"}"#,
        &format!(r#"{{"iss":"https://idp","exp":{}{claims}}}"#, NOW + 3600),
    )
}

/// Any header and payload, signed with our secret.
pub(crate) fn signed(header: &str, payload: &str) -> String {
    let part = |text: &[u8]| Base64UrlSafeNoPadding::encode_to_string(text).unwrap();
    let text = format!("{}.{}", part(header.as_bytes()), part(payload.as_bytes()));
    let signature = hmac_sha256::HMAC::mac(text.as_bytes(), SECRET);
    format!("{text}.{}", part(&signature))
}

/// The same as an `authorization` value.
pub(crate) fn bearer(claims: &str) -> String {
    format!("Bearer {}", token(claims))
}

/// A table with a client certificate of this name.
pub(crate) fn with_certificate(headers: &[(&str, &str)], name: &str) -> Table {
    use policy_core::Attribute;
    Table::of(headers).with(Attribute::Mtls, [1]).with(Attribute::PeerUriSan, name)
}
