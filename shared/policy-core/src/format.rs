//! Values with Envoy's format operators.
//!
//! | operator | value |
//! |---|---|
//! | `%REQ(name?other):len%` | a request header (all values, joined by a comma), else the other one |
//! | `%RESP(name?other):len%` | a response header; in response values only |
//! | `%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%` | the client as Envoy sees it |
//! | `%PROTOCOL%` | `HTTP/1.1`, `HTTP/2` |
//! | `%ROUTE_NAME%`, `%UPSTREAM_CLUSTER%` | the route's name and its cluster |
//! | `%START_TIME%` | when the request began, RFC 3339 with milliseconds |
//! | `%REQUEST_ID%` | the request's id: the header that `requestId` names, else `x-request-id` |
//! | `%FILTER_STATE(key:PLAIN):len%` | a filter state object as text |
//! | `%UUID%` | a new UUID version 4 each time |
//! | `%%` | a percent sign |
//!
//! `:len` cuts the value to that many bytes. What has no value is empty. See Envoy's "substitution format strings".

mod parse;

use uuid::Uuid;

use crate::exchange::{Attribute, Exchange};
use crate::header::{HeaderName, HeaderValue};
use crate::host::Host;
use crate::time::Timestamp;

/// A parsed value: text and operators.
#[derive(Debug, Clone)]
pub struct Format {
    parts: Vec<Part>,
}

#[derive(Debug, Clone)]
enum Part {
    Text(HeaderValue),
    Operator {
        operator: Operator,
        limit: Option<usize>,
    },
    /// A value that only the request phase has, remembered for the response: see [`Captures`].
    Captured {
        slot: usize,
        limit: Option<usize>,
    },
}

/// One operator without its length.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Operator {
    /// A header of the message at hand: `REQ` in the request phase, `RESP` in the response phase.
    Header {
        name: HeaderName,
        otherwise: Option<HeaderName>,
    },
    PeerAddress,
    Protocol,
    RouteName,
    UpstreamCluster,
    StartTime,
    FilterState(String),
    Uuid,
}

/// Reads the format strings of one policy, and collects what its response values need of the request.
#[derive(Debug)]
pub struct Compiler {
    request_id: HeaderName,
    captures: Captures,
}

impl Compiler {
    /// A compiler for which `%REQUEST_ID%` is the value of this request header.
    #[must_use]
    pub fn new(request_id: HeaderName) -> Self {
        Self { request_id, captures: Captures::default() }
    }

    /// Reads a value that is made while the request, or the response, is at hand.
    ///
    /// # Errors
    /// Names an unknown operator and lists the known ones; refuses control characters, and `%RESP()%` in the request
    /// phase.
    pub fn compile(&mut self, text: &str, phase: Phase) -> Result<Format, String> {
        parse::parse(text, phase, self)
    }

    /// What the response values compiled so far need of the request.
    #[must_use]
    pub fn into_captures(self) -> Captures {
        self.captures
    }
}

/// In which phase a value is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// While the request is at hand.
    Request,
    /// While the response is at hand.
    Response,
}

impl Format {
    /// True when the value is the same for every exchange.
    #[must_use]
    pub fn is_literal(&self) -> bool {
        self.parts.iter().all(|part| matches!(part, Part::Text(_)))
    }

    /// The value for this exchange. Control bytes from any operator come out as `%XX`.
    #[must_use]
    pub fn value(&self, exchange: &Exchange<'_>, captured: &Captured, host: &dyn Host) -> HeaderValue {
        if let [Part::Text(value)] = self.parts.as_slice() {
            return value.clone();
        }
        let mut out = Vec::new();
        for part in &self.parts {
            match part {
                Part::Text(text) => out.extend_from_slice(text.as_bytes()),
                Part::Operator { operator, limit } => push(&mut out, &operator.value(exchange, host), *limit),
                Part::Captured { slot, limit } => {
                    push(&mut out, captured.0.get(*slot).map(Vec::as_slice).unwrap_or_default(), *limit);
                }
            }
        }
        HeaderValue::escaped(&out)
    }
}

fn push(out: &mut Vec<u8>, value: &[u8], limit: Option<usize>) {
    let end = limit.unwrap_or(usize::MAX).min(value.len());
    out.extend_from_slice(value.get(..end).unwrap_or_default());
}

impl Operator {
    fn value(&self, exchange: &Exchange<'_>, host: &dyn Host) -> Vec<u8> {
        let found = match self {
            Self::Header { name, otherwise } => {
                let first = exchange.headers.joined(name).filter(|value| !value.is_empty());
                first.or_else(|| otherwise.as_ref().and_then(|name| exchange.headers.joined(name)))
            }
            Self::PeerAddress => exchange.peer_address(),
            Self::Protocol => exchange.attribute(Attribute::Protocol),
            Self::RouteName => exchange.attribute(Attribute::RouteName),
            Self::UpstreamCluster => exchange.attribute(Attribute::ClusterName),
            Self::StartTime => exchange.start_time().map(|nanos| Timestamp(nanos).to_rfc3339().into_bytes()),
            Self::FilterState(key) => exchange.filter_state(key),
            Self::Uuid => Some(uuid_v4(host).into_bytes()),
        };
        found.unwrap_or_default()
    }

    /// True when the value is gone once the request has been sent on.
    fn needs_request(&self) -> bool {
        matches!(self, Self::Protocol | Self::StartTime)
    }
}

/// A random UUID (version 4, RFC 9562).
#[must_use]
pub fn uuid_v4(host: &dyn Host) -> String {
    let mut random = [0; 16];
    host.fill_random(&mut random);
    uuid::Builder::from_random_bytes(random).into_uuid().to_string()
}

/// A UUID that sorts by time (version 7, RFC 9562).
#[must_use]
pub fn uuid_v7(host: &dyn Host) -> String {
    let mut random = [0; 10];
    host.fill_random(&mut random);
    let uuid: Uuid = uuid::Builder::from_unix_timestamp_millis(host.now().as_millis(), &random).into_uuid();
    uuid.to_string()
}

/// What the response values of a policy need of the request, each thing once.
#[derive(Debug, Clone, Default)]
pub struct Captures(Vec<Operator>);

/// The values of [`Captures`] for one stream.
#[derive(Debug, Clone, Default)]
pub struct Captured(Vec<Vec<u8>>);

impl Captures {
    /// Reads the values while the request is at hand.
    #[must_use]
    pub fn take(&self, exchange: &Exchange<'_>, host: &dyn Host) -> Captured {
        Captured(self.0.iter().map(|operator| operator.value(exchange, host)).collect())
    }

    fn slot(&mut self, operator: Operator) -> usize {
        if let Some(slot) = self.0.iter().position(|known| *known == operator) {
            return slot;
        }
        self.0.push(operator);
        self.0.len().saturating_sub(1)
    }
}

#[cfg(test)]
mod tests;
