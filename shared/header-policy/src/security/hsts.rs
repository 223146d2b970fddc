//! `Strict-Transport-Security` (RFC 6797).

use policy_core::config::Wire;
use policy_core::time::parse_duration;
use policy_core::{Attribute, ConfigError, Exchange, HeaderName, HeaderValue, Headers};

use super::config::{Defaults, HstsConfig, Mode};
use super::{known, write};

/// One year, what OWASP proposes and what <https://hstspreload.org> asks for at least.
const YEAR: u64 = 31_536_000;

/// `maxAge`: a duration in whole seconds.
#[derive(Debug, Clone, Copy, Wire)]
#[serde(try_from = "String")]
#[cfg_attr(
    feature = "schema",
    derive(schemars::JsonSchema),
    schemars(with = "String", extend("pattern" = "^[0-9]+(ms|s|m|h|d)$", "examples" = ["365d"]))
)]
pub(super) struct MaxAge(u64);

impl TryFrom<String> for MaxAge {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let duration = parse_duration(&text)?;
        if duration.subsec_nanos() != 0 {
            return Err("max-age counts whole seconds".to_owned());
        }
        Ok(Self(duration.as_secs()))
    }
}

/// The header, for responses that go to the client over TLS: RFC 6797 7.2 forbids it elsewhere.
#[derive(Debug)]
pub(super) struct Hsts {
    name: HeaderName,
    policy: Policy,
    value: HeaderValue,
    mode: Mode,
    forwarded_proto: Option<HeaderName>,
}

/// What the header says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Policy {
    max_age: u64,
    include_sub_domains: bool,
    preload: bool,
}

impl Hsts {
    pub(super) fn compile(
        config: Option<HstsConfig>,
        defaults: Defaults,
    ) -> Result<Option<Self>, ConfigError> {
        let Some(config) = defaults.fill(config) else { return Ok(None) };
        let policy = Policy {
            max_age: config.max_age.map_or(YEAR, |max_age| max_age.0),
            include_sub_domains: config.include_sub_domains.unwrap_or(true),
            preload: config.preload,
        };
        if policy.preload && (!policy.include_sub_domains || policy.max_age < YEAR) {
            return Err(ConfigError::at(
                "preload",
                "browsers' lists take a host only with includeSubDomains: true and a maxAge of 365d or more",
            ));
        }
        let mode = config.mode.unwrap_or(defaults.mode);
        if mode == Mode::Off {
            return Ok(None);
        }
        let forwarded_proto = config.trust_forwarded_proto.then(|| known("x-forwarded-proto")).transpose()?;
        let name = known("strict-transport-security")?;
        Ok(Some(Self { name, policy, value: policy.value(), mode, forwarded_proto }))
    }

    /// True when the request says, and is trusted to say, that the client uses TLS. A list has to say so throughout.
    pub(super) fn forwarded_tls(&self, headers: &Headers<'_>) -> bool {
        let Some(proto) = self.forwarded_proto.as_ref().and_then(|name| headers.joined(name)) else {
            return false;
        };
        proto.split(|byte| *byte == b',').all(|item| item.trim_ascii().eq_ignore_ascii_case(b"https"))
    }

    pub(super) fn apply(&self, forwarded_tls: bool, exchange: &mut Exchange<'_>) {
        if !forwarded_tls && exchange.attribute(Attribute::TlsVersion).is_none() {
            return;
        }
        if self.mode != Mode::Merge {
            return write(self.mode, &mut exchange.headers, &self.name, &self.value);
        }
        let mut values = exchange.headers.values(&self.name);
        // Browsers read the first header only (RFC 6797, 8.1).
        let app = values.next().and_then(Policy::read);
        let alone = values.next().is_none();
        drop(values);
        let strict = app.map_or(self.policy, |app| app.stricter(self.policy));
        if !(alone && app == Some(strict)) {
            exchange.headers.set(&self.name, strict.value());
        }
    }
}

impl Policy {
    /// Reads a header as a browser does (RFC 6797, 6.1); `None` for one that a browser ignores.
    fn read(value: &[u8]) -> Option<Self> {
        let mut max_age = None;
        let (mut include_sub_domains, mut preload) = (false, false);
        for directive in value.split(|byte| *byte == b';') {
            let mut halves = directive.splitn(2, |byte| *byte == b'=');
            let name = halves.next().unwrap_or_default().trim_ascii();
            if name.eq_ignore_ascii_case(b"max-age") {
                let age = halves.next().unwrap_or_default().trim_ascii();
                let age = age.strip_prefix(b"\"").and_then(|age| age.strip_suffix(b"\"")).unwrap_or(age);
                if max_age.is_some() || age.is_empty() || !age.iter().all(u8::is_ascii_digit) {
                    return None;
                }
                // Digits that do not fit are a very long time.
                max_age = Some(std::str::from_utf8(age).ok()?.parse().unwrap_or(u64::MAX));
            }
            include_sub_domains |= name.eq_ignore_ascii_case(b"includesubdomains");
            preload |= name.eq_ignore_ascii_case(b"preload");
        }
        max_age.map(|max_age| Self { max_age, include_sub_domains, preload })
    }

    fn stricter(self, other: Self) -> Self {
        Self {
            max_age: self.max_age.max(other.max_age),
            include_sub_domains: self.include_sub_domains || other.include_sub_domains,
            preload: self.preload || other.preload,
        }
    }

    fn value(self) -> HeaderValue {
        let mut text = String::from("max-age=");
        text.push_str(&self.max_age.to_string());
        if self.include_sub_domains {
            text.push_str("; includeSubDomains");
        }
        if self.preload {
            text.push_str("; preload");
        }
        HeaderValue::escaped(text.as_bytes())
    }
}
