//! Elements as they are written down.

use policy_core::HeaderName;
use policy_core::config::{Reader, Wire, names};
use policy_core::header::{is_protected, is_token};
use policy_core::json::Json;

/// One element of a key: `{header: x-user}`, `path`.
#[derive(Debug, Clone, PartialEq, Eq, Wire)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum Element {
    /// The client's address, cut to a prefix.
    ClientIp(Prefixes),
    /// A request header: all its values, joined by commas.
    Header(Readable),
    /// A cookie, without the quotes around its value.
    Cookie(Word),
    /// A parameter of the query, percent-decoded.
    Query(Word),
    /// The path in normal form, in lower case, without a slash at its end.
    Path,
    /// The method.
    Method,
    /// The host, in lower case, without its port.
    Host,
    /// What the auth filter says of the caller.
    Identity(IdentityPath),
    /// Filter state, by its full key.
    FilterState(Word),
    /// The same for every request.
    Value(Word),
}

/// How much of an address counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Wire)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Prefixes {
    /// Bits of an IPv6 address. A household has at least a /64, of which a client may use every address.
    #[serde(default = "Bits::v6")]
    #[cfg_attr(feature = "schema", schemars(extend("default" = 64)))]
    pub(super) ipv6_prefix_length: Bits<128>,
    /// Bits of an IPv4 address.
    #[serde(default = "Bits::v4")]
    #[cfg_attr(feature = "schema", schemars(extend("default" = 32)))]
    pub(super) ipv4_prefix_length: Bits<32>,
}

/// A number of bits, from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Wire)]
#[serde(try_from = "u64")]
#[cfg_attr(
    feature = "schema",
    derive(schemars::JsonSchema),
    schemars(with = "u64", extend("minimum" = 1, "maximum" = MOST))
)]
pub struct Bits<const MOST: u8>(pub(super) u8);

impl Bits<128> {
    fn v6() -> Self {
        Self(64)
    }
}

impl Bits<32> {
    fn v4() -> Self {
        Self(32)
    }
}

impl<const MOST: u8> TryFrom<u64> for Bits<MOST> {
    type Error = String;

    fn try_from(bits: u64) -> Result<Self, String> {
        match u8::try_from(bits) {
            Ok(bits) if (1..=MOST).contains(&bits) => Ok(Self(bits)),
            _ => Err(format!(
                "a prefix has 1 to {MOST} bits; to count all clients together leave clientIp out"
            )),
        }
    }
}

/// 1 to 128 printable ASCII characters without blanks.
#[derive(Debug, Clone, PartialEq, Eq, Wire)]
#[serde(try_from = "String")]
#[cfg_attr(
    feature = "schema",
    derive(schemars::JsonSchema),
    schemars(with = "String", extend("pattern" = r#"^[!-~]{1,128}$"#))
)]
pub struct Word(String);

impl Word {
    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Word {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        if text.is_empty() || text.len() > 128 || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err("this has 1 to 128 printable ASCII characters without blanks");
        }
        Ok(Self(text))
    }
}

/// A header's name: a lower-case token. What has an element of its own is refused, and what says nothing of the client.
#[derive(Debug, Clone, PartialEq, Eq, Wire)]
#[serde(try_from = "HeaderName")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(with = "HeaderName"))]
pub struct Readable(HeaderName);

impl Readable {
    /// The header.
    #[must_use]
    pub fn name(&self) -> &HeaderName {
        &self.0
    }
}

impl TryFrom<HeaderName> for Readable {
    type Error = &'static str;

    fn try_from(name: HeaderName) -> Result<Self, Self::Error> {
        Err(match name.as_str() {
            ":path" => "write path",
            ":method" => "write method",
            ":authority" | "host" => "write host",
            "cookie" => "write {cookie: name}",
            "x-forwarded-for" => {
                "a client can write anything there; write {clientIp: {}} and set clientIp.trustedHops"
            }
            other if is_protected(other.as_bytes()) => "this header says nothing of the client; name another",
            _ => return Ok(Self(name)),
        })
    }
}

/// What of the identity is meant: `id`, `labels.tier`, `claims.realm.tenant`, or the same as a list for names with dots.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdentityPath(Vec<String>);

impl IdentityPath {
    /// The path as names, from the outermost.
    #[must_use]
    pub fn segments(&self) -> &[String] {
        &self.0
    }

    /// True for the caller's id.
    #[must_use]
    pub fn is_id(&self) -> bool {
        self.0.first().is_some_and(|first| first == "id")
    }

    fn checked(segments: Vec<String>) -> Result<Self, &'static str> {
        let shape = (segments.first().map(String::as_str), segments.len());
        let known = matches!(
            shape,
            (Some("id" | "provider" | "kind" | "issuer"), 1) | (Some("labels"), 2) | (Some("claims"), 2..=9)
        );
        if !known || segments.iter().any(|name| name.is_empty() || name.chars().any(char::is_control)) {
            return Err(
                "this is id, provider, kind, issuer, labels.<name> or claims.<name> (a name with dots goes in a list: \
                 [claims, \"a.b\"])",
            );
        }
        Ok(Self(segments))
    }
}

impl Wire for IdentityPath {
    fn read(json: &Json, reader: &mut Reader) -> Option<Self> {
        let names = names(json, reader, "id, labels.<name> or claims.<name>")?;
        reader.checked(Self::checked(names))
    }
}

/// True for a name that a cookie can have (RFC 6265, 4.1.1).
pub(super) fn is_cookie_name(name: &str) -> bool {
    name.bytes().all(is_token)
}
