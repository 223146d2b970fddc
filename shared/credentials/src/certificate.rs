//! Names in the client's certificate.
//!
//! Envoy gives the first name of each kind, and says that a certificate was shown, not that it was verified: which
//! certificates a connection may have at all is the listener's business.

#[cfg(test)]
mod tests;

use policy_core::config::Wire;
use policy_core::{Attribute, ConfigError, Exchange};

use crate::words::hex32;

const MAX_PATTERNS: usize = 256;
const MAX_PATTERN: usize = 2048;

/// The `mtls` of a provider. At least one pattern.
#[derive(Debug, Clone, Default, Wire)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[cfg_attr(
    feature = "schema",
    derive(schemars::JsonSchema),
    schemars(transform = crate::schema::certificate)
)]
pub struct CertificateConfig {
    /// URI names; `*` stands for one whole segment of the path: `spiffe://cluster.local/ns/*/sa/*`.
    #[serde(default)]
    #[cfg_attr(
        feature = "schema",
        schemars(extend("items" = { "type": "string", "pattern": "^[!-~]{1,2048}$" }, "maxItems" = MAX_PATTERNS))
    )]
    pub uri_sans: Vec<String>,
    /// DNS names; `*` stands for one whole label: `*.example.com`.
    #[serde(default)]
    #[cfg_attr(
        feature = "schema",
        schemars(extend("items" = { "type": "string", "pattern": "^[!-~]{1,2048}$" }, "maxItems" = MAX_PATTERNS))
    )]
    pub dns_sans: Vec<String>,
}

/// The names one provider accepts.
pub struct CertificateNames {
    uris: Vec<String>,
    hosts: Vec<String>,
}

impl CertificateNames {
    /// Checks the configuration.
    ///
    /// # Errors
    /// Names the pattern and the remedy.
    pub fn compile(config: CertificateConfig) -> Result<Self, ConfigError> {
        if config.uri_sans.is_empty() && config.dns_sans.is_empty() {
            return Err(ConfigError::at("uriSans", "give at least one name under uriSans or dnsSans"));
        }
        let mut hosts = config.dns_sans;
        for (list, patterns, check) in [
            ("uriSans", &config.uri_sans, check_uri as fn(&str) -> Result<(), &'static str>),
            ("dnsSans", &hosts, check_host),
        ] {
            if patterns.len() > MAX_PATTERNS {
                return Err(ConfigError::at(list, format!("at most {MAX_PATTERNS} names")));
            }
            for (index, pattern) in patterns.iter().enumerate() {
                check_any(pattern)
                    .and_then(|()| check(pattern))
                    .map_err(|error| ConfigError::at("", error).under_item(list, index))?;
            }
        }
        hosts.iter_mut().for_each(|host| host.make_ascii_lowercase());
        Ok(Self { uris: config.uri_sans, hosts })
    }

    /// The name of the client's certificate that is accepted: its URI name, else its DNS name (in lower case).
    #[must_use]
    pub fn check(&self, exchange: &Exchange<'_>) -> Option<String> {
        if !was_shown(exchange) {
            return None;
        }
        let name = |attribute| exchange.attribute(attribute).and_then(readable);
        if let Some(uri) = name(Attribute::PeerUriSan)
            && self.uris.iter().any(|pattern| matches(pattern, &uri, '/', is_segment))
        {
            return Some(uri);
        }
        let host = name(Attribute::PeerDnsSan)?.to_ascii_lowercase();
        self.hosts.iter().any(|pattern| matches(pattern, &host, '.', is_label)).then_some(host)
    }
}

/// SHA-256 of the client's certificate (`x5t#S256` of RFC 8705); `None` without one.
#[must_use]
pub fn peer_thumbprint(exchange: &Exchange<'_>) -> Option<[u8; 32]> {
    if !was_shown(exchange) {
        return None;
    }
    hex32(&exchange.attribute(Attribute::PeerCertificateDigest)?)
}

fn was_shown(exchange: &Exchange<'_>) -> bool {
    exchange.attribute(Attribute::Mtls).as_deref() == Some(&[1])
}

/// The name as text; `None` for what no honest authority signs.
fn readable(name: Vec<u8>) -> Option<String> {
    let name = String::from_utf8(name).ok()?;
    (name.len() <= MAX_PATTERN && name.bytes().all(|byte| byte.is_ascii_graphic())).then_some(name)
}

fn check_any(pattern: &str) -> Result<(), &'static str> {
    if pattern.is_empty() || pattern.len() > MAX_PATTERN || !pattern.bytes().all(|b| b.is_ascii_graphic()) {
        return Err("a name has 1 to 2048 ASCII characters and no blanks");
    }
    Ok(())
}

fn check_uri(pattern: &str) -> Result<(), &'static str> {
    let Some((scheme, rest)) = pattern.split_once("://") else {
        return Err("expected a URI such as spiffe://cluster.local/ns/*/sa/*");
    };
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    if scheme.contains('*') || authority.contains('*') {
        return Err("* stands for a segment of the path, not for a scheme or a trust domain");
    }
    if scheme == "spiffe" && authority.bytes().any(|byte| byte.is_ascii_uppercase()) {
        return Err("a SPIFFE trust domain is in lower case");
    }
    whole(path, '/')
}

fn check_host(pattern: &str) -> Result<(), &'static str> {
    if !pattern.split('.').all(|label| label == "*" || is_label(label)) {
        return Err(
            "expected a host name such as client.example.com or *.example.com; * stands for a whole label",
        );
    }
    if pattern.split('.').all(|label| label == "*") {
        return Err("a name of only * would accept every certificate");
    }
    Ok(())
}

fn whole(path: &str, separator: char) -> Result<(), &'static str> {
    match path.split(separator).any(|part| part != "*" && part.contains('*')) {
        true => Err("* stands for a whole segment"),
        false => Ok(()),
    }
}

/// Part for part the same, where `*` is any part that `fits`.
fn matches(pattern: &str, name: &str, separator: char, fits: fn(&str) -> bool) -> bool {
    let mut parts = name.split(separator);
    let same = |own: &str| parts.next().is_some_and(|part| if own == "*" { fits(part) } else { own == part });
    pattern.split(separator).all(same) && parts.next().is_none()
}

fn is_segment(segment: &str) -> bool {
    !segment.is_empty() && segment != "." && segment != ".." && !segment.contains(['?', '#', '*'])
}

fn is_label(label: &str) -> bool {
    !label.is_empty() && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}
