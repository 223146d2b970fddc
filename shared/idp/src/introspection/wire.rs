//! How an introspection is configured, and what goes over the wire.

use ct_codecs::{Base64, Encoder};
use policy_core::config::{Secret, Wire};
use policy_core::time::Span;
use policy_core::{ConfigError, HeaderName, HeaderValue};

/// `introspection`, as it is written down.
#[derive(Debug, Clone, Wire)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct IntrospectionConfig {
    /// The endpoint's URI.
    pub endpoint: String,
    /// Envoy's name of the cluster; by default derived from the endpoint ([`crate::Endpoint::parse`]).
    pub cluster: Option<String>,
    /// Who asks.
    pub client_id: String,
    /// The client's secret.
    pub client_secret: Secret,
    /// How long an answer may take: 10ms to 10s, by default 1s.
    pub timeout: Option<Span>,
    /// How long answers are kept.
    #[serde(default)]
    pub cache: CacheConfig,
}

/// `cache` of an introspection.
#[derive(Debug, Clone, Default, Wire)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct CacheConfig {
    /// For how long a token counts as active without asking again: 1s to 1h, by default 60s, never past its `exp`.
    /// That it is not active is kept for ten seconds at most.
    #[cfg_attr(feature = "schema", schemars(extend("default" = "60s")))]
    pub ttl: Option<Span>,
    /// How many answers are kept per worker: 2 to 100000, by default 10000.
    #[cfg_attr(feature = "schema", schemars(range(min = 2, max = 100_000), extend("default" = 10000)))]
    pub max_entries: Option<u64>,
}

/// RFC 6749, 2.3.1: id and secret are form-encoded before they become Basic credentials.
pub(super) fn headers(id: &str, secret: &str) -> Result<Vec<(HeaderName, HeaderValue)>, ConfigError> {
    let mut pair = Vec::new();
    form_encode(id.as_bytes(), &mut pair);
    pair.push(b':');
    form_encode(secret.as_bytes(), &mut pair);
    let too_long = |_| ConfigError::at("clientSecret", "the secret is too long");
    let credentials = format!("Basic {}", Base64::encode_to_string(pair).map_err(too_long)?);
    [
        ("accept", "application/json"),
        ("content-type", "application/x-www-form-urlencoded"),
        ("authorization", &credentials),
    ]
    .into_iter()
    .map(|(name, value)| Ok((HeaderName::parse(name)?, HeaderValue::parse(value)?)))
    .collect::<Result<_, String>>()
    .map_err(|message| ConfigError::at("", message))
}

/// `application/x-www-form-urlencoded` (WHATWG URL, 5.2), of any bytes.
pub(super) fn form_encode(bytes: &[u8], out: &mut Vec<u8>) {
    const DIGITS: [u8; 16] = *b"0123456789ABCDEF";
    let digit = |nibble: u8| DIGITS.get(usize::from(nibble)).copied().unwrap_or(b'0');
    for byte in bytes {
        match byte {
            b'*' | b'-' | b'.' | b'_' => out.push(*byte),
            byte if byte.is_ascii_alphanumeric() => out.push(*byte),
            b' ' => out.push(b'+'),
            byte => out.extend_from_slice(&[b'%', digit(byte >> 4), digit(byte & 0x0f)]),
        }
    }
}
