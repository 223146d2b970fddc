//! What a policy sees of one HTTP exchange.

use std::cell::RefCell;

use crate::counter::Counter;
use crate::header::HeaderValue;
use crate::headers::Headers;
use raw::Snapshot;

/// Where an exchange reads from when a policy asks. In a filter this is Envoy, in a test a table.
///
/// Headers and attributes are asked for at most once per phase: the exchange remembers the answers. Filter state is
/// asked for each time, as another filter may change it.
pub trait Source {
    /// The headers of the message at hand: the request's in the request phase, the response's in the response phase.
    fn headers(&self) -> Snapshot;

    /// An attribute in the host's encoding: text as it is, timestamps as eight little-endian bytes of nanoseconds.
    fn attribute(&self, attribute: Attribute) -> Option<Vec<u8>>;

    /// A filter state object as text, by its full key.
    fn filter_state(&self, key: &str) -> Option<Vec<u8>>;
}

/// What the proxy knows of an exchange besides its headers (Envoy's attributes, by their Envoy names).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Attribute {
    /// `source.address`: the client as Envoy sees it, with its port.
    SourceAddress,
    /// `request.protocol`: `HTTP/1.1` or `HTTP/2`; request phase only.
    Protocol,
    /// `request.time`: when the first byte arrived; request phase only.
    StartTime,
    /// `xds.route_name`.
    RouteName,
    /// `xds.cluster_name`.
    ClusterName,
    /// `connection.tls_version`: absent on a connection without TLS.
    TlsVersion,
    /// `connection.mtls`: one byte, 1 when the client showed a certificate. Whether it was verified is the listener's matter.
    Mtls,
    /// `connection.uri_san_peer_certificate`: the first URI name of the client's certificate.
    PeerUriSan,
    /// `connection.dns_san_peer_certificate`: its first DNS name.
    PeerDnsSan,
    /// `connection.sha256_peer_certificate_digest`: SHA-256 of its DER, in lower-case hexadecimal.
    PeerCertificateDigest,
}

impl Attribute {
    /// The path of the property as `proxy_get_property` takes it: joined with NUL.
    #[must_use]
    pub const fn path(self) -> &'static str {
        match self {
            Self::SourceAddress => "source\0address",
            Self::Protocol => "request\0protocol",
            Self::StartTime => "request\0time",
            Self::RouteName => "xds\0route_name",
            Self::ClusterName => "xds\0cluster_name",
            Self::TlsVersion => "connection\0tls_version",
            Self::Mtls => "connection\0mtls",
            Self::PeerUriSan => "connection\0uri_san_peer_certificate",
            Self::PeerDnsSan => "connection\0dns_san_peer_certificate",
            Self::PeerCertificateDigest => "connection\0sha256_peer_certificate_digest",
        }
    }
}

/// One phase of one HTTP exchange.
///
/// There is one `headers`, that of the message at hand, so that no policy can write to a message that has gone or has
/// not come. What the response phase needs of the request, a policy keeps in its stream state.
pub struct Exchange<'s> {
    /// The headers of the message at hand.
    pub headers: Headers<'s>,
    source: &'s dyn Source,
    attributes: RefCell<Vec<(Attribute, Option<Vec<u8>>)>>,
    facts: Vec<(String, HeaderValue)>,
    counts: Vec<Counter>,
    /// So many facts and counts stand whatever is decided later.
    settled: (usize, usize),
}

impl<'s> Exchange<'s> {
    /// An exchange that reads from `source` on demand.
    #[must_use]
    pub fn new(source: &'s dyn Source) -> Self {
        Self {
            headers: Headers::new(source),
            source,
            attributes: RefCell::default(),
            facts: Vec::new(),
            counts: Vec::new(),
            settled: (0, 0),
        }
    }

    /// An attribute in the host's encoding, read once.
    #[must_use]
    pub fn attribute(&self, attribute: Attribute) -> Option<Vec<u8>> {
        let mut known = self.attributes.borrow_mut();
        if let Some((_, value)) = known.iter().find(|(name, _)| *name == attribute) {
            return value.clone();
        }
        let value = self.source.attribute(attribute).filter(|value| !value.is_empty());
        known.push((attribute, value.clone()));
        value
    }

