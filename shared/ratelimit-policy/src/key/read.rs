//! The value of an element in a request.

use std::borrow::Cow;
use std::net::{Ipv4Addr, Ipv6Addr};

use policy_core::HeaderName;
use policy_core::cookie::{pairs, value_of};
use policy_core::json::Json;
use policy_core::percent::decoded;

use super::{Element, IdentityPath, LONGEST_ENTRY, Sink, UNDECIDED};
use crate::client_ip::{Client, mask_v4, mask_v6};
use crate::facts::{Ambiguous, Decided, Facts};
use crate::percent;

// A constant would not live as long as the values that are read of it.
static COOKIE: HeaderName = HeaderName::COOKIE;

/// What became of an element in a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part<'a> {
    /// The request does not have it, or it is empty.
    Missing,
    /// It can be read in more than one way. All such requests share a bucket, so that nobody gets a new one with each
    /// new way to write a path.
    Undecided,
    /// Its value, which is not empty.
    Bytes(Cow<'a, [u8]>),
    /// An IPv4 address, cut to so many bits.
    V4(Ipv4Addr, u8),
    /// An IPv6 address, cut to so many bits.
    V6(Ipv6Addr, u8),
}

impl Part<'_> {
    /// Hands the part over, with a tag that no other kind of element or of part has.
    pub(super) fn feed(&self, kind: u8, sink: &mut impl Sink) {
        let tag = |state: u8| kind << 3 | state;
        match self {
            Self::Missing => sink.part(tag(0), &[]),
            Self::Bytes(bytes) => sink.part(tag(1), bytes),
            Self::V4(address, _) => sink.part(tag(2), &address.octets()),
            Self::V6(address, _) => sink.part(tag(3), &address.octets()),
            Self::Undecided => sink.part(tag(4), &[]),
        }
    }

    /// The part as text, different for different parts.
    pub(super) fn text(&self) -> String {
        match self {
            Self::Missing => String::new(),
            Self::Undecided => UNDECIDED.to_owned(),
            Self::Bytes(bytes) if bytes.len() > LONGEST_ENTRY => UNDECIDED.to_owned(),
            Self::Bytes(bytes) => percent::text(bytes),
            Self::V4(address, bits) => prefix(address.to_string(), *bits, 32),
            Self::V6(address, bits) => prefix(address.to_string(), *bits, 128),
        }
    }
}

/// An address, with its length when it is not a whole one.
fn prefix(address: String, bits: u8, whole: u8) -> String {
    if bits == whole { address } else { format!("{address}/{bits}") }
}

impl Element {
    /// Its value in a request.
    #[must_use]
    pub fn read<'a>(&'a self, facts: &'a Facts<'_>) -> Part<'a> {
        match self {
            Self::ClientIp(prefixes) => match facts.client() {
                None => Part::Missing,
                Some(Client::V4(address)) => {
                    let bits = prefixes.ipv4_prefix_length.0;
                    Part::V4(mask_v4(*address, bits), bits)
                }
                Some(Client::V6(address)) => {
                    let bits = prefixes.ipv6_prefix_length.0;
                    Part::V6(mask_v6(*address, bits), bits)
                }
                Some(Client::Other(bytes)) => borrowed(bytes),
            },
            Self::Header(written) => header(facts, written.name()),
            Self::Cookie(name) => one(cookies(facts, name.as_str())),
            Self::Query(name) => one(parameters(facts, name.as_str())),
            Self::Path => decided(facts.path()),
            Self::Host => decided(facts.host()),
            Self::Method => facts.method().map_or(Part::Missing, borrowed),
            Self::Identity(path) => identity(facts, path),
            Self::FilterState(key) => {
                facts.exchange.filter_state(key.as_str()).map_or(Part::Missing, |value| bytes(value.into()))
            }
            Self::Value(value) => borrowed(value.as_str().as_bytes()),
        }
    }
}

fn bytes(value: Cow<'_, [u8]>) -> Part<'_> {
    if value.is_empty() { Part::Missing } else { Part::Bytes(value) }
}

fn borrowed(value: &[u8]) -> Part<'_> {
    bytes(Cow::Borrowed(value))
}

fn decided(value: Decided<&[u8]>) -> Part<'_> {
    match value {
        Ok(value) => value.map_or(Part::Missing, borrowed),
        Err(Ambiguous) => Part::Undecided,
    }
}

/// The one value that there is. Given again it has to be the same: two readers could each believe another one.
fn one<'a>(values: impl Iterator<Item = Cow<'a, [u8]>>) -> Part<'a> {
    let mut found: Option<Cow<'a, [u8]>> = None;
    for value in values {
        match &found {
            Some(known) if *known != value => return Part::Undecided,
            Some(_) => {}
            None => found = Some(value),
        }
    }
    found.map_or(Part::Missing, bytes)
}

fn header<'a>(facts: &'a Facts<'_>, name: &'a HeaderName) -> Part<'a> {
    let mut values = facts.exchange.headers.values(name).map(<[u8]>::trim_ascii);
    let Some(first) = values.next() else { return Part::Missing };
    let mut joined = Cow::Borrowed(first);
    for value in values {
        let joined = joined.to_mut();
        joined.push(b',');
        joined.extend_from_slice(value);
    }
    bytes(joined)
}

fn cookies<'a>(facts: &'a Facts<'_>, name: &'a str) -> impl Iterator<Item = Cow<'a, [u8]>> {
    let fields = facts.exchange.headers.values(&COOKIE);
    fields.flat_map(pairs).filter_map(move |pair| value_of(pair, name).map(Cow::Borrowed))
}

fn parameters<'a>(facts: &'a Facts<'_>, name: &'a str) -> impl Iterator<Item = Cow<'a, [u8]>> {
    let path = facts.raw_path().unwrap_or_default();
    let query = path.iter().position(|byte| *byte == b'?').and_then(|mark| path.get(mark.checked_add(1)?..));
    let pairs = query.unwrap_or_default().split(|byte| *byte == b'&');
    pairs.filter_map(move |pair| {
        let equals = pair.iter().position(|byte| *byte == b'=').unwrap_or(pair.len());
        let (own, value) = pair.split_at_checked(equals)?;
        let value = value.get(1..).unwrap_or_default();
        (unescaped(own).as_ref() == name.as_bytes()).then(|| unescaped(value))
    })
}

/// Percent-decoded, `+` as a blank. What is no escape stands for itself.
fn unescaped(text: &[u8]) -> Cow<'_, [u8]> {
    if !text.iter().any(|byte| matches!(byte, b'%' | b'+')) {
        return Cow::Borrowed(text);
    }
    let plus = |byte: &u8| if *byte == b'+' { b' ' } else { *byte };
    decoded(&text.iter().map(plus).collect::<Vec<_>>()).collect()
}

fn identity<'a>(facts: &'a Facts<'_>, path: &'a IdentityPath) -> Part<'a> {
    if path.is_id()
        && let Some(id) = facts.identity_id()
    {
        return borrowed(id);
    }
    let found = facts
        .identity()
        .and_then(|identity| path.segments().iter().try_fold(identity, |json, name| json.get(name)));
    match found {
        None | Some(Json::Null) => Part::Missing,
        Some(Json::Text(text)) => borrowed(text.as_bytes()),
        Some(other) => bytes(other.to_string().into_bytes().into()),
    }
}