    /// The client's address without its port, as text. IPv6 has no brackets.
    #[must_use]
    pub fn peer_address(&self) -> Option<Vec<u8>> {
        self.attribute(Attribute::SourceAddress).map(|address| without_port(&address).to_vec())
    }

    /// When the request began, in nanoseconds since the Unix epoch.
    #[must_use]
    pub fn start_time(&self) -> Option<u64> {
        let bytes = self.attribute(Attribute::StartTime)?;
        Some(u64::from_le_bytes(*bytes.first_chunk::<8>()?))
    }

    /// A filter state object by its full key (`wasm.tenant`), edits of this exchange included.
    #[must_use]
    pub fn filter_state(&self, key: &str) -> Option<Vec<u8>> {
        let own = key.strip_prefix("wasm.");
        let fact = self.facts.iter().rfind(|(name, _)| Some(name.as_str()) == own);
        match fact {
            Some((_, value)) => Some(value.as_bytes().to_vec()),
            None => self.source.filter_state(key),
        }
    }

    /// Publishes filter state `wasm.<key>` for other filters, access logs, CEL and RBAC.
    pub fn publish(&mut self, key: &str, value: HeaderValue) {
        match self.facts.iter_mut().skip(self.settled.0).find(|(name, _)| name == key) {
            Some((_, old)) => *old = value,
            None => self.facts.push((key.to_owned(), value)),
        }
    }

    /// What was published in this phase, in order: keys without the prefix `wasm.`, and values.
    pub fn published(&self) -> impl Iterator<Item = (&str, &HeaderValue)> {
        self.facts.iter().map(|(key, value)| (key.as_str(), value))
    }

    /// Adds one to a counter.
    pub fn count(&mut self, counter: Counter) {
        self.counts.push(counter);
    }

    /// Adds one to each of these counters.
    pub fn count_all(&mut self, counts: Vec<Counter>) {
        if self.counts.is_empty() {
            self.counts = counts;
        } else {
            self.counts.extend(counts);
        }
    }

    /// What was counted in this phase.
    #[must_use]
    pub fn counts(&self) -> &[Counter] {
        &self.counts
    }

    /// What of it was counted before the last [`Exchange::settle`].
    #[must_use]
    pub fn settled_counts(&self) -> &[Counter] {
        self.counts.get(..self.settled.1).unwrap_or_default()
    }

    /// Another filter's turn begins, as it were: what was done so far stands, even if the request waits or is refused now.
    pub fn settle(&mut self) {
        self.headers.settle();
        self.settled = (self.facts.len(), self.counts.len());
    }

    /// Drops all edits and facts that do not stand. What was counted stays.
    pub fn take_back(&mut self) {
        self.headers.take_back();
        self.facts.truncate(self.settled.0);
    }

    /// The counters from this place on are those of a policy whose own begin at `by`.
    pub(crate) fn shift_counts(&mut self, from: usize, by: usize) {
        self.counts.iter_mut().skip(from).for_each(|counter| *counter = counter.shifted(by));
    }
}

/// `10.0.0.1:80` becomes `10.0.0.1`, `[::1]:80` becomes `::1`; a Unix socket's path is kept.
fn without_port(address: &[u8]) -> &[u8] {
    if let Some(rest) = address.strip_prefix(b"[") {
        return rest.split(|byte| *byte == b']').next().unwrap_or(rest);
    }
    match address.iter().rposition(|byte| *byte == b':') {
        Some(colon) if !address.starts_with(b"/") => address.get(..colon).unwrap_or(address),
        _ => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn the_port_is_cut_from_any_address() {
        for (address, bare) in [
            ("10.0.0.1:8080", "10.0.0.1"),
            ("[2001:db8::1]:443", "2001:db8::1"),
            ("10.0.0.1", "10.0.0.1"),
            ("/run/envoy.sock:x", "/run/envoy.sock:x"),
            ("", ""),
        ] {
            assert_eq!(without_port(address.as_bytes()), bare.as_bytes());
        }
    }
}
